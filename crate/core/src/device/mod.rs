//! A TUN or TAP device: opens or attaches to it, and moves packets one at a time.
//!
//! RTNETLINK sets addresses, MTU and link state; see [`crate::netlink`]. This module does not use it.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod attachment;
mod cause;
mod filter;
mod holder;
mod name;
mod offload;
mod options;
mod ownership;
pub mod principal;
mod put;
mod settings;
pub mod tunctl;

pub use attachment::Attachment;
pub use cause::{busy_error, of_open as open_error, read_error, write_error};
pub use filter::{MAX_INSTRUCTIONS, StationFilter};
pub use holder::{Holder, holders};
pub use name::{MAX_NAME, check_name};
pub use offload::{Offloads, has_vnet_header};
pub use options::{DEFAULT_CLONE_DEVICE, DeviceOptions, MAX_QUEUES, MIN_MTU, Mode};
pub use settings::Settings;

use crate::error::{Error, Result};
use crate::packet::layer::Layer;
use crate::sys::{descriptor, interface, io as sys_io, tun, tun_control, tun_filter};
use std::io;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};
use tun_filter::Program;

/// The longest packet that the driver passes, without the header of the link layer, bytes.
pub const MAX_PACKET: usize = 65_535;

/// The longest read, bytes: the longest packet, an Ethernet header with two tags, the longest vnet header and the
/// packet information header.
pub const MAX_READ: usize = MAX_PACKET + 22 + 24 + 4;

const SET_INDEX: &str = "ioctl(TUNSETIFINDEX)";

/// One open queue of a TUN or TAP device.
///
/// A device that is not persistent is deleted with its last queue, together with its addresses and routes. Reading
/// and writing do not block: the descriptor is non-blocking.
#[derive(Debug)]
pub struct TunDevice {
    fd: OwnedFd,
    name: String,
    index: u32,
    is_persistent: bool,
    has_vnet_header: bool,
    flags: i32,
    /// The classic BPF program that is attached to the device. The kernel reads its memory.
    program: Mutex<Option<Program>>,
    /// The last offloads that were set; `None`: none were.
    offload: Mutex<Option<u32>>,
}

impl TunDevice {
    /// Opens the device that `options` describe in the calling thread's network namespace.
    ///
    /// Each cause of a failed opening (`drivers/net/tun.c`, tun_set_iff) has its own message and advice.
    pub fn open(options: &DeviceOptions) -> Result<Self> {
        if let Some(name) = &options.name {
            check_name(name)?;
        }
        let clone_device = &options.clone_device;
        let fd = tun::open(clone_device).map_err(|e| cause::of_open(clone_device, &e))?;
        if let Some(index) = options.index {
            tun_control::set_index(fd.as_fd(), index).map_err(|e| {
                Error::os("ask for the interface index", index.to_string(), SET_INDEX, &e)
            })?;
        }
        let requested = options.name.as_deref().unwrap_or_default();
        let name = tun::set_interface(fd.as_fd(), requested, options.flags())
            .map_err(|error| cause::of_attach(options, requested, &error))?;
        // The mask belongs to the device, and an earlier owner may have set it.
        tun::set_offload(fd.as_fd(), 0)
            .map_err(|e| Error::os("set the offloads of", &name, "ioctl(TUNSETOFFLOAD)", &e))?;
        if options.has_vnet_header {
            tun::set_vnet_header_size(fd.as_fd(), options.vnet_header_size).map_err(|e| {
                Error::os("set the vnet header of", &name, "ioctl(TUNSETVNETHDRSZ)", &e)
            })?;
        }
        let info = tun::queue_info(fd.as_fd())
            .map_err(|e| Error::os("read the flags of", &name, "ioctl(TUNGETIFF)", &e))?;
        let device = Self::of_queue(fd, info)?;
        match options.index {
            // The kernel uses the number only when it creates an interface.
            Some(index) if index != device.index => Err(cause::of_index(&device, index)),
            _ => Ok(device),
        }
    }

