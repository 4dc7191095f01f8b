//! What can be changed of a device while it is open, by the driver's ioctls.

use super::TunDevice;
use super::cause;
use super::ownership;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::tun_control::{FilterInstruction, MAC_LEN, MAX_FILTER_ADDRESSES};
use crate::sys::{tun, tun_control};
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::Path;

impl TunDevice {
    /// Whether the device outlives its last queue (`TUNSETPERSIST`).
    pub fn set_persistent(&self, is_persistent: bool) -> Result<()> {
        ownership::set_persistent(self.as_fd(), self.name(), is_persistent)
    }

    /// The user who may attach to the device without `CAP_NET_ADMIN` (`TUNSETOWNER`).
    pub fn set_owner(&self, uid: u32) -> Result<()> {
        ownership::set_owner(self.as_fd(), self.name(), uid)
    }

    /// The group whose members may attach to it without `CAP_NET_ADMIN` (`TUNSETGROUP`).
    pub fn set_group(&self, gid: u32) -> Result<()> {
        ownership::set_group(self.as_fd(), self.name(), gid)
    }

    /// The `IFF_*` flags as they are now, and `IFF_PERSIST` while the device is persistent.
    pub fn current_flags(&self) -> Result<i32> {
        let info = tun::queue_info(self.as_fd());
        info.map(|info| info.flags)
            .map_err(|e| self.refused("read the flags of", "ioctl(TUNGETIFF)", &e))
    }

    /// The network namespace that the device is in (`TUNGETDEVNETNS`, Linux ≥ 5.2).
    pub fn network_namespace(&self) -> io::Result<OwnedFd> {
        tun::network_namespace(self.as_fd())
    }

    /// Sets the link type, `ARPHRD_*`; the interface must be down (`TUNSETLINK`).
    pub fn set_link_type(&self, link_type: u16) -> Result<()> {
        tun_control::set_link_type(self.as_fd(), link_type)
            .map_err(|e| self.refused("set the link type of", "ioctl(TUNSETLINK)", &e))
    }

    /// Bytes written and not yet taken by the stack before a write waits (`TUNSETSNDBUF`).
    pub fn set_send_buffer(&self, bytes: i32) -> Result<()> {
        tun_control::set_send_buffer(self.as_fd(), bytes)
            .map_err(|e| self.refused("set the send buffer of", "ioctl(TUNSETSNDBUF)", &e))
    }

    /// What `TUNGETSNDBUF` tells; `INT_MAX` by default.
    pub fn send_buffer(&self) -> Result<i32> {
        tun_control::send_buffer(self.as_fd())
            .map_err(|e| self.refused("read the send buffer of", "ioctl(TUNGETSNDBUF)", &e))
    }

    /// Bytes of the vnet header (`TUNGETVNETHDRSZ`).
    pub fn vnet_header_size(&self) -> Result<i32> {
        tun_control::vnet_header_size(self.as_fd())
            .map_err(|e| self.refused("read the vnet header size of", "ioctl(TUNGETVNETHDRSZ)", &e))
    }

    /// Whether the interface has a carrier (`TUNSETCARRIER`, Linux ≥ 5.0).
    pub fn set_carrier(&self, has_carrier: bool) -> Result<()> {
        tun_control::set_carrier(self.as_fd(), has_carrier)
            .map_err(|e| self.refused("set the carrier of", "ioctl(TUNSETCARRIER)", &e))
    }

    /// Whether this queue takes packets (`TUNSETQUEUE`); of a device of many queues only.
    pub fn set_queue_attached(&self, is_attached: bool) -> Result<()> {
        let operation = if is_attached { "attach a queue of" } else { "detach a queue of" };
        tun_control::set_queue_attached(self.as_fd(), is_attached).map_err(|e| {
            let error = self.refused(operation, "ioctl(TUNSETQUEUE)", &e);
            match e.raw_os_error() {
                Some(libc::EINVAL) if self.flags() & tun::IFF_MULTI_QUEUE == 0 => error
                    .with_advice("it has one queue only: open it as a device of several queues"),
                Some(libc::EINVAL) => error.with_advice("the queue is so already"),
                _ => error,
            }
        })
    }

    /// The Ethernet address of a TAP device (`SIOCGIFHWADDR`).
    pub fn mac(&self) -> Result<[u8; MAC_LEN]> {
        self.expect_tap("read the MAC address of")?;
        tun_control::mac(self.as_fd())
            .map_err(|e| self.refused("read the MAC address of", "ioctl(SIOCGIFHWADDR)", &e))
    }

