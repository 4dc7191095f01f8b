//! The golden bytes: their super-packets, for the direction TUN to UDP only, and their packets.

use super::{Book, Input};
use crate::support::golden;
use crate::support::packet_socket::VnetHeader;

/// Adds the super-packets and the packets of each file.
pub(crate) fn add(book: &mut Book) {
    for golden in golden::all() {
        book.add_inputs(format!("golden {}", golden.name), supers(&golden));
        book.add(format!("golden {}, packets", golden.name), golden.packets);
    }
}

/// Returns the super-packets of a golden file.
pub(crate) fn supers(golden: &golden::Golden) -> Vec<Input> {
    let input = |one: &golden::Super| {
        let header = VnetHeader::from_bytes(&one.vnet);
        Input { header, packet: one.packet.clone() }
    };
    golden.supers.iter().map(input).collect()
}
