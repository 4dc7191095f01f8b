//! Builds the engine of a queue from its device, its sockets and the task.

use super::engine::{Engine, Parts};
use super::error_sources::ErrorSources;
use super::inbound::{BATCH_MESSAGES, Inbound};
use super::keepalives::Keepalives;
use super::lanes::{Lane, Lanes};
use super::outbound::{Outbound, OutboundOptions};
use super::packet_writer::PacketWriter;
use super::segment_clamp::SegmentClamp;
use super::socket::Socket;
use super::worker::Task;
use crate::capture::Tap;
use crate::error::{Error, Result};
use crate::packet::coalesce::CoalesceOptions;
use crate::relay::loops::LoopGuard;
use crate::relay::setup::{FlowShare, Queue, Sockets};
use crate::relay::stats::Counters;
use crate::udp::{SendQueue, UdpEndpoint, UdpReceiver, UdpSender};
use std::sync::Arc;

/// Builds the engine of a queue, and registers its descriptors with those that the relay can pass on.
pub(super) fn engine(
    task: &Task,
    (queue, tap): (Queue, Tap),
    counters: &Arc<Counters>,
) -> Result<Engine> {
    let Queue { number, device, sockets, offload, share, interface_mtu, loops } = queue;
    let wire = task.plan.config.wire();
    let segment_clamp = SegmentClamp::new(task.plan.mss_clamp(), interface_mtu, wire);
    let watch = |e| Error::os("watch", device.name(), "epoll_ctl", &e);
    let coalesce = CoalesceOptions { tcp: offload.coalesce, udp: offload.coalesce && offload.uso };
    let Sockets { receiving, sends_from_receiving, further } = sockets;
    let receivers = receiving.len();
    let endpoints: Vec<_> = receiving.into_iter().chain(further).map(Arc::new).collect();
    task.holdings.add_queue(number, &device, &endpoints, receivers);
    let lane = |(number, endpoint): (usize, &Arc<UdpEndpoint>)| {
        let sender = UdpSender::new(Arc::clone(endpoint), offload.gso);
        let queue = SendQueue::new(task.plan.max_payload);
        Lane::new(number, sender, queue, endpoint.local().is_ipv4())
    };
    let senders =
        endpoints.iter().enumerate().skip(if sends_from_receiving { 0 } else { receivers });
    let lanes = Lanes::new(senders.map(lane).collect());
    let socket = |(number, endpoint): (usize, Arc<UdpEndpoint>)| {
        let receiver = UdpReceiver::new(Arc::clone(&endpoint), BATCH_MESSAGES);
        let writer = PacketWriter::new(Arc::clone(&device), coalesce);
        let (peers, counters) = (task.peers.view(), Arc::clone(counters));
        let is_further = number >= receivers;
        let inbound = Inbound::new(receiver, peers, writer, counters)
            .for_wire(wire)
            .for_share(if is_further { FlowShare::ALL } else { share })
            .with_segment_clamp(segment_clamp);
        Socket::new(endpoint, inbound, is_further)
    };
    let receiving = endpoints.iter().take(receivers);
    let keepalives = Keepalives::new(wire, receiving, task.peers.view(), Arc::clone(counters));
    let options = OutboundOptions {
        wire,
        error_sources: ErrorSources::new(&task.plan.config.addresses),
        class_policy: task.plan.config.class_policy(),
        loops: LoopGuard::new(Arc::clone(&loops)),
        segment_clamp,
    };
    let parts = Parts {
        outbound: Outbound::new(
            Arc::clone(&device),
            lanes,
            task.peers.view(),
            Arc::clone(counters),
            options,
        ),
        sockets: endpoints.into_iter().enumerate().map(socket).collect(),
        keepalives,
        deadline: Arc::clone(&task.deadline),
        device: Arc::clone(&device),
        stop: Arc::clone(&task.stop),
        peers: Arc::clone(&task.peers),
        loops,
        counters: Arc::clone(counters),
        tap,
    };
    Engine::new(parts, &task.wake_up).map_err(watch)
}
