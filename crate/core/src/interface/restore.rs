//! Restores the settings that an interface had at an earlier moment.

use super::configure::configure;
use super::identity::Identity;
use super::present;
use super::spec::{FormerSpec, Spec};
use crate::device::TunDevice;
use crate::error::Result;
use crate::netlink::Connection;
use ipnet::IpNet;

/// The settings of an interface at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    up: bool,
    mtu: u32,
    tx_queue_length: u32,
    addresses: Vec<IpNet>,
    /// The routes of the main table that this project adds.
    routes: Vec<IpNet>,
}

impl Snapshot {
    /// Restores these settings of the interface of `device`, which is in the calling thread's network namespace. Settings
    /// that are in force are not changed.
    ///
    /// # Errors
    ///
    /// The kernel refused a setting. Then some are not restored.
    pub(crate) async fn restore(&self, device: &TunDevice) -> Result<()> {
        let Some(present) = Self::take(device).await? else { return Ok(()) };
        if present == *self {
            return Ok(());
        }
        // The kernel prefers the first IPv4 address as a source, so those behind a missing one are added again.
        let kept = kept(&present.addresses, &self.addresses);
        let before = FormerSpec { addresses: &present.addresses, routes: &present.routes };
        let spec = Spec { addresses: &kept, before: Some(before), ..self.spec() };
        configure(device, None, &spec).await?;
        let spec = Spec { before: Some(FormerSpec::default()), ..self.spec() };
        configure(device, None, &spec).await.map(drop)
    }

    fn spec(&self) -> Spec<'_> {
        Spec {
            addresses: &self.addresses,
            routes: &self.routes,
            mtu: Some(self.mtu),
            tx_queue_length: Some(self.tx_queue_length),
            up: Some(self.up),
            ..Spec::default()
        }
    }

    /// Reads the settings of the interface of `device`, which is in the calling thread's network namespace. `None` if it was
    /// deleted or moved.
    pub(crate) async fn take(device: &TunDevice) -> Result<Option<Self>> {
        let found = Identity::of(device)?.look_up(&Connection::open()?).await?;
        let Some(found) = found.filter(|found| found.elsewhere.is_none()) else { return Ok(None) };
        let index = found.link.if_index;
        let addresses = present::addresses(index).await?;
        let routes = present::routes(index).await?;
        let addresses = addresses.iter().filter(|one| one.peer.is_none());
        let networks = addresses.filter_map(|one| IpNet::new(one.address, one.prefix_length).ok());
        let destinations = routes.iter().map(|route| route.destination);
        Ok(Some(Self {
            up: found.link.up,
            mtu: found.link.mtu,
            tx_queue_length: found.link.tx_queue_length,
            addresses: networks.collect(),
            routes: destinations.filter(|one| present::has_own_route(&routes, *one)).collect(),
        }))
    }
}

/// Returns the addresses that can stay: of IPv4 those up to the first difference, of IPv6 all in both lists.
fn kept(present: &[IpNet], wanted: &[IpNet]) -> Vec<IpNet> {
    let v4 = |list: &[IpNet]| -> Vec<IpNet> {
        list.iter().filter(|one| matches!(one, IpNet::V4(_))).copied().collect()
    };
    let first = v4(present).into_iter().zip(v4(wanted)).take_while(|(one, other)| one == other);
    let v6 = present.iter().filter(|one| matches!(one, IpNet::V6(_)) && wanted.contains(one));
    first.map(|(one, _)| one).chain(v6.copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_up_to_the_first_difference() {
        let list = |text: &str| -> Vec<IpNet> {
            text.split_whitespace().map(|one| one.parse().unwrap()).collect()
        };
        for (present, wanted, stay) in [
            ("10.1.0.1/24 10.2.0.1/24", "10.1.0.1/24 10.2.0.1/24", "10.1.0.1/24 10.2.0.1/24"),
            ("10.2.0.1/24 fd00::1/64", "10.1.0.1/24 10.2.0.1/24 fd00::1/64", "fd00::1/64"),
            (
                "10.1.0.1/24 fd00::2/64 fd00::1/64",
                "10.1.0.1/24 fd00::1/64",
                "10.1.0.1/24 fd00::1/64",
            ),
            ("10.1.0.1/24 10.2.0.1/24", "10.1.0.1/24", "10.1.0.1/24"),
        ] {
            assert_eq!(kept(&list(present), &list(wanted)), list(stay), "{present} {wanted}");
        }
    }
}
