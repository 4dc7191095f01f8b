//! A TUN or TAP device held by the test itself.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use tun2udp_core::sys::{io as sys_io, tun};

/// Longest packet of a TUN device, a frame's header with a tag, and the vnet header, bytes.
const BUFFER_BYTES: usize = 65_535 + 18 + 10;

/// One queue of a TUN device, non-blocking, one packet per call.
#[derive(Debug)]
pub(crate) struct PlainTun {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl PlainTun {
    /// Creates the interface `name` without a vnet header and without offload: the kernel splits super-packets and
    /// completes checksums.
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        Self::with_flags(name, 0, 0)
    }

    /// The same as a TAP device.
    #[allow(dead_code, reason = "not every test has frames")]
    pub(crate) fn open_tap(name: &str) -> io::Result<Self> {
        Self::with_mode(name, tun::IFF_TAP, 0)
    }

    /// Creates the interface `name`, which passes super-packets as `mask` (`TUN_F_*`) allows. Each packet is
    /// preceded by a `struct virtio_net_hdr`.
    pub(crate) fn open_with_offload(name: &str, mask: u32) -> io::Result<Self> {
        Self::with_flags(name, tun::IFF_VNET_HDR, mask)
    }

    fn with_flags(name: &str, flags: i32, mask: u32) -> io::Result<Self> {
        Self::with_mode(name, tun::IFF_TUN | flags, mask)
    }

    fn with_mode(name: &str, flags: i32, mask: u32) -> io::Result<Self> {
        let fd = tun::open(Path::new("/dev/net/tun"))?;
        tun::set_interface(fd.as_fd(), name, tun::IFF_NO_PI | flags)?;
        tun::set_offload(fd.as_fd(), mask)?;
        Ok(Self { fd, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Reads the next packet; `None` if there is none.
    pub(crate) fn read(&mut self) -> io::Result<Option<&[u8]>> {
        match sys_io::read(self.fd.as_fd(), &mut self.buffer) {
            Ok(count) => Ok(Some(&self.buffer[..count])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes one packet.
    pub(crate) fn write(&self, packet: &[u8]) -> io::Result<()> {
        sys_io::write(self.fd.as_fd(), packet).map(drop)
    }

    /// Writes one packet behind its vnet header.
    pub(crate) fn write_with_header(&self, header: &[u8], packet: &[u8]) -> io::Result<()> {
        let slices = [IoSlice::new(header), IoSlice::new(packet)];
        sys_io::write_vectored(self.fd.as_fd(), &slices).map(drop)
    }
}

impl AsRawFd for PlainTun {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
