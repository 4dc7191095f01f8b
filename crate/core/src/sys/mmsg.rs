//! Batches of datagrams: `recvmmsg(2)`, `sendmmsg(2)`, with UDP_GRO and UDP_SEGMENT (udp(7)).

use super::address::AddressBuffer;
use super::cmsg::{self, ControlBuffer};
use super::{check, check_count};
use socket2::SockAddr;
use std::io;
use std::io::IoSlice;
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The largest datagram that UDP can carry to us, and the largest GSO batch that GRO passes on, bytes.
pub const MAX_DATAGRAM: usize = 65_535;
/// Bytes before each message of a [`ReceiveBatch`] that stay zero: a vnet header of nothing to say, so
/// that a datagram can be written together with it in one piece.
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
    /// Where the payload lies in [`ReceiveBatch::buffer`], all datagrams of a GSO batch end to end.
    pub range: Range<usize>,
    /// Who sent it; `None` if the kernel named nobody of IPv4 or IPv6.
    pub source: Option<SocketAddr>,
    /// Length of each datagram but the last, bytes; `None`: `data` is one datagram.
    pub segment_size: Option<usize>,
    /// The datagram was longer than the buffer and its end is lost (`MSG_TRUNC`).
    pub is_truncated: bool,
}

impl ReceiveBatch {
    /// Buffers for `capacity` messages of [`MAX_DATAGRAM`] bytes each; pages are only touched as
    /// far as datagrams reach.
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

    /// Receives what is there, at most `limit` messages, without waiting; at least one message or
    /// an error.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, limit: usize) -> io::Result<usize> {
        self.received = 0;
        let limit = limit.min(self.messages.len());
        self.point_headers(limit);
        let count = limit as libc::c_uint;
        // SAFETY: every header points into buffers of this struct (see `point_headers`) that are
        // neither moved nor borrowed during the call.
        let result = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        self.received = usize::try_from(check(result)?).unwrap_or(0);
        Ok(self.received)
    }

    /// The bytes that [`Received::range`] points into.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The messages of the last [`ReceiveBatch::receive`].
    pub fn iter(&self) -> impl Iterator<Item = Received> {
        let starts = (HEADROOM..).step_by(SLOT);
        let addresses = self.sources.iter().zip(&self.controls);
        self.messages.iter().zip(starts).zip(addresses).take(self.received).map(
            |((message, start), (source, control))| {
                let header = &message.msg_hdr;
                #[allow(clippy::unnecessary_cast, reason = "musl counts it in 32 bits")]
                let control_len = header.msg_controllen as usize;
                let length = (message.msg_len as usize).min(MAX_DATAGRAM);
                Received {
                    range: start..start + length,
                    source: source.address(header.msg_namelen as usize),
                    segment_size: segment_size(control, control_len, length),
                    is_truncated: header.msg_flags & libc::MSG_TRUNC != 0,
                }
            },
        )
    }

    /// Aims the first headers at their buffers again: the kernel shortens the lengths it finds.
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

fn segment_size(control: &ControlBuffer, length: usize, data_len: usize) -> Option<usize> {
    let bytes = control.bytes().get(..length)?;
    let message = cmsg::messages(bytes)
        .find(|message| message.level == libc::SOL_UDP && message.kind == libc::UDP_GRO)?;
    // udp_cmsg_recv() in include/linux/udp.h writes a C int.
    let size = i32::from_ne_bytes(message.data.try_into().ok()?);
    usize::try_from(size).ok().filter(|size| *size > 0 && *size < data_len)
}

/// The shape of one message to send: which slices make it up, how the kernel splits it, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageShape {
    /// Which of the slices, in order, are its payload.
    pub slices: Range<usize>,
    /// `UDP_SEGMENT`: bytes of each datagram but the last; `None`: the message is one datagram.
    pub segment_size: Option<u16>,
    /// Index of its destination.
    pub to: u32,
}

impl MessageShape {
    fn destination<'a>(&self, destinations: &'a [SockAddr]) -> io::Result<&'a SockAddr> {
        destinations.get(self.to as usize).ok_or_else(invalid)
    }
}

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

/// Headers for one `sendmmsg`, reused from call to call.
#[derive(Default)]
pub struct SendBatch {
    messages: Vec<libc::mmsghdr>,
    controls: Vec<ControlBuffer>,
}

