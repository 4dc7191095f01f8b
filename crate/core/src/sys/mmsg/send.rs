//! Sending: `sendmmsg(2)`, with UDP_SEGMENT (udp(7)).

use crate::sys::cmsg::ControlBuffer;
use crate::sys::{check_count, syscall};
use socket2::SockAddr;
use std::io;
use std::io::IoSlice;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The shape of one message to send: its slices, how the kernel splits it, and its destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageShape {
    /// Range of the slices that are its payload.
    pub slices: Range<usize>,
    /// `UDP_SEGMENT`: bytes of each datagram except the last; `None`: the message is one datagram.
    pub segment_size: Option<u16>,
    /// Index of its destination.
    pub to: u32,
    /// Traffic class of its datagrams (`IP_TOS`, `IPV6_TCLASS`); `None`: that of the socket.
    pub class: Option<u8>,
    /// Source address (`IP_PKTINFO`, `IPV6_PKTINFO`); `None`: the kernel chooses it. Ignored if it is not of the family
    /// of the destination.
    pub source: Option<IpAddr>,
}

impl MessageShape {
    fn destination<'a>(&self, destinations: &'a [SockAddr]) -> io::Result<&'a SockAddr> {
        destinations.get(self.to as usize).ok_or_else(invalid)
    }

    /// Returns the control messages of the message.
    #[inline]
    fn control(&self, destination: &SockAddr) -> ControlBuffer {
        let mut control = ControlBuffer::default();
        if let Some(size) = self.segment_size {
            control.push(libc::SOL_UDP, libc::UDP_SEGMENT, size.to_ne_bytes());
        }
        let is_ipv4 = destination.is_ipv4();
        if let Some(class) = self.class {
            let (level, kind) = if is_ipv4 {
                (libc::SOL_IP, libc::IP_TOS)
            } else {
                (libc::SOL_IPV6, libc::IPV6_TCLASS)
            };
            control.push(level, kind, libc::c_int::from(class).to_ne_bytes());
        }
        match self.source {
            Some(IpAddr::V4(source)) if is_ipv4 => {
                control.push(libc::SOL_IP, libc::IP_PKTINFO, packet_info_v4(source));
            }
            Some(IpAddr::V6(source)) if !is_ipv4 => {
                control.push(libc::SOL_IPV6, libc::IPV6_PKTINFO, packet_info_v6(source));
            }
            _ => {}
        }
        control
    }
}

/// Returns `struct in_pktinfo` (ip(7)) with the source address in `ipi_spec_dst`, and without an interface.
fn packet_info_v4(source: Ipv4Addr) -> [u8; 12] {
    let [a, b, c, d] = source.octets();
    [0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0]
}

/// Returns `struct in6_pktinfo` (ipv6(7)) with the source address, and without an interface.
fn packet_info_v6(source: Ipv6Addr) -> [u8; 20] {
    let mut info = [0; 20];
    if let Some(address) = info.first_chunk_mut() {
        *address = source.octets();
    }
    info
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
    /// Sends messages without waiting, each to its own one of `destinations`. Returns the number of messages that
    /// the kernel took.
    ///
    /// An error refers to the first message; an error of a later message ends the batch in front of it. `EINVAL`
    /// if slices or a destination do not exist.
    pub fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        destinations: &[SockAddr],
        slices: &[IoSlice<'_>],
        shapes: &[MessageShape],
    ) -> io::Result<usize> {
        if let [
            shape @ MessageShape {
                slices: only, segment_size: None, class: None, source: None, ..
            },
        ] = shapes
            && let Some([datagram]) = slices.get(only.clone())
        {
            return send(fd, shape.destination(destinations)?, datagram).map(|()| 1);
        }
        self.controls.clear();
        for shape in shapes {
            self.controls.push(shape.control(shape.destination(destinations)?));
        }
        self.messages.clear();
        for (shape, control) in shapes.iter().zip(&mut self.controls) {
            let payload = slices.get(shape.slices.clone()).ok_or_else(invalid)?;
            let destination = shape.destination(destinations)?;
            self.messages.push(message(destination, payload, control));
        }
        let count = self.messages.len() as libc::c_uint;
        // SAFETY: the headers point at `destinations`, `slices` and `self.controls`, which live and are
        // not moved during the call; the kernel only reads them.
        let result = unsafe {
            syscall!(
                SYS_sendmmsg,
                fd.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
            )
        };
        self.messages.clear();
        check_count(result)
    }
}

