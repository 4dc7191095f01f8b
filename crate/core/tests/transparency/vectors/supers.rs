//! Super-packets as the kernel's stack creates them: TSO, TSO with ECN, USO.

use super::{Book, FAMILIES, Input, Segment, run};
use crate::craft::{
    Family, Network, Tcp, Udp, ack, cwr, ece, fin, payload, psh, rst, syn, urg, with_u16,
};
use crate::support::packet_socket::VnetHeader;

/// Values of linux/virtio_net.h.
pub(crate) const NEEDS_CSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
pub(super) const GSO_UFO: u8 = 3;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Returns a TCP super-packet of `segment`, with `gso_size` bytes of payload per packet. Its checksum field has
/// the sum of the pseudo header, as in super-packets of the kernel.
pub(crate) fn tcp(segment: &Segment, gso_size: u16) -> Input {
    let Segment { network, tcp } = segment;
    let bytes = tcp.bytes_without_checksum();
    let pseudo = network.pseudo_sum(6, bytes.len());
    let packet = network.around(6, &with_u16(bytes, 16, pseudo));
    let header = VnetHeader {
        flags: NEEDS_CSUM,
        gso_type: if network.family() == Family::V4 { GSO_TCPV4 } else { GSO_TCPV6 },
        hdr_len: (network.header_len() + tcp.header_len()) as u16,
        gso_size,
        csum_start: network.header_len() as u16,
        csum_offset: 16,
    };
    Input { header, packet }
}

/// Returns a UDP super-packet.
pub(crate) fn udp(network: &Network, udp: &Udp, gso_size: u16) -> Input {
    let bytes = udp.bytes_without_checksum();
    let pseudo = network.pseudo_sum(17, bytes.len());
    let packet = network.around(17, &with_u16(bytes, 6, pseudo));
    let header = VnetHeader {
        flags: NEEDS_CSUM,
        gso_type: GSO_UDP_L4,
        hdr_len: (network.header_len() + 8) as u16,
        gso_size,
        csum_start: network.header_len() as u16,
        csum_offset: 6,
    };
    Input { header, packet }
}

/// Returns `input` as one packet whose checksum must be completed.
pub(crate) fn partial(input: Input) -> Input {
    let header = VnetHeader { gso_type: 0, gso_size: 0, hdr_len: 0, ..input.header };
    Input { header, ..input }
}

pub(super) fn big(family: Family, size: usize) -> Segment {
    let tcp = Tcp { payload: payload(1, size), ..Tcp::default() };
    Segment { network: Network::new(family, 1), tcp }
}

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        let most = 65_535 - Network::new(family, 1).header_len() - 20;
        let sizes = [
            (2, 2_800, 1_400),
            (2, 1_401, 1_400),
            (3, 4_000, 1_400),
            (46, 46 * 1_400, 1_400),
            (45, most, 1_448),
            (64, 64 * 1_000, 1_000),
            (65, 64_001, 1_000),
            (128, 64_000, 500),
            (129, 64_001, 500),
            (64, 64, 1),
            (1_000, 1_000, 1),
            (3, 7, 3),
            (100, 9_899, 99),
            (122, most, 536),
            (1, 1_400, 1_400),
            (1, 10, 1_400),
            (2, 2_999, 1_500),
        ];
        for (count, bytes, gso_size) in sizes {
            let input = tcp(&big(family, bytes), gso_size);
            book.add_inputs(
                format!("{family:?} TSO into {count} of {gso_size} from {bytes}"),
                vec![input],
            );
        }
        add_flags(book, family);
        add_fields(book, family);
        add_bursts(book, family);
        let most = 65_535 - Network::new(family, 1).header_len() - 8;
        for (count, bytes, gso_size) in [
            (2, 2_400, 1_200),
            (2, 1_201, 1_200),
            (54, most, 1_222),
            (64, 64_000, 1_000),
            (64, 64, 1),
            (128, 12_800, 100),
            (3, 8, 3),
            (1, 1_200, 1_200),
            (1, 5, 1_200),
        ] {
            let network = Network::new(family, 1);
            let input = udp(&network, &super::other::udp(2, bytes), gso_size);
            book.add_inputs(
                format!("{family:?} USO into {count} of {gso_size} from {bytes}"),
                vec![input],
            );
        }
    }
}

