//! A relay in the mode tap: its TAP interface and an observer's are ports of one bridge.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/frames.rs"]
mod frames;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/other_host.rs"]
mod other_host;
#[path = "support/plain_tun.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod plain_tun;

use frames::{Bridged, HERE, TAG, THERE, config, frame, peer_at, receive, v4, v6};
use namespace::{eventually, in_namespace, ip};
use other_host::OtherHost;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tun2udp_core::ErrorCode;
use tun2udp_core::packet::checksum::Sum;
use tun2udp_core::relay::{Mode, OffloadConfig, PeerConfig, Relay, RelayConfig};
use tun2udp_core::sys::mmsg::ReceiveBatch;
use tun2udp_core::sys::socket::{SocketOption, set_option};

#[test]
fn frames_of_every_type_and_length_pass_in_both_directions() {
    // A length (802.3), ARP, LLDP, PPPoE, MPLS, loopback, and an unknown one. Where the kernel has br_netfilter, a bridge
    // drops invalid IP packets; those of the transparency tests pass without a bridge.
    let kinds = [0x0026, 0x0806, 0x88cc, 0x8864, 0x8847, 0x9000, 0xffff_u16];
    for offload in [OffloadConfig::ALL, OffloadConfig::NONE] {
        in_namespace(|| {
            let peer = peer_at("127.0.0.1");
            let config = RelayConfig { offload, ..config(peer.local_addr().unwrap()) };
            let mut bridged = Bridged::start(config);
            assert_eq!((bridged.relay.info().mode, bridged.relay.info().mtu), (Mode::Tap, 1_500));
            let to = bridged.relay.info().local;
            for tags in [&[][..], &TAG, &[0x88, 0xa8, 0, 5, 0x81, 0, 0x20, 7]] {
                for kind in kinds {
                    for len in [0, 1, 19, 45, 46, 47, 1_000, 1_499, 1_500] {
                        // The bridge examines ARP and PPPoE, and a tag with the two bytes behind it.
                        let least = match kind {
                            0x0806 | 0x8864 => 19,
                            _ if tags.is_empty() => 0,
                            _ => 2,
                        };
                        let inside = len.clamp(least, 1_504 - tags.len());
                        let content: Vec<u8> = (0..inside).map(|n| (n * 7 + len) as u8).collect();
                        for station in [THERE, [0xff; 6]] {
                            let sent = frame(station, &[tags, &kind.to_be_bytes(), &content]);
                            bridged.port.write(&sent).unwrap();
                            let what = format!("type {kind:#x}, {len} bytes, tags {tags:x?}");
                            assert_eq!(receive(&peer), sent, "{what}");
                            peer.send_to(&sent, to).unwrap();
                            assert_eq!(bridged.next(|frame| frame == sent), sent);
                        }
                    }
                }
            }
            let stats = bridged.relay.stats();
            assert_eq!((stats.outbound.dropped(), stats.inbound.dropped()), (0, 0), "{stats:?}");
        });
    }
}

#[test]
fn jumbo_frames_pass() {
    in_namespace(|| {
        let peer = peer_at("127.0.0.1");
        let mtu = Some(65_493);
        let config = RelayConfig { mtu, ..config(peer.local_addr().unwrap()) };
        let mut bridged = Bridged::start(config);
        ip("link set port0 mtu 65493");
        for len in [9_000, 65_493] {
            let sent = frame(THERE, &[&[8, 6], &vec![7; len]]);
            bridged.port.write(&sent).unwrap();
            assert_eq!(receive(&peer), sent);
            peer.send_to(&sent, bridged.relay.info().local).unwrap();
            assert_eq!(bridged.next(|frame| frame.len() > 1_000), sent);
        }
    });
}

#[test]
fn a_datagram_without_a_whole_header_is_dropped_alone() {
    in_namespace(|| {
        let peer = peer_at("127.0.0.1");
        let mut bridged = Bridged::start(config(peer.local_addr().unwrap()));
        let to = bridged.relay.info().local;
        for len in 0..=13 {
            peer.send_to(&[0x45; 13][..len], to).unwrap();
        }
        let whole = frame(THERE, &[&[0x90, 0]]);
        peer.send_to(&whole, to).unwrap();
        assert_eq!(bridged.next(|frame| frame[..6] == THERE), whole);
        let inbound = bridged.relay.stats().inbound;
        assert_eq!((inbound.short_frame, inbound.empty, inbound.dropped()), (13, 1, 14));
    });
}

