//! Markers: packets that show that all packets in front of them have come out.

use crate::craft::{Network, Udp};

const MAGIC: &[u8] = b"tun2udp transparency marker ";

/// The marker `number`: a correct UDP packet of a flow that no vector has.
pub(crate) fn packet(number: u32) -> Vec<u8> {
    let mut network = Network::v4(250);
    network.set_id(number as u16);
    let mut payload = MAGIC.to_vec();
    payload.extend_from_slice(&number.to_be_bytes());
    network.udp(&Udp { source: 9, destination: 9, payload, ..Udp::default() })
}

/// Returns the number of a marker; its headers are not checked.
pub(crate) fn number(packet: &[u8]) -> Option<u32> {
    let (rest, number) = packet.split_last_chunk()?;
    rest.ends_with(MAGIC).then_some(u32::from_be_bytes(*number))
}
