//! The pages of a buffer: `madvise(2)`.

/// Returns the whole pages of a buffer to the kernel. They are zero afterwards, and take memory again when they are
/// written to.
///
/// A kernel that refuses (`EINVAL` for locked memory) leaves the bytes as they are. `bytes` must be memory of the
/// allocator: pages of a file would have the content of the file again.
pub fn release(bytes: &mut [u8]) {
    let Some(page) = page_size() else { return };
    let start = bytes.as_ptr().addr();
    let before = start.next_multiple_of(page) - start;
    let Some(rest) = bytes.get_mut(before..) else { return };
    let whole = rest.len() / page * page;
    let Some(pages) = rest.get_mut(..whole).filter(|pages| !pages.is_empty()) else { return };
    // SAFETY: the range is whole pages of a slice that is borrowed exclusively. The kernel makes them zero, and any
    // byte is a valid `u8`.
    let _ = unsafe { libc::madvise(pages.as_mut_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
}

/// Returns the size of a page, bytes. `None`: the system does not report it.
fn page_size() -> Option<usize> {
    // SAFETY: the call has no pointers.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pages_are_zero_and_the_bytes_around_them_stay() {
        let page = page_size().unwrap();
        let mut bytes = vec![0xff; 5 * page];
        let before = bytes.as_ptr().addr().next_multiple_of(page) - bytes.as_ptr().addr();
        // One byte less than three pages from a boundary on, and one byte in front.
        let first = before + page - 1;
        release(&mut bytes[first..first + 3 * page]);
        assert!(bytes[..=first].iter().all(|byte| *byte == 0xff));
        assert!(bytes[first + 1..=first + 2 * page].iter().all(|byte| *byte == 0));
        assert!(bytes[first + 1 + 2 * page..].iter().all(|byte| *byte == 0xff));
    }

    #[test]
    fn a_buffer_without_a_whole_page_stays() {
        for len in [0, 1, page_size().unwrap() - 1] {
            let mut bytes = vec![0xff; len];
            release(&mut bytes);
            assert_eq!(bytes, vec![0xff; len]);
        }
    }
}
