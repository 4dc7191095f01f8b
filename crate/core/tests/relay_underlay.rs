//! The way of the datagrams: firewall marks, policy routing, and sockets that are bound to an interface.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/other_host.rs"]
mod other_host;

use namespace::{eventually, in_namespace, ip};
use other_host::OtherHost;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use tun2udp_core::relay::{Relay, RelayConfig};
use tun2udp_core::{ErrorCode, Result};

const MARK: u32 = 0x33;

/// A host behind the interface `left0`, and a UDP socket of it on each address.
struct Far {
    _host: OtherHost,
    sockets: [UdpSocket; 2],
}

/// The relay's peers are not in the table `main`: only marked packets, and those of sockets that are bound to `left0`,
/// find a route.
fn far() -> Far {
    let host = OtherHost::connected("left0", "right0");
    ip("address add 192.0.2.1/32 dev left0");
    ip("address add 2001:db8::1/128 dev left0 nodad");
    host.ip("address add 192.0.2.2/24 dev right0");
    host.ip("address add 2001:db8::2/64 dev right0 nodad");
    host.ip("route add default via 192.0.2.1 dev right0");
    let sockets = host.run(|| {
        ["192.0.2.2:0", "[2001:db8::2]:0"].map(|address| {
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            socket
        })
    });
    Far { _host: host, sockets }
}

fn config(peer: SocketAddr, routes: &[&str]) -> RelayConfig {
    let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
    config.addresses.push("fd09::1/64".parse().unwrap());
    config.routes = routes.iter().map(|route| route.parse().unwrap()).collect();
    config
}

fn start(config: RelayConfig) -> Result<Relay> {
    Relay::start(config, |event| panic!("{event:?}"))
}

/// Sends a packet from the tunnel, which must arrive at the peer.
fn assert_arrives(peer: &UdpSocket) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    inside.send_to(b"through", "10.9.0.2:7").unwrap();
    let mut buffer = [0; 100];
    let len = peer.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[28..len], b"through");
}

#[test]
fn a_route_of_the_mark_is_used_and_is_not_a_loop() {
    in_namespace(|| {
        let far = far();
        for (family, network, other, peer) in [
            ("-4", "192.0.2.0/24", "0.0.0.0/0", &far.sockets[0]),
            ("-6", "2001:db8::/64", "::/0", &far.sockets[1]),
        ] {
            let address = peer.local_addr().unwrap();
            ip(&format!("{family} route add {network} dev left0 mtu 1400 table 100"));
            ip(&format!("{family} rule add fwmark {MARK} table 100 priority 200"));
            // Both would swallow the peer if their table came first.
            for route in [network, other] {
                let error = start(config(address, &[route])).map(drop).unwrap_err();
                assert_eq!(error.code(), ErrorCode::RouteLoop, "{error}");
                let marked = RelayConfig { fwmark: MARK, ..config(address, &[route]) };
                let relay = start(marked.clone()).unwrap();
                let headers = if address.is_ipv4() { 28 } else { 48 };
                assert_eq!(relay.info().mtu, 1_400 - headers);
                assert_arrives(peer);
                drop(relay);
                // The address of the peer itself would be in the table `local`.
                let mut own = marked.clone();
                own.addresses.push(address.ip().into());
                assert_eq!(start(own).map(drop).unwrap_err().code(), ErrorCode::RouteLoop);
                // Now `main` comes first.
                ip(&format!("{family} rule add table main priority 100"));
                let error = start(marked).map(drop).unwrap_err();
                assert_eq!(error.code(), ErrorCode::RouteLoop, "{error}");
                ip(&format!("{family} rule del table main priority 100"));
            }
        }
    });
}

#[test]
fn sockets_that_are_bound_to_an_interface_do_not_use_the_tunnel() {
    in_namespace(|| {
        let far = far();
        ip("link set left0 mtu 1400");
        ip("-6 route add 2001:db8::/64 dev left0 metric 5000");
        for (route, peer) in [("192.0.2.0/24", &far.sockets[0]), ("2001:db8::/64", &far.sockets[1])]
        {
            let address = peer.local_addr().unwrap();
            let mut bound = config(address, &[route]);
            bound.bind_device = Some("left0".to_owned());
            let relay = start(bound).unwrap();
            let headers = if address.is_ipv4() { 28 } else { 48 };
            assert_eq!(relay.info().mtu, 1_400 - headers);
            assert_arrives(peer);
        }
    });
}