/// Starts a relay whose path to its peer gets narrower, and sends a frame that shows it: the longest datagram has 1,272
/// bytes, so the longest packet has 1,258.
fn on_a_narrow_path(body: impl FnOnce(&mut Bridged, &UdpSocket)) {
    let far = OtherHost::connected("left0", "right0");
    ip("address add 192.0.2.1/24 dev left0");
    far.ip("address add 192.0.2.2/24 dev right0");
    let peer = far.run(|| peer_at("192.0.2.2"));
    let mut bridged = Bridged::start(config(peer.local_addr().unwrap()));
    ip("route change 192.0.2.0/24 dev left0 src 192.0.2.1 mtu 1300");
    let long = frame(THERE, &[&[0x90, 0], &[7; 1_400]]);
    let end = Instant::now() + Duration::from_secs(30);
    while bridged.relay.stats().outbound.path_mtu_reports + bridged.relay.stats().outbound.too_long
        == 0
    {
        assert!(Instant::now() < end, "{:?}", bridged.relay.stats());
        bridged.port.write(&long).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    body(&mut bridged, &peer);
}

#[test]
fn the_sender_of_a_packet_that_is_too_long_gets_an_error_in_a_frame() {
    in_namespace(|| {
        on_a_narrow_path(|bridged, peer| {
            assert_eq!(
                bridged.relay.peer_stats()[0].path_mtu.map(|path| (path.outside, path.inside)),
                Some((1_300, 1_258))
            );
            for (tags, mtu) in [(&[][..], 1_258_u16), (&TAG, 1_254)] {
                let too_long = frame(THERE, &[tags, &[8, 0], &v4(1_400 - 28, 0x40, 0)]);
                bridged.port.write(&too_long).unwrap();
                let error = bridged.next(|frame| frame[..6] == HERE);
                let link = 14 + tags.len();
                assert_eq!(error[..link], [&HERE[..], &THERE, tags, &[8, 0]].concat());
                let (ip, icmp) = error[link..].split_at(20);
                assert_eq!((ip[9], &ip[12..20]), (1, &[10, 9, 0, 2, 10, 9, 0, 1][..]));
                assert!(Sum::of(ip).is_valid() && Sum::of(icmp).is_valid());
                assert_eq!((&icmp[..2], &icmp[6..8]), (&[3, 4][..], &mtu.to_be_bytes()[..]));
                assert_eq!(icmp[8..], too_long[link..link + icmp.len() - 8], "the quote");
                // A packet of that size passes, and one of IPv6 of 1,280 bytes in fragments.
                for packet in [v4(usize::from(mtu) - 28, 0x40, 0), v6(1_280)] {
                    let kind = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
                    let fits = frame(THERE, &[tags, &kind, &packet]);
                    bridged.port.write(&fits).unwrap();
                    assert_eq!(receive(peer), fits);
                }
                let too_long = frame(THERE, &[tags, &[0x86, 0xdd], &v6(1_400)]);
                bridged.port.write(&too_long).unwrap();
                let error = bridged.next(|frame| frame[..6] == HERE);
                assert_eq!((error[link + 6], error[link + 40]), (58, 2), "packet too big");
                let mtu = u32::from(mtu).max(1_280);
                assert_eq!(error[link + 44..link + 48], mtu.to_be_bytes());
            }
        });
    });
}

#[test]
fn a_packet_that_may_be_fragmented_is_and_other_long_frames_are_counted() {
    in_namespace(|| {
        on_a_narrow_path(|bridged, peer| {
            let before = bridged.relay.stats().outbound.too_long;
            for tags in [&[][..], &TAG] {
                let packet = v4(1_400 - 28, 0, 0);
                bridged.port.write(&frame(THERE, &[tags, &[8, 0], &packet])).unwrap();
                let parts = [receive(peer), receive(peer)];
                let link = frame(THERE, &[tags, &[8, 0]]);
                let mut joined = Vec::<u8>::new();
                for part in &parts {
                    let (header, rest) = part.split_at(link.len());
                    assert_eq!(header, link);
                    assert!(part.len() <= 1_272 && Sum::of(&rest[..20]).is_valid());
                    let field = u16::from_be_bytes([rest[6], rest[7]]);
                    assert_eq!(usize::from(field & 0x1fff) * 8, joined.len());
                    joined.extend(&rest[20..]);
                }
                assert_eq!(joined, packet[20..]);
            }
            // The first one cannot be reported, and the second one has no station that an error could come from.
            let others = [
                frame(THERE, &[&[0x88, 0x64], &[7; 1_400]]),
                frame([0xff; 6], &[&[8, 0], &v4(1_400 - 28, 0x40, 0)]),
            ];
            others.iter().for_each(|frame| bridged.port.write(frame).unwrap());
            let last = frame(THERE, &[&[0x90, 0], b"last"]);
            bridged.port.write(&last).unwrap();
            assert_eq!(receive(peer), last);
            let outbound = bridged.relay.stats().outbound;
            assert_eq!((outbound.too_long - before, outbound.packets_fragmented), (2, 2));
            assert_eq!((outbound.replies_written, outbound.replies_dropped), (0, 0));
        });
    });
}

#[test]
fn the_class_of_a_datagram_is_that_of_the_packet_in_its_frame() {
    in_namespace(|| {
        let peer = peer_at("127.0.0.1");
        set_option(peer.as_fd(), SocketOption::ReceiveTrafficClassV4, 1).unwrap();
        let bridged = Bridged::start(config(peer.local_addr().unwrap()));
        let mut batch = ReceiveBatch::new(1);
        for tags in [&[][..], &TAG] {
            for class in 0..4 {
                let sent = frame(THERE, &[tags, &[8, 0], &v4(10, 0x40, class)]);
                bridged.port.write(&sent).unwrap();
                // The kernel sends some frames of its own.
                eventually("the frame arrives", || {
                    let is_received = batch.receive(peer.as_fd(), 1).is_ok();
                    is_received && batch.iter().any(|one| batch.buffer()[one.range] == sent)
                });
                assert_eq!(batch.iter().next().unwrap().class, class);
            }
        }
    });
}

#[test]
fn frames_have_a_single_peer_without_prefixes() {
    in_namespace(|| {
        let peer = |port: u16| PeerConfig::new(([127, 0, 0, 1], port).into(), Vec::new());
        let refused = |peers: Vec<PeerConfig>| {
            let base = RelayConfig { peers, ..config(([127, 0, 0, 1], 5).into()) };
            let error = Relay::start(base, |_| ()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            error.to_string()
        };
        assert!(refused(vec![peer(5), peer(6)]).contains("frames have one peer"));
        let mut limited = peer(5);
        limited.allowed_prefixes.push("10.0.0.0/8".parse().unwrap());
        assert!(refused(vec![limited]).contains("10.0.0.0/8"));
        // A single peer in the list gets every frame, and stays alone.
        let here = peer_at("127.0.0.1");
        let one = PeerConfig::new(here.local_addr().unwrap(), Vec::new());
        let base = RelayConfig { peers: vec![one.clone()], ..config(one.endpoint) };
        let mut bridged = Bridged::start(base);
        let (out, back) =
            (frame(THERE, &[&[8, 0], &v4(10, 0x40, 0)]), frame(THERE, &[&[0x90, 0], b"back"]));
        bridged.port.write(&out).unwrap();
        assert_eq!(receive(&here), out);
        here.send_to(&back, bridged.relay.info().local).unwrap();
        assert_eq!(bridged.next(|frame| frame == back), back);
        let error = bridged.relay.set_peers(&[one, peer(6)]).unwrap_err();
        assert!(error.to_string().contains("frames have one peer"), "{error}");
        let error = bridged.relay.set_peers(&[]).unwrap_err();
        assert!(error.to_string().contains("needs a peer"), "{error}");
    });
}

#[test]
fn the_relays_own_datagrams_in_frames_are_dropped() {
    in_namespace(|| {
        let peer = peer_at("127.0.0.1");
        let to = peer.local_addr().unwrap();
        let bridged = Bridged::start(config(to));
        let from = bridged.relay.info().local;
        // A bridge to the network that the datagrams go through may flood them to the relay.
        let datagram = |from: SocketAddr| {
            let mut packet = v4(20, 0x40, 0);
            packet[12..20].copy_from_slice(&[127, 0, 0, 1, 127, 0, 0, 1]);
            packet[20..22].copy_from_slice(&from.port().to_be_bytes());
            packet[22..24].copy_from_slice(&to.port().to_be_bytes());
            packet
        };
        for tags in [&[][..], &TAG] {
            let own = frame(THERE, &[tags, &[8, 0], &checked(datagram(from))]);
            let other = frame(THERE, &[tags, &[8, 0], &checked(datagram(to))]);
            bridged.port.write(&own).unwrap();
            bridged.port.write(&other).unwrap();
            assert_eq!(receive(&peer), other);
        }
        let outbound = bridged.relay.stats().outbound;
        assert_eq!((outbound.looped, outbound.dropped()), (2, 2), "{outbound:?}");
    });
}

/// Sets the checksum of an IPv4 header.
fn checked(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].copy_from_slice(&[0, 0]);
    let checksum = Sum::of(&packet[..20]).checksum();
    packet[10..12].copy_from_slice(&checksum);
    packet
}
