//! The relay's thread: sets up, relays, takes back what it added, and says how it ended.

use super::config::{Event, RelayConfig, RelayInfo};
use super::engine::{Engine, READABLE, Stop};
use super::inbound::{BATCH_MESSAGES, Inbound};
use super::outbound::Outbound;
use super::peers::PeerFilter;
use super::setup::{self, Prepared};
use super::stats::Counters;
use super::{Closed, mtu};
use crate::error::{Error, Result};
use crate::sys::readiness;
use crate::transport::{Downgrade, UdpReceiver, UdpSender};
use std::sync::{Arc, mpsc};
use tokio::sync::watch;

/// What the thread is given.
pub(super) struct Task {
    pub(super) config: RelayConfig,
    pub(super) stop: Arc<Stop>,
    pub(super) counters: Arc<Counters>,
    pub(super) on_event: Box<dyn Fn(Event) + Send>,
}

/// The body of the thread.
pub(super) fn run(
    task: Task,
    started: &mpsc::Sender<Result<RelayInfo>>,
    ended: &watch::Sender<Option<Closed>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let end = match runtime {
        Ok(runtime) => runtime.block_on(relay(task, started)),
        Err(error) => {
            let error = Error::os("start", "the relay's event loop", "epoll_create1", &error);
            let _ = started.send(Err(error));
            return;
        }
    };
    if let Some(end) = end {
        ended.send_replace(Some(end.map_err(Arc::new)));
    }
}

/// Answers how the relay ended; `None` if it never started and `started` was told why.
async fn relay(task: Task, started: &mpsc::Sender<Result<RelayInfo>>) -> Option<Result<()>> {
    let prepared = match setup::prepare(&task.config).await {
        Ok(prepared) => prepared,
        Err(error) => {
            let _ = started.send(Err(error));
            return None;
        }
    };
    let Prepared { info, undo, .. } = &prepared;
    let info = info.clone();
    let result = match engine(&task, &prepared) {
        Ok(mut engine) => {
            let _ = started.send(Ok(info));
            let on_downgrade = |downgrade| (task.on_event)(event_of(downgrade));
            engine.run(on_downgrade).await
        }
        Err(error) => {
            undo.run().await;
            let _ = started.send(Err(error));
            return None;
        }
    };
    undo.run().await;
    Some(result)
}

fn engine(task: &Task, prepared: &Prepared) -> Result<Engine> {
    let Prepared { device, endpoint, .. } = prepared;
    let config = &task.config;
    let watch = |e| Error::os("watch", device.name(), "epoll_ctl", &e);
    let sender = UdpSender::new(Arc::clone(endpoint), config.offload.udp_segment);
    let receiver = UdpReceiver::new(Arc::clone(endpoint), BATCH_MESSAGES);
    let filter = PeerFilter::new(config.accept, config.peer);
    let max_train = mtu::max_payload(config.peer);
    Ok(Engine {
        outbound: Outbound::new(Arc::clone(device), sender, max_train, Arc::clone(&task.counters)),
        inbound: Inbound::new(Arc::clone(device), receiver, filter, Arc::clone(&task.counters)),
        device_ready: readiness::watch(device, READABLE).map_err(watch)?,
        device: Arc::clone(device),
        endpoint_ready: readiness::watch(endpoint, READABLE).map_err(watch)?,
        endpoint: Arc::clone(endpoint),
        stop: Arc::clone(&task.stop),
    })
}

fn event_of(downgrade: Downgrade) -> Event {
    match downgrade {
        Downgrade::SegmentationOff { errno } => Event {
            kind: "udp-segment-off",
            message: format!(
                "the kernel refused UDP_SEGMENT ({}): datagrams are sent one by one from now on",
                crate::error::strerror(errno)
            ),
        },
    }
}
