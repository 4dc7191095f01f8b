//! The relay's threads: the first sets up, starts one for each further queue, relays itself, rolls back
//! what it added, and reports how it ended.

use super::assembly::engine;
use super::engine::Engine;
use super::observer::Reporter;
use super::stop::Stop;
use crate::capture::{Tap, Taps};
use crate::error::{Error, Result};
use crate::interface::Undo;
use crate::relay::config::{Event, RelayInfo};
use crate::relay::fallback::Fallback;
use crate::relay::handover::{Holdings, Inheritance};
use crate::relay::loops::LoopChange;
use crate::relay::notice;
use crate::relay::peers::{PeerChange, Peers};
use crate::relay::setup::{self, Plan, Queue, ReadyRelay};
use crate::relay::stats::{Counters, Meter};
use crate::sys::poll::WakeUp;
use crate::udp::UdpEndpoint;
use std::net::IpAddr;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How a relay ended: closed by its owner, or failed.
pub type Closed = std::result::Result<(), Arc<Error>>;

/// The parameters of the thread.
pub(in crate::relay) struct Task {
    pub(in crate::relay) plan: Plan,
    pub(in crate::relay) peers: Arc<Peers>,
    pub(in crate::relay) stop: Arc<Stop>,
    /// The wake-up that `stop` signals; it is dropped with the task.
    pub(in crate::relay) wake_up: Arc<WakeUp>,
    /// Signalled when peers have an earlier deadline; it is dropped with the task.
    pub(in crate::relay) deadline: Arc<WakeUp>,
    pub(in crate::relay) meter: Arc<Meter>,
    /// The descriptors and settings that the relay can pass on.
    pub(in crate::relay) holdings: Arc<Holdings>,
    pub(in crate::relay) taps: Arc<Taps>,
    pub(in crate::relay) on_event: Box<dyn Fn(Event) + Send + Sync>,
}

/// The body of the first thread.
pub(in crate::relay) fn run(
    task: Task,
    inheritance: Option<Inheritance>,
    started: &mpsc::Sender<Result<RelayInfo>>,
    ended: &watch::Sender<Option<Closed>>,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    // The task with all its resources and the event loop are dropped before the end is reported.
    let end = relay(&Arc::new(task), inheritance, &runtime, started);
    drop(runtime);
    if let Some(end) = end {
        ended.send_replace(Some(end.map_err(Arc::new)));
    }
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::os("start", "the relay's event loop", "epoll_create1", &error))
}

/// Returns how the relay ended; `None` if it never started, in which case `started` has received the error.
fn relay(
    task: &Arc<Task>,
    inheritance: Option<Inheritance>,
    runtime: &Runtime,
    started: &mpsc::Sender<Result<RelayInfo>>,
) -> Option<Result<()>> {
    let prepared = match runtime.block_on(setup::prepare(&task.plan, inheritance)) {
        Ok(prepared) => prepared,
        Err(error) => {
            let _ = started.send(Err(error));
            return None;
        }
    };
    let ReadyRelay { queues, info, undo, offload, fallbacks, notices, path_mtus, .. } = prepared;
    let ReadyRelay { mut steered, existed, .. } = prepared;
    let sockets = queues.iter().flat_map(|queue| queue.sockets.all());
    task.meter.set_offload(offload, sockets.filter(|socket| socket.lacks_gro()).count());
    task.peers.set_start_mtus(&path_mtus);
    let has = |is_ipv4| {
        let mut receiving = queues.iter().flat_map(|queue| &queue.sockets.receiving);
        receiving.any(|socket| socket.local().is_ipv4() == is_ipv4)
    };
    task.peers.set_sockets(has(true), has(false), info.source_ports);
    task.peers.start(&task.deadline);
    if let Some(queue) = queues.first() {
        task.meter.missed.start(&queue.device, existed);
    }
    task.holdings.set_changes(undo.changes());
    task.holdings.set_distribution(task.plan.distribution());
    for fallback in fallbacks {
        (task.on_event)(fallback.event());
    }
    notices.into_iter().for_each(&task.on_event);
    let on_started = |threads: Result<()>| {
        // Everything is removed before a failure is reported.
        if threads.is_err() {
            drop(steered.take());
            task.meter.missed.finish();
            roll_back(task, runtime, &undo);
        }
        let _ = started.send(threads.map(|()| info.clone()));
    };
    let end = relay_queues(task, queues, on_started)?;
    task.meter.missed.finish();
    if let Some(steered) = &mut steered {
        steered.keep(task.stop.is_released() || !task.stop.has_run());
    }
    drop(steered);
    if !task.stop.is_released() {
        roll_back(task, runtime, &undo);
    }
    Some(end)
}

