//! Follows the interface of a link-local peer by its name: if a link is deleted and created again, its index changes.

use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::RelayConfig;
use crate::sys::interface;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// Time between two look-ups while the peer cannot be reached, milliseconds.
const INTERVAL: u64 = 100;

/// The zone of a peer (RFC 4007, 11): an interface, identified by its name.
#[derive(Debug)]
pub(super) struct Zone {
    name: String,
    /// Time from which the index may be looked up again, milliseconds of the clock of the relay's timers.
    due: AtomicU64,
}

impl Zone {
    /// Looks up the zone of the configuration's peer in the namespace of the calling thread, and writes its index
    /// into the peer's address. Returns `None` if the peer has no zone.
    ///
    /// Returns `NotFound` if there is no such interface. Returns `InvalidArgument` if the address needs a zone and
    /// has none, or has a zone that it does not need.
    pub(in crate::relay) fn resolve(config: &mut RelayConfig) -> Result<Option<Self>> {
        let zone = config.peer_zone.clone();
        let SocketAddr::V6(peer) = &mut config.peer else {
            return zone.map_or(Ok(None), |zone| Err(unexpected(config.peer, &zone)));
        };
        let zone = zone.or_else(|| (peer.scope_id() != 0).then(|| peer.scope_id().to_string()));
        match (zone, peer.ip().is_unicast_link_local()) {
            (None, false) => Ok(None),
            (Some(zone), false) => Err(unexpected(config.peer, &zone)),
            (None, true) => {
                let reason = "a link-local address is unique only together with its interface";
                let address = *peer.ip();
                Err(Error::new(ErrorCode::InvalidArgument, "send to", address.to_string(), reason)
                    .with_advice(format!("give its interface, such as {address}%eth0")))
            }
            (Some(zone), true) => {
                let (name, index) = find(*peer.ip(), &zone)?;
                if let Some(device) = config.bind_device.as_ref().filter(|device| **device != name)
                {
                    return Err(elsewhere(*peer.ip(), &zone, device));
                }
                peer.set_scope_id(index);
                Ok(Some(Self { name, due: AtomicU64::new(0) }))
            }
        }
    }

    /// Looks up the index in the namespace of `socket`. Returns `None` if there is no such interface now, or if the
    /// last look-up was a moment ago.
    pub(super) fn look_up(&self, socket: BorrowedFd<'_>, now: u64) -> Option<u32> {
        if now < self.due.load(Ordering::Relaxed) {
            return None;
        }
        self.due.store(now + INTERVAL, Ordering::Relaxed);
        interface::index_in_namespace_of(socket, &self.name).ok()
    }
}

/// Returns the name and the index of the interface that a zone identifies. As in getaddrinfo(3), digits are an index
/// unless an interface has that name.
fn find(address: Ipv6Addr, zone: &str) -> Result<(String, u32)> {
    let cause = match interface::index_of(zone) {
        Ok(index) => return Ok((zone.to_owned(), index)),
        Err(cause) => cause,
    };
    let digits = Some(zone).filter(|zone| zone.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(index) = digits.and_then(|zone| zone.parse().ok())
        && let Ok(name) = interface::name_of(index)
    {
        return Ok((name, index));
    }
    let peer = format!("{address}%{zone}");
    Err(Error::os("find the interface of the peer", peer, "if_nametoindex", &cause)
        .with_code(ErrorCode::NotFound)
        .with_advice(
            "the part after \"%\" must be the name or index of an interface of \"ip link\"",
        ))
}

fn elsewhere(address: Ipv6Addr, zone: &str, device: &str) -> Error {
    let reason = format!("the sockets are bound to {device}, so no other interface can be used");
    Error::new(ErrorCode::InvalidArgument, "send to", format!("{address}%{zone}"), reason)
        .with_advice(format!("give {address}%{device}, or bind the sockets to {zone}"))
}

fn unexpected(peer: SocketAddr, zone: &str) -> Error {
    let reason = "only a link-local address (fe80::/10) has an interface after \"%\"";
    Error::new(ErrorCode::InvalidArgument, "send to", format!("{}%{zone}", peer.ip()), reason)
        .with_advice(format!("leave out \"%{zone}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(address: &str, zone: Option<&str>) -> Result<(u32, Option<String>)> {
        let peer = SocketAddr::new(address.parse().unwrap(), 9);
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
        config.peer_zone = zone.map(str::to_owned);
        let found = Zone::resolve(&mut config)?;
        let scope_id = match config.peer {
            SocketAddr::V6(peer) => peer.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Ok((scope_id, found.map(|zone| zone.name)))
    }

    #[test]
    fn a_zone_is_the_name_or_the_index_of_an_interface() {
        let index = interface::index_of("lo").unwrap();
        let expected = (index, Some("lo".to_owned()));
        assert_eq!(resolve("fe80::1", Some("lo")).unwrap(), expected);
        assert_eq!(resolve("fe80::1", Some(&index.to_string())).unwrap(), expected);
        assert_eq!(resolve("2001:db8::1", None).unwrap(), (0, None));
        assert_eq!(resolve("192.0.2.1", None).unwrap(), (0, None));
    }

    #[test]
    fn a_peer_on_another_interface_than_the_sockets_is_refused() {
        let peer = "[fe80::1]:9".parse().unwrap();
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
        config.peer_zone = Some("lo".to_owned());
        config.bind_device = Some("lo".to_owned());
        assert!(Zone::resolve(&mut config).is_ok());
        config.bind_device = Some("eth7".to_owned());
        let error = Zone::resolve(&mut config).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("bound to eth7"), "{error}");
    }

    #[test]
    fn a_zone_that_is_no_interface_is_refused_by_name() {
        for zone in ["nowhere", "0", "99999", "4294967297", "+1", "-1", "", "lo ", "a/b"] {
            let error = resolve("fe80::1", Some(zone)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
            assert!(error.to_string().contains(&format!("fe80::1%{zone}")), "{error}");
        }
    }

    #[test]
    fn a_link_local_address_alone_has_a_zone_and_needs_it() {
        for (address, zone) in
            [("fe80::1", None), ("2001:db8::1", Some("lo")), ("192.0.2.1", Some("lo"))]
        {
            let error = resolve(address, zone).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        }
    }
}
