//! Decides which MTU the interface gets, and checks whether it is possible.

use super::plan::Plan;
use crate::device::{MIN_MTU as MIN_V4, Mode};
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::RelayConfig;
use crate::relay::wire::Wire;
use crate::udp::{MAX_PAYLOAD_V4, MAX_PAYLOAD_V6};
use std::net::SocketAddr;

/// The MTU of Ethernet, and that of the interface if nothing else is known, bytes.
pub(super) const DEFAULT: u32 = 1_500;
/// The smallest MTU of IPv6 (RFC 8200, 5), bytes.
pub(in crate::relay) const MIN_V6: u32 = 1_280;

/// Returns the largest payload of a datagram to any of the peers, now or after a change of their families, which also limits a GSO batch, bytes.
pub(super) fn max_payload(config: &RelayConfig) -> usize {
    if config.both_families {
        return MAX_PAYLOAD_V4.min(MAX_PAYLOAD_V6);
    }
    config.endpoints().map(max_payload_to).min().unwrap_or(MAX_PAYLOAD_V4)
}

fn max_payload_to(peer: SocketAddr) -> usize {
    if peer.is_ipv4() { MAX_PAYLOAD_V4 } else { MAX_PAYLOAD_V6 }
}

/// Returns the longest packet or frame whose datagram fits into a path of `path_mtu` bytes without outer fragments.
pub(in crate::relay) fn inside(path_mtu: u32, peer: SocketAddr) -> u32 {
    // IP header without options and UDP header (RFC 791, RFC 8200, RFC 768).
    let headers = if peer.is_ipv4() { 20 + 8 } else { 40 + 8 };
    let overhead = Wire::default().overhead();
    let largest = u32::try_from(max_payload_to(peer) - overhead).unwrap_or(u32::MAX);
    path_mtu.saturating_sub(headers + overhead as u32).clamp(MIN_V4, largest)
}

/// Returns the MTU that an interface has for packets or frames of up to `inner` bytes.
pub(in crate::relay) fn of_interface(inner: u32, wire: Wire) -> u32 {
    let link = wire.link_header() as u32;
    if link == 0 { inner } else { inner.saturating_sub(link).max(MIN_V4) }
}

/// Returns the MTU for the interface if none was asked for and the paths leave `inner` bytes. IPv6 needs at least
/// 1,280 bytes. If the path leaves less, the datagrams are fragmented.
pub(super) fn for_interface(inner: u32, plan: &Plan) -> u32 {
    if plan.has_v6() { inner.max(MIN_V6) } else { inner }
}

/// Refuses an MTU that is not possible for the interface's addresses or the datagrams.
pub(super) fn check(mtu: u32, plan: &Plan) -> Result<()> {
    let config = &plan.config;
    let wire = config.wire();
    let largest = plan.max_payload - wire.overhead() - wire.link_header();
    let refuse = |reason: String| {
        Error::new(ErrorCode::InvalidArgument, "use the MTU", mtu.to_string(), reason)
    };
    if mtu as usize > largest {
        let has_ipv4 = config.both_families || config.endpoints().any(|peer| peer.is_ipv4());
        let family = if has_ipv4 { "IPv4" } else { "IPv6" };
        let frame = if config.mode == Mode::Tap { " in a frame" } else { "" };
        let reason = format!("one UDP datagram over {family} holds at most {largest} bytes{frame}");
        return Err(refuse(reason).with_advice(format!("use {MIN_V4} to {largest}")));
    }
    if mtu < MIN_V4 {
        let reason = format!("IPv4 needs at least {MIN_V4} bytes");
        return Err(refuse(reason).with_advice(format!("use {MIN_V4} to {largest}")));
    }
    if plan.has_v6() && mtu < MIN_V6 {
        let advice = format!("use {MIN_V6} to {largest}, or only IPv4 addresses and routes");
        let reason = format!("IPv6 needs at least {MIN_V6} bytes");
        return Err(refuse(reason).with_advice(advice));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(address: &str, peer: &str) -> Plan {
        let config = RelayConfig::new(address.parse().unwrap(), peer.parse().unwrap(), 0);
        Plan::of(config).unwrap()
    }

    #[test]
    fn the_inner_mtu_leaves_room_for_the_outer_headers() {
        assert_eq!(inside(1_500, "192.0.2.1:1".parse().unwrap()), 1_472);
        assert_eq!(inside(1_500, "[2001:db8::1]:1".parse().unwrap()), 1_452);
        assert_eq!(inside(65_536, "192.0.2.1:1".parse().unwrap()), 65_507);
        assert_eq!(inside(20, "192.0.2.1:1".parse().unwrap()), 68);
    }

    #[test]
    fn a_frame_needs_room_for_its_header() {
        for (inner, expected) in [(1_472, 1_458), (68, 68), (90, 76)] {
            assert_eq!(of_interface(inner, Wire::Frames), expected);
            assert_eq!(of_interface(inner, Wire::Plain), inner);
        }
        let mut tap = plan("10.9.0.1/24", "192.0.2.1:1");
        tap.config.mode = Mode::Tap;
        assert!(check(65_493, &tap).is_ok());
        let refused = check(65_494, &tap).unwrap_err().to_string();
        assert!(refused.contains("at most 65493 bytes in a frame"), "{refused}");
    }

    #[test]
    fn an_interface_with_ipv6_has_at_least_1280_bytes() {
        let v4 = plan("10.9.0.1/24", "192.0.2.1:1");
        let v6 = plan("fd00::1/64", "192.0.2.1:1");
        for (inner, of_v4, of_v6) in
            [(68, 68, 1_280), (1_279, 1_279, 1_280), (1_280, 1_280, 1_280), (1_472, 1_472, 1_472)]
        {
            assert_eq!((for_interface(inner, &v4), for_interface(inner, &v6)), (of_v4, of_v6));
        }
        let mut routed = plan("10.9.0.1/24", "192.0.2.1:1");
        routed.config.routes.push("fd00::/8".parse().unwrap());
        assert_eq!(for_interface(1_000, &routed), 1_280);
    }

    #[test]
    fn limits_are_those_of_the_datagram_and_of_the_family() {
        let v4 = plan("10.9.0.1/24", "127.0.0.1:1");
        for mtu in [68, 576, 1_279, 65_507] {
            assert!(check(mtu, &v4).is_ok(), "{mtu}");
        }
        for mtu in [0, 67, 65_508, 65_535] {
            assert_eq!(check(mtu, &v4).unwrap_err().code(), ErrorCode::InvalidArgument, "{mtu}");
        }
        let v6 = plan("fd00::1/64", "[::1]:1");
        assert!(check(1_280, &v6).is_ok());
        assert!(check(65_527, &v6).is_ok());
        assert!(check(1_279, &v6).is_err());
        assert!(check(65_528, &v6).is_err());
    }
}
