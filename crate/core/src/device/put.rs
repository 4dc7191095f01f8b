//! Handing packets to the kernel, one call each: behind the header of an ordinary packet, or several of
//! a flow gathered as a super-packet.

use super::TunDevice;
use crate::packet::coalesce::Write;
use crate::packet::vnet::VnetHeader;
use std::io;
use std::io::IoSlice;
use std::ops::Range;

/// The longest vnet header that the driver takes, bytes.
const MAX_VNET_LEN: usize = 24;
/// The vnet header of an ordinary packet, and what fills a longer one up: all zeroes.
const ORDINARY: &[u8] = &[0; MAX_VNET_LEN];

impl TunDevice {
    /// Writes an ordinary packet, behind a vnet header where the device has one of `vnet_len` bytes
    /// (0: none). `WouldBlock` while the device has no room.
    pub fn put(&self, vnet_len: usize, packet: &[u8]) -> io::Result<()> {
        if vnet_len == 0 {
            return uninterrupted(|| self.write(packet));
        }
        let header = ORDINARY.get(..vnet_len).unwrap_or_default();
        uninterrupted(|| self.write_vectored(&[IoSlice::new(header), IoSlice::new(packet)]))
    }

    /// Writes the ordinary packet at `range` of `arena`, in one piece where zeroes stand before it: they
    /// are its vnet header.
    pub fn put_from(&self, vnet_len: usize, arena: &[u8], range: Range<usize>) -> io::Result<()> {
        let header = ORDINARY.get(..vnet_len).unwrap_or_default();
        let with_header = range.start.checked_sub(vnet_len).and_then(|at| arena.get(at..range.end));
        match with_header {
            Some(bytes) if bytes.starts_with(header) => uninterrupted(|| self.write(bytes)),
            _ => self.put(vnet_len, arena.get(range).unwrap_or_default()),
        }
    }

    /// Writes a super-packet, or a packet whose checksum is still to be put in, behind the header
    /// that says so. `WouldBlock` while the device has no room.
    pub fn put_whole(&self, vnet_len: usize, header: VnetHeader, packet: &[u8]) -> io::Result<()> {
        let header = header.bytes();
        let slices = [&header, padding(vnet_len), packet].map(IoSlice::new);
        uninterrupted(|| self.write_vectored(&slices))
    }

    /// Writes what a coalescer made of packets in `arena`. `WouldBlock` while the device has no
    /// room; any errno but `EBADFD` may mean that the kernel does not take it joined.
    pub fn put_joined(&self, vnet_len: usize, write: &Write<'_>, arena: &[u8]) -> io::Result<()> {
        let bytes = |range: Range<usize>| arena.get(range).unwrap_or_default();
        if !write.is_joined() {
            return self.put_from(vnet_len, arena, write.payload().next().unwrap_or_default());
        }
        let (vnet, headers) = write.header().split_at_checked(VnetHeader::LEN).unwrap_or_default();
        let slices: Vec<IoSlice<'_>> = [vnet, padding(vnet_len), headers]
            .into_iter()
            .chain(write.payload().map(bytes))
            .map(IoSlice::new)
            .collect();
        uninterrupted(|| self.write_vectored(&slices))
    }
}

/// What stands between `struct virtio_net_hdr` and the packet on a device with a longer header.
fn padding(vnet_len: usize) -> &'static [u8] {
    ORDINARY.get(VnetHeader::LEN..vnet_len).unwrap_or_default()
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<()> {
    loop {
        match call() {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