/// Sends one datagram of one slice: `sendto(2)`, which costs less than a batch of one.
fn send(fd: BorrowedFd<'_>, destination: &SockAddr, datagram: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `datagram` and `destination`, which live for the call.
    check_count(unsafe {
        syscall!(
            SYS_sendto,
            fd.as_raw_fd(),
            datagram.as_ptr(),
            datagram.len(),
            libc::MSG_DONTWAIT,
            destination.as_ptr(),
            destination.len(),
        )
    })
    .map(drop)
}

fn message(
    destination: &SockAddr,
    payload: &[IoSlice<'_>],
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
    let control_len = control.filled().len();
    if control_len > 0 {
        header.msg_control = control.as_mut_ptr();
        header.msg_controllen = control_len as _;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    fn receiver() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn a_datagram_in_one_piece_and_one_in_two_arrive_alike() {
        let receiver = receiver();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let destinations = [SockAddr::from(receiver.local_addr().unwrap())];
        let pieces: [&[u8]; 3] = [b"whole", b"wh", b"ole"];
        let pieces = pieces.map(IoSlice::new);
        let mut batch = SendBatch::default();
        for slices in [0..1, 1..3] {
            let shape = MessageShape { slices, ..MessageShape::default() };
            assert_eq!(batch.send(sender.as_fd(), &destinations, &pieces, &[shape]).unwrap(), 1);
            let mut buffer = [0; 10];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 5);
            assert_eq!(&buffer[..5], b"whole");
        }
    }
    #[test]
    fn each_message_of_a_call_goes_to_its_own_destination() {
        let receivers = [receiver(), receiver()];
        let destinations =
            receivers.each_ref().map(|receiver| SockAddr::from(receiver.local_addr().unwrap()));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pieces: [&[u8]; 4] = [b"a0", b"b1", b"c1", b"d0"];
        let pieces = pieces.map(IoSlice::new);
        let message =
            |slice, to| MessageShape { slices: slice..slice + 1, to, ..MessageShape::default() };
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

    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped part says why")]
    fn a_message_has_its_own_class_and_source() {
        use crate::sys::mmsg::ReceiveBatch;
        use crate::sys::socket::{SocketOption, set_option};
        let (v4, v6) = (SocketOption::ReceiveTrafficClassV4, SocketOption::ReceiveTrafficClassV6);
        for (listen, option, source) in [("127.0.0.1:0", v4, "127.0.0.9"), ("[::1]:0", v6, "::1")] {
            let receiver = match UdpSocket::bind(listen) {
                Ok(socket) => socket,
                Err(error) => {
                    println!("SKIP {listen}: {error}");
                    continue;
                }
            };
            set_option(receiver.as_fd(), option, 1).unwrap();
            let any = if listen.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
            let sender = UdpSocket::bind(any).unwrap();
            let destinations = [SockAddr::from(receiver.local_addr().unwrap())];
            let source: IpAddr = source.parse().unwrap();
            let other: IpAddr = if source.is_ipv4() { "::1" } else { "127.0.0.1" }.parse().unwrap();
            let pieces = [[1_u8; 50], [2; 50], [3; 50]];
            let pieces = pieces.each_ref().map(|piece| IoSlice::new(piece));
            let shape = |slices, segment_size, class, source| MessageShape {
                slices,
                segment_size,
                to: 0,
                class,
                source,
            };
            let shapes = [
                shape(0..1, None, Some(0xbb), Some(source)),
                // The source of the other family is ignored.
                shape(1..2, None, Some(2), Some(other)),
                shape(0..3, Some(50), Some(3), Some(source)),
                shape(2..3, None, None, None),
            ];
            let mut batch = SendBatch::default();
            assert_eq!(batch.send(sender.as_fd(), &destinations, &pieces, &shapes).unwrap(), 4);
            let mut received = ReceiveBatch::new(8);
            assert_eq!(received.receive(receiver.as_fd(), 8).unwrap(), 6);
            let classes: Vec<_> = received.iter().map(|message| message.class).collect();
            assert_eq!(classes, [0xbb, 2, 3, 3, 3, 0], "{listen}");
            let sources: Vec<_> = received.iter().map(|m| m.source.unwrap().ip()).collect();
            let usual = receiver.local_addr().unwrap().ip();
            assert_eq!(sources, [source, usual, source, source, source, usual]);
        }
    }
}
