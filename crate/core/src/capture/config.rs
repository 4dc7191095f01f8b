//! The options of a capture.

use super::filter::Program;
use super::pcapng::{Interface, LINK_ETHERNET, LINK_RAW};
use crate::error::{Error, ErrorCode, Result};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// The smallest limit of a file, bytes: the longest packet fits into it.
pub const MIN_FILE_BYTES: u64 = 128 << 10;

/// Default bytes of each thread's buffer.
const BUFFER_BYTES: usize = 4 << 20;
/// The longest block of a packet fits into a buffer of this size.
const MIN_BUFFER_BYTES: usize = MIN_FILE_BYTES as usize;
/// The longest snap length, bytes: that of the longest packet, as it is stated in the file.
pub const MAX_SNAP_LENGTH: usize = 262_144;

/// Where a capture is written.
#[derive(Debug)]
pub enum Output {
    /// A file, or a ring of files.
    File {
        /// The path. In a ring, the number of each file is put in front of the last extension.
        path: PathBuf,
        /// Whether an existing file is replaced.
        overwrite: bool,
        /// Maximum size of a file, bytes. Without `max_files`, the capture ends there.
        max_bytes: Option<u64>,
        /// Number of files kept. With more, the oldest is removed.
        max_files: Option<u32>,
    },
    /// A file, pipe or socket. The capture closes it.
    Descriptor(OwnedFd),
}

/// The options of a capture.
#[derive(Debug)]
pub struct CaptureConfig {
    /// Where it is written.
    pub output: Output,
    /// Whether packets of the interface are captured.
    pub inside: bool,
    /// Whether datagrams are captured.
    pub outside: bool,
    /// Maximum number of bytes per packet, with the headers of a datagram.
    pub snap_length: usize,
    /// Which packets are captured; `None`: all. It is run on the packet inside, at both points.
    pub filter: Option<Program>,
    /// Number of packets after which the capture ends.
    pub max_packets: Option<u64>,
    /// Bytes of the buffer of each thread of the relay. The same is allocated again for the writer.
    pub buffer_bytes: usize,
}

/// The interface of the relay.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) name: String,
    /// Whether its packets are Ethernet frames.
    pub(crate) has_frames: bool,
}

impl CaptureConfig {
    /// Returns the defaults: both points, whole packets, no filter.
    #[must_use]
    pub fn new(output: Output) -> Self {
        Self {
            output,
            inside: true,
            outside: true,
            snap_length: MAX_SNAP_LENGTH,
            filter: None,
            max_packets: None,
            buffer_bytes: BUFFER_BYTES,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let refused = |reason: String| {
            Err(Error::new(ErrorCode::InvalidArgument, "start the capture", "", reason))
        };
        if !self.inside && !self.outside {
            return refused("it needs a point: inside, outside or both".to_owned());
        }
        if self.snap_length == 0 || self.snap_length > MAX_SNAP_LENGTH {
            let found = self.snap_length;
            return refused(format!(
                "the snap length must be 1 to {MAX_SNAP_LENGTH} bytes, and is {found}"
            ));
        }
        if self.buffer_bytes < MIN_BUFFER_BYTES {
            let found = self.buffer_bytes;
            return refused(format!(
                "the buffer must have at least {MIN_BUFFER_BYTES} bytes, and has {found}"
            ));
        }
        if self.max_packets == Some(0) {
            return refused("the number of packets must be at least 1, and is 0".to_owned());
        }
        let Output::File { max_bytes, max_files, .. } = &self.output else { return Ok(()) };
        match (max_bytes, max_files) {
            (Some(bytes), _) if *bytes < MIN_FILE_BYTES => refused(format!(
                "the size of a file must be at least {MIN_FILE_BYTES} bytes, and is {bytes}"
            )),
            (None, Some(_)) => refused("a number of files needs the size of each".to_owned()),
            (_, Some(0)) => refused("the number of files must be at least 1, and is 0".to_owned()),
            _ => Ok(()),
        }
    }

    /// Returns the interfaces of the section, and the number of each point's.
    pub(super) fn interfaces(&self, inside: Inside) -> (Vec<Interface>, [Option<u32>; 2]) {
        let snap_length = self.snap_length as u32;
        let link = if inside.has_frames { LINK_ETHERNET } else { LINK_RAW };
        let description = "inside: packets of the interface, as the relay splits them";
        let inside = Interface { name: inside.name, description, link, snap_length };
        let outside = Interface {
            name: "udp".to_owned(),
            description: "outside: datagrams of the relay; their IP and UDP headers are reconstructed",
            link: LINK_RAW,
            snap_length,
        };
        let numbers = [self.inside.then_some(0), self.outside.then_some(u32::from(self.inside))];
        let inside = self.inside.then_some(inside);
        (inside.into_iter().chain(self.outside.then_some(outside)).collect(), numbers)
    }
}
