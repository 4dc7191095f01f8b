//! The error type of the core: operation, subject, reason, errno, kernel text and advice.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// The result of every fallible operation of the core.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error, a stable name that programs may match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An option or argument is out of range or malformed.
    InvalidArgument,
    /// The device is held by another process, or exists although a new one was requested.
    Busy,
    /// A capability, ownership or mode is missing.
    Permission,
    /// The clone device node (`/dev/net/tun`) does not exist.
    NoDeviceNode,
    /// The kernel has no TUN driver, or it is not loaded.
    NoDriver,
    /// The device exists with another type (TUN, TAP) or another queue mode.
    DeviceMismatch,
    /// The kernel does not accept the interface name.
    InvalidName,
    /// The interface, address, route or namespace does not exist.
    NotFound,
    /// The address, route or interface already exists.
    Exists,
    /// Another socket uses the local UDP address.
    AddressInUse,
    /// The local UDP address is not an address of this machine.
    AddressNotAvailable,
    /// There is no route to the network or the peer.
    Unreachable,
    /// The device was deleted while it was in use.
    DeviceDeleted,
    /// The interface is down.
    InterfaceDown,
    /// The kernel refused a packet.
    PacketRefused,
    /// No queue of the device is attached to it.
    Detached,
    /// The route or address would send the tunnel's own datagrams into the tunnel.
    RouteLoop,
    /// This kernel does not support the operation.
    Unsupported,
    /// The object is closed.
    Closed,
    /// A table changed while it was read, so the result is not a consistent state.
    Interrupted,
    /// A resource of the system ran out.
    Exhausted,
    /// Any other failing system call.
    System,
}

impl ErrorCode {
    /// Returns the documented name, which is `error.code` in JavaScript.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "ERR_TUN_INVALID_ARGUMENT",
            Self::Busy => "ERR_TUN_BUSY",
            Self::Permission => "ERR_TUN_PERMISSION",
            Self::NoDeviceNode => "ERR_TUN_NO_DEVICE_NODE",
            Self::NoDriver => "ERR_TUN_NO_DRIVER",
            Self::DeviceMismatch => "ERR_TUN_DEVICE_MISMATCH",
            Self::InvalidName => "ERR_TUN_INVALID_NAME",
            Self::NotFound => "ERR_TUN_NOT_FOUND",
            Self::Exists => "ERR_TUN_EXISTS",
            Self::AddressInUse => "ERR_TUN_ADDRESS_IN_USE",
            Self::AddressNotAvailable => "ERR_TUN_ADDRESS_NOT_AVAILABLE",
            Self::Unreachable => "ERR_TUN_UNREACHABLE",
            Self::DeviceDeleted => "ERR_TUN_DEVICE_DELETED",
            Self::InterfaceDown => "ERR_TUN_INTERFACE_DOWN",
            Self::PacketRefused => "ERR_TUN_PACKET_REFUSED",
            Self::Detached => "ERR_TUN_DETACHED",
            Self::RouteLoop => "ERR_TUN_ROUTE_LOOP",
            Self::Unsupported => "ERR_TUN_UNSUPPORTED",
            Self::Closed => "ERR_TUN_CLOSED",
            Self::Interrupted => "ERR_TUN_INTERRUPTED",
            Self::Exhausted => "ERR_TUN_EXHAUSTED",
            Self::System => "ERR_TUN_SYSTEM",
        }
    }

    /// Returns the default error code for an errno, used when the operation has no more specific one.
    #[must_use]
    pub const fn of_errno(errno: i32) -> Self {
        match errno {
            libc::EPERM | libc::EACCES => Self::Permission,
            libc::EBUSY => Self::Busy,
            libc::EEXIST => Self::Exists,
            libc::ENOENT | libc::ENODEV | libc::ESRCH => Self::NotFound,
            libc::EADDRINUSE => Self::AddressInUse,
            libc::EADDRNOTAVAIL => Self::AddressNotAvailable,
            libc::ENETUNREACH | libc::EHOSTUNREACH => Self::Unreachable,
            libc::EINVAL | libc::ERANGE => Self::InvalidArgument,
            libc::EOPNOTSUPP | libc::EAFNOSUPPORT | libc::ENOSYS => Self::Unsupported,
            libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS => Self::Exhausted,
            libc::EBADFD => Self::DeviceDeleted,
            _ => Self::System,
        }
    }
}

