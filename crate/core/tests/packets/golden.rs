//! Literal bytes, parsed and emitted.

use crate::fuzz::law::{ALL, Joined, cut, join};
use crate::support::golden::{self, Golden, Super};
use tun2udp_core::packet::vnet::VnetHeader;

fn vnet(golden: &Super) -> VnetHeader {
    let [flags, gso_type, hdr_len, gso_size, csum_start, csum_offset] = golden.fields[..] else {
        panic!("six fields: {golden:?}")
    };
    let (flags, gso_type) = (flags as u8, gso_type as u8);
    VnetHeader { flags, gso_type, hdr_len, gso_size, csum_start, csum_offset }
}

fn goldens(wanted: impl Fn(&Golden) -> bool) -> Vec<Golden> {
    let goldens: Vec<_> = golden::all().into_iter().filter(wanted).collect();
    assert!(goldens.len() >= 10, "{} golden files", goldens.len());
    goldens
}

#[test]
// The header is in the machine's byte order, the files are little-endian.
#[cfg(target_endian = "little")]
fn vnet_headers_are_read_and_written() {
    for golden in goldens(|_| true) {
        for one in &golden.supers {
            let bytes = one.vnet[..].try_into().expect("ten bytes");
            assert_eq!(VnetHeader::parse(bytes), vnet(one), "{}", golden.name);
            assert_eq!(vnet(one).bytes()[..], one.vnet, "{}", golden.name);
        }
    }
}

#[test]
fn super_packets_are_cut() {
    for golden in goldens(|golden| golden.can_split) {
        let cut = |one: &Super| cut(&vnet(one), &one.packet).expect("a sound super-packet");
        let packets: Vec<_> = golden.supers.iter().flat_map(cut).collect();
        assert_eq!(packets, golden.packets, "{}", golden.name);
    }
}

#[test]
fn packets_are_joined() {
    for golden in goldens(|golden| golden.can_join) {
        let written: Vec<_> = join(&golden.packets, ALL)
            .into_iter()
            .map(|Joined { vnet, packet, .. }| (vnet, packet))
            .collect();
        let expected: Vec<_> =
            golden.supers.iter().map(|one| (vnet(one), one.packet.clone())).collect();
        assert_eq!(written, expected, "{}", golden.name);
    }
}
