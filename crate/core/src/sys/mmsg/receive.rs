//! Receiving: `recvmmsg(2)`, with UDP_GRO (udp(7)).

use crate::sys::address::AddressBuffer;
use crate::sys::cmsg::{self, ControlBuffer, ControlMessage};
use crate::sys::{check_count, syscall};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The longest datagram of UDP, and the longest GSO batch that GRO passes on, bytes.
pub const MAX_DATAGRAM: usize = 65_535;
/// Zero bytes in front of each message of a [`ReceiveBatch`]. They serve as an empty vnet header, so that a
/// datagram and its header can be written as one slice.
const HEADROOM: usize = 16;
/// Bytes of the buffer for each message.
const SLOT: usize = HEADROOM + MAX_DATAGRAM;

/// Buffers for one `recvmmsg`, reused from call to call.
pub struct ReceiveBatch {
    buffer: Vec<u8>,
    messages: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    sources: Vec<AddressBuffer>,
    controls: Vec<ControlBuffer>,
    received: usize,
}

/// One message of a [`ReceiveBatch`]: a datagram, or with UDP_GRO a GSO batch of them.
#[derive(Clone, Debug)]
pub struct Received {
    /// Range of the payload in [`ReceiveBatch::buffer`]; the datagrams of a GSO batch follow one another.
    pub range: Range<usize>,
    /// Address of the sender; `None` if the kernel reports none of IPv4 or IPv6.
    pub source: Option<SocketAddr>,
    /// Length of each datagram except the last, bytes; `None`: the message is one datagram.
    pub segment_size: Option<usize>,
    /// Traffic class of the datagrams; 0 if the kernel does not report it.
    pub class: u8,
    /// The local address that they were sent to, if the kernel reports it.
    pub local: Option<IpAddr>,
    /// The datagram was longer than the buffer and was truncated (`MSG_TRUNC`).
    pub is_truncated: bool,
}

impl ReceiveBatch {
    /// Creates buffers for `capacity` messages of [`MAX_DATAGRAM`] bytes each. Only pages that datagrams reach
    /// are touched.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // SAFETY: `struct mmsghdr` and `struct iovec` are plain data, valid when all zero.
        let message: libc::mmsghdr = unsafe { mem::zeroed() };
        let vector = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        Self {
            buffer: vec![0; capacity * SLOT],
            messages: vec![message; capacity],
            vectors: vec![vector; capacity],
            sources: vec![AddressBuffer::default(); capacity],
            controls: vec![ControlBuffer::default(); capacity],
            received: 0,
        }
    }

    /// Receives up to `limit` messages without waiting. Returns the number of messages, at least one.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, limit: usize) -> io::Result<usize> {
        self.received = 0;
        let limit = limit.min(self.messages.len());
        self.point_headers(limit);
        let count = limit as libc::c_uint;
        // SAFETY: every header points into buffers of this struct (see `point_headers`) that are
        // neither moved nor borrowed during the call.
        let result = unsafe {
            syscall!(
                SYS_recvmmsg,
                fd.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut::<libc::timespec>(),
            )
        };
        self.received = check_count(result)?;
        Ok(self.received)
    }

    /// Returns the bytes of [`ReceiveBatch::buffer`] as a mutable slice.
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Returns the bytes that [`Received::range`] refers to.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns the messages of the last [`ReceiveBatch::receive`].
    pub fn iter(&self) -> impl Iterator<Item = Received> {
        let starts = (HEADROOM..).step_by(SLOT);
        let addresses = self.sources.iter().zip(&self.controls);
        self.messages.iter().zip(starts).zip(addresses).take(self.received).map(
            |((message, start), (source, control))| {
                let header = &message.msg_hdr;
                #[allow(clippy::unnecessary_cast, reason = "musl counts it in 32 bits")]
                let control_len = header.msg_controllen as usize;
                let length = (message.msg_len as usize).min(MAX_DATAGRAM);
                let mut received = Received {
                    range: start..start + length,
                    source: source.address(header.msg_namelen as usize),
                    segment_size: None,
                    class: 0,
                    local: None,
                    is_truncated: header.msg_flags & libc::MSG_TRUNC != 0,
                };
                let filled = control.bytes().get(..control_len).unwrap_or_default();
                cmsg::messages(filled).for_each(|message| received.note(&message));
                received
            },
        )
    }

    /// Points the first `count` headers to their buffers again: the kernel overwrites the lengths.
    fn point_headers(&mut self, count: usize) {
        let slots = self.buffer.chunks_exact_mut(SLOT).take(count);
        let payloads = slots.map(|slot| slot.get_mut(HEADROOM..).unwrap_or_default());
        let parts = self.vectors.iter_mut().zip(&mut self.sources).zip(&mut self.controls);
        for ((message, payload), ((vector, source), control)) in
            self.messages.iter_mut().zip(payloads).zip(parts)
        {
            vector.iov_base = payload.as_mut_ptr().cast();
            vector.iov_len = payload.len();
            let header = &mut message.msg_hdr;
            header.msg_name = source.as_mut_ptr();
            header.msg_namelen = AddressBuffer::LEN as libc::socklen_t;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control = control.as_mut_ptr();
            header.msg_controllen = ControlBuffer::LEN as _;
            header.msg_flags = 0;
        }
    }
}

