//! Properties of an address.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Returns the IPv4 address that an IPv4-mapped IPv6 address represents (RFC 4291, 2.5.5.2); any other address is
/// returned unchanged. Each socket has one address family, so a mapped address could not be reached.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Returns whether `address` alone shows that datagrams to it stay on this machine.
#[must_use]
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

/// Returns whether this machine has `address`, in the network namespace of the calling thread: whether a socket can be
/// bound to it.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_it_stands_for() {
        for (text, expected) in [
            ("[::ffff:192.0.2.2]:5", "192.0.2.2:5"),
            ("[::ffff:c000:202]:5", "192.0.2.2:5"),
            ("[::ffff:0.0.0.0]:5", "0.0.0.0:5"),
            ("192.0.2.2:5", "192.0.2.2:5"),
            // An IPv4-compatible address is deprecated; it is not a mapped address.
            ("[::192.0.2.2]:5", "[::c000:202]:5"),
            ("[fe80::1%3]:5", "[fe80::1%3]:5"),
        ] {
            assert_eq!(canonical(text.parse().unwrap()), expected.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn loopback_is_told_by_the_address_in_each_of_its_forms() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("127.255.255.254", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("128.0.0.1", false),
            ("0.0.0.0", false),
            ("::", false),
            ("::ffff:192.0.2.1", false),
        ] {
            assert_eq!(is_loopback(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn addresses_of_this_machine_are_local() {
        for (text, expected) in [("127.0.0.1", true), ("127.0.0.9", true), ("192.0.2.1", false)] {
            assert_eq!(is_local(text.parse().unwrap()), expected, "{text}");
        }
    }
}
