//! Removes the settings of the former owner of an interface that are not wanted any more.

use super::{Work, present, spec};
use crate::error::Result;
use crate::interface::undo::unless_gone;
use ipnet::IpNet;
use std::collections::HashSet;

impl Work<'_> {
    /// Deletes the routes that only the former owner wanted.
    pub(super) async fn remove_former_routes(&mut self) -> Result<()> {
        let Some(before) = self.spec.before else { return Ok(()) };
        // A route that is given twice is deleted once: the next one that matches may be that of another program.
        let mut kept: HashSet<_> =
            self.spec.routes.iter().flat_map(|route| spec::halves(*route)).collect();
        let former = before.routes.iter().flat_map(|route| spec::halves(*route));
        let unwanted: Vec<_> = former.filter(|route| kept.insert(route.trunc())).collect();
        if unwanted.is_empty() {
            return Ok(());
        }
        let index = self.link.if_index;
        let present = present::routes(index).await?;
        for route in unwanted.into_iter().filter(|one| present::has_own_route(&present, *one)) {
            self.may_remove("delete the route", "route", route)?;
            unless_gone(self.connection.delete_route(index, route).await)?;
        }
        Ok(())
    }

    /// Deletes the addresses that only the former owner wanted.
    pub(super) async fn remove_former_addresses(&mut self) -> Result<()> {
        let Some(before) = self.spec.before else { return Ok(()) };
        let is_unwanted = |one: &&IpNet| !self.spec.addresses.contains(one);
        let unwanted: Vec<_> = before.addresses.iter().filter(is_unwanted).collect();
        if unwanted.is_empty() {
            return Ok(());
        }
        let index = self.link.if_index;
        let present = present::addresses(index).await?;
        let present: HashSet<_> =
            present.iter().map(|one| (one.address, one.prefix_length)).collect();
        for address in unwanted {
            if !present.contains(&(address.addr(), address.prefix_len())) {
                continue;
            }
            self.may_remove("delete the address", "address", *address)?;
            // The kernel deletes the secondary addresses of an IPv4 network with its primary one.
            unless_gone(self.connection.delete_address(index, *address).await)?;
        }
        Ok(())
    }
}