impl SendBatch {
    /// Sends messages without waiting, each to the one of `destinations` that it names; returns how many
    /// the kernel took.
    ///
    /// An error is that of the first message; one of a later message ends the batch before it. `EINVAL` if
    /// a message names slices or a destination that do not exist.
    pub fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        destinations: &[SockAddr],
        slices: &[IoSlice<'_>],
        shapes: &[MessageShape],
    ) -> io::Result<usize> {
        if let [shape @ MessageShape { slices: only, segment_size: None, .. }] = shapes
            && let Some([datagram]) = slices.get(only.clone())
        {
            return send(fd, shape.destination(destinations)?, datagram).map(|()| 1);
        }
        self.controls.clear();
        self.controls.extend(shapes.iter().map(|shape| {
            let size = shape.segment_size.unwrap_or(0);
            ControlBuffer::with_u16(libc::SOL_UDP, libc::UDP_SEGMENT, size)
        }));
        self.messages.clear();
        for (shape, control) in shapes.iter().zip(&mut self.controls) {
            let payload = slices.get(shape.slices.clone()).ok_or_else(invalid)?;
            let destination = shape.destination(destinations)?;
            self.messages.push(message(destination, payload, shape.segment_size, control));
        }
        let count = self.messages.len() as libc::c_uint;
        // SAFETY: the headers point at `destinations`, `slices` and `self.controls`, all of which
        // live and stay where they are for the call; the kernel only reads them.
        let result = unsafe {
            libc::sendmmsg(
                fd.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
            )
        };
        self.messages.clear();
        check(result).map(|sent| usize::try_from(sent).unwrap_or(0))
    }
}

/// Sends one datagram that lies in one piece: `sendto(2)`, which costs less than a batch of one.
fn send(fd: BorrowedFd<'_>, destination: &SockAddr, datagram: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `datagram` and `destination`, which live for the call.
    check_count(unsafe {
        libc::sendto(
            fd.as_raw_fd(),
            datagram.as_ptr().cast(),
            datagram.len(),
            libc::MSG_DONTWAIT,
            destination.as_ptr().cast(),
            destination.len(),
        )
    })
    .map(drop)
}

fn message(
    destination: &SockAddr,
    payload: &[IoSlice<'_>],
    segment_size: Option<u16>,
    control: &mut ControlBuffer,
) -> libc::mmsghdr {
    // SAFETY: `struct mmsghdr` is plain data, valid when all zero.
    let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
    let header = &mut message.msg_hdr;
    header.msg_name = destination.as_ptr().cast_mut().cast();
    header.msg_namelen = destination.len();
    // `IoSlice` has the layout of `struct iovec` on Unix.
    header.msg_iov = payload.as_ptr().cast_mut().cast();
    header.msg_iovlen = payload.len() as _;
    if segment_size.is_some() {
        header.msg_control = control.as_mut_ptr();
        header.msg_controllen = ControlBuffer::LEN as _;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    /// A socket in whose queue datagrams wait, one of each length, all bits set.
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

    #[test]
    fn a_datagram_in_one_piece_and_one_in_two_arrive_alike() {
        let receiver = receiver(&[]);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let destinations = [SockAddr::from(receiver.local_addr().unwrap())];
        let pieces: [&[u8]; 3] = [b"whole", b"wh", b"ole"];
        let pieces = pieces.map(IoSlice::new);
        let mut batch = SendBatch::default();
        for slices in [0..1, 1..3] {
            let shape = MessageShape { slices, segment_size: None, to: 0 };
            assert_eq!(batch.send(sender.as_fd(), &destinations, &pieces, &[shape]).unwrap(), 1);
            let mut buffer = [0; 10];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 5);
            assert_eq!(&buffer[..5], b"whole");
        }
    }
    #[test]
    fn each_message_of_a_call_goes_to_its_own_destination() {
        let receivers = [receiver(&[]), receiver(&[])];
        let destinations =
            receivers.each_ref().map(|receiver| SockAddr::from(receiver.local_addr().unwrap()));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pieces: [&[u8]; 4] = [b"a0", b"b1", b"c1", b"d0"];
        let pieces = pieces.map(IoSlice::new);
        let message = |slice, to| MessageShape { slices: slice..slice + 1, segment_size: None, to };
        let mut batch = SendBatch::default();
        let shapes = [message(0, 0), message(1, 1), message(2, 1), message(3, 0)];
        assert_eq!(batch.send(sender.as_fd(), &destinations, &pieces, &shapes).unwrap(), 4);
        for (receiver, expected) in receivers.iter().zip([[b"a0", b"d0"], [b"b1", b"c1"]]) {
            for bytes in expected {
                let mut buffer = [0; 10];
                assert_eq!(receiver.recv(&mut buffer).unwrap(), 2);
                assert_eq!(&buffer[..2], bytes);
            }
        }
        for shapes in [&[message(0, 2)][..], &[message(0, 2), message(1, 0)], &[message(4, 0)]] {
            let error = batch.send(sender.as_fd(), &destinations, &pieces, shapes).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{shapes:?}");
        }
    }
}
