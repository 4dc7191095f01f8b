//! Socket addresses as plain bytes (ip(7), ipv6(7)), without `unsafe`.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// Space for an address that the kernel writes: `struct sockaddr_in` or `struct sockaddr_in6`.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
pub(super) struct AddressBuffer([u8; 32]);

impl AddressBuffer {
    /// Bytes that the kernel may write.
    pub(super) const LEN: usize = size_of::<libc::sockaddr_in6>();

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    /// Returns the address in the first `length` bytes; `None` if it is not of IPv4 or IPv6.
    pub(super) fn address(&self, length: usize) -> Option<SocketAddr> {
        Self::of(self.0.get(..length)?)
    }

    /// Returns the address that begins with `bytes`; `None` if it is not of IPv4 or IPv6. Ports and addresses are in
    /// network order.
    pub(super) fn of(bytes: &[u8]) -> Option<SocketAddr> {
        let field = |start: usize, length: usize| bytes.get(start..start + length);
        let family = i32::from(u16::from_ne_bytes(field(0, 2)?.try_into().ok()?));
        let port = u16::from_be_bytes(field(2, 2)?.try_into().ok()?);
        match family {
            libc::AF_INET => {
                let address: [u8; 4] = field(4, 4)?.try_into().ok()?;
                Some(SocketAddrV4::new(address.into(), port).into())
            }
            libc::AF_INET6 => {
                let address: [u8; 16] = field(8, 16)?.try_into().ok()?;
                let scope_id = u32::from_ne_bytes(field(24, 4)?.try_into().ok()?);
                Some(SocketAddrV6::new(address.into(), port, 0, scope_id).into())
            }
            _ => None,
        }
    }
}
