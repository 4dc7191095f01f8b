//! The settings of an interface.

use crate::error::{Error, ErrorCode, Result};
use crate::sys::tun_control::MAC_LEN;
use ipnet::IpNet;

/// The wanted settings of an interface; a setting that is `None` is not changed.
#[derive(Default)]
pub(crate) struct Spec<'a> {
    /// Addresses with their prefixes.
    pub(crate) addresses: &'a [IpNet],
    /// Networks to route through the interface.
    pub(crate) routes: &'a [IpNet],
    /// MTU, bytes.
    pub(crate) mtu: Option<u32>,
    /// MTU of a new interface if `mtu` is `None`, bytes. Default: the driver's, 1500.
    pub(crate) new_mtu: Option<u32>,
    /// Refuses an MTU that the caller cannot use, including that of an existing interface.
    pub(crate) check_mtu: Option<&'a dyn Fn(u32) -> Result<()>>,
    /// Ethernet address; TAP only.
    pub(crate) mac: Option<[u8; MAC_LEN]>,
    /// Maximum number of packets that wait for the reader.
    pub(crate) tx_queue_length: Option<u32>,
    /// The limit of written bytes that the stack has not taken, before a write waits.
    pub(crate) send_buffer_bytes: Option<i32>,
    /// `ARPHRD_*`; the interface must be down.
    pub(crate) link_type: Option<u16>,
    /// The kernel generates IPv6 link-local addresses on a new interface.
    pub(crate) link_local: bool,
    /// State: up or down.
    pub(crate) up: Option<bool>,
    /// The settings of the former owner of the interface; `None`: it has none.
    pub(crate) before: Option<FormerSpec<'a>>,
}

/// The settings that the former owner of an interface made. Those that are not wanted any more are removed.
#[derive(Clone, Copy, Default)]
pub(crate) struct FormerSpec<'a> {
    pub(crate) addresses: &'a [IpNet],
    pub(crate) routes: &'a [IpNet],
}

/// Refuses an address or a route that is given twice, before anything is changed.
pub(crate) fn check_repeats(addresses: &[IpNet], routes: &[IpNet]) -> Result<()> {
    let routes: Vec<IpNet> = routes.iter().map(IpNet::trunc).collect();
    let all = [("set the address", addresses), ("add the route", routes.as_slice())];
    for (operation, networks) in all {
        for (number, network) in networks.iter().enumerate() {
            if networks.iter().take(number).any(|earlier| earlier == network) {
                let (code, subject) = (ErrorCode::InvalidArgument, network.to_string());
                return Err(Error::new(code, operation, subject, "it is given twice"));
            }
        }
    }
    Ok(())
}

/// Returns the routes that represent `network`: itself, or the two halves of a default route.
///
/// The kernel prefers the halves to an existing default route, which is not changed. The kernel uses it
/// again as soon as the halves are deleted.
pub(super) fn halves(network: IpNet) -> Vec<IpNet> {
    if network.prefix_len() > 0 {
        return vec![network];
    }
    network.subnets(1).map_or_else(|_| vec![network], Iterator::collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_refused_by_their_network() {
        let list = |texts: &[&str]| -> Vec<IpNet> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let addresses = list(&["10.9.0.1/24", "10.9.0.2/24", "fd00::1/64"]);
        assert!(check_repeats(&addresses, &list(&["10.9.0.0/24", "10.9.0.0/16"])).is_ok());
        let error = check_repeats(&list(&["10.9.0.1/24", "10.9.0.1/24"]), &[]).unwrap_err();
        assert_eq!(error.to_string(), "set the address 10.9.0.1/24: it is given twice");
        let error = check_repeats(&[], &list(&["10.6.0.0/16", "10.6.0.1/16"])).unwrap_err();
        assert_eq!(error.to_string(), "add the route 10.6.0.0/16: it is given twice");
    }

    #[test]
    fn a_default_route_is_two_halves() {
        let texts = |network: &str| -> Vec<String> {
            halves(network.parse().unwrap()).iter().map(IpNet::to_string).collect()
        };
        assert_eq!(texts("0.0.0.0/0"), ["0.0.0.0/1", "128.0.0.0/1"]);
        assert_eq!(texts("::/0"), ["::/1", "8000::/1"]);
        assert_eq!(texts("0.0.0.0/1"), ["0.0.0.0/1"]);
        assert_eq!(texts("10.0.0.0/8"), ["10.0.0.0/8"]);
    }
}
