//! Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng). All numbers are little-endian.

use std::io::IoSlice;

/// Link type of raw IP packets: `LINKTYPE_RAW`.
pub const LINK_RAW: u16 = 101;
/// Link type of Ethernet frames: `LINKTYPE_ETHERNET`.
pub const LINK_ETHERNET: u16 = 1;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
/// An Enhanced Packet Block.
pub(super) const ENHANCED_PACKET: u32 = 6;

const COMMENT: u16 = 1;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const APPLICATION: u16 = 4;
const TIME_RESOLUTION: u16 = 9;
const FLAGS: u16 = 2;

/// Bytes of a packet block besides packet and options: header, and the second length.
const PACKET_FIXED: usize = 28 + 4;
/// Bytes of the option with the flags, and of the end of the options.
const FLAGS_AND_END: usize = 8 + 4;
/// Offset of the flags from the end of a packet block.
const FLAGS_FROM_END: usize = 4 + 4 + 4;

/// The direction of a packet in `epb_flags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to the interface.
    Inbound = 1,
    /// From the interface to the peer.
    Outbound = 2,
}

/// An interface of the section.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Name of the interface.
    pub name: String,
    /// Description of the interface.
    pub description: &'static str,
    /// Link type, such as [`LINK_RAW`].
    pub link: u16,
    /// Maximum number of bytes that are kept of a packet.
    pub snap_length: u32,
}

/// The counts of an interface for its statistics block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that passed (`isb_ifrecv`).
    pub received: u64,
    /// Packets that were left out (`isb_ifdrop`).
    pub dropped: u64,
    /// Packets that the filter accepted (`isb_filteraccept`).
    pub accepted: u64,
    /// Packets in the file (`isb_usrdeliv`).
    pub delivered: u64,
}

/// A packet to write. `kept` bytes of `header` and `pieces` are written.
pub struct Packet<'a> {
    /// Number of the interface in the section.
    pub interface: u32,
    /// Direction of the packet.
    pub direction: Direction,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// The first bytes of the packet, which may be none.
    pub header: &'a [u8],
    /// The bytes behind the header.
    pub pieces: &'a [IoSlice<'a>],
    /// Length of header and pieces, bytes.
    pub len: usize,
    /// Number of bytes to write, at most `len`.
    pub kept: usize,
    /// Comment of the packet.
    pub comment: Comment,
}

/// The comment of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comment {
    /// No comment.
    #[default]
    None,
    /// The packet was dropped, and counted by the counter of this name, in snake case.
    Dropped(&'static str),
    /// Another comment.
    Text(&'static str),
}

const DROPPED: &str = "dropped: ";

impl Comment {
    fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Dropped(name) => {
                DROPPED.len() + name.bytes().filter(|byte| *byte != b'_').count()
            }
            Self::Text(text) => text.len(),
        }
    }

    /// Returns the bytes of the option, with padding.
    fn option_len(self) -> usize {
        if self == Self::None { 0 } else { 4 + padded(self.len()) }
    }

    fn write(self, out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            Self::None => return,
            Self::Dropped(name) => {
                option_header(out, COMMENT, self.len());
                out.extend_from_slice(DROPPED.as_bytes());
                let mut is_upper = false;
                for byte in name.bytes() {
                    match byte {
                        b'_' => is_upper = true,
                        _ if is_upper => {
                            out.push(byte.to_ascii_uppercase());
                            is_upper = false;
                        }
                        _ => out.push(byte),
                    }
                }
            }
            Self::Text(text) => {
                option_header(out, COMMENT, text.len());
                out.extend_from_slice(text.as_bytes());
            }
        }
        pad(out, start);
    }
}

/// Returns the length with padding to 32 bits.
const fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

/// Adds zeroes until the bytes from `start` on are a multiple of 32 bits.
fn pad(out: &mut Vec<u8>, start: usize) {
    let len = padded(out.len() - start);
    out.resize(start + len, 0);
}

fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn option_header(out: &mut Vec<u8>, code: u16, len: usize) {
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    let start = out.len();
    option_header(out, code, value.len());
    out.extend_from_slice(value);
    pad(out, start);
}

