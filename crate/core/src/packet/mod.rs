//! Packets as bytes: no I/O. The only part of `sys` in use is [`crate::sys::checksum`].
//!
//! - `vnet` is the header in front of each packet of a device with offload;
//! - `header` is where the fields of headers are;
//! - `view` finds the headers of a packet; `checksum` adds and folds;
//! - `ethernet` finds the packet in a frame; `layer` states whether packets are in frames;
//! - `datagram` finds the addresses and ports of a UDP packet;
//! - `icmp` creates ICMP errors about packets; `keepalive` is the packet that a peer discards;
//! - `split` splits a super-packet of the kernel into its packets;
//! - `flow` computes the number of a flow, by which flows are assigned to queues;
//! - `ecn` reads the traffic class, and combines the ECN of a packet with that of its datagram;
//! - `mss` lowers the maximum segment size of a TCP SYN; `fragment` splits an IPv4 packet into fragments;
//! - `coalesce` joins packets into super-packets that the kernel would split into the same packets.
//!
//! Packets are hostile: every read is checked, and nothing here can panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod checksum;
pub mod coalesce;
pub mod datagram;
pub mod ecn;
pub mod ethernet;
pub mod flow;
pub mod fragment;
pub mod header;
pub mod icmp;
pub mod keepalive;
pub mod layer;
pub mod mss;
pub mod split;
pub mod view;
pub mod vnet;

#[cfg(test)]
pub(crate) mod samples;
