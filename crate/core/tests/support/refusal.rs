//! Refuses system calls like another kernel: a seccomp filter passes some calls of a thread, and of the threads
//! that it starts, to a judge in this process (seccomp_unotify(2)).
#![allow(unsafe_code, reason = "the test's own system calls, and arguments of calls that wait")]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::mpsc;
use tun2udp_core::sys::cmsg;

/// A call that waits for its verdict. The memory that its arguments point at does not change until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) arguments: [u64; 6],
}

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The kernel executes it.
    Pass,
    /// It fails with this errno.
    Refuse(i32),
    /// The judge executed it, with this result.
    Done(i64),
}

/// Returns the reason why this machine cannot run [`under`]; `None` if it can.
pub(crate) fn missing() -> Option<&'static str> {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let has_judges =
        actions.unwrap_or_default().split_whitespace().any(|name| name == "user_notif");
    (!has_judges).then_some("needs seccomp with user_notif (Linux 5.0)")
}

/// Runs `body` on a thread. Its calls of `numbers`, and those of the threads that it starts, are judged as long
/// as these threads live.
pub(crate) fn under<T: Send>(
    numbers: &[libc::c_long],
    judge: impl FnMut(&Call) -> Verdict + Send + 'static,
    body: impl FnOnce() -> T + Send,
) -> T {
    let (send, receive) = mpsc::channel();
    // Started before the filter is installed, so that it is not judged itself.
    std::thread::spawn(move || {
        if let Ok(listener) = receive.recv() {
            preside(&listener, judge);
        }
    });
    let inside = move || {
        send.send(install(numbers).expect("install a seccomp filter")).expect("a judge");
        body()
    };
    std::thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Installs the filter on the calling thread. Returns the descriptor that its calls are read from.
fn install(numbers: &[libc::c_long]) -> io::Result<OwnedFd> {
    let instruction =
        |code: u32, jump: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: jump, k };
    let give = |answer| instruction(libc::BPF_RET | libc::BPF_K, 0, answer);
    // The number is the first word of `struct seccomp_data`.
    let mut code = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for number in numbers {
        let unless = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        code.push(instruction(unless, 1, *number as u32));
        code.push(give(libc::SECCOMP_RET_USER_NOTIF));
    }
    code.push(give(libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    // SAFETY: seccomp(2) reads the program, which lives for the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just returned this descriptor, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// Judges calls until no thread with the filter is left.
fn preside(listener: &OwnedFd, mut judge: impl FnMut(&Call) -> Verdict) {
    let fd = listener.as_raw_fd();
    loop {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is that of `entry`, which lives for the call.
        unsafe { libc::poll(&raw mut entry, 1, -1) };
        if entry.revents & libc::POLLIN == 0 {
            if entry.revents != 0 {
                return;
            }
            continue;
        }
        // SAFETY: plain data, which the kernel requires to be zero.
        let mut request: libc::seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: the ioctl writes one `struct seccomp_notif`, which `request` is.
        if unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut request) } < 0 {
            continue;
        }
        let verdict = judge(&Call { arguments: request.data.args });
        let mut answer = libc::seccomp_notif_resp { id: request.id, val: 0, error: 0, flags: 0 };
        match verdict {
            Verdict::Pass => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Verdict::Refuse(errno) => answer.error = -errno,
            Verdict::Done(value) => answer.val = value,
        }
        // SAFETY: the ioctl reads one `struct seccomp_notif_resp`, which `answer` is.
        unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    }
}

/// Executes `sendmmsg` like a kernel that refuses GSO batches (`UDP_SEGMENT`) with `errno`. The messages
/// before the first batch are sent.
pub(crate) fn refuse_gso_batches(call: &Call, errno: i32) -> Verdict {
    let [fd, messages, count, flags, ..] = call.arguments;
    // SAFETY: the caller waits in sendmmsg(2) with an array of that many headers.
    let headers =
        unsafe { std::slice::from_raw_parts_mut(messages as *mut libc::mmsghdr, count as usize) };
    let batch = headers.iter().position(|header| is_gso_batch(&header.msg_hdr));
    match batch {
        None => Verdict::Pass,
        Some(0) => Verdict::Refuse(errno),
        Some(before) => {
            // SAFETY: the same call with fewer of the caller's headers.
            let sent = unsafe {
                libc::sendmmsg(fd as i32, headers.as_mut_ptr(), before as u32, flags as _)
            };
            match sent {
                -1 => Verdict::Refuse(io::Error::last_os_error().raw_os_error().unwrap_or(0)),
                sent => Verdict::Done(sent.into()),
            }
        }
    }
}

/// Returns whether one of the control messages is `UDP_SEGMENT`. Others have the traffic class and the source address.
#[allow(clippy::unnecessary_cast, reason = "musl counts it in 32 bits")]
fn is_gso_batch(header: &libc::msghdr) -> bool {
    let len = header.msg_controllen as usize;
    if len == 0 {
        return false;
    }
    // SAFETY: the caller waits with a buffer of that many bytes.
    let control = unsafe { std::slice::from_raw_parts(header.msg_control.cast::<u8>(), len) };
    let mut messages = cmsg::messages(control);
    messages.any(|message| (message.level, message.kind) == (libc::SOL_UDP, libc::UDP_SEGMENT))
}

/// Executes `writev` like a kernel that refuses super-packets behind a `struct virtio_net_hdr`.
pub(crate) fn refuse_super_packets(call: &Call, errno: i32) -> Verdict {
    let [_, vectors, count, ..] = call.arguments;
    // SAFETY: the caller waits in writev(2) with an array of `count` vectors.
    let vectors =
        unsafe { std::slice::from_raw_parts(vectors as *const libc::iovec, count as usize) };
    let Some(first) = vectors.first().filter(|first| first.iov_len >= 10) else {
        return Verdict::Pass;
    };
    // SAFETY: the vector is of at least ten bytes, and the caller waits.
    let header = unsafe { std::slice::from_raw_parts(first.iov_base.cast::<u8>(), 10) };
    // The second byte is `gso_type`.
    if header[1] == 0 { Verdict::Pass } else { Verdict::Refuse(errno) }
}

/// Executes `ioctl(TUNGETFEATURES)` like a driver without the features `mask`.
#[allow(clippy::unnecessary_cast, reason = "to musl a request is a C int")]
pub(crate) fn hide_features(call: &Call, mask: u32) -> Verdict {
    let [fd, request, features, ..] = call.arguments;
    if request != libc::TUNGETFEATURES as u64 {
        return Verdict::Pass;
    }
    let features = features as *mut u32;
    // SAFETY: the same call, with the caller's pointer to an unsigned int.
    let result = unsafe { libc::ioctl(fd as i32, libc::TUNGETFEATURES as _, features) };
    // SAFETY: the pointer is that of the caller, which waits.
    unsafe { *features &= !mask };
    Verdict::Done(result.into())
}
