//! Plain reads and writes on a borrowed descriptor, without a `File` around it.
//!
//! rustix makes the system calls itself. libc's functions are cancellation points, which costs a process of
//! several threads two atomic exchanges per call.

use std::io;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;

/// `read(2)`: for a TUN device one packet. The part that does not fit into `buffer` is lost without an error.
#[inline]
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(fd, buffer)?)
}

/// `write(2)`: for a TUN device one packet.
#[inline]
pub fn write(fd: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(fd, buffer)?)
}

/// `writev(2)`: for a TUN device one packet gathered from `slices`. `EINVAL` for more than `UIO_MAXIOV`, 1,024.
#[inline]
pub fn write_vectored(fd: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    // rustix would write the first ones only: half a packet.
    if slices.len() > libc::UIO_MAXIOV as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(rustix::io::writev(fd, slices)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn more_slices_than_the_kernel_takes_are_refused_and_not_cut() {
        let file = File::options().write(true).open("/dev/null").unwrap();
        let slices = vec![IoSlice::new(b"x"); 1_025];
        assert_eq!(write_vectored(file.as_fd(), &slices[..1_024]).unwrap(), 1_024);
        let error = write_vectored(file.as_fd(), &slices).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }
}
