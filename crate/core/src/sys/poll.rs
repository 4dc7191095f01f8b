//! Waits for several descriptors at once: epoll(7), level-triggered. eventfd(2) ends a wait.

use super::{check, check_count, syscall};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// The events that a descriptor is watched for. Errors are always reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// It can be read.
    pub readable: bool,
    /// It can be written.
    pub writable: bool,
}

impl Interest {
    fn bits(self) -> u32 {
        let bit = |is_set: bool, bit: libc::c_int| if is_set { bit as u32 } else { 0 };
        bit(self.readable, libc::EPOLLIN) | bit(self.writable, libc::EPOLLOUT)
    }
}

/// The state of one descriptor of a [`Poller`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The number that the descriptor was added with.
    pub token: u64,
    /// An error is pending, or the other end was closed.
    pub has_error: bool,
}

/// Maximum number of descriptors per wait.
const CAPACITY: usize = 4;

/// A set of descriptors to wait for. It does not own them; closing a descriptor removes it.
#[derive(Debug)]
pub struct Poller(OwnedFd);

impl Poller {
    /// Creates an empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the call has just returned this descriptor, so nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds `fd`, which is reported as `token`.
    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes the events that `fd`, which was added before, is watched for.
    pub fn change(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Waits until a descriptor is ready, without limit or up to `timeout`, which is rounded up to whole
    /// milliseconds. If a signal ends the wait, no descriptor is returned.
    pub fn wait(
        &self,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = Readiness> + use<>> {
        self.wait_up_to(timeout.map_or(-1, whole_millis))
    }

    /// Returns the descriptors that are ready now, without waiting.
    pub fn poll_now(&self) -> io::Result<impl Iterator<Item = Readiness> + use<>> {
        self.wait_up_to(0)
    }

    fn wait_up_to(
        &self,
        timeout_ms: libc::c_int,
    ) -> io::Result<impl Iterator<Item = Readiness> + use<>> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; CAPACITY];
        // SAFETY: the kernel writes at most `CAPACITY` events into the array, which lives for the
        // call. It reads no signal mask.
        let result = unsafe {
            syscall!(
                SYS_epoll_pwait,
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                CAPACITY,
                timeout_ms,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        let count = match check_count(result) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(events.into_iter().take(count).map(|event| {
            let has_error = event.events & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
            Readiness { token: event.u64, has_error }
        }))
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token };
        // SAFETY: the kernel reads the event, which lives for the call.
        check(unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event)
        })
        .map(drop)
    }
}

/// Rounds up, so that a wait does not end too early; about 24 days at most.
fn whole_millis(time: Duration) -> libc::c_int {
    let millis = time.as_nanos().div_ceil(1_000_000);
    libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
}

/// Ends a wait from any thread: once woken, its descriptor stays readable until it is cleared (eventfd(2)).
#[derive(Debug)]
pub struct WakeUp(OwnedFd);

impl WakeUp {
    /// Creates one that is not woken.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Makes the descriptor readable.
    pub fn wake(&self) {
        // It fails only after 2^64 - 2 calls.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Ends the effect of [`WakeUp::wake`]: the descriptor is not readable any more.
    pub fn clear(&self) {
        // It fails if another thread has cleared it.
        let _ = rustix::io::read(&self.0, &mut [0; size_of::<u64>()]);
    }
}

impl AsFd for WakeUp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Interest = Interest { readable: true, writable: false };

    fn tokens(poller: &Poller) -> Vec<u64> {
        poller.poll_now().unwrap().map(|readiness| readiness.token).collect()
    }

    #[test]
    fn a_wake_up_is_reported_until_it_is_no_longer_watched() {
        let (poller, wake_up) = (Poller::new().unwrap(), WakeUp::new().unwrap());
        poller.add(wake_up.as_fd(), 7, READ).unwrap();
        assert!(tokens(&poller).is_empty());
        wake_up.wake();
        for _ in 0..2 {
            assert_eq!(tokens(&poller), [7]);
        }
        poller.change(wake_up.as_fd(), 7, Interest::default()).unwrap();
        assert!(tokens(&poller).is_empty());
    }

    #[test]
    fn room_to_write_is_reported_only_when_it_is_watched_for() {
        let (poller, wake_up) = (Poller::new().unwrap(), WakeUp::new().unwrap());
        poller.add(wake_up.as_fd(), 7, READ).unwrap();
        assert!(tokens(&poller).is_empty());
        poller.change(wake_up.as_fd(), 8, Interest { readable: false, writable: true }).unwrap();
        assert_eq!(tokens(&poller), [8]);
    }

    #[test]
    fn a_wait_with_a_limit_ends_then_and_not_before() {
        let poller = Poller::new().unwrap();
        for limit in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(30)] {
            let began = std::time::Instant::now();
            assert_eq!(poller.wait(Some(limit)).unwrap().count(), 0);
            assert!(began.elapsed() >= limit, "{limit:?}");
        }
        let wake_up = WakeUp::new().unwrap();
        poller.add(wake_up.as_fd(), 3, READ).unwrap();
        wake_up.wake();
        assert_eq!(poller.wait(None).unwrap().count(), 1);
    }

    #[test]
    fn the_end_of_the_other_side_is_an_error() {
        let (mine, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(mine.as_fd(), 1, Interest::default()).unwrap();
        assert!(tokens(&poller).is_empty());
        drop(theirs);
        let reported: Vec<Readiness> = poller.wait(None).unwrap().collect();
        assert_eq!(reported, [Readiness { token: 1, has_error: true }]);
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_not_before() {
        let (poller, wake_up) = (Poller::new().unwrap(), WakeUp::new().unwrap());
        poller.add(wake_up.as_fd(), 7, READ).unwrap();
        for micros in [0, 1, 1_000, 20_500] {
            let (timeout, began) = (Duration::from_micros(micros), std::time::Instant::now());
            assert_eq!(poller.wait(Some(timeout)).unwrap().count(), 0);
            assert!(began.elapsed() >= timeout, "{timeout:?}");
        }
        // A ready descriptor is returned at once.
        wake_up.wake();
        let began = std::time::Instant::now();
        assert_eq!(poller.wait(Some(Duration::from_secs(3_600))).unwrap().count(), 1);
        assert!(began.elapsed() < Duration::from_secs(60));
        assert_eq!(whole_millis(Duration::from_nanos(1_000_001)), 2);
        assert_eq!(whole_millis(Duration::MAX), libc::c_int::MAX);
    }
}
