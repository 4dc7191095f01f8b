//! Refuses networks and interfaces that would lead the datagrams to a peer into the tunnel.

use super::{UnderlayRoute, UnderlayRoutes};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, RouteMatch};
use crate::relay::config::RelayConfig;
use ipnet::IpNet;

impl UnderlayRoutes {
    /// Refuses an address or route that would lead the datagrams to a peer into the tunnel, as far as the prefixes
    /// show it before the interface is changed, and sockets that are bound to the interface itself.
    pub(in crate::relay::setup) fn refuse_loops(&self, config: &RelayConfig) -> Result<()> {
        if let Some(device) = &config.bind_device
            && config.name.as_ref() == Some(device)
        {
            let reason = "it is the interface of the tunnel itself";
            let operation = "bind the UDP socket to the interface";
            return Err(Error::new(ErrorCode::RouteLoop, operation, device, reason)
                .with_advice("give the interface that leads to the peer"));
        }
        self.routes.iter().try_for_each(|route| route.refuse_loops(config))
    }

    /// Refuses an interface that existed, if the datagrams to a peer leave by it already.
    pub(in crate::relay::setup) fn refuse_interface(
        &self,
        config: &RelayConfig,
        interface: u32,
    ) -> Result<()> {
        let entering = self.routes.iter().find(|route| route.interfaces.contains(&interface));
        entering.map_or(Ok(()), |route| Err(route.loop_error(config)))
    }

    /// Refuses an interface that the kernel's routes lead the datagrams to a peer into. `interface` is the index of
    /// the interface, which is configured. Rules of policy routing are respected, since the kernel itself decides.
    pub(in crate::relay::setup) async fn refuse_own_interface(
        &self,
        connection: &Connection,
        config: &RelayConfig,
        interface: u32,
    ) -> Result<()> {
        for route in self.routes.iter().filter(|route| route.is_remote) {
            match connection.route_to(&route.datagram).await {
                Ok(RouteMatch { interfaces, .. }) if interfaces.contains(&interface) => {
                    return Err(route.loop_error(config));
                }
                // There may be no route yet.
                _ => {}
            }
        }
        Ok(())
    }
}

impl UnderlayRoute {
    /// The kernel uses the route with the longest prefix. Of two with the same prefix it would use ours, or refuse
    /// it. A default route is added as two halves, whose prefix has one bit. The routes of the interface are in the
    /// main table, so a route in another table is not compared with them.
    fn refuse_loops(&self, config: &RelayConfig) -> Result<()> {
        // An address of this machine comes before all routes. The kernel adds that of IPv6 after a moment.
        let is_peer = |net: &IpNet| net.addr() == self.peer().ip();
        if self.is_remote && config.addresses.iter().any(is_peer) {
            return Err(self.loop_error(config));
        }
        let Some(length) = self.prefix_length.filter(|_| self.is_remote) else { return Ok(()) };
        let swallows =
            |net: &IpNet| net.contains(&self.peer().ip()) && net.prefix_len().max(1) >= length;
        let mut networks = config.routes.iter().chain(&config.addresses);
        if networks.any(swallows) { Err(self.loop_error(config)) } else { Ok(()) }
    }

    /// Returns the error for datagrams to the peer that would enter the tunnel. It names the network of the
    /// configuration that contains the peer and has the longest prefix.
    fn loop_error(&self, config: &RelayConfig) -> Error {
        let peer = self.peer().ip();
        let routes = config.routes.iter().map(|net| ("add the route", net));
        let addresses = config.addresses.iter().map(|net| ("set the address", net));
        let of_peer = addresses.chain(routes).filter(|(_, net)| net.contains(&peer));
        let (operation, subject, reason) = match of_peer.max_by_key(|(_, net)| net.prefix_len()) {
            Some((operation, net)) => {
                let reason = format!("it would lead the datagrams to {peer} into the tunnel");
                (operation, net.to_string(), reason)
            }
            None => {
                let reason = "a route leads the datagrams to it into the tunnel".to_owned();
                ("send to", peer.to_string(), reason)
            }
        };
        Error::new(ErrorCode::RouteLoop, operation, subject, reason).with_advice(
            "use a network without the peer, put the interface into another namespace \
             (--netns), or first give the peer a longer route of its own",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, route};
    use super::*;

    #[test]
    fn a_route_longer_than_the_peers_own_is_refused() {
        let on_link = route("192.0.2.7", Some(24));
        let by_default = route("192.0.2.7", Some(0));
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_ok());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/25"))).is_err());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/24"))).is_err());
        let error = by_default.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop);
        let by_half = route("192.0.2.7", Some(1));
        assert!(by_half.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_err());
        let by_quarter = route("192.0.2.7", Some(2));
        assert!(by_quarter.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_ok());
        assert!(by_default.refuse_loops(&config("10.9.0.1/24", Some("198.51.100.0/24"))).is_ok());
    }

    #[test]
    fn an_address_whose_network_holds_the_peer_is_refused() {
        assert!(route("192.0.2.7", Some(0)).refuse_loops(&config("192.0.2.1/24", None)).is_err());
        // Without a route, or with one in another table, the kernel decides once the interface is configured.
        assert!(route("192.0.2.7", None).refuse_loops(&config("192.0.2.1/24", None)).is_ok());
        let here = UnderlayRoute { is_remote: false, ..route("192.0.2.7", None) };
        assert!(here.refuse_loops(&config("192.0.2.1/24", None)).is_ok());
    }
}
