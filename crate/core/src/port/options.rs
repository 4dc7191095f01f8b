//! What a device is opened and configured with.

use crate::device::{DeviceOptions, Offloads};
use crate::sys::tun_control::MAC_LEN;
use ipnet::IpNet;
use std::os::fd::RawFd;

/// Options of [`super::open`]; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Mode, name, flags and headers of the device.
    pub device: DeviceOptions,
    /// Queues to open, each with a descriptor of its own; of more than one the device must be one
    /// of several.
    pub queues: usize,
    /// A descriptor that is attached to a device already, and is taken over once all else is done.
    pub adopt: Option<RawFd>,
    /// Refused unless the interface exists.
    pub must_exist: bool,
    /// Which super-packets the reader takes; only with a vnet header.
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
    /// `ARPHRD_*`
    pub link_type: Option<u16>,
    /// The kernel makes IPv6 link-local addresses on a new interface.
    pub link_local: bool,
    /// Whether the interface is to be up or down.
    pub up: Option<bool>,
    /// Name or number of the user who may attach to it.
    pub owner: Option<String>,
    /// Name or number of the group whose members may attach to it.
    pub group: Option<String>,
    /// Whether the device outlives its last queue.
    pub persist: Option<bool>,
}
