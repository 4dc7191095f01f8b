//! Runs code without capabilities.
#![allow(unsafe_code, reason = "the test's own system call")]

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h): two words of 32 capabilities each.
const VERSION: u32 = 0x2008_0522;

/// Runs `body` on a thread without capabilities, in the caller's network namespace and as the same user. Threads
/// that it starts have no capabilities either.
pub(crate) fn without<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let inside = || {
        // `struct __user_cap_header_struct`: version, and 0 for the calling thread.
        let header = [VERSION, 0];
        // `struct __user_cap_data_struct` twice: effective, permitted, inheritable.
        let data = [0_u32; 6];
        // SAFETY: capset reads both arrays, which live for the call and have the kernel's layout.
        let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
        assert_eq!(result, 0, "capset: {}", std::io::Error::last_os_error());
        body()
    };
    std::thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
