//! Replies that no kernel sends: reading any of them ends, without a panic.

use super::codec::{
    Malformed, Message, MessageView, Reply, ifla, info, messages, name_at, reply, rta,
};
use super::{address, link, monitor, neighbor, route, rule};
use proptest::prelude::*;

/// Reads bytes in all ways in which replies and events are read. Returns the number of messages.
fn read_all(bytes: &[u8]) -> usize {
    let mut count = 0;
    for message in messages(bytes) {
        count += 1;
        // The iteration ends after a malformed message, and each message is at least as long as its
        // header.
        assert!(count <= bytes.len() / 16 + 1);
        let Ok(message) = message else { continue };
        let _ = reply(message).map(|reply| match reply {
            Reply::Refused(refusal) => {
                assert!(refusal.errno > 0);
                refusal.offset.and_then(|offset| name_at(bytes, offset))
            }
            _ => None,
        });
        let _ = monitor::event(message);
        read_as_each(message);
    }
    let _ = name_at(bytes, 40);
    count
}

fn read_as_each(message: MessageView<'_>) {
    let of = |kind| MessageView { kind, ..message };
    let _ = link::read(of(libc::RTM_NEWLINK));
    let _ = address::read(of(libc::RTM_NEWADDR));
    let _ = route::read(of(libc::RTM_NEWROUTE));
    let _ = rule::read(of(libc::RTM_NEWRULE));
    let _ = neighbor::read(of(libc::RTM_NEWNEIGH));
}

/// Returns a link and a route with nested attributes, as the kernel would send them.
fn genuine() -> Vec<u8> {
    let mut link = Message::new(libc::RTM_NEWLINK, 0, &[0; 16]);
    link.put(ifla::IFNAME, "tun0");
    link.put(ifla::ADDRESS, &[2, 0, 0, 0, 0, 1][..]);
    link.put(ifla::STATS64, &[1; 192][..]);
    link.nest(ifla::PROP_LIST, |inner| inner.put(ifla::ALT_IFNAME, "north"));
    link.nest(ifla::LINKINFO, |inner| {
        inner.put(info::KIND, "tun");
        inner.nest(info::DATA, |data| data.put(3, &1_u8));
    });
    let mut head = [0; 12];
    head[0] = libc::AF_INET as u8;
    head[1] = 16;
    let mut route = Message::new(libc::RTM_NEWROUTE, 0, &head);
    route.put(rta::DST, &[10, 1, 0, 0][..]);
    route.nest(rta::METRICS, |inner| inner.put(2, &1300_u32));
    route.nest(rta::MULTIPATH, |inner| {
        for _ in 0..2 {
            inner.counted(|hop| {
                hop.raw(&[0, 0, 0, 3, 7, 0, 0, 0]);
                hop.put(rta::GATEWAY, &[10, 0, 0, 2][..]);
            });
        }
    });
    let mut bytes = link.finish(7).unwrap();
    bytes.extend(route.finish(7).unwrap());
    bytes
}

#[test]
fn what_is_genuine_is_read_whole() {
    let bytes = genuine();
    let all: Vec<MessageView<'_>> = messages(&bytes).map(Result::unwrap).collect();
    let found = link::read(all[0]).unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.kind.as_deref()), ("tun0", Some("tun")));
    assert_eq!((found.alt_names, found.kind_data.is_some()), (vec!["north".to_owned()], true));
    let found = route::read(all[1]).unwrap().unwrap();
    assert_eq!(found.destination.to_string(), "10.1.0.0/16");
    assert_eq!((found.next_hops.len(), found.next_hops[1].weight), (2, 4));
}

#[test]
fn whatever_is_cut_off_is_an_error_or_a_whole_message_less() {
    let bytes = genuine();
    for end in 0..bytes.len() {
        assert!(read_all(&bytes[..end]) <= 2, "{end}");
    }
}

#[test]
fn each_length_that_lies_is_survived() {
    let bytes = genuine();
    for at in 0..bytes.len() {
        for value in [0, 1, 3, 4, 5, 7, 15, 16, 17, 127, 255] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            read_all(&bytes);
        }
    }
}

#[test]
fn a_next_hop_that_claims_no_length_ends_the_walk() {
    let mut head = [0; 12];
    head[0] = libc::AF_INET as u8;
    let mut message = Message::new(libc::RTM_NEWROUTE, 0, &head);
    message.put(rta::MULTIPATH, &[0; 32][..]);
    let bytes = message.finish(1).unwrap();
    let view = messages(&bytes).next().unwrap().unwrap();
    assert_eq!(route::read(view), Err(Malformed::AttributeLength));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read_all(&bytes);
    }

    #[test]
    fn any_payload_of_any_kind_is_survived(
        kind in 0_u16..128,
        flags in any::<u16>(),
        payload in prop::collection::vec(any::<u8>(), 0..256),
    ) {
        let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(payload);
        prop_assert_eq!(read_all(&bytes), 1);
    }

    #[test]
    fn genuine_bytes_with_any_changes_are_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        foreign in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = genuine();
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes.extend(foreign);
        read_all(&bytes);
    }
}
