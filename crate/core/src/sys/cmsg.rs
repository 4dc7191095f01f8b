//! Control messages (cmsg(3)) as plain bytes, without `unsafe`.
//!
//! The kernel's `struct cmsghdr` is a `size_t` length and two C ints, and each message is padded
//! to a multiple of `size_t`. musl splits the length into two ints, which is the same bytes.

/// Bytes of `struct cmsghdr` as the kernel reads it.
const HEADER: usize = size_of::<usize>() + 2 * size_of::<libc::c_int>();
const _: () = assert!(HEADER == size_of::<libc::cmsghdr>());

/// Bytes for the control messages of one datagram: `UDP_SEGMENT` or `UDP_GRO`, the traffic class, and the local address
/// of IPv4 or IPv6. Each is padded.
const SPACE: usize = 96;

/// Space for the control messages of one datagram, aligned as the kernel requires.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct ControlBuffer {
    bytes: [u8; SPACE],
    filled: usize,
}

impl Default for ControlBuffer {
    fn default() -> Self {
        Self { bytes: [0; SPACE], filled: 0 }
    }
}

impl ControlBuffer {
    /// Returns the size of the buffer in bytes.
    pub const LEN: usize = SPACE;

    /// Appends a message, which must fit.
    #[inline]
    pub fn push<const N: usize>(&mut self, level: libc::c_int, kind: libc::c_int, data: [u8; N]) {
        let len = HEADER + N;
        let start = self.filled;
        let Some(space) = self.bytes.get_mut(start..start + len) else {
            debug_assert!(false, "no space for a message of {N} bytes");
            return;
        };
        let fields = len
            .to_ne_bytes()
            .into_iter()
            .chain(level.to_ne_bytes())
            .chain(kind.to_ne_bytes())
            .chain(data);
        for (to, from) in space.iter_mut().zip(fields) {
            *to = from;
        }
        self.filled = (start + len.next_multiple_of(size_of::<usize>())).min(SPACE);
    }

    /// Returns the bytes of the messages that were appended.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Returns all bytes of the buffer, for messages that the kernel wrote.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SPACE] {
        &self.bytes
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.bytes.as_mut_ptr().cast()
    }
}

/// One control message: its level, type and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlMessage<'a> {
    /// `SOL_UDP`, `SOL_IP`, …
    pub level: libc::c_int,
    /// `UDP_GRO`, `IP_RECVERR`, …
    pub kind: libc::c_int,
    /// The data without padding.
    pub data: &'a [u8],
}

/// Iterates over the control messages in `bytes`, up to the first malformed one.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = ControlMessage<'_>> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk().map(|(n, r)| (usize::from_ne_bytes(*n), r))?;
        let (level, rest) = rest.split_first_chunk().map(|(n, r)| (i32::from_ne_bytes(*n), r))?;
        let (kind, rest) = rest.split_first_chunk().map(|(n, r)| (i32::from_ne_bytes(*n), r))?;
        let data = rest.get(..len.checked_sub(HEADER)?)?;
        let padded = len.next_multiple_of(size_of::<usize>());
        bytes = bytes.get(padded..).unwrap_or_default();
        Some(ControlMessage { level, kind, data })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = ControlBuffer::default();
        assert_eq!(messages(buffer.filled()).count(), 0);
        let size = 1_448_u16.to_ne_bytes();
        let (class, address) = (3_i32.to_ne_bytes(), [7; 20]);
        buffer.push(libc::SOL_UDP, libc::UDP_SEGMENT, size);
        buffer.push(libc::SOL_IPV6, libc::IPV6_TCLASS, class);
        buffer.push(libc::SOL_IPV6, libc::IPV6_PKTINFO, address);
        let all: Vec<_> = messages(buffer.filled()).collect();
        let message = |level, kind, data| ControlMessage { level, kind, data };
        assert_eq!(
            all,
            [
                message(libc::SOL_UDP, libc::UDP_SEGMENT, &size[..]),
                message(libc::SOL_IPV6, libc::IPV6_TCLASS, &class),
                message(libc::SOL_IPV6, libc::IPV6_PKTINFO, &address),
            ]
        );
    }

    fn one() -> ControlBuffer {
        let mut buffer = ControlBuffer::default();
        buffer.push(1, 2, 3_u16.to_ne_bytes());
        buffer
    }

    #[test]
    fn lengths_that_lie_end_the_iteration() {
        let end = one().filled().len();
        for length in [0_usize, 1, HEADER - 1, end + 1, usize::MAX] {
            let mut bytes = one().filled().to_vec();
            bytes[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "length {length}");
        }
        for end in 0..HEADER {
            assert_eq!(messages(&one().filled()[..end]).count(), 0);
        }
    }
}
