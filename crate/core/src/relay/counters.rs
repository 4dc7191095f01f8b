//! The table of counters. All code that contains a counter's name is generated from it: the live counters of a queue
//! and their sum, the statistics, the object for JavaScript with its declaration, the words of the program, and the
//! table in the documents.
//!
//! To add a counter, add one line here and the code that counts. Then run `npm run generate`.

use crate::counter::Counter;
use crate::udp::SendDrop;
use serde::{Deserialize, Serialize};

/// Passes the table of counters to the macro `$make`.
///
/// A line contains a name, its unit, its description, and the words with which the program prints it if it is not 0.
/// A counter without words is not printed by itself. A line of `dropped` has its variant of the enumeration of causes
/// instead of a unit. The description is a literal rather than a comment, because a macro turns a comment into a raw
/// string, which napi cannot read.
#[macro_export]
macro_rules! relay_counters {
    ($make:ident) => {
        $make! {
            outbound OutboundStats, OutboundDrops
            "Counters from the interface to the peer, since the start. Each packet read was sent or is counted in one cause of `dropped`; packets that the interface dropped before are `packetsMissed`. Bytes are those of whole IP packets or frames." {
                packets_read: packets, "Packets read from the interface.";
                bytes_read: bytes, "Bytes of the packets read.";
                super_packets_read: packets, "Super-packets read. The packets that they were split into are counted as read.";
                packets_split: packets, "Packets that super-packets were split into.";
                packets_fragmented: packets, "Packets that were split into fragments, because the path to the peer is narrower than the interface. The fragments are counted as read.";
                packets_missed: packets, "Packets that the kernel dropped before the relay could read them, mostly because the queue of the interface was full (`tx_dropped` of the interface). They are not counted as read. A super-packet counts as one.", "missed";
                read_errors: calls, "Reads of the interface that failed. Each is tried again after a pause.", "failed reads";
                datagrams_sent: datagrams, "Datagrams that the kernel took for sending.";
                bytes_sent: bytes, "Bytes of payload of the datagrams sent, without the headers of UDP and IP.";
                refused_by_peer: reports, "Reports that nothing listens on the port of the peer. The datagrams count as sent.", "refused by the peer";
                unreachable_reports: reports, "Reports that the peer could not be reached. The datagrams count as sent.", "reported unreachable";
                path_mtu_reports: reports, "Reports that a datagram was too long for the path. The datagrams count as sent.", "reported too long";
                keepalives_sent: datagrams, "Keepalives sent. They are not counted as datagrams.";
                sources_lost: calls, "Sends that the kernel refused because the local address that the peer sends to was removed. Each was repeated with an address that the kernel chose.", "local address removed";
                replies_written: packets, "ICMP errors that the relay wrote into the interface about packets that no peer has a prefix for, or that are too long for the path.", "ICMP errors to the interface";
                replies_dropped: packets, "ICMP errors that the interface refused, or that waited when the relay was closed.", "ICMP errors lost";
            } dropped OutboundDrop {
                too_long: TooLong, "Larger than a datagram, or than the path, can hold.", "too long";
                unreachable: Unreachable, "There is no route to the peer or one that forbids it.", "peer unreachable";
                no_peer: NoPeer, "No peer has a prefix that contains its destination. Its sender gets an ICMP error.", "no peer";
                denied: Denied, "A firewall or policy of this machine forbids it.", "denied";
                no_buffers: NoBuffers, "The socket or the network device has no memory or queue space for it.", "no buffers";
                looped: Looped, "A datagram of the relay itself, which a route led back into the interface.", "looped";
                malformed: Malformed, "The header that the kernel put before it does not fit it.", "malformed";
                closing: Closing, "Read, but the relay was closed before it could be sent.", "closing";
                other: Other, "Refused by the kernel for another reason.", "other";
            }

            inbound InboundStats, InboundDrops
            "Counters from the peer to the interface, since the start. Each datagram received was written or is counted in one cause of `dropped`." {
                datagrams_received: datagrams, "Datagrams received, from any address.";
                bytes_received: bytes, "Bytes of payload of the datagrams received.";
                keepalives_received: datagrams, "Keepalives received. They are not written into the interface, and not counted as datagrams.";
                receive_errors: calls, "Receives that failed. Each is tried again after a pause.", "failed receives";
                packets_written: packets, "Packets written into the interface.";
                bytes_written: bytes, "Bytes of the packets written.";
                super_packets_written: packets, "Super-packets written. The packets coalesced in them are counted as written.";
                packets_joined: packets, "Packets that were coalesced into super-packets.";
                ecn_marks: packets, "Packets whose ECN field was changed, because the network changed that of their datagram (RFC 6040). Nearly all of them are marked as congested (CE).";
            } dropped InboundDrop {
                foreign_source: ForeignSource, "Its source address is not that of a peer.", "foreign source";
                foreign_prefix: ForeignPrefix, "The source of its packet is not in a prefix of the peer that sent it.", "foreign prefix";
                empty: Empty, "It has no payload.", "empty";
                truncated: Truncated, "It was longer than the buffer for it.", "truncated";
                short_frame: ShortFrame, "It is shorter than an Ethernet header, in the mode tap.", "short frame";
                not_ip: NotIp, "It is neither IPv4 nor IPv6.", "not IP";
                not_ecn_capable: NotEcnCapable, "The network marked its datagram as congested (CE), but the packet is not ECN-capable (RFC 6040, 4.2).", "congestion";
                interface_down: InterfaceDown, "The interface is down.", "interface down";
                no_buffers: NoBuffers, "The kernel had no memory for it.", "no buffers";
                rejected: Rejected, "Refused by the kernel for another reason.", "rejected";
                closing: Closing, "Received, but the relay was closed before it could be written.", "closing";
            }
        }
    };
}

