use super::*;
use proptest::prelude::*;

const MAX: usize = 65_507;

/// An envelope of which only the destination is set.
fn to_peer(to: u32) -> Envelope {
    Envelope { to, ..Envelope::default() }
}

/// Pushes datagrams of one slice each, given as length, destination and flow.
fn queue(datagrams: &[(usize, u32, Option<u16>)]) -> SendQueue {
    let mut queue = SendQueue::new(MAX);
    for (slice, (len, to, flow)) in datagrams.iter().enumerate() {
        queue.push(slice..slice + 1, *len, to_peer(*to), *flow);
    }
    queue
}

/// Pushes datagrams of one flow to one destination.
fn one_flow(lens: &[usize]) -> SendQueue {
    queue(&lens.iter().map(|len| (*len, 0, Some(0))).collect::<Vec<_>>())
}

fn shape(slices: Range<usize>, segment_size: Option<u16>) -> MessageShape {
    MessageShape { slices, segment_size, ..MessageShape::default() }
}

#[test]
fn equal_datagrams_are_coalesced_and_a_shorter_one_ends_the_batch() {
    let queue = one_flow(&[100, 100, 60, 60, 100]);
    assert_eq!(queue.waiting(), [shape(0..3, Some(100)), shape(3..4, None), shape(4..5, None)]);
}

#[test]
fn a_longer_datagram_starts_a_batch() {
    let queue = one_flow(&[60, 100, 100]);
    assert_eq!(queue.waiting(), [shape(0..1, None), shape(1..3, Some(100))]);
}

#[test]
fn empty_datagrams_are_messages_of_their_own() {
    let queue = one_flow(&[0, 0, 5, 0]);
    assert_eq!(queue.waiting().len(), 4);
    assert!(queue.waiting().iter().all(|shape| shape.segment_size.is_none()));
}

#[test]
fn batches_hold_at_most_64_segments_and_the_largest_payload() {
    let small = one_flow(&[10; 65]);
    assert_eq!(small.waiting(), [shape(0..64, Some(10)), shape(64..65, None)]);
    let large = one_flow(&[1_500; 44]);
    assert_eq!(large.waiting(), [shape(0..43, Some(1_500)), shape(43..44, None)]);
}

#[test]
fn without_a_flow_each_datagram_is_a_message() {
    let mut queue = SendQueue::new(MAX);
    queue.push(0..2, 100, to_peer(0), None);
    queue.push(2..4, 100, to_peer(0), None);
    assert_eq!(queue.waiting(), [shape(0..2, None), shape(2..4, None)]);
}

#[test]
fn a_batch_carries_one_flow() {
    let flows = [1, 1, 2, 1];
    let queue = queue(&flows.map(|flow| (100, 0, Some(flow))));
    assert_eq!(queue.waiting(), [shape(0..2, Some(100)), shape(2..3, None), shape(3..4, None)]);
}

#[test]
fn a_batch_has_one_destination_though_flow_numbers_collide() {
    let queue = queue(&[0, 0, 1, 1, 0].map(|to| (100, to, Some(7))));
    let to = |slices, segment_size, to| MessageShape {
        slices,
        segment_size,
        to,
        ..MessageShape::default()
    };
    assert_eq!(
        queue.waiting(),
        [to(0..2, Some(100), 0), to(2..4, Some(100), 1), to(4..5, None, 0)]
    );
}

#[test]
fn a_batch_has_one_traffic_class_and_keeps_its_source() {
    let mut queue = SendQueue::new(MAX);
    let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
    for (slice, class) in [None, None, Some(2), Some(2), Some(3), None].into_iter().enumerate() {
        let envelope = Envelope { to: 0, class, source: address(1) };
        queue.push(slice..slice + 1, 100, envelope, Some(7));
    }
    let message = |slices, segment_size, class| MessageShape {
        slices,
        segment_size,
        to: 0,
        class,
        source: address(1),
    };
    let expected = [
        message(0..2, Some(100), None),
        message(2..4, Some(100), Some(2)),
        message(4..5, None, Some(3)),
        message(5..6, None, None),
    ];
    assert_eq!(queue.waiting(), expected);
    queue.advance(1);
    queue.break_up_first(|_| 100);
    assert_eq!(queue.waiting()[0], message(2..3, None, Some(2)));
    assert_eq!(queue.waiting()[1], message(3..4, None, Some(2)));
    assert_eq!(queue.replace_source(address(2)), address(1));
    queue.forget_source(address(1).unwrap());
    let sources: Vec<_> = queue.waiting().iter().map(|shape| shape.source).collect();
    assert_eq!(sources, [address(2), None, None, None]);
}

#[test]
fn datagrams_that_do_not_lie_next_to_each_other_are_not_coalesced() {
    let mut queue = SendQueue::new(MAX);
    queue.push(0..1, 100, to_peer(0), Some(0));
    queue.push(2..3, 100, to_peer(0), Some(0));
    assert_eq!(queue.waiting(), [shape(0..1, None), shape(2..3, None)]);
}

#[test]
fn a_batch_of_gathered_datagrams_is_broken_up_into_them() {
    let mut queue = SendQueue::new(MAX);
    for (number, payload) in [60, 60, 20].into_iter().enumerate() {
        queue.push(2 * number..2 * number + 2, 40 + payload, to_peer(3), Some(0));
    }
    queue.push(6..7, 7, to_peer(0), Some(0));
    let lens = [40, 60, 40, 60, 40, 20, 7];
    let waiting =
        |queue: &SendQueue| queue.waiting_datagrams(|slice| lens[slice]).collect::<Vec<_>>();
    assert_eq!(waiting(&queue), [(3, 3), (0, 1)]);
    queue.break_up_first(|slice| lens[slice]);
    let single = |slices| MessageShape { slices, to: 3, ..MessageShape::default() };
    assert_eq!(queue.waiting(), [single(0..2), single(2..4), single(4..6), shape(6..7, None)]);
    queue.advance(2);
    assert_eq!(waiting(&queue), [(3, 1), (0, 1)]);
    queue.advance(2);
    assert!(queue.is_done());
    assert_eq!(waiting(&queue), []);
}

proptest! {
    /// Splits the messages as the kernel does. The result is the datagrams that were pushed, in order, each with
    /// its own destination. A message does not contain datagrams of two flows.
    #[test]
    fn messages_are_the_datagrams_pushed(
        datagrams in prop::collection::vec(
            (prop::sample::select(vec![0, 1, 60, 100, 1_400]), 0..3_u32, prop::option::of(0..2_u16)),
            0..200,
        ),
    ) {
        let queue = queue(&datagrams);
        let mut taken = Vec::new();
        for shape in queue.waiting() {
            let own = &datagrams[shape.slices.clone()];
            let mut left: usize = own.iter().map(|(len, ..)| len).sum();
            prop_assert!(left <= MAX && own.len() <= MAX_SEGMENTS);
            prop_assert!(own.iter().all(|(_, _, flow)| *flow == own[0].2));
            for _ in own {
                let len = shape.segment_size.map_or(left, |size| left.min(usize::from(size)));
                left -= len;
                taken.push((len, shape.to));
            }
        }
        let pushed: Vec<_> = datagrams.iter().map(|(len, to, _)| (*len, *to)).collect();
        prop_assert_eq!(taken, pushed);
    }
}
