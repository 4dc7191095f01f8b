//! A running capture as its owner holds it.

use super::channel::{Channel, Selection};
use super::config::{CaptureConfig, Inside};
use super::output::Sink;
use super::stats::CaptureStats;
use super::tap::{Taps, now};
use super::writer::{PAUSE, Writer};
use crate::error::{Error, ErrorCode, Result};
use crate::sys::poll::WakeUp;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use tokio::sync::watch;

/// How a capture ended: closed, by its owner, the relay, a limit or the reader; or failed.
pub type Closed = std::result::Result<(), Arc<Error>>;

/// A running capture. Dropping it closes it and waits until everything is written.
pub struct Capture {
    channel: Arc<Channel>,
    closed: watch::Receiver<Option<Closed>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Capture {
    /// Opens the output and starts. Returns once each thread of the relay captures.
    pub(crate) fn start(config: CaptureConfig, inside: Inside, taps: &Arc<Taps>) -> Result<Self> {
        config.check()?;
        if taps.is_ended() {
            let reason = "the relay is closed";
            return Err(Error::new(ErrorCode::Closed, "start the capture", "", reason));
        }
        let wake =
            WakeUp::new().map_err(|cause| Error::os("start", "the capture", "eventfd", &cause))?;
        let (interfaces, numbers) = config.interfaces(inside);
        let CaptureConfig { output, snap_length, filter, max_packets, buffer_bytes, .. } = config;
        let sink = Sink::open(output)?;
        let selection = Selection { interfaces: numbers, snap_length, filter, buffer_bytes };
        let channel = Arc::new(Channel::new(selection, taps.queues(), wake));
        channel.files.add(1);
        let writer = Writer {
            channel: Arc::clone(&channel),
            taps: Arc::clone(taps),
            sink,
            interfaces,
            began: now(),
            packets_left: max_packets.unwrap_or(u64::MAX),
            pause: PAUSE,
        };
        let (report_end, closed) = watch::channel(None);
        let body = move || {
            let end = writer.run();
            report_end.send_replace(Some(end));
        };
        taps.add(&channel);
        let worker = match Builder::new().name("tun2udp-capture".to_owned()).spawn(body) {
            Ok(worker) => worker,
            Err(error) => {
                taps.remove(&channel);
                return Err(Error::os("start", "the thread of a capture", "clone", &error));
            }
        };
        Ok(Self { channel, closed, worker: Mutex::new(Some(worker)) })
    }

    /// Returns the counts so far. They remain readable after the end.
    #[must_use]
    pub fn stats(&self) -> CaptureStats {
        self.channel.stats()
    }

    /// Requests the end of the capture and returns immediately. Packets that passed before are still written.
    pub fn close(&self) {
        self.channel.close();
    }

    /// Returns whether the capture has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.borrow().is_some()
    }

    /// Waits until the capture has ended and everything is written.
    pub fn closed(&self) -> impl Future<Output = Closed> + Send + 'static {
        let mut closed = self.closed.clone();
        async move {
            match closed.wait_for(Option::is_some).await {
                Ok(end) => end.clone().unwrap_or(Ok(())),
                Err(_) => Ok(()),
            }
        }
    }

    /// Blocks until the capture has ended. Returns how it ended.
    pub fn join(&self) -> Closed {
        // Other callers wait for the lock during this time.
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = worker.take() {
            let _ = worker.join();
        }
        drop(worker);
        self.closed.borrow().clone().unwrap_or(Ok(()))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.close();
        let _ = self.join();
    }
}
