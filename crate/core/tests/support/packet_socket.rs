//! Sends packets into an interface as if the kernel had routed them there.

use super::os;
use socket2::{Domain, Socket, Type};
use std::io;
use tun2udp_core::sys::interface;

/// `struct virtio_net_hdr` (linux/virtio_net.h): the offloads that a packet still requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VnetHeader {
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` is 1.
    pub(crate) flags: u8,
    /// `VIRTIO_NET_HDR_GSO_*`: 0 none, 1 TCPV4, 3 UDP (UFO), 4 TCPV6, 5 UDP_L4; 0x80 ECN.
    pub(crate) gso_type: u8,
    /// Length of all headers.
    pub(crate) hdr_len: u16,
    /// Payload of each packet, bytes.
    pub(crate) gso_size: u16,
    /// Offset of the part that is summed.
    pub(crate) csum_start: u16,
    /// Offset of the checksum from `csum_start`.
    pub(crate) csum_offset: u16,
}

impl VnetHeader {
    /// Parses at least 10 bytes, in the byte order of this machine.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        }
    }

    /// Returns its 10 bytes, in the byte order of this machine.
    pub(crate) fn bytes(&self) -> [u8; 10] {
        let mut bytes = [self.flags, self.gso_type, 0, 0, 0, 0, 0, 0, 0, 0];
        let words = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (to, word) in bytes[2..].chunks_exact_mut(2).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }
}

/// An `AF_PACKET` socket that sends out of one interface.
///
/// Verified on 6.18: neither packet(7) nor the TUN driver checks the packet, so any bytes arrive, including
/// one byte and a wrong version. The kernel splits a super-packet if the device has no offload
/// (validate_xmit_skb); otherwise it arrives whole. `PACKET_QDISC_BYPASS` would drop the split packets
/// (dev_direct_xmit). Therefore packets take the ordinary path through the queueing discipline.
#[derive(Debug)]
pub(crate) struct Injector {
    socket: Socket,
    index: u32,
    frame: Vec<u8>,
}

impl Injector {
    /// Opens a socket for `interface` of the calling thread's namespace.
    pub(crate) fn open(interface: &str) -> io::Result<Self> {
        let index = interface::index_of(interface)?;
        // Protocol 0: the socket receives nothing.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        os::set_option(&socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
        os::set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, 64 << 20)?;
        Ok(Self { socket, index, frame: Vec::new() })
    }

    /// Sends one packet. A packet longer than the MTU is `EMSGSIZE`, unless it is a super-packet that is
    /// split.
    pub(crate) fn inject(&mut self, header: &VnetHeader, packet: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(&header.bytes());
        self.frame.extend_from_slice(packet);
        let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
        let ether_type = if is_v6 { libc::ETH_P_IPV6 } else { libc::ETH_P_IP };
        os::send_frame(&self.socket, self.index, ether_type as u16, &self.frame)
    }

    /// The same for a TAP interface: sends a frame, whose type is behind its addresses.
    #[allow(dead_code, reason = "not every test has frames")]
    pub(crate) fn inject_frame(&mut self, header: &VnetHeader, frame: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(&header.bytes());
        self.frame.extend_from_slice(frame);
        let ether_type = u16::from_be_bytes([frame[12], frame[13]]);
        os::send_frame(&self.socket, self.index, ether_type, &self.frame)
    }
}