/// Restores the settings of a persistent interface, and reports those that stay changed.
fn roll_back(task: &Task, runtime: &Runtime, undo: &Undo) {
    if let Err(error) = runtime.block_on(undo.run()) {
        (task.on_event)(Event {
            kind: "undo-incomplete",
            errno: error.errno(),
            address: None,
            message: error.to_string(),
        });
    }
}

/// Relays on all queues until the owner stops the relay, or until one queue fails, which ends all of them.
///
/// `on_started` receives whether every queue is ready. Returns `None` if one was not.
fn relay_queues(
    task: &Arc<Task>,
    queues: Vec<Queue>,
    on_started: impl FnOnce(Result<()>),
) -> Option<Result<()>> {
    let mut threads: Vec<JoinHandle<Result<()>>> = Vec::new();
    task.taps.set_queues(queues.len());
    let taps = (0..).map(|number| Tap::new(&task.taps, number));
    let mut parts = queues.into_iter().zip(taps).zip(task.meter.queues());
    let (queue, counters) = parts.next()?;
    let mut ready = engine(task, queue, counters);
    for (queue, counters) in parts {
        if ready.is_err() {
            break;
        }
        match start_thread(task, queue, counters) {
            Ok(thread) => threads.push(thread),
            Err(error) => ready = Err(error),
        }
    }
    let result = match ready {
        Ok(mut engine) => {
            on_started(Ok(()));
            Some(run_engine(task, &mut engine))
        }
        Err(error) => {
            task.stop.raise();
            let _ = join(threads.drain(..));
            on_started(Err(error));
            None
        }
    };
    let others = join(threads);
    result.map(|own| own.and(others))
}

/// The first error of the threads, once all have ended.
fn join(threads: impl IntoIterator<Item = JoinHandle<Result<()>>>) -> Result<()> {
    let ends: Vec<Result<()>> =
        threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(()))).collect();
    ends.into_iter().collect()
}

/// Runs one queue to its end, and ends the others with it.
fn run_engine(task: &Task, engine: &mut Engine) -> Result<()> {
    let on_fallback = |fallback: Fallback| {
        // Each queue meets with the same refusal: it is reported once.
        if task.meter.note(fallback) {
            (task.on_event)(fallback.event());
        }
    };
    let on_misdirected = |endpoint: &UdpEndpoint| {
        if task.holdings.redirect_datagrams(endpoint) {
            on_fallback(Fallback::Receivers);
        }
    };
    let on_foreign = |address: IpAddr| {
        // A link-local peer is foreign for a moment when its interface was created again.
        if !task.peers.has_address(address) && task.meter.note_foreign(address) {
            let single = task.peers.single_endpoint();
            (task.on_event)(notice::foreign_source(address, single.map(|peer| peer.ip())));
        }
    };
    let on_peer_change = |change: PeerChange| {
        (task.on_event)(notice::peer_change(&change));
        if let PeerChange::PathMtu(change) = change {
            let narrow = notice::narrowed_below_v6(&change).filter(|_| task.plan.has_v6());
            narrow.into_iter().for_each(&task.on_event);
        }
    };
    let on_loop = |change: LoopChange| (task.on_event)(notice::loop_change(&change));
    let sent_to = |peer| {
        // The datagrams of a single peer are all that are sent.
        task.peers.sent_to(peer).unwrap_or_else(|| task.meter.snapshot().outbound.datagrams_sent)
    };
    let reporter = Reporter {
        on_fallback: &on_fallback,
        on_misdirected: &on_misdirected,
        on_foreign: &on_foreign,
        on_peer_change: &on_peer_change,
        on_loop: &on_loop,
        sent_to: &sent_to,
    };
    let result = engine.run(&reporter);
    task.stop.raise();
    result
}

/// Starts the thread of a further queue; returns once it is ready.
fn start_thread(
    task: &Arc<Task>,
    queue: (Queue, Tap),
    counters: &Arc<Counters>,
) -> Result<JoinHandle<Result<()>>> {
    let (task, counters) = (Arc::clone(task), Arc::clone(counters));
    let (report, ready) = mpsc::channel();
    let body = move || match engine(&task, queue, &counters) {
        Ok(mut engine) => {
            let _ = report.send(Ok(()));
            run_engine(&task, &mut engine)
        }
        Err(error) => {
            let _ = report.send(Err(error));
            Ok(())
        }
    };
    let thread = Builder::new()
        .name("tun2udp-queue".to_owned())
        .spawn(body)
        .map_err(|e| Error::os("start", "a relay thread", "clone", &e))?;
    ready.recv().unwrap_or(Ok(())).map(|()| thread)
}
