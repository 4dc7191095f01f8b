//! Removes the settings of the former owner of an interface that are not wanted any more.

use super::{Work, present, spec};
use crate::error::Result;

impl Work<'_> {
    /// Deletes the routes that only the former owner wanted.
    pub(super) async fn remove_former_routes(&mut self) -> Result<()> {
        let Some(before) = self.spec.before else { return Ok(()) };
        let wanted: Vec<_> =
            self.spec.routes.iter().flat_map(|route| spec::halves(*route)).collect();
        let former = before.routes.iter().flat_map(|route| spec::halves(*route));
        let index = self.link.if_index;
        for route in former.filter(|route| !wanted.contains(&route.trunc())) {
            if present::has_own_route(&present::routes(index).await?, route) {
                self.may_remove("delete the route", "route", route)?;
                self.connection.delete_route(index, route).await?;
            }
        }
        Ok(())
    }

    /// Deletes the addresses that only the former owner wanted.
    pub(super) async fn remove_former_addresses(&mut self) -> Result<()> {
        let Some(before) = self.spec.before else { return Ok(()) };
        let index = self.link.if_index;
        for address in before.addresses.iter().filter(|one| !self.spec.addresses.contains(one)) {
            let present = present::addresses(index).await?;
            if present.iter().any(|one| {
                one.address == address.addr() && one.prefix_length == address.prefix_len()
            }) {
                self.may_remove("delete the address", "address", *address)?;
                self.connection.delete_address(index, *address).await?;
            }
        }
        Ok(())
    }
}