/// An error of the core.
///
/// Displayed as `OPERATION SUBJECT: REASON (KERNEL TEXT, ATTRIBUTE); ADVICE`, without empty parts.
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: ErrorCode,
    operation: Cow<'static, str>,
    subject: String,
    reason: String,
    errno: Option<i32>,
    syscall: Option<&'static str>,
    kernel_text: Option<String>,
    attribute: Option<String>,
    advice: Option<Cow<'static, str>>,
}

impl Error {
    /// Creates an error that no system call returned. `reason` states what was expected and what was found.
    pub fn new(
        code: ErrorCode,
        operation: impl Into<Cow<'static, str>>,
        subject: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            code,
            operation: operation.into(),
            subject: subject.into(),
            reason: reason.into(),
            errno: None,
            syscall: None,
            kernel_text: None,
            attribute: None,
            advice: None,
        }))
    }

    /// Creates the error of the system call `syscall`. Its code is [`ErrorCode::of_errno`];
    /// [`Error::with_code`] sets a more specific one.
    pub fn os(
        operation: impl Into<Cow<'static, str>>,
        subject: impl Into<String>,
        syscall: &'static str,
        cause: &io::Error,
    ) -> Self {
        let errno = cause.raw_os_error();
        let code = errno.map_or(ErrorCode::System, ErrorCode::of_errno);
        let reason = errno.map_or_else(|| cause.to_string(), strerror);
        let mut error = Self::new(code, operation, subject, reason);
        error.0.errno = errno;
        error.0.syscall = Some(syscall);
        error
    }

    /// Returns the error with a more specific code.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.0.code = code;
        self
    }

    /// Returns the error with advice for the user.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Returns the error with the kernel's extended-ACK text (netlink(7), `NLMSGERR_ATTR_MSG`).
    #[must_use]
    pub fn with_kernel_text(mut self, text: impl Into<String>) -> Self {
        self.0.kernel_text = Some(text.into());
        self
    }

    /// Returns the error with the attribute of the request that the kernel reported (netlink(7),
    /// `NLMSGERR_ATTR_OFFS`).
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>) -> Self {
        self.0.attribute = Some(name.into());
        self
    }

    /// Returns the kind of error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Returns the errno of the failed system call, if one failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// Returns the failed system call or request: `ioctl(TUNSETIFF)`, `RTM_NEWADDR`, `bind`.
    #[must_use]
    pub fn syscall(&self) -> Option<&'static str> {
        self.0.syscall
    }

    /// Returns the subject of the operation: an interface, address, path or peer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns the kernel's extended-ACK text.
    #[must_use]
    pub fn kernel_text(&self) -> Option<&str> {
        self.0.kernel_text.as_deref()
    }

    /// Returns the attribute of the request that the kernel reported: `IFLA_MTU`.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        self.0.attribute.as_deref()
    }

    /// Returns the advice for the user.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { operation, subject, reason, kernel_text, attribute, advice, .. } = &*self.0;
        f.write_str(operation)?;
        if !subject.is_empty() {
            write!(f, " {subject}")?;
        }
        write!(f, ": {reason}")?;
        match (kernel_text, attribute) {
            (Some(text), Some(attribute)) => write!(f, " ({text}, {attribute})")?,
            (Some(text), None) | (None, Some(text)) => write!(f, " ({text})")?,
            (None, None) => {}
        }
        if let Some(advice) = advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Returns the system's text for an errno, without the number that `io::Error` appends.
#[must_use]
pub fn strerror(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    match text.rfind(" (os error ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_holds_every_part_in_order() {
        let cause = io::Error::from_raw_os_error(libc::EINVAL);
        let error = Error::os("set mtu 70000 of", "tun0", "RTM_NEWLINK", &cause)
            .with_kernel_text("mtu greater than device maximum")
            .with_attribute("IFLA_MTU")
            .with_advice("use 68 to 65535");
        assert_eq!(
            error.to_string(),
            "set mtu 70000 of tun0: Invalid argument (mtu greater than device maximum, IFLA_MTU); \
             use 68 to 65535"
        );
        assert_eq!(error.errno(), Some(libc::EINVAL));
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn message_without_subject_has_no_gap() {
        let error = Error::new(ErrorCode::Closed, "start the relay", "", "closed");
        assert_eq!(error.to_string(), "start the relay: closed");
    }
}
