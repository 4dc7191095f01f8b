//! Control messages (cmsg(3)) as plain bytes, without `unsafe`.
//!
//! The kernel's `struct cmsghdr` is a `size_t` length and two C ints, and each message is padded
//! to a multiple of `size_t`. musl splits the length into two ints, which is the same bytes.

/// Bytes of `struct cmsghdr` as the kernel reads it.
const HEADER: usize = size_of::<usize>() + 2 * size_of::<libc::c_int>();
const _: () = assert!(HEADER == size_of::<libc::cmsghdr>());

/// Space for one control message with up to 8 bytes of data, aligned as the kernel requires.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(8))]
pub struct ControlBuffer([u8; HEADER + 8]);

impl ControlBuffer {
    /// Returns the size of the buffer in bytes (`CMSG_SPACE` of a C int).
    pub const LEN: usize = HEADER + 8;

    /// Creates a buffer with one message that carries a 16-bit number, such as `UDP_SEGMENT`.
    #[must_use]
    pub fn with_u16(level: libc::c_int, kind: libc::c_int, value: u16) -> Self {
        let mut buffer = Self::default();
        let fields = (HEADER + size_of::<u16>())
            .to_ne_bytes()
            .into_iter()
            .chain(level.to_ne_bytes())
            .chain(kind.to_ne_bytes())
            .chain(value.to_ne_bytes());
        for (to, from) in buffer.0.iter_mut().zip(fields) {
            *to = from;
        }
        buffer
    }

    /// Returns the buffer's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
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
        let buffer = ControlBuffer::with_u16(libc::SOL_UDP, libc::UDP_SEGMENT, 1448);
        let all: Vec<_> = messages(buffer.bytes()).collect();
        let data = 1448_u16.to_ne_bytes();
        assert_eq!(
            all,
            [ControlMessage { level: libc::SOL_UDP, kind: libc::UDP_SEGMENT, data: &data }]
        );
    }

    #[test]
    fn lengths_that_lie_end_the_iteration() {
        for length in [0_usize, 1, HEADER - 1, HEADER + 9, usize::MAX] {
            let mut bytes = *ControlBuffer::with_u16(1, 2, 3).bytes();
            bytes[..8].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "length {length}");
        }
        for end in 0..HEADER {
            assert_eq!(messages(&ControlBuffer::with_u16(1, 2, 3).bytes()[..end]).count(), 0);
        }
    }
}
