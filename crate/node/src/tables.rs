//! The tables that Rust and TypeScript share: counters, limits, names. The tables of TypeScript are generated
//! from them (scripts/generate), or compared with them by a test (`__test__/lib/tables.spec.ts`).

use crate::sys::list::LIST_MAX;
use crate::sys::view::{BATCH_BYTES_MAX, BATCH_PACKETS_MAX};
use napi_derive::napi;
use std::collections::HashMap;
use tun2udp_core::capture::{MAX_SNAP_LENGTH, MIN_FILE_BYTES};
use tun2udp_core::device::{MAX_INSTRUCTIONS, MAX_NAME, MAX_PACKET, MAX_QUEUES, MIN_MTU};
use tun2udp_core::netlink::names;
use tun2udp_core::relay::{COUNTERS, CounterDescription, MAX_SOURCE_PORTS};

/// The tables of the core.
#[napi(object, object_from_js = false)]
pub struct NativeTables {
    /// The counters of a relay, in order.
    pub counters: Vec<NativeCounter>,
    /// Limits of the kernel and of the bridge.
    pub limits: NativeLimits,
    /// Names of RTNETLINK's numbers, by their type in Rust.
    pub names: HashMap<String, Vec<String>>,
}

/// A counter of a relay.
#[napi(object, object_from_js = false)]
pub struct NativeCounter {
    /// `outbound` or `inbound`.
    pub direction: String,
    /// Its name in Rust.
    pub name: String,
    /// Its unit: `packets`, `bytes`, `datagrams`, `reports`, `calls`.
    pub unit: String,
    /// Whether it is a cause of `dropped`.
    pub is_drop: bool,
    /// Its name in the program's output; absent: it is not printed by itself.
    pub words: Option<String>,
    /// Its description, in sentences.
    pub help: String,
}

/// Limits of the kernel and of the bridge.
#[napi(object, object_from_js = false)]
pub struct NativeLimits {
    /// Maximum number of queues of a device.
    pub queues: u32,
    /// Maximum number of source ports of a relay.
    pub source_ports: u32,
    /// Smallest MTU, bytes.
    pub min_mtu: u32,
    /// Largest MTU of a TUN device, bytes.
    pub max_mtu: u32,
    /// Maximum length of the name of an interface, bytes.
    pub name_bytes: u32,
    /// Maximum number of instructions of a classic BPF program.
    pub filter_instructions: u32,
    /// Maximum number of bytes that a capture keeps of a packet.
    pub snap_length: u32,
    /// Smallest file and buffer of a capture, bytes.
    pub min_capture_bytes: u32,
    /// Maximum number of elements of a list of options.
    pub list_elements: u32,
    /// Maximum number of packets per call that writes.
    pub batch_packets: u32,
    /// Maximum number of bytes of all packets per call that writes.
    pub batch_bytes: u32,
}

/// Returns the tables of the core.
#[napi(catch_unwind)]
pub fn tables() -> NativeTables {
    let all = |(kind, names): &(&str, &[&str])| {
        ((*kind).to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
    };
    NativeTables {
        counters: COUNTERS.iter().map(NativeCounter::from).collect(),
        limits: NativeLimits {
            queues: MAX_QUEUES as u32,
            source_ports: MAX_SOURCE_PORTS as u32,
            min_mtu: MIN_MTU,
            max_mtu: MAX_PACKET as u32,
            name_bytes: MAX_NAME as u32,
            filter_instructions: MAX_INSTRUCTIONS as u32,
            snap_length: MAX_SNAP_LENGTH as u32,
            min_capture_bytes: MIN_FILE_BYTES as u32,
            list_elements: LIST_MAX,
            batch_packets: BATCH_PACKETS_MAX,
            batch_bytes: BATCH_BYTES_MAX as u32,
        },
        names: names::ALL.iter().map(all).collect(),
    }
}

impl From<&CounterDescription> for NativeCounter {
    fn from(counter: &CounterDescription) -> Self {
        Self {
            direction: counter.direction.to_owned(),
            name: counter.name.to_owned(),
            unit: counter.unit.to_owned(),
            is_drop: counter.is_drop,
            words: counter.words.map(ToOwned::to_owned),
            help: counter.help.to_owned(),
        }
    }
}
