//! Datagrams with a malformed packet: which of them pass, and which do not.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;

use namespace::{in_namespace, loopback_socket};
use std::net::UdpSocket;
use tun2udp_core::relay::{Relay, RelayConfig};

/// The relay passes the packets that a plain forwarder passes. The kernel checks a packet's header.
#[test]
fn a_malformed_packet_is_the_kernels_to_drop_and_padding_its_to_remove() {
    in_namespace(|| {
        let peer = loopback_socket();
        let address = "10.9.0.1/24".parse().unwrap();
        let config = RelayConfig::new(address, peer.local_addr().unwrap(), 0);
        let relay = Relay::start(config, |event| panic!("unexpected event: {event:?}")).unwrap();
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        let whole = inner::udp_packet(2, b"padded");
        let padded = [&whole[..], &[0xee; 40]].concat();
        for datagram in [&b"\x45"[..], &whole[..19], &whole[..whole.len() - 1], &padded] {
            peer.send_to(datagram, relay.info().local).unwrap();
        }
        let mut buffer = [0; 100];
        let len = inside.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"padded");
        relay.close();
        relay.join();
        let inbound = relay.stats().inbound;
        assert_eq!((inbound.packets_written, inbound.dropped()), (4, 0), "{inbound:?}");
    });
}
