//! A running relay as its owner holds it.

use super::config::{Event, PeerConfig, RelayConfig, RelayInfo};
use super::handover::{Holdings, Inheritance};
use super::missed;
use super::peers::{PeerStats, PeerTotals, Peers};
use super::queue::{Closed, Stop, Task, run};
use super::setup::{Plan, check_frame_peers};
use super::stats::{Meter, Stats};
use crate::capture::{Capture, CaptureConfig, Inside, Taps};
use crate::device::Mode;
use crate::error::{Error, Result};
use crate::interface::InterfaceState;
use crate::sys::poll::WakeUp;
use ipnet::IpNet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::watch;

/// A running relay. Dropping it closes it and waits until everything that it created is removed.
#[derive(Debug)]
pub struct Relay {
    info: RelayInfo,
    /// The routes of the configuration.
    routes: Vec<IpNet>,
    peers: Arc<Peers>,
    meter: Arc<Meter>,
    stop: Arc<Stop>,
    holdings: Arc<Holdings>,
    taps: Arc<Taps>,
    captures: Mutex<Vec<Arc<Capture>>>,
    closed: watch::Receiver<Option<Closed>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Relay {
    /// Sets everything up and starts relaying on its own threads. Returns once packets are relayed.
    ///
    /// After a failure everything is rolled back. The relay's threads call `on_event` with each optimization that the
    /// kernel refuses. This call blocks on the kernel, so call it outside an event loop.
    pub fn start(
        config: RelayConfig,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::start_with(config, None, Box::new(on_event))
    }

    /// Continues another relay: examines its descriptors, sets what the kernel keeps for them again, and changes the
    /// settings of the interface that differ from the configuration. The interface ends with its last descriptor.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidArgument`](crate::ErrorCode::InvalidArgument) and
    /// [`ErrorCode::DeviceMismatch`](crate::ErrorCode::DeviceMismatch) name a descriptor that is wrong or foreign. The
    /// other errors are those of [`Relay::start`]. After a failure the descriptors are closed.
    pub fn inherit(
        config: RelayConfig,
        inheritance: Inheritance,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::start_with(config, Some(inheritance), Box::new(on_event))
    }

    fn start_with(
        mut config: RelayConfig,
        inheritance: Option<Inheritance>,
        on_event: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self> {
        let peers = Arc::new(match inheritance {
            Some(_) => Peers::continued(&mut config)?,
            None => Peers::new(&mut config)?,
        });
        let routes = config.routes.clone();
        let plan = Plan::of(config)?;
        let event = || match WakeUp::new() {
            Ok(event) => Ok(Arc::new(event)),
            Err(cause) => Err(Error::os("start", "the relay", "eventfd", &cause)),
        };
        let (wake_up, deadline) = (event()?, event()?);
        let is_paused = inheritance.as_ref().is_some_and(|given| given.is_paused);
        let stop = Arc::new(Stop::new(&wake_up, is_paused));
        let queues = inheritance.as_ref().map_or(plan.queues, |given| given.queues.len());
        let meter = Arc::new(Meter::new(queues));
        if let Some(Inheritance { state: Some(state), is_paused: false, .. }) = &inheritance {
            meter.restore(state);
            peers.restore(state);
        }
        let holdings = Arc::<Holdings>::default();
        let poked = Arc::clone(&stop);
        let taps = Arc::new(Taps::new(queues, Box::new(move |is_on| poked.poke(is_on))));
        let (report_start, started) = mpsc::channel();
        let (report_end, closed) = watch::channel(None);
        let task = Task {
            plan,
            peers: Arc::clone(&peers),
            stop: Arc::clone(&stop),
            wake_up,
            deadline,
            meter: Arc::clone(&meter),
            holdings: Arc::clone(&holdings),
            taps: Arc::clone(&taps),
            on_event,
        };
        let worker = Builder::new()
            .name("tun2udp-relay".to_owned())
            .spawn(move || run(task, inheritance, &report_start, &report_end))
            .map_err(|e| Error::os("start", "a relay thread", "clone", &e))?;
        let info = match started.recv() {
            Ok(Ok(info)) => info,
            Ok(Err(error)) => {
                let _ = worker.join();
                return Err(error);
            }
            Err(_) => {
                let _ = worker.join();
                let gone = io::Error::other("its thread ended unexpectedly");
                return Err(Error::os("start", "the relay", "clone", &gone));
            }
        };
        let (captures, worker) = (Mutex::default(), Mutex::new(Some(worker)));
        Ok(Self { info, routes, peers, meter, stop, holdings, taps, captures, closed, worker })
    }

    /// Returns the names, addresses and sizes that the kernel assigned.
    #[must_use]
    pub fn info(&self) -> &RelayInfo {
        &self.info
    }

    /// Returns the current counts. They remain readable after the end.
    ///
    /// Asks the kernel for the packets that the interface dropped, and waits at most 2 ms for its reply. If it takes
    /// longer, or the last one is younger than 10 ms, the last value is returned.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats_of_age(missed::FRESH)
    }

    /// Returns the counters as [`Relay::stats`] does, but the kernel is not asked if its last reply is younger than
    /// `age`.
    #[must_use]
    pub fn stats_of_age(&self, age: Duration) -> Stats {
        self.meter.missed.refresh(age);
        self.meter.snapshot()
    }

    /// Returns the state of the interface, as up to date as [`Relay::stats`]. After the end it is the last one. `None` if it
    /// was never read.
    #[must_use]
    pub fn interface(&self) -> Option<InterfaceState> {
        self.meter.missed.refresh(missed::FRESH);
        self.meter.missed.interface()
    }

    /// Returns the state of each peer, in the order of the configuration.
    #[must_use]
    pub fn peer_stats(&self) -> Vec<PeerStats> {
        self.peers.stats()
    }

    /// Returns the state of each peer, and the counts of removed peers and of what belongs to no peer. They add up to
    /// [`Relay::stats`]. With a single peer that has no keepalive, whose datagrams the relay's own counters count, they are not the total.
    #[must_use]
    pub fn peer_totals(&self) -> PeerTotals {
        self.peers.totals(|| self.meter.snapshot())
    }

    /// Replaces the peers of a relay that was started with several, without losing a packet. A peer is identified by its
    /// name. If it has none, or had none before, its endpoint identifies it. A known peer keeps its counts, also at
    /// another endpoint, and the MTU of the path if its address does not change. Packets that were already read are sent
    /// to the peers that they were routed to.
    ///
    /// Returns `InvalidArgument` if two peers have the same name, endpoint or network, or if the relay was started for
    /// a single peer. An endpoint must have an address family that the relay has sockets of
    /// ([`RelayConfig::both_families`]), and a loopback address if all peers had one at the start. The interface's
    /// MTU does not change, and its routes are not checked against the new endpoints.
    pub fn set_peers(&self, peers: &[PeerConfig]) -> Result<()> {
        if self.info.mode == Mode::Tap {
            check_frame_peers(peers)?;
        }
        self.peers.replace(peers)
    }

    /// Replaces the endpoint of a relay that was started for a single peer, without losing a packet. The MTU of the path
    /// is forgotten if the address changes.
    ///
    /// Returns `InvalidArgument` if the relay was started for several peers, and for an endpoint that
    /// [`Relay::set_peers`] refuses. A link-local address needs its interface as scope id; `NotFound` if there is no
    /// such interface.
    pub fn set_endpoint(&self, endpoint: SocketAddr) -> Result<()> {
        self.peers.set_endpoint(endpoint)
    }

    /// Starts a capture. Returns once each thread captures: each begins with its next batch. The capture ends with the
    /// relay, at the latest.
    ///
    /// `InvalidArgument` for an option that is out of range, `Exists` for a file that may not be overwritten, `Closed`
    /// if the relay has ended. Blocks on the file system.
    pub fn capture(&self, config: CaptureConfig) -> Result<Arc<Capture>> {
        let name = self.info.interface_name.clone();
        let inside = Inside { name, has_frames: self.info.mode == Mode::Tap };
        let capture = Arc::new(Capture::start(config, inside, &self.taps)?);
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        captures.retain(|capture| !capture.is_closed());
        captures.push(Arc::clone(&capture));
        Ok(capture)
    }

    /// Requests the end of the relay and returns immediately. [`Relay::closed`] or [`Relay::join`] wait for it.
    pub fn close(&self) {
        self.stop.raise();
    }

    /// Waits until the relay has ended and everything that it created is removed.
    pub fn closed(&self) -> impl Future<Output = Closed> + Send + 'static {
        let mut closed = self.closed.clone();
        async move {
            match closed.wait_for(Option::is_some).await {
                Ok(end) => end.clone().unwrap_or(Ok(())),
                // The sender was dropped without a value: the thread ended after its last report.
                Err(_) => Ok(()),
            }
        }
    }

    /// Blocks until the relay has ended and everything that it created is removed.
    pub fn join(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            let _ = worker.join();
        }
        let captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        captures.iter().for_each(|capture| drop(capture.join()));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
        self.join();
    }
}

mod passing;
