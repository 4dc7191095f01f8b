//! The options of a device, and the properties of an opened device.

use crate::convert::networks;
use crate::sys::list::{LIST_MAX, List};
use napi_derive::napi;
use tun2udp_core::device::{DeviceOptions, Mode, Offloads};
use tun2udp_core::packet::vnet::VnetHeader;
use tun2udp_core::port::OpenOptions;
use tun2udp_core::{Error, ErrorCode, Result};

/// Options of a device. `lib/device/options.ts` has checked them.
#[napi(object, object_to_js = false)]
pub struct NativeDeviceOptions {
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// Name or template of the interface.
    pub name: Option<String>,
    /// Path of the clone device.
    pub clone_device: Option<String>,
    /// A descriptor whose ownership is taken over.
    pub fd: Option<i32>,
    /// Fails unless the interface exists.
    pub must_exist: bool,
    /// Fails if the interface exists.
    pub exclusive: bool,
    /// A new interface starts without a carrier.
    pub no_carrier: bool,
    /// Written packets go through NAPI.
    pub napi: bool,
    /// Written frames may be assembled from fragments.
    pub napi_frags: bool,
    /// The device has several queues.
    pub multi_queue: bool,
    /// Number of queues to open.
    pub queues: u32,
    /// Each packet has a packet information header.
    pub packet_information: bool,
    /// Bytes of the vnet header in front of each packet.
    pub vnet_header_bytes: Option<i32>,
    /// TCP super-packets are accepted.
    pub tso: bool,
    /// UDP super-packets are accepted.
    pub uso: bool,
    /// Written packets of a flow are coalesced into super-packets.
    pub coalesce: bool,
    /// Packets may be read several at a time.
    pub io_uring: bool,
    /// The index of a new interface.
    pub index: Option<u32>,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
    /// `ADDRESS/PREFIX`.
    #[napi(ts_type = "Array<string>")]
    pub addresses: List<String, LIST_MAX>,
    /// `NETWORK/PREFIX`.
    #[napi(ts_type = "Array<string>")]
    pub routes: List<String, LIST_MAX>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Ethernet address, six numbers.
    #[napi(ts_type = "Array<number>")]
    pub mac_address: Option<List<u8, 6>>,
    /// Maximum number of packets that wait for the reader.
    pub tx_queue_length: Option<u32>,
    /// Bytes that may be in flight before a write waits.
    pub send_buffer_bytes: Option<i32>,
    /// `ARPHRD_*`
    pub link_type: Option<u16>,
    /// The kernel creates IPv6 link-local addresses.
    pub link_local: bool,
    /// The interface is set up, or down.
    pub up: Option<bool>,
    /// Name or number of the owner.
    pub owner: Option<String>,
    /// Name or number of the group.
    pub group: Option<String>,
    /// Whether the device outlives its last queue.
    pub persistent: Option<bool>,
}

impl TryFrom<NativeDeviceOptions> for OpenOptions {
    type Error = Error;

    /// Destructures the options and names every field of both sides, without `..`. A field that only one side
    /// has does not compile.
    fn try_from(options: NativeDeviceOptions) -> Result<Self> {
        let defaults = DeviceOptions::default();
        // `coalesce` and `io_uring` concern reading and writing (`NativeDevice::new`), not opening.
        #[rustfmt::skip]
        let NativeDeviceOptions {
            is_tap, name, clone_device, fd, must_exist, exclusive, no_carrier, napi, napi_frags,
            multi_queue, queues, packet_information, vnet_header_bytes, tso, uso, coalesce: _,
            io_uring: _, index, netns, addresses, routes, mtu, mac_address, tx_queue_length,
            send_buffer_bytes, link_type, link_local, up, owner, group, persistent,
        } = options;
        let device = DeviceOptions {
            mode: if is_tap { Mode::Tap } else { Mode::Tun },
            name,
            clone_device: clone_device.map_or(defaults.clone_device, Into::into),
            has_vnet_header: vnet_header_bytes.is_some(),
            vnet_header_size: vnet_header_bytes.unwrap_or(defaults.vnet_header_size),
            has_packet_information: packet_information,
            is_multi_queue: multi_queue,
            is_exclusive: exclusive,
            no_carrier,
            through_napi: napi,
            napi_frags,
            index,
        };
        Ok(Self {
            device,
            queues: queues as usize,
            adopt: fd,
            must_exist,
            offloads: Offloads { tso, uso },
            netns,
            addresses: networks("address", &addresses)?,
            routes: networks("route", &routes)?,
            mtu,
            mac: mac_address.map(|bytes| mac(&bytes)).transpose()?,
            tx_queue_length,
            send_buffer_bytes,
            link_type,
            link_local,
            up,
            owner,
            group,
            persist: persistent,
        })
    }
}

/// Converts bytes to an Ethernet address.
fn mac(bytes: &[u8]) -> Result<[u8; 6]> {
    bytes.try_into().map_err(|_| {
        let reason = "it is not six bytes long";
        Error::new(ErrorCode::InvalidArgument, "read the MAC address", "", reason)
    })
}

/// Properties of an opened device.
#[napi(object, object_from_js = false)]
#[derive(Clone)]
pub struct NativeDeviceInfo {
    /// The interface's name.
    pub name: String,
    /// The interface's index in its namespace.
    pub index: u32,
    /// Its MTU, bytes.
    pub mtu: u32,
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// `IFF_*` of `TUNGETIFF`.
    pub flags: i32,
    /// TCP super-packets are accepted.
    pub tso: bool,
    /// UDP super-packets are accepted.
    pub uso: bool,
    /// Written packets of a flow are coalesced into super-packets.
    pub coalesce: bool,
    /// Bytes of the vnet header; 0 without.
    pub vnet_header_bytes: i32,
    /// Bytes of a slab that has room for any one packet.
    pub largest_packet_bytes: u32,
    /// Queues that are open.
    pub queues: u32,
    /// The descriptor of the first queue.
    pub fd: i32,
}

/// A packet that the kernel refused.
#[napi(object, object_from_js = false)]
pub struct NativeRefusal {
    /// The packet's number in its batch.
    pub index: u32,
    /// The error as JSON, in the form of `crate::error`.
    pub error: String,
}

/// The fields of `struct virtio_net_hdr`.
#[napi(object, object_to_js = false)]
pub struct NativeVnetHeader {
    /// `VIRTIO_NET_HDR_F_*`
    pub flags: u8,
    /// `VIRTIO_NET_HDR_GSO_*`
    pub gso_type: u8,
    /// Length of all headers, bytes.
    pub hdr_len: u16,
    /// Payload of each packet but the last, bytes.
    pub gso_size: u16,
    /// Offset of the part of the packet that is summed, bytes.
    pub csum_start: u16,
    /// Offset of the checksum from `csum_start`, bytes.
    pub csum_offset: u16,
}

impl From<NativeVnetHeader> for VnetHeader {
    fn from(header: NativeVnetHeader) -> Self {
        let NativeVnetHeader { flags, gso_type, hdr_len, gso_size, csum_start, csum_offset } =
            header;
        Self { flags, gso_type, hdr_len, gso_size, csum_start, csum_offset }
    }
}
