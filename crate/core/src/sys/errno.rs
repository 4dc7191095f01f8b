//! Messages of error numbers, in English in every locale.

use std::ffi::CStr;
use std::io;

/// Returns the text of strerror(3) for `errno` in the locale `C`.
#[must_use]
pub fn message(errno: i32) -> String {
    let text = in_c_locale(|| io::Error::from_raw_os_error(errno).to_string());
    // Rust appends the number, which strerror(3) does not.
    match text.rfind(" (os error ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// Runs `work` with the calling thread, and only it, in the locale `C`: uselocale(3).
fn in_c_locale<T>(work: impl FnOnce() -> T) -> T {
    const C: &CStr = c"C";
    // Without a base locale, all other categories are those of `C` too; musl has no LC_ALL_MASK.
    // SAFETY: the name is a NUL-terminated string, and no locale is passed to be changed.
    let locale =
        unsafe { libc::newlocale(libc::LC_MESSAGES_MASK, C.as_ptr(), std::ptr::null_mut()) };
    if locale.is_null() {
        return work();
    }
    // SAFETY: newlocale returned the locale, and it lives until it is freed below.
    let before = unsafe { libc::uselocale(locale) };
    let result = work();
    // SAFETY: `before` is the previous locale of the thread, and nothing has freed it.
    unsafe { libc::uselocale(before) };
    // SAFETY: newlocale returned the locale, and the thread does not use it any more.
    unsafe { libc::freelocale(locale) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stand_alone() {
        assert_eq!(message(libc::EPERM), "Operation not permitted");
        assert_eq!(message(libc::EINVAL), "Invalid argument");
        assert!(!message(9999).contains("os error"));
    }
}