impl Received {
    /// Takes over what a control message reports.
    #[inline]
    fn note(&mut self, message: &ControlMessage<'_>) {
        let data = message.data;
        match (message.level, message.kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => {
                // udp_cmsg_recv() in include/linux/udp.h writes a C int.
                let size = data.first_chunk().map(|size| i32::from_ne_bytes(*size));
                let size = size.and_then(|size| usize::try_from(size).ok());
                self.segment_size = size.filter(|size| *size > 0 && *size < self.range.len());
            }
            // ip_cmsg_recv_tos() in net/ipv4/ip_sockglue.c writes one byte.
            (libc::SOL_IP, libc::IP_TOS) => self.class = data.first().copied().unwrap_or(0),
            (libc::SOL_IPV6, libc::IPV6_TCLASS) => {
                let class = data.first_chunk().map(|class| i32::from_ne_bytes(*class));
                self.class = class.map_or(0, |class| class as u8);
            }
            // `ipi_spec_dst`: of a broadcast, the address that answers it.
            (libc::SOL_IP, libc::IP_PKTINFO) => {
                let address = data.get(4..).and_then(|data| data.first_chunk::<4>());
                let address = address.copied().map(Ipv4Addr::from);
                self.local = address.filter(|address| !address.is_unspecified()).map(IpAddr::V4);
            }
            (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
                let address = data.first_chunk::<16>().copied().map(Ipv6Addr::from);
                self.local = address.filter(|address| !address.is_multicast()).map(IpAddr::V6);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    /// Returns a socket with queued datagrams, one of each length, all bits set.
    fn receiver(lengths: &[usize]) -> UdpSocket {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for length in lengths {
            sender.send_to(&vec![0xff; *length], receiver.local_addr().unwrap()).unwrap();
        }
        receiver
    }

    #[test]
    fn no_more_than_the_limit_is_received() {
        let receiver = receiver(&[1, 2, 3, 4, 5]);
        let mut batch = ReceiveBatch::new(3);
        let mut lengths = |limit| {
            batch.receive(receiver.as_fd(), limit).unwrap();
            batch.iter().map(|message| message.range.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(9), [2, 3, 4]);
        assert_eq!(lengths(2), [5]);
    }

    #[test]
    fn control_messages_are_read_and_malformed_ones_are_ignored() {
        let noted = |level, kind, data: &[u8]| {
            let mut received = Received {
                range: 0..3_000,
                source: None,
                segment_size: None,
                class: 0,
                local: None,
                is_truncated: false,
            };
            received.note(&ControlMessage { level, kind, data });
            (received.segment_size, received.class, received.local)
        };
        let none = (None, 0, None);
        let int = |value: i32| value.to_ne_bytes();
        assert_eq!(noted(libc::SOL_UDP, libc::UDP_GRO, &int(1_400)), (Some(1_400), 0, None));
        for size in [0, -1, 3_000, i32::MAX] {
            assert_eq!(noted(libc::SOL_UDP, libc::UDP_GRO, &int(size)), none, "{size}");
        }
        assert_eq!(noted(libc::SOL_IP, libc::IP_TOS, &[0xbb]), (None, 0xbb, None));
        assert_eq!(noted(libc::SOL_IPV6, libc::IPV6_TCLASS, &int(0xbb)), (None, 0xbb, None));
        // The address of the machine, and that in the header of a broadcast.
        let info_v4 = [7, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255];
        let local = Some(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(noted(libc::SOL_IP, libc::IP_PKTINFO, &info_v4), (None, 0, local));
        assert_eq!(noted(libc::SOL_IP, libc::IP_PKTINFO, &[0; 12]), none);
        let info_v6 = |address: &str| {
            [&address.parse::<Ipv6Addr>().unwrap().octets()[..], &[7, 0, 0, 0]].concat()
        };
        let local = "2001:db8::1".parse().ok();
        let (level, kind) = (libc::SOL_IPV6, libc::IPV6_PKTINFO);
        assert_eq!(noted(level, kind, &info_v6("2001:db8::1")), (None, 0, local));
        assert_eq!(noted(level, kind, &info_v6("ff02::1")), none, "multicast");
        for (level, kind, len) in [
            (libc::SOL_UDP, libc::UDP_GRO, 3),
            (libc::SOL_IP, libc::IP_TOS, 0),
            (libc::SOL_IPV6, libc::IPV6_TCLASS, 3),
            (libc::SOL_IP, libc::IP_PKTINFO, 7),
            (libc::SOL_IPV6, libc::IPV6_PKTINFO, 15),
            (libc::SOL_SOCKET, libc::IP_TOS, 4),
        ] {
            assert_eq!(noted(level, kind, &vec![1; len]), none, "{level} {kind} {len}");
        }
    }

    #[test]
    fn zeroes_stand_before_each_message() {
        let lengths = [MAX_DATAGRAM - 28, 1, 0, 1_400];
        let receiver = receiver(&lengths);
        let mut batch = ReceiveBatch::new(lengths.len());
        assert_eq!(batch.receive(receiver.as_fd(), lengths.len()).unwrap(), lengths.len());
        for (message, length) in batch.iter().zip(lengths) {
            let start = message.range.start;
            assert_eq!(batch.buffer()[start - HEADROOM..start], [0; HEADROOM]);
            assert!(batch.buffer()[message.range].iter().all(|byte| *byte == 0xff));
            assert_eq!(batch.buffer()[start..][..length], vec![0xff; length]);
        }
    }
}