/// Writes a block whose body `write` adds, with both lengths.
fn block(out: &mut Vec<u8>, kind: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    word(out, kind);
    word(out, 0);
    write(out);
    let len = (out.len() - start + 4) as u32;
    word(out, len);
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

/// Writes the beginning of a file: the section header and the interfaces.
pub fn prologue(interfaces: &[Interface]) -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, SECTION_HEADER, |out| {
        word(out, BYTE_ORDER);
        out.extend_from_slice(&[1, 0, 0, 0]);
        // The length of the section is not known.
        out.extend_from_slice(&[0xff; 8]);
        option(out, APPLICATION, concat!("tun2udp ", env!("CARGO_PKG_VERSION")).as_bytes());
        word(out, 0);
    });
    for interface in interfaces {
        block(&mut out, INTERFACE_DESCRIPTION, |out| {
            out.extend_from_slice(&interface.link.to_le_bytes());
            out.extend_from_slice(&[0; 2]);
            word(out, interface.snap_length);
            option(out, NAME, interface.name.as_bytes());
            option(out, DESCRIPTION, interface.description.as_bytes());
            option(out, TIME_RESOLUTION, &[9]);
            word(out, 0);
        });
    }
    out
}

/// Writes the statistics of an interface. Times are nanoseconds since 1970.
pub fn statistics(out: &mut Vec<u8>, interface: u32, times: [u64; 2], counts: &Statistics) {
    let [start, end] = times;
    let time = |time: u64| {
        let [a, b] = [(time >> 32) as u32, time as u32].map(u32::to_le_bytes);
        [a, b].concat()
    };
    block(out, INTERFACE_STATISTICS, |out| {
        word(out, interface);
        out.extend_from_slice(&time(end));
        option(out, 2, &time(start));
        option(out, 3, &time(end));
        let counts = [counts.received, counts.dropped, counts.accepted, counts.delivered];
        // isb_ifrecv, isb_ifdrop, isb_filteraccept, isb_usrdeliv.
        for (code, count) in [4, 5, 6, 8].into_iter().zip(counts) {
            option(out, code, &count.to_le_bytes());
        }
        word(out, 0);
    });
}

/// Returns the bytes of the block of a packet.
pub fn packet_len(kept: usize, comment: Comment) -> usize {
    PACKET_FIXED + padded(kept) + comment.option_len() + FLAGS_AND_END
}

/// Writes a packet. Returns the offset of its bytes in `out`.
pub fn packet(out: &mut Vec<u8>, packet: &Packet<'_>) -> usize {
    let len = packet_len(packet.kept, packet.comment) as u32;
    let (high, low) = ((packet.time >> 32) as u32, packet.time as u32);
    let fields =
        [ENHANCED_PACKET, len, packet.interface, high, low, packet.kept as u32, packet.len as u32];
    fields.into_iter().for_each(|field| word(out, field));
    let start = out.len();
    let header = packet.header.get(..packet.kept).unwrap_or(packet.header);
    out.extend_from_slice(header);
    let mut left = packet.kept - header.len();
    for piece in packet.pieces {
        let bytes = piece.get(..left).unwrap_or(piece);
        out.extend_from_slice(bytes);
        left -= bytes.len();
    }
    pad(out, start);
    packet.comment.write(out);
    option_header(out, FLAGS, 4);
    word(out, packet.direction as u32);
    word(out, 0);
    word(out, len);
    start
}

/// A block in a run of whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
}

impl Block<'_> {
    fn word(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Returns the number of the interface of a packet.
    pub(super) fn interface(&self) -> u32 {
        self.word(8)
    }

    /// Returns the time of a packet, nanoseconds since 1970.
    pub(super) fn time(&self) -> u64 {
        u64::from(self.word(12)) << 32 | u64::from(self.word(16))
    }

    /// Returns the direction of a packet that [`packet`] wrote.
    pub(super) fn direction(&self) -> Direction {
        match self.word(self.bytes.len().saturating_sub(FLAGS_FROM_END)) {
            2 => Direction::Outbound,
            _ => Direction::Inbound,
        }
    }
}

/// Returns the first of the blocks in `bytes`; `None` if it is not complete.
pub(super) fn first_block(bytes: &[u8]) -> Option<Block<'_>> {
    let len = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    Some(Block { bytes: bytes.get(..len).filter(|block| block.len() >= 12)? })
}

/// Returns the whole blocks at the start of `bytes`.
pub(super) fn blocks(mut bytes: &[u8]) -> impl Iterator<Item = Block<'_>> {
    std::iter::from_fn(move || {
        let block = first_block(bytes)?;
        bytes = bytes.get(block.bytes.len()..)?;
        Some(block)
    })
}