fn add_flags(book: &mut Book, family: Family) {
    for (name, flags) in [
        ("PSH", psh | ack),
        ("FIN", fin | ack),
        ("FIN PSH", fin | psh | ack),
        ("RST", rst | ack),
        ("SYN", syn | ack),
        ("URG", urg | ack),
        ("ECE", ece | ack),
        ("CWR", cwr | ack),
        ("CWR ECE PSH", cwr | ece | psh | ack),
        ("no flag", 0),
        ("all flags", 0xff),
    ] {
        let mut segment = big(family, 5_000);
        segment.tcp.flags = flags;
        if flags & urg != 0 {
            segment.tcp.urgent = 3_000;
        }
        let mut input = tcp(&segment, 1_400);
        if flags & cwr != 0 {
            input.header.gso_type |= GSO_ECN;
        }
        let name = format!("{family:?} TSO with {name}");
        book.add_inputs(name.clone(), vec![input.clone()]);
        input.header.gso_type ^= GSO_ECN;
        book.add_inputs(format!("{name}, the ECN bit of its header the other way"), vec![input]);
    }
}

fn add_fields(book: &mut Book, family: Family) {
    let mut add = |name: &str, change: &dyn Fn(&mut Segment)| {
        let mut segment = big(family, 6_100);
        change(&mut segment);
        book.add_inputs(format!("{family:?} TSO, {name}"), vec![tcp(&segment, 1_400)]);
    };
    add("timestamps", &|s| s.tcp.options = vec![1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0]);
    add("SACK", &|s| s.tcp.options = vec![1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9]);
    add("40 bytes of options", &|s| s.tcp.options = vec![1; 40]);
    add("sequence wraps", &|s| s.tcp.seq = 0xffff_f800);
    add("reserved bits", &|s| s.tcp.reserved = 0b1110);
    add("NS bit", &|s| s.tcp.reserved = 0b0001);
    add("window zero", &|s| s.tcp.window = 0);
    add("CE", &|s| s.network.set_tos(3));
    add("DSCP", &|s| s.network.set_tos(0xb8));
    add("TTL 1", &|s| s.network.set_ttl(1));
    match family {
        Family::V4 => {
            add("without DF", &|s| s.network.v4_mut().flags = 0);
            add("reserved bit and DF", &|s| s.network.v4_mut().flags = 6);
            add("without DF, id wraps", &|s| {
                (s.network.v4_mut().flags, s.network.v4_mut().id) = (0, 0xfffe);
            });
            add("IP options", &|s| s.network.v4_mut().options = vec![7, 7, 4, 0, 0, 0, 0, 0]);
        }
        Family::V6 => {
            let padding = vec![0, 1, 4, 0, 0, 0, 0];
            add("flow label zero", &|s| s.network.v6_mut().flow_label = 0);
            add("hop-by-hop", &|s| s.network.v6_mut().extensions = vec![(0, padding.clone())]);
            add("destination options", &|s| {
                s.network.v6_mut().extensions = vec![(60, padding.clone())];
            });
            add("routing and destination", &|s| {
                s.network.v6_mut().extensions =
                    vec![(43, vec![0, 253, 0, 0, 0, 0, 0]), (60, padding.clone())];
            });
        }
    }
}

/// Super-packets and packets of several flows in one burst.
fn add_bursts(book: &mut Book, family: Family) {
    let mut inputs = Vec::new();
    for round in 0..12_u32 {
        for flow in 0..4_u16 {
            let mut segment = big(family, 14_000);
            segment.tcp.source += flow;
            segment.tcp.seq = segment.tcp.seq.wrapping_add(round * 14_000);
            segment.network.set_id(round as u16 * 10);
            inputs.push(tcp(&segment, 1_400));
        }
    }
    book.add_inputs(format!("{family:?} TSO, four flows by turns"), inputs);
    let mut inputs = Vec::new();
    for (index, segment) in run(family, 10, 1_400).iter().enumerate() {
        let plain = Input { header: VnetHeader::default(), packet: segment.packet() };
        inputs.push(plain);
        inputs.push(tcp(&big(family, 2_000 + index * 1_000), 1_000 + index as u16));
        inputs.push(udp(&segment.network, &super::other::udp(index, 5_000), 1_100));
    }
    book.add_inputs(format!("{family:?} TSO, USO and packets by turns"), inputs);
}
