//! The descriptors and settings that a running relay can pass on.

use super::descriptors::QueueDescriptors;
use super::settings;
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::interface::{Change, Snapshot};
use crate::relay::setup::{Distribution, redirect_datagrams};
use crate::udp::UdpEndpoint;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The device and the sockets of a running relay, which keeps them open, and its changes of a persistent interface.
#[derive(Debug, Default)]
pub(in crate::relay) struct Holdings(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Each with its number.
    queues: Vec<(usize, QueueHandles)>,
    changes: Vec<Change>,
    distribution: Option<Distribution>,
    /// The addresses whose datagrams the first queue receives, since the other end mixes flows.
    redirected: Vec<SocketAddr>,
    /// The settings of the interface before another process could change them.
    settings: Option<Snapshot>,
}

#[derive(Debug)]
struct QueueHandles {
    device: Weak<TunDevice>,
    sockets: Vec<Weak<UdpEndpoint>>,
    /// The number of the first sockets that are at the receiving port.
    receivers: usize,
}

/// The device and the sockets of a queue.
type OpenQueue = (Arc<TunDevice>, Vec<Arc<UdpEndpoint>>);

impl Holdings {
    /// Adds the queue with this number. The first `receivers` of its sockets are at the receiving port.
    pub(in crate::relay) fn add_queue(
        &self,
        number: usize,
        device: &Arc<TunDevice>,
        sockets: &[Arc<UdpEndpoint>],
        receivers: usize,
    ) {
        let sockets = sockets.iter().map(Arc::downgrade).collect();
        let handles = QueueHandles { device: Arc::downgrade(device), sockets, receivers };
        let mut inner = self.lock();
        inner.queues.push((number, handles));
        inner.queues.sort_by_key(|(number, _)| *number);
    }

    /// Sets the changes of an interface that outlives the relay.
    pub(in crate::relay) fn set_changes(&self, changes: &[Change]) {
        self.lock().changes = changes.to_vec();
    }

    /// Returns the changes of an interface that outlives the relay.
    pub(in crate::relay) fn changes(&self) -> Vec<Change> {
        self.lock().changes.clone()
    }

    /// Sets how packets and datagrams are distributed over several queues.
    pub(in crate::relay) fn set_distribution(&self, distribution: Distribution) {
        self.lock().distribution = Some(distribution);
    }

    /// Lets the first queue receive all datagrams for the address of `endpoint` from now on. Returns whether the kernel
    /// permits it.
    pub(in crate::relay) fn redirect_datagrams(&self, endpoint: &UdpEndpoint) -> bool {
        let mut inner = self.lock();
        let is_redirected = redirect_datagrams(endpoint).is_ok();
        if is_redirected && !inner.redirected.contains(&endpoint.local()) {
            inner.redirected.push(endpoint.local());
        }
        is_redirected
    }

    /// Duplicates the descriptors of all queues.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`] if the relay has ended, [`ErrorCode::Exhausted`] if the process has no descriptor left.
    pub(in crate::relay) fn duplicate(&self) -> Result<Vec<QueueDescriptors>> {
        let failed = |e: &std::io::Error| {
            Error::os("duplicate the descriptors of", "the relay", "fcntl(F_DUPFD)", e)
        };
        let copy = |fd: &dyn AsFd| fd.as_fd().try_clone_to_owned().map_err(|e| failed(&e));
        self.open()?
            .iter()
            .map(|(device, sockets)| {
                let sockets = sockets.iter().map(|socket| copy(socket).map(Into::into));
                Ok(QueueDescriptors {
                    device: copy(device)?.into(),
                    sockets: sockets.collect::<Result<_>>()?,
                })
            })
            .collect()
    }

    /// Records the settings of the interface, which another process may change. A process that may not change them itself
    /// records nothing.
    pub(in crate::relay) fn record_settings(&self) {
        let present = self.first_device().and_then(|device| settings::read(&device).ok()?);
        self.lock().settings = present;
    }

    /// Restores the recorded settings of the interface.
    pub(in crate::relay) fn restore_settings(&self) -> Result<()> {
        let before = self.lock().settings.take();
        match (before, self.first_device()) {
            (Some(before), Some(device)) => settings::restore(&device, &before),
            _ => Ok(()),
        }
    }

    fn first_device(&self) -> Option<Arc<TunDevice>> {
        self.lock().queues.first().and_then(|(_, handles)| handles.device.upgrade())
    }

    /// Sets everything again that another process may have changed through duplicates.
    pub(in crate::relay) fn set_again(&self) -> Result<()> {
        let queues = self.open()?;
        for (device, sockets) in &queues {
            device.set_offload_again().map_err(|e| {
                Error::os("set the offloads of", device.name(), "ioctl(TUNSETOFFLOAD)", &e)
            })?;
            sockets.iter().try_for_each(|socket| socket.set_again())?;
        }
        self.distribute_again(&queues)
    }

    /// Distributes packets and datagrams over the queues as they were.
    fn distribute_again(&self, queues: &[OpenQueue]) -> Result<()> {
        let inner = self.lock();
        let receivers = inner.queues.first().map_or(0, |(_, handles)| handles.receivers);
        let (Some(distribution), Some((_, sockets))) = (inner.distribution, queues.first()) else {
            return Ok(());
        };
        let devices: Vec<_> = queues.iter().map(|(device, _)| Arc::clone(device)).collect();
        let first = || sockets.iter().take(receivers).map(Arc::as_ref);
        let is_redirected = |socket: &&UdpEndpoint| inner.redirected.contains(&socket.local());
        distribution.apply(&devices, first().filter(|socket| !is_redirected(socket)))?;
        first().filter(is_redirected).try_for_each(|socket| {
            redirect_datagrams(socket).map_err(|e| {
                let subject = socket.local().to_string();
                Error::os("receive with one queue at", subject, "setsockopt", &e)
            })
        })
    }

    fn open(&self) -> Result<Vec<OpenQueue>> {
        let inner = self.lock();
        let open = |(_, handles): &(usize, QueueHandles)| {
            let sockets = handles.sockets.iter().map(Weak::upgrade).collect::<Option<_>>()?;
            Some((handles.device.upgrade()?, sockets))
        };
        let queues: Option<Vec<_>> = inner.queues.iter().map(open).collect();
        queues.filter(|queues| !queues.is_empty()).ok_or_else(closed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the error of passing on a relay that has ended.
pub(in crate::relay) fn closed() -> Error {
    Error::new(ErrorCode::Closed, "pass on", "the relay", "it is closed")
}