    /// Gives a TAP device an Ethernet address (`SIOCSIFHWADDR`).
    pub fn set_mac(&self, mac: [u8; MAC_LEN]) -> Result<()> {
        self.expect_tap("set the MAC address of")?;
        tun_control::set_mac(self.as_fd(), mac).map_err(|e| {
            let error = self.refused("set the MAC address of", "ioctl(SIOCSIFHWADDR)", &e);
            match e.raw_os_error() {
                Some(libc::EADDRNOTAVAIL) => error
                    .with_code(ErrorCode::InvalidArgument)
                    .with_advice("use the address of one station, such as 02:00:00:00:00:01"),
                _ => error,
            }
        })
    }

    /// The destinations whose frames a TAP device hands over, at most 256; none: all frames
    /// (`TUNSETTXFILTER`).
    pub fn set_mac_filter(&self, addresses: &[[u8; MAC_LEN]], all_multicast: bool) -> Result<()> {
        const OPERATION: &str = "set the MAC filter of";
        self.expect_tap(OPERATION)?;
        if addresses.len() > MAX_FILTER_ADDRESSES {
            let reason = format!("{} addresses are more than it takes", addresses.len());
            return Err(Error::new(ErrorCode::InvalidArgument, OPERATION, self.name(), reason)
                .with_advice(format!("give at most {MAX_FILTER_ADDRESSES}")));
        }
        tun_control::set_mac_filter(self.as_fd(), addresses, all_multicast)
            .map_err(|e| self.refused(OPERATION, "ioctl(TUNSETTXFILTER)", &e))
    }

    /// A classic BPF program for frames to the reader of a TAP device; none takes it away
    /// (`TUNATTACHFILTER`, `TUNDETACHFILTER`).
    pub fn set_filter(&self, program: &mut [FilterInstruction]) -> Result<()> {
        const OPERATION: &str = "set the packet filter of";
        self.expect_tap(OPERATION)?;
        if program.is_empty() {
            return tun_control::detach_filter(self.as_fd())
                .map_err(|e| self.refused(OPERATION, "ioctl(TUNDETACHFILTER)", &e));
        }
        tun_control::attach_filter(self.as_fd(), program).map_err(|e| {
            let error = self.refused(OPERATION, "ioctl(TUNATTACHFILTER)", &e);
            match e.raw_os_error() {
                Some(libc::EINVAL) => error.with_advice(
                    "the kernel takes no such program: every path must end in a return, and every \
                     jump must lead forward to an instruction",
                ),
                _ => error,
            }
        })
    }

    /// A loaded eBPF program of type socket filter for packets to the reader, by its descriptor
    /// (`TUNSETFILTEREBPF`, Linux ≥ 4.16); `None` takes it away.
    pub fn set_filter_program(&self, program: Option<RawFd>) -> Result<()> {
        tun_control::set_filter_program(self.as_fd(), program).map_err(|e| {
            self.refused_program("set the filter program of", "ioctl(TUNSETFILTEREBPF)", &e)
        })
    }

    /// A loaded eBPF program of type socket filter that chooses the queue of a packet, by its
    /// descriptor (`TUNSETSTEERINGEBPF`, Linux ≥ 4.16); `None` takes it away.
    pub fn set_steering_program(&self, program: Option<RawFd>) -> Result<()> {
        tun_control::set_steering_program(self.as_fd(), program).map_err(|e| {
            self.refused_program("set the steering program of", "ioctl(TUNSETSTEERINGEBPF)", &e)
        })
    }

    fn refused_program(
        &self,
        operation: &'static str,
        request: &'static str,
        e: &io::Error,
    ) -> Error {
        self.refused(operation, request, e).with_advice(
            "give the descriptor of a loaded eBPF program of type socket filter, as BPF_PROG_LOAD of \
             bpf(2) answers it",
        )
    }

    fn refused(&self, operation: &'static str, request: &'static str, e: &io::Error) -> Error {
        Error::os(operation, self.name(), request, e)
    }

    fn expect_tap(&self, operation: &'static str) -> Result<()> {
        if self.is_tap() {
            return Ok(());
        }
        let reason = "it is a TUN device, which has none";
        Err(Error::new(ErrorCode::Unsupported, operation, self.name(), reason)
            .with_advice("open a TAP device for it"))
    }
}

/// What the driver of this kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// The `IFF_*` flags that `TUNGETFEATURES` lists; persistence and exclusiveness are not.
    pub flags: u32,
}

/// Asks the driver what it takes.
pub fn features(clone_device: &Path) -> Result<Features> {
    let fd = tun::open(clone_device).map_err(|e| cause::of_open(clone_device, &e))?;
    let flags = tun::features(fd.as_fd()).map_err(|e| {
        let subject = clone_device.display().to_string();
        Error::os("read the features of", subject, "ioctl(TUNGETFEATURES)", &e)
    })?;
    Ok(Features { flags })
}
