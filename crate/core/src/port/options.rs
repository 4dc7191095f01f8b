//! Options for opening and configuring a device.

use crate::device::{DeviceOptions, Offloads};
use crate::sys::tun_control::MAC_LEN;
use ipnet::IpNet;
use std::os::fd::RawFd;

/// Options of [`super::open`]. A setting that is `None` is not changed.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Mode, name, flags and headers of the device.
    pub device: DeviceOptions,
    /// Number of queues to open, each with its own descriptor. For more than one, the device must have several
    /// queues.
    pub queues: usize,
    /// An attached descriptor. It is taken over after everything else has succeeded.
    pub adopt: Option<RawFd>,
    /// Opening fails unless the interface exists.
    pub must_exist: bool,
    /// The kinds of super-packets that the reader accepts; only with a vnet header.
    pub offloads: Offloads,
    /// Name, path or process id of a network namespace; `None`: the calling thread's.
    pub netns: Option<String>,
    /// Addresses of the interface with their prefixes.
    pub addresses: Vec<IpNet>,
    /// Routes through the interface.
    pub routes: Vec<IpNet>,
    /// Largest packet, bytes.
    pub mtu: Option<u32>,
    /// Ethernet address; TAP only.
    pub mac: Option<[u8; MAC_LEN]>,
    /// Packets that may wait for the reader.
    pub tx_queue_length: Option<u32>,
    /// Bytes written and not yet taken by the stack before a write waits.
    pub send_buffer_bytes: Option<i32>,
    /// Bytes that can be written before the stack has accepted them; then a write waits.
    pub link_type: Option<u16>,
    /// The link type, `ARPHRD_*`.
    pub link_local: bool,
    /// Whether the kernel assigns IPv6 link-local addresses to a new interface.
    pub up: Option<bool>,
    /// Whether to set the interface up (`true`) or down (`false`).
    pub owner: Option<String>,
    /// Name or number of the group whose members may attach to it.
    pub group: Option<String>,
    /// Whether the device outlives its last queue.
    pub persist: Option<bool>,
}
