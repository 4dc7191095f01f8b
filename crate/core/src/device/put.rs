//! Writes packets to the kernel, one call each: an ordinary packet behind an empty vnet header, or several packets of
//! a flow gathered into a super-packet.

use super::TunDevice;
use crate::packet::coalesce::Write;
use crate::packet::vnet::VnetHeader;
use std::io;
use std::io::IoSlice;
use std::ops::Range;

/// The longest vnet header that the driver accepts, bytes.
const MAX_VNET_LEN: usize = 24;
/// The vnet header of an ordinary packet, and the padding of a longer header: only zero bytes.
const ORDINARY: &[u8] = &[0; MAX_VNET_LEN];

impl TunDevice {
    /// Writes an ordinary packet, behind a vnet header of `vnet_len` bytes if the device has one (0: none). Fails
    /// with `WouldBlock` while the device has no room.
    pub fn put(&self, vnet_len: usize, packet: &[u8]) -> io::Result<()> {
        if vnet_len == 0 {
            return uninterrupted(|| self.write(packet));
        }
        let header = ORDINARY.get(..vnet_len).unwrap_or_default();
        uninterrupted(|| self.write_vectored(&[IoSlice::new(header), IoSlice::new(packet)]))
    }

    /// Writes the ordinary packet at `range` of `arena`. If zero bytes precede it, they are used as its vnet header,
    /// and the packet is written in one piece.
    pub fn put_from(&self, vnet_len: usize, arena: &[u8], range: Range<usize>) -> io::Result<()> {
        let header = ORDINARY.get(..vnet_len).unwrap_or_default();
        let with_header = range.start.checked_sub(vnet_len).and_then(|at| arena.get(at..range.end));
        match with_header {
            Some(bytes) if bytes.starts_with(header) => uninterrupted(|| self.write(bytes)),
            _ => self.put(vnet_len, arena.get(range).unwrap_or_default()),
        }
    }

    /// Writes a super-packet, or a packet with a partial checksum, behind its vnet header. Fails with `WouldBlock`
    /// while the device has no room.
    pub fn put_whole(&self, vnet_len: usize, header: VnetHeader, packet: &[u8]) -> io::Result<()> {
        let header = header.bytes();
        let slices = [&header, padding(vnet_len), packet].map(IoSlice::new);
        uninterrupted(|| self.write_vectored(&slices))
    }

    /// Writes packets in `arena` as the coalescer arranged them. Fails with `WouldBlock` while the device has no
    /// room. Any errno except `EBADFD` may mean that the kernel refuses the super-packet.
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

/// Returns the bytes between `struct virtio_net_hdr` and the packet, for a device with a longer header.
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
