//! The settings of the interface, which a running relay restores after another process did not take over.

use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::interface::Snapshot;
use crate::namespace;
use crate::sys::tun;
use std::os::fd::AsFd;

/// Reads the settings. `None` if the interface was deleted. Blocks on the kernel.
///
/// # Errors
///
/// The process has no `CAP_NET_ADMIN` in the namespace of the interface, or the kernel is older than Linux 5.2.
pub(super) fn read(device: &TunDevice) -> Result<Option<Snapshot>> {
    within_namespace(device, async || Snapshot::take(device).await)
}

/// Restores the settings. Blocks on the kernel.
///
/// # Errors
///
/// Those of [`read`], and of a setting that the kernel refuses.
pub(super) fn restore(device: &TunDevice, settings: &Snapshot) -> Result<()> {
    within_namespace(device, async || settings.restore(device).await)
}

/// Runs `work` on a thread in the namespace of the interface.
fn within_namespace<T: Send>(
    device: &TunDevice,
    work: impl AsyncFnOnce() -> Result<T> + Send,
) -> Result<T> {
    let failed =
        |call, e: &std::io::Error| Error::os("restore the settings of", device.name(), call, e);
    let namespace =
        tun::network_namespace(device.as_fd()).map_err(|e| failed("ioctl(TUNGETDEVNETNS)", &e))?;
    namespace::within_open(&namespace, device.name(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| failed("epoll_create1", &e))?.block_on(work())
    })
}
