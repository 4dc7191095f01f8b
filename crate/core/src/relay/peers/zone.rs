//! Follows the interfaces of link-local peers by their names: if a link is deleted and created again, its index changes.

use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{PeerConfig, RelayConfig};
use crate::sys::interface;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;

/// Time between two look-ups while the peer cannot be reached, milliseconds.
const INTERVAL: u64 = 100;

/// The interface of link-local peers (RFC 4007, 11), identified by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    name: String,
    /// Its index in the configuration.
    configured: u32,
    /// Its index in the table of peers.
    current: u32,
}

/// The interfaces of all link-local peers.
#[derive(Debug, Default)]
pub(super) struct Zones {
    zones: Vec<Zone>,
    /// Time from which the indices may be looked up again, milliseconds of the clock of the relay's timers.
    due: u64,
}

impl Zones {
    /// Looks up the zones of the configuration's peers in the namespace of the calling thread. Writes the index of a
    /// single peer's zone into its address.
    ///
    /// Returns `NotFound` if there is no such interface. Returns `InvalidArgument` if the address of a single peer
    /// needs a zone and has none, or has a zone that it does not need.
    pub(super) fn resolve(config: &mut RelayConfig) -> Result<Self> {
        if config.peers.is_empty() {
            let zones = resolve_single(config)?.into_iter().collect();
            return Ok(Self { zones, due: 0 });
        }
        Self::default().of_peers(&mut config.peers)
    }

    /// Looks up the zones of several peers by the indices in their endpoints. An index that no interface has any more
    /// is replaced by the present one, if this is the zone of an earlier peer.
    pub(super) fn of_peers(&self, peers: &mut [PeerConfig]) -> Result<Self> {
        let mut zones: Vec<Zone> = Vec::new();
        for peer in peers {
            for endpoint in std::iter::once(&mut peer.endpoint).chain(&mut peer.alternatives) {
                self.of_endpoint(endpoint, &mut zones)?;
            }
        }
        Ok(Self { zones, due: 0 })
    }

    /// Looks up the zone of an endpoint, and adds it to `zones`. Writes its present index into the endpoint.
    fn of_endpoint(&self, endpoint: &mut SocketAddr, zones: &mut Vec<Zone>) -> Result<()> {
        let SocketAddr::V6(address) = endpoint else { return Ok(()) };
        let index = address.scope_id();
        if index == 0 || !address.ip().is_unicast_link_local() {
            return Ok(());
        }
        let zone = match zones.iter().find(|zone| zone.configured == index) {
            Some(zone) => zone.clone(),
            None => {
                let zone = self.of_index(*address.ip(), index)?;
                zones.push(zone.clone());
                zone
            }
        };
        address.set_scope_id(zone.current);
        Ok(())
    }

    /// Looks up the zone of the new endpoint of a single peer. Returns `InvalidArgument` if the endpoint needs a zone
    /// and has none.
    pub(super) fn of_single(&self, endpoint: &mut SocketAddr) -> Result<Self> {
        if let SocketAddr::V6(address) = endpoint
            && address.ip().is_unicast_link_local()
            && address.scope_id() == 0
        {
            return Err(without_zone(*address.ip()));
        }
        let mut zones = Vec::new();
        self.of_endpoint(endpoint, &mut zones)?;
        Ok(Self { zones, due: 0 })
    }

    fn of_index(&self, address: Ipv6Addr, index: u32) -> Result<Zone> {
        let found = interface::name_of(index);
        let known = |zone: &&Zone| zone.configured == index || zone.current == index;
        match (found, self.zones.iter().find(known)) {
            (Ok(name), _) => Ok(Zone { name, configured: index, current: index }),
            (Err(_), Some(zone)) => Ok(Zone { configured: index, ..zone.clone() }),
            (Err(cause), None) => Err(missing(address, &index.to_string(), &cause)),
        }
    }

    /// Looks up the indices in the namespace of `socket`. Returns the old and the new index of each interface whose
    /// index has changed; nothing if the last look-up was a moment ago. An interface that does not exist now keeps
    /// its index.
    pub(super) fn take_moves(&mut self, socket: BorrowedFd<'_>, now: u64) -> Vec<(u32, u32)> {
        if self.zones.is_empty() || now < self.due {
            return Vec::new();
        }
        self.due = now + INTERVAL;
        let mut moves = Vec::new();
        for zone in &mut self.zones {
            let Ok(index) = interface::index_in_namespace_of(socket, &zone.name) else { continue };
            if index != zone.current {
                moves.push((zone.current, index));
                zone.current = index;
            }
        }
        moves
    }
}

fn resolve_single(config: &mut RelayConfig) -> Result<Option<Zone>> {
    let zone = config.peer_zone.clone();
    let SocketAddr::V6(peer) = &mut config.peer else {
        return zone.map_or(Ok(None), |zone| Err(unexpected(config.peer, &zone)));
    };
    let zone = zone.or_else(|| (peer.scope_id() != 0).then(|| peer.scope_id().to_string()));
    match (zone, peer.ip().is_unicast_link_local()) {
        (None, false) => Ok(None),
        (Some(zone), false) => Err(unexpected(config.peer, &zone)),
        (None, true) => Err(without_zone(*peer.ip())),
        (Some(zone), true) => {
            let (name, index) = find(*peer.ip(), &zone)?;
            if let Some(device) = config.bind_device.as_ref().filter(|device| **device != name) {
                return Err(elsewhere(*peer.ip(), &zone, device));
            }
            peer.set_scope_id(index);
            Ok(Some(Zone { name, configured: index, current: index }))
        }
    }
}

/// Returns the index of the interface that the zone of a link-local address identifies, in the network namespace of the
/// calling thread. As in getaddrinfo(3), digits are an index unless an interface has that name.
///
/// Returns `NotFound` if there is no such interface, and `InvalidArgument` if the address is not link-local.
pub fn zone_index(address: Ipv6Addr, zone: &str) -> Result<u32> {
    if !address.is_unicast_link_local() {
        return Err(unexpected(SocketAddr::new(address.into(), 0), zone));
    }
    find(address, zone).map(|(_, index)| index)
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
    Err(missing(address, zone, &cause))
}

fn missing(address: Ipv6Addr, zone: &str, cause: &io::Error) -> Error {
    let peer = format!("{address}%{zone}");
    Error::os("find the interface of the peer", peer, "if_nametoindex", cause)
        .with_code(ErrorCode::NotFound)
        .with_advice(
            "the part after \"%\" must be the name or index of an interface of \"ip link\"",
        )
}

fn without_zone(address: Ipv6Addr) -> Error {
    let reason = "a link-local address is unique only together with its interface";
    Error::new(ErrorCode::InvalidArgument, "send to", address.to_string(), reason)
        .with_advice(format!("give its interface, such as {address}%eth0"))
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
        let found = Zones::resolve(&mut config)?;
        let scope_id = match config.peer {
            SocketAddr::V6(peer) => peer.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Ok((scope_id, found.zones.first().map(|zone| zone.name.clone())))
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
        assert!(Zones::resolve(&mut config).is_ok());
        config.bind_device = Some("eth7".to_owned());
        let error = Zones::resolve(&mut config).unwrap_err();
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
