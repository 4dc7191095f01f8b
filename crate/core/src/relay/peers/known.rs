//! Finds the peers of the table that is replaced in the new configuration.

use super::peer::Peer;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::PeerConfig;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// The peers of a table, by name and by configured endpoint.
#[derive(Debug)]
pub(super) struct KnownPeers<'a> {
    by_name: HashMap<&'a str, &'a Arc<Peer>>,
    /// Those whose name the new configuration does not have.
    by_endpoint: HashMap<SocketAddr, &'a Arc<Peer>>,
}

impl<'a> KnownPeers<'a> {
    /// Indexes `peers` for a table of `configs`. Returns `InvalidArgument` if two of these have the same name.
    pub(super) fn new(peers: &'a [Arc<Peer>], configs: &[PeerConfig]) -> Result<Self> {
        let mut names = HashSet::new();
        for name in configs.iter().filter_map(|config| config.name.as_deref()) {
            if !names.insert(name) {
                let reason = "another peer has this name: each name identifies one peer";
                return Err(Error::new(ErrorCode::InvalidArgument, "add the peer", name, reason));
            }
        }
        let by_name = peers.iter().filter_map(|peer| Some((peer.name()?, peer))).collect();
        let is_free = |peer: &&Arc<Peer>| peer.name().is_none_or(|name| !names.contains(name));
        let free = peers.iter().filter(is_free);
        let by_endpoint = free.map(|peer| (peer.settings().first(), peer)).collect();
        Ok(Self { by_name, by_endpoint })
    }

    /// Returns the peer that a configuration describes: the one with its name. If it has none, or the peer at its
    /// endpoint has none, that peer.
    pub(super) fn find(&self, config: &PeerConfig) -> Option<&'a Arc<Peer>> {
        let named = config.name.as_deref().and_then(|name| self.by_name.get(name));
        let at_endpoint = || {
            let found = self.by_endpoint.get(&config.endpoint);
            found.filter(|peer| config.name.is_none() || peer.name().is_none())
        };
        named.or_else(at_endpoint).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::PeerSettings;
    use super::*;

    fn config(name: &str, port: u16) -> PeerConfig {
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        PeerConfig { name, ..PeerConfig::new(SocketAddr::from(([192, 0, 2, 1], port)), Vec::new()) }
    }

    #[test]
    fn a_peer_is_identified_by_its_name_otherwise_by_its_endpoint() {
        let known: Vec<Arc<Peer>> = [("a", 1), ("b", 2), ("", 3)]
            .map(|(name, port)| Arc::new(Peer::new(PeerSettings::of(&config(name, port)))))
            .to_vec();
        let find = |configs: &[(&str, u16)]| {
            let configs: Vec<_> = configs.iter().map(|(name, port)| config(name, *port)).collect();
            let index = KnownPeers::new(&known, &configs).unwrap();
            let number = |config| {
                let found = index.find(config)?;
                known.iter().position(|peer| Arc::ptr_eq(peer, found))
            };
            configs.iter().map(number).collect::<Vec<_>>()
        };
        assert_eq!(find(&[("a", 1), ("b", 2), ("", 3)]), [Some(0), Some(1), Some(2)]);
        assert_eq!(find(&[("a", 2), ("b", 1)]), [Some(0), Some(1)], "endpoints are exchanged");
        assert_eq!(find(&[("c", 1), ("c2", 9)]), [None, None], "another name is another peer");
        assert_eq!(find(&[("c", 3), ("", 1)]), [Some(2), Some(0)], "a name is added or removed");
        assert_eq!(find(&[("a", 9), ("", 1)]), [Some(0), None], "the name comes first");
    }

    #[test]
    fn two_peers_of_one_name_are_refused() {
        let error = KnownPeers::new(&[], &[config("a", 1), config("a", 2)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains("a"), "{error}");
        assert!(KnownPeers::new(&[], &[config("", 1), config("", 2)]).is_ok());
    }
}