#[test]
fn a_route_of_the_peers_port_is_used_and_is_not_a_loop() {
    in_namespace(|| {
        let far = far();
        for (family, network, peer) in
            [("-4", "192.0.2.0/24", &far.sockets[0]), ("-6", "2001:db8::/64", &far.sockets[1])]
        {
            let address = peer.local_addr().unwrap();
            ip(&format!("{family} route add {network} dev left0 mtu 1400 table 100"));
            let (port, other) = (address.port(), address.port() ^ 1);
            for rule in [format!("ipproto udp dport {port}"), "ipproto udp".to_owned()] {
                ip(&format!("{family} rule add {rule} table 100 priority 200"));
                let relay = start(config(address, &[network])).unwrap();
                let headers = if address.is_ipv4() { 28 } else { 48 };
                assert_eq!(relay.info().mtu, 1_400 - headers, "{rule}");
                assert_arrives(peer);
                drop(relay);
                ip(&format!("{family} rule del {rule} table 100 priority 200"));
            }
            for rule in [format!("ipproto udp dport {other}"), "ipproto tcp".to_owned()] {
                ip(&format!("{family} rule add {rule} table 100 priority 200"));
                let error = start(config(address, &[network])).map(drop).unwrap_err();
                assert_eq!(error.code(), ErrorCode::RouteLoop, "{rule}: {error}");
                ip(&format!("{family} rule del {rule} table 100 priority 200"));
            }
        }
    });
}

/// A socket is bound to the index of its interface, which a new interface of that name does not have.
#[test]
fn an_interface_that_is_created_again_is_used() {
    in_namespace(|| {
        for (peer, near) in [("192.0.2.2", "192.0.2.1/24"), ("2001:db8::2", "2001:db8::1/64 nodad")]
        {
            let host = || {
                let host = OtherHost::connected("left0", "right0");
                ip(&format!("address add {near} dev left0"));
                host.ip("address add 192.0.2.2/24 dev right0");
                host.ip("address add 2001:db8::2/64 dev right0 nodad");
                host
            };
            let bind = |host: &OtherHost, port: u16| {
                let address: std::net::IpAddr = peer.parse().unwrap();
                let socket = host.run(move || UdpSocket::bind((address, port)).unwrap());
                socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                socket
            };
            let first = host();
            let socket = bind(&first, 0);
            let address = socket.local_addr().unwrap();
            let mut bound = config(address, &[]);
            bound.bind_device = Some("left0".to_owned());
            let relay = start(bound).unwrap();
            assert_arrives(&socket);
            ip("link delete left0");
            let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
            inside.send_to(b"lost", "10.9.0.2:7").unwrap();
            eventually("it is counted", || relay.stats().outbound.unreachable == 1);
            drop((socket, first));
            let second = host();
            assert_arrives(&bind(&second, address.port()));
            assert_eq!(relay.stats().outbound.dropped(), 1);
            drop(relay);
            ip("link delete left0");
        }
    });
}

#[test]
fn an_interface_that_cannot_be_used_is_one_error_with_its_name() {
    in_namespace(|| {
        let refused = |name: Option<&str>, device: &str| {
            let mut config = config("192.0.2.2:5".parse().unwrap(), &[]);
            config.bind_device = Some(device.to_owned());
            config.name = name.map(str::to_owned);
            start(config).map(drop).unwrap_err()
        };
        let error = refused(None, "eth7");
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        assert!(error.to_string().contains("eth7: "), "{error}");
        assert!(error.advice().is_some_and(|advice| advice.contains("--bind-device")), "{error}");
        ip("tuntap add dev vpn7 mode tun");
        let error = refused(Some("vpn7"), "vpn7");
        assert_eq!(error.code(), ErrorCode::RouteLoop, "{error}");
        assert!(error.to_string().contains("vpn7"), "{error}");
    });
}