    /// Takes over a descriptor that is attached to a device of `mode` in the calling thread's namespace. `number` is
    /// the caller's descriptor number, for messages. If this fails, the descriptor is unchanged.
    ///
    /// # Errors
    ///
    /// Returns [`DeviceMismatch`](crate::ErrorCode::DeviceMismatch) if the device has the other mode.
    pub fn adopt(fd: OwnedFd, number: RawFd, mode: Mode) -> Result<Self> {
        let info = tun::queue_info(fd.as_fd()).map_err(|e| cause::of_adopt(number, &e))?;
        if mode_of(info.flags) != mode {
            return Err(cause::of_mode(number, &info.name, mode));
        }
        descriptor::set_nonblocking(fd.as_fd())
            .map_err(|e| Error::os("adopt", &info.name, "fcntl(F_SETFL)", &e))?;
        Self::of_queue(fd, info)
    }

    fn of_queue(fd: OwnedFd, info: tun::QueueInfo) -> Result<Self> {
        let index = interface::index_of(&info.name)
            .map_err(|e| Error::os("look up", &info.name, "if_nametoindex", &e))?;
        Ok(Self {
            fd,
            index,
            is_persistent: info.flags & tun::IFF_PERSIST != 0,
            has_vnet_header: info.flags & tun::IFF_VNET_HDR != 0,
            flags: info.flags,
            name: info.name,
            program: Mutex::new(None),
            offload: Mutex::new(None),
        })
    }

    /// Returns the name that the kernel assigned to the interface.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the index of the interface in its network namespace.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Returns the `IFF_*` flags that `TUNGETIFF` reported when the device was opened.
    #[must_use]
    pub fn flags(&self) -> i32 {
        self.flags
    }

    /// Returns whether the device carries Ethernet frames rather than IP packets.
    #[must_use]
    pub fn is_tap(&self) -> bool {
        mode_of(self.flags) == Mode::Tap
    }

    /// Returns the layer of the device's packets.
    #[must_use]
    pub fn layer(&self) -> Layer {
        if self.is_tap() { Layer::Ethernet } else { Layer::Ip }
    }

    /// Returns whether the device was persistent when it was opened. It then existed before, and is kept afterwards.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.is_persistent
    }

    /// Returns whether a `struct virtio_net_hdr` precedes each packet read or written.
    #[must_use]
    pub fn has_vnet_header(&self) -> bool {
        self.has_vnet_header
    }

    /// Sets the super-packets that the device passes, as a mask of `TUN_F_*`.
    pub fn set_offload(&self, mask: u32) -> io::Result<()> {
        tun::set_offload(self.as_fd(), mask)?;
        *self.offload.lock().unwrap_or_else(PoisonError::into_inner) = Some(mask);
        Ok(())
    }

    /// Sets the offloads of the last [`TunDevice::set_offload`] again, if another process has changed them.
    pub(crate) fn set_offload_again(&self) -> io::Result<()> {
        let mask = *self.offload.lock().unwrap_or_else(PoisonError::into_inner);
        mask.map_or(Ok(()), |mask| tun::set_offload(self.as_fd(), mask))
    }

    /// Sets a loaded eBPF program whose result chooses the queue of each packet. `None` removes the program.
    pub fn set_steering(&self, program: Option<BorrowedFd<'_>>) -> io::Result<()> {
        tun_filter::set_steering(self.as_fd(), program)
    }

    /// Reads one packet. Fails with `WouldBlock` if there is none, and with `EBADFD` after the device was deleted.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        sys_io::read(self.as_fd(), buffer)
    }

    /// Writes one packet. Fails with `EIO` while the interface is down, and with `EINVAL` if the packet is not IP.
    pub fn write(&self, packet: &[u8]) -> io::Result<usize> {
        sys_io::write(self.as_fd(), packet)
    }

    /// Writes one packet gathered from at most 1,024 `slices`.
    pub fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        sys_io::write_vectored(self.as_fd(), slices)
    }
}

/// Returns the mode in the flags of `TUNGETIFF`.
fn mode_of(flags: i32) -> Mode {
    match flags & (tun::IFF_TUN | tun::IFF_TAP) {
        tun::IFF_TAP => Mode::Tap,
        _ => Mode::Tun,
    }
}

impl AsFd for TunDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for TunDevice {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
