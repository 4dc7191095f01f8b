//! Address families.

use ipnet::IpNet;
use std::net::IpAddr;

/// Returns the IP version of an `AF_*`, if it has one.
pub(super) fn version(family: u8) -> Option<u8> {
    match i32::from(family) {
        libc::AF_INET => Some(4),
        libc::AF_INET6 => Some(6),
        _ => None,
    }
}

/// Returns the `AF_*` of an IP version; `AF_UNSPEC` for any version.
pub(super) fn number(version: Option<u8>) -> u8 {
    match version {
        Some(4) => libc::AF_INET as u8,
        Some(6) => libc::AF_INET6 as u8,
        _ => libc::AF_UNSPEC as u8,
    }
}

/// Returns the `AF_*` of an address.
pub(super) fn of(address: IpAddr) -> u8 {
    number(Some(if address.is_ipv4() { 4 } else { 6 }))
}

/// Returns the network of an address. Without an address it is the whole family.
pub(super) fn network(address: Option<IpAddr>, length: u8, version: u8) -> Option<IpNet> {
    let all = if version == 4 { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    IpNet::new(address.unwrap_or(all), length).ok()
}
