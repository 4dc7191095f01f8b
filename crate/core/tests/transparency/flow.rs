//! Determines which packets must keep their order.

use std::fmt;

/// Addresses, protocol and ports, if the packet has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow(Vec<u8>);

impl fmt::Display for Flow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Extension headers that are skipped: hop-by-hop, routing, destination options.
const EXTENSIONS: [u8; 3] = [0, 43, 60];
const FRAGMENT: u8 = 44;

/// Returns the flow of `packet`. Packets without addresses form one flow. A fragment belongs to the flow of its
/// addresses and protocol, since only the first has ports.
pub(crate) fn flow_of(packet: &[u8]) -> Flow {
    let key = match packet.first().map(|byte| byte >> 4) {
        Some(4) => v4(packet),
        Some(6) => v6(packet),
        _ => None,
    };
    Flow(key.unwrap_or_default())
}

/// Returns the flow of `packet` for several queues: over IPv6, a flow has one flow label (RFC 6437, 2), except
/// for TCP right behind the header. TCP that ends before its ports is a separate flow.
pub(crate) fn queued_flow_of(packet: &[u8]) -> Flow {
    let Flow(mut key) = flow_of(packet);
    match packet {
        [0x60..=0x6f, _, _, _, _, _, 6, ..] => key.push(u8::from(packet.len() < 44)),
        [0x60..=0x6f, a, b, c, ..] => key.extend([a & 0x0f, *b, *c]),
        [0x40..=0x4f, ..] => {
            let is_fragment = packet.get(6..8).is_some_and(|f| (f[0] & 0x3f, f[1]) != (0, 0));
            let is_short =
                packet.get(9) == Some(&6) && packet.len() < usize::from(packet[0] & 0x0f) * 4 + 4;
            if is_short && !is_fragment {
                key.push(0);
            }
        }
        _ => {}
    }
    Flow(key)
}

/// Returns the flow of `packet` if several queues share GSO batches. The kernel steers a batch as a whole.
/// Behind a datagram that ends before its addresses, it reads the next one, so each datagram of this kind is
/// a flow of its own. All complete packets keep their order.
pub(crate) fn queued_batch_flow_of(packet: &[u8]) -> Flow {
    if flow_of(packet).0.is_empty() { Flow(packet.to_vec()) } else { queued_flow_of(packet) }
}

fn v4(packet: &[u8]) -> Option<Vec<u8>> {
    let addresses = packet.get(12..20)?;
    let protocol = packet[9];
    let is_fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x3fff != 0;
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let transport = packet.get(header_len..).filter(|_| header_len >= 20 && !is_fragment);
    Some(key(addresses, protocol, transport))
}

fn v6(packet: &[u8]) -> Option<Vec<u8>> {
    let addresses = packet.get(8..40)?;
    let (mut kind, mut at) = (packet[6], 40);
    while EXTENSIONS.contains(&kind) {
        let Some(&[next, length]) = packet.get(at..at + 2) else { break };
        (kind, at) = (next, at + (usize::from(length) + 1) * 8);
    }
    if kind == FRAGMENT {
        let inner = packet.get(at).copied().unwrap_or(kind);
        return Some(key(addresses, inner, None));
    }
    Some(key(addresses, kind, packet.get(at..)))
}

fn key(addresses: &[u8], protocol: u8, transport: Option<&[u8]>) -> Vec<u8> {
    let has_ports = matches!(protocol, 6 | 17);
    let ports = transport.filter(|_| has_ports).and_then(|bytes| bytes.get(..4)).unwrap_or(&[]);
    [addresses, &[protocol], ports].concat()
}
