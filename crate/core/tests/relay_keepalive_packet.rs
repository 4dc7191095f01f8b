//! The reaction of the kernel and of another program to a keepalive.

#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/plain_tun.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod plain_tun;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use plain_tun::PlainTun;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use tun2udp_core::packet::keepalive::{KEEPALIVE, KEEPALIVE_FRAME};
use tun2udp_core::relay::{Relay, RelayConfig};
use tun2udp_core::sys::{io as sys_io, tun};

fn start(config: RelayConfig) -> Relay {
    Relay::start(config, |_| {}).unwrap()
}

fn free_port() -> u16 {
    loopback_socket().local_addr().unwrap().port()
}

/// A value of the kernel's counters for IPv6 in this namespace.
fn snmp6(name: &str) -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/snmp6").unwrap();
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.and_then(|line| line.split_whitespace().nth(1)).unwrap().parse().unwrap()
}

#[test]
fn the_kernel_discards_a_keepalive_without_a_trace() {
    in_namespace(|| {
        for is_v6_disabled in ["0", "1"] {
            let path = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
            std::fs::write(path, is_v6_disabled).unwrap();
            std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
            // A process of another test may have a copy of the descriptor of the round before.
            let name = &format!("plain{is_v6_disabled}");
            let mut tun = PlainTun::open(name).unwrap();
            ip(&format!("link set {name} addrgenmode none"));
            ip(&format!("address add 10.7.{is_v6_disabled}.1/24 dev {name}"));
            ip(&format!("link set {name} up"));
            if is_v6_disabled == "0" {
                ip(&format!("address add fd07::1/64 dev {name} nodad"));
                ip(&format!("route add default via fd07::2 dev {name}"));
            }
            // The packets that the kernel sends by itself when the interface is up.
            std::thread::sleep(Duration::from_millis(100));
            while tun.read().unwrap().is_some() {}
            let counters = || {
                [
                    "Ip6InDelivers",
                    "Ip6OutForwDatagrams",
                    "Icmp6OutDestUnreachs",
                    "Icmp6OutTimeExcds",
                    "Icmp6OutParmProblems",
                ]
                .map(snmp6)
            };
            let (before, dropped) = (counters(), snmp6("Ip6InHdrErrors") + snmp6("Ip6InDiscards"));
            for _ in 0..10 {
                tun.write(&KEEPALIVE).expect("a plain program goes on");
            }
            let text = ip(&format!("-j -s link show dev {name}"));
            assert!(text.split("\"rx\":").nth(1).unwrap().contains("\"packets\":10"), "{text}");
            eventually("all are dropped", || {
                snmp6("Ip6InHdrErrors") + snmp6("Ip6InDiscards") == dropped + 10
            });
            assert_eq!(counters(), before, "IPv6 disabled: {is_v6_disabled}");
            let sent = std::iter::from_fn(|| tun.read().unwrap().map(<[u8]>::to_vec));
            // Multicast reports and router solicitations are the kernel's own.
            let unicast = sent.filter(|packet| packet.get(24) != Some(&0xff)).count();
            assert_eq!(unicast, 0, "nothing is answered");
        }
        // An empty datagram would end a plain program.
        let tun = PlainTun::open("plain2").unwrap();
        ip("link set plain2 up");
        assert_eq!(tun.write(&[]).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    });
}

/// Creates a port of the bridge br0.
fn port(name: &str) -> OwnedFd {
    let fd = tun::open(Path::new("/dev/net/tun")).unwrap();
    tun::set_interface(fd.as_fd(), name, tun::IFF_TAP | tun::IFF_NO_PI).unwrap();
    ip(&format!("link set {name} master br0 up"));
    fd
}

/// Reads a frame. Reports of multicast groups are the bridge's own (IGMP, RFC 3376).
fn received(port: &OwnedFd) -> Option<Vec<u8>> {
    let mut buffer = [0; 2_000];
    loop {
        let len = sys_io::read(port.as_fd(), &mut buffer).ok()?;
        if !buffer.starts_with(&[0x01, 0x00, 0x5e]) {
            return Some(buffer[..len].to_vec());
        }
    }
}

#[test]
fn a_bridge_forwards_no_keepalive() {
    in_namespace(|| {
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        ip("link add br0 type bridge");
        ip("link set br0 up");
        let [first, second] = ["port0", "port1"].map(port);
        eventually("the ports forward", || {
            ip("-d link show").matches("state forwarding").count() == 2
        });
        let mut frame = KEEPALIVE_FRAME;
        sys_io::write(first.as_fd(), &frame).expect("a plain program goes on");
        // A frame after it, to a host that is not known, is flooded.
        frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        sys_io::write(first.as_fd(), &frame).unwrap();
        eventually("the other frame is forwarded", || {
            received(&second).is_some_and(|seen| seen == frame)
        });
        assert_eq!(received(&second), None, "one frame");
        assert_eq!(received(&first), None, "no answer");
    });
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn socat_goes_on_after_keepalives() {
    let has_socat = Command::new("socat").arg("-V").output().is_ok();
    if namespace::skip::because((!has_socat).then_some("needs socat")) {
        return;
    }
    in_namespace(|| {
        let port = free_port();
        let own = free_port();
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let config = RelayConfig::new("10.8.0.1/24".parse().unwrap(), peer, own);
        let keepalive = Some(Duration::from_millis(50));
        let relay = start(RelayConfig { keepalive, ..config });
        let socat = Command::new("socat")
            .arg(format!("UDP:127.0.0.1:{own},bind=127.0.0.1:{port}"))
            .arg("TUN:10.9.0.2/24,tun-name=socat0,iff-no-pi,iff-up")
            .spawn();
        let mut socat = Process(socat.unwrap());
        eventually("its interface exists", || ip("-o address").contains("socat0"));
        eventually("several arrive", || {
            let text = ip("-j -s link show dev socat0");
            let rx = text.split("\"rx\":").nth(1).unwrap().to_owned();
            let packets = rx.split("\"packets\":").nth(1).unwrap();
            packets.split(',').next().unwrap().parse::<u64>().unwrap() >= 5
        });
        assert!(socat.0.try_wait().unwrap().is_none(), "it goes on");
        // It still passes packets on.
        let inside = UdpSocket::bind("10.9.0.2:9").unwrap();
        inside.send_to(b"x", "10.9.0.7:7").unwrap();
        eventually("a packet arrives", || relay.stats().inbound.packets_written >= 1);
        drop(relay);
    });
}
