//! Pure bytes: no I/O, no kernel but for the sums of [`crate::sys::checksum`].
//!
//! - `vnet` is the header that stands before each packet of a device with offload;
//! - `header` is where the fields of headers are;
//! - `view` finds the headers of a packet; `checksum` adds and folds;
//! - `ethernet` finds the packet of a frame; `layer` is whether there are frames around packets;
//! - `icmp` makes errors about packets;
//! - `split` cuts a super-packet of the kernel's into the packets it stands for;
//! - `flow` gives a flow a number, by which queues share the work;
//! - `mss` lowers the maximum segment size of a TCP SYN; `fragment` splits an IPv4 packet into fragments;
//! - `coalesce` joins packets into super-packets that the kernel would cut apart again exactly so.
//!
//! Packets are hostile: every read is checked, and nothing here can panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod checksum;
pub mod coalesce;
pub mod ethernet;
pub mod flow;
pub mod fragment;
pub mod header;
pub mod icmp;
pub mod layer;
pub mod mss;
pub mod split;
pub mod view;
pub mod vnet;

#[cfg(test)]
pub(crate) mod samples;