/// The description of a counter in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterDescription {
    /// The direction: `outbound` or `inbound`.
    pub direction: &'static str,
    /// The name of the counter in Rust.
    pub name: &'static str,
    /// The unit: `packets`, `bytes`, `datagrams`, `reports`, `calls`.
    pub unit: &'static str,
    /// Whether it is a cause of `dropped`.
    pub is_drop: bool,
    /// The words of the program for the counter. `None`: it is not printed by itself.
    pub words: Option<&'static str>,
    /// The description, in sentences.
    pub help: &'static str,
}

/// Returns the words of a line, if it has any.
macro_rules! words {
    () => {
        None
    };
    ($words:literal) => {
        Some($words)
    };
}

macro_rules! counters {
    ($(
        $direction:ident $stats:ident, $drops:ident $about:literal {
            $($name:ident: $unit:ident, $help:literal $(, $words:literal)?;)*
        } dropped $cause:ident {
            $($drop:ident: $variant:ident, $drop_help:literal, $drop_words:literal;)*
        }
    )*) => {
        $(
            #[doc = $about]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default)]
            pub struct $stats {
                $(#[doc = $help] pub $name: u64,)*
                $(#[doc = $drop_help] pub $drop: u64,)*
            }

            impl $stats {
                /// Returns the sum of all drops.
                #[must_use]
                pub fn dropped(&self) -> u64 {
                    [$(self.$drop),*].iter().sum()
                }
            }

            /// The reason why a packet was dropped.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $cause {
                $(#[doc = $drop_help] $variant,)*
            }

            impl $cause {
                /// All causes, in the order of the table.
                pub const ALL: &[Self] = &[$(Self::$variant),*];

                /// Returns the name of its counter.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self {
                        $(Self::$variant => stringify!($drop),)*
                    }
                }
            }
        )*

        /// The live counters of one queue.
        pub(super) mod live {
            use super::Counter;

            $(
                #[derive(Debug, Default)]
                pub(in crate::relay) struct $stats {
                    $(pub(in crate::relay) $name: Counter,)*
                    $($drop: Counter,)*
                }

                impl $stats {
                    pub(in crate::relay) fn drop_counter(&self, cause: super::$cause) -> &Counter {
                        match cause {
                            $(super::$cause::$variant => &self.$drop,)*
                        }
                    }

                    /// Adds the counts of an earlier relay.
                    pub(in crate::relay) fn add(&self, counts: &super::$stats) {
                        $(self.$name.add(counts.$name);)*
                        $(self.$drop.add(counts.$drop);)*
                    }

                    /// Returns the sums. Each value is exact, but the values were not read at the same instant.
                    pub(in crate::relay) fn sum<'a>(
                        queues: impl Iterator<Item = &'a Self> + Clone,
                    ) -> super::$stats {
                        super::$stats {
                            $($name: queues.clone().map(|queue| queue.$name.load()).sum(),)*
                            $($drop: queues.clone().map(|queue| queue.$drop.load()).sum(),)*
                        }
                    }
                }
            )*
        }

        /// All counters, in the order of the table.
        pub const COUNTERS: &[CounterDescription] = &[
            $(
                $(CounterDescription {
                    direction: stringify!($direction),
                    name: stringify!($name),
                    unit: stringify!($unit),
                    is_drop: false,
                    words: words!($($words)?),
                    help: $help,
                },)*
                $(CounterDescription {
                    direction: stringify!($direction),
                    name: stringify!($drop),
                    unit: "packets",
                    is_drop: true,
                    words: Some($drop_words),
                    help: $drop_help,
                },)*
            )*
        ];
    };
}

relay_counters!(counters);

impl From<SendDrop> for OutboundDrop {
    fn from(cause: SendDrop) -> Self {
        match cause {
            SendDrop::TooLong => Self::TooLong,
            SendDrop::Unreachable => Self::Unreachable,
            SendDrop::Denied => Self::Denied,
            SendDrop::NoBuffers => Self::NoBuffers,
            SendDrop::Other => Self::Other,
        }
    }
}
