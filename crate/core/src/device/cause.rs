//! Causes of a failed opening, each with its own message and advice.

use super::TunDevice;
use super::holder;
use super::options::MAX_QUEUES;
use super::options::{DeviceOptions, Mode};
use crate::error::{Error, ErrorCode};
use crate::sys::capability::{self, Capability};
use crate::sys::interface;
use std::io;
use std::path::Path;

/// Returns the error of opening the clone device.
#[must_use]
pub fn of_open(path: &Path, error: &io::Error) -> Error {
    let base = Error::os("open", path.display().to_string(), "open", error);
    match error.raw_os_error() {
        Some(libc::ENOENT) => base.with_code(ErrorCode::NoDeviceNode).with_advice(
            "the device node of the TUN driver is missing: in a container pass --device /dev/net/tun, \
             otherwise run \"mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200\"",
        ),
        Some(libc::ENODEV | libc::ENXIO) => base
            .with_code(ErrorCode::NoDriver)
            .with_advice("this kernel has no TUN driver loaded: run \"modprobe tun\""),
        Some(libc::EPERM) => base.with_code(ErrorCode::Permission).with_advice(
            "the device cgroup forbids it: in a container pass --device /dev/net/tun, in a systemd \
             unit set DeviceAllow=/dev/net/tun rw",
        ),
        Some(libc::EACCES) => base
            .with_code(ErrorCode::Permission)
            .with_advice("its mode forbids it: the usual mode is 0666 (chmod 666 /dev/net/tun)"),
        _ => base,
    }
}

/// Returns the error of `TUNSETIFF`.
pub(super) fn of_attach(options: &DeviceOptions, name: &str, error: &io::Error) -> Error {
    let subject = if name.is_empty() { "a TUN/TAP interface" } else { name };
    let base = Error::os("open", subject, "ioctl(TUNSETIFF)", error);
    let mode = match options.mode {
        Mode::Tun => "tun",
        Mode::Tap => "tap",
    };
    match error.raw_os_error() {
        // `dev_index_reserve`, net/core/dev.c; kernels before 6.7 return EEXIST.
        Some(libc::EBUSY | libc::EEXIST) if is_index_taken(options, name) => base
            .with_code(ErrorCode::Exists)
            .with_advice("an interface with that index exists: choose another index"),
        // Kernels before 6.7 return ENFILE (`dev_alloc_name`, net/core/dev.c).
        Some(libc::ENFILE | libc::EEXIST) if name.contains('%') => base
            .with_code(ErrorCode::Exhausted)
            .with_advice("no number is left for this name template: choose another template"),
        Some(libc::EBUSY) if options.is_exclusive && holder::find(name).is_none() => {
            base.with_code(ErrorCode::Exists).with_advice(
                "an interface of that name exists: choose another name, or allow an existing interface",
            )
        }
        Some(libc::EBUSY) => busy_error(subject),
        Some(libc::EEXIST) => base
            .with_code(ErrorCode::Exists)
            .with_advice("an interface of that name exists: choose another name"),
        Some(libc::EPERM) => base.with_code(ErrorCode::Permission).with_advice(
            capability::refused_though_present(Capability::NetAdmin, "the network namespace")
                .unwrap_or_else(|| not_owned(mode)),
        ),
        Some(libc::EINVAL) => base.with_code(ErrorCode::DeviceMismatch).with_advice(format!(
            "an interface of that name exists, and it is not a {mode} device or has another queue \
             mode: run \"ip -d link show\", and choose another name"
        )),
        Some(libc::EFAULT) => base.with_advice(
            "a classic BPF filter of a process that has ended is still attached: delete the \
             interface and create it again, or omit packet information",
        ),
        Some(libc::E2BIG) => base
            .with_code(ErrorCode::Exhausted)
            .with_advice(format!("it already has {MAX_QUEUES} queues, the maximum: open fewer queues")),
        _ => base,
    }
}

/// Returns whether the requested index belongs to an interface, and the requested name does not.
fn is_index_taken(options: &DeviceOptions, name: &str) -> bool {
    let is_taken = |index: u32| interface::name_of(index).is_ok();
    options.index.is_some_and(is_taken) && interface::index_of(name).is_err()
}

/// Returns the advice for a process that has neither the capability nor a device of its own.
fn not_owned(mode: &str) -> String {
    format!(
        "it needs CAP_NET_ADMIN (run it as root), or a persistent device that belongs to this user and has all \
         settings (as root: ip tuntap add dev NAME mode {mode} user NAME)"
    )
}

/// Returns the error for a device that another process holds, if the kernel would let both processes have queues.
#[must_use]
pub fn busy_error(name: &str) -> Error {
    let busy = io::Error::from_raw_os_error(libc::EBUSY);
    Error::os("open", name, "ioctl(TUNSETIFF)", &busy)
        .with_code(ErrorCode::Busy)
        .with_advice(busy_advice(name))
}

/// Returns the error for an existing interface whose index is not the requested one.
pub(super) fn of_index(device: &TunDevice, index: u32) -> Error {
    let reason =
        format!("it exists with index {}, and index {index} was requested", device.index());
    Error::new(ErrorCode::Exists, "open", device.name(), reason)
        .with_advice("an index can only be given to a new interface: omit it")
}

/// Returns the error of requesting the interface of a descriptor.
pub(super) fn of_adopt(fd: i32, error: &io::Error) -> Error {
    let base = Error::os("adopt the descriptor", fd.to_string(), "ioctl(TUNGETIFF)", error);
    match error.raw_os_error() {
        Some(libc::EBADFD) => base
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("it is not attached to an interface, or the interface was deleted: call TUNSETIFF first"),
        Some(libc::ENOTTY | libc::EINVAL) => base
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("it is not open for the TUN driver's clone device"),
        _ => base,
    }
}

/// Returns the error for a descriptor whose device does not have the requested mode.
pub(super) fn of_mode(fd: i32, name: &str, wanted: Mode) -> Error {
    let (wanted, actual) = match wanted {
        Mode::Tun => ("TUN", "TAP"),
        Mode::Tap => ("TAP", "TUN"),
    };
    let reason = format!("{name} is a {actual} device, and a {wanted} device was requested");
    Error::new(ErrorCode::DeviceMismatch, "adopt the descriptor", fd.to_string(), reason)
        .with_advice(format!("open it as a {actual} device"))
}

/// Returns the error of reading a packet from the interface `name`.
#[must_use]
pub fn read_error(name: &str, error: &io::Error) -> Error {
    let base = Error::os("read from", name, "read", error);
    match error.raw_os_error() {
        Some(libc::EBADFD) => base.with_advice(DELETED),
        _ => base,
    }
}

/// Returns the error of writing a packet to the interface `name`; `index` is its number in a batch.
#[must_use]
pub fn write_error(name: &str, index: Option<usize>, error: &io::Error) -> Error {
    let operation = match index {
        Some(index) => format!("write packet {index} to"),
        None => "write a packet to".to_owned(),
    };
    let base = Error::os(operation, name, "write", error);
    match error.raw_os_error() {
        Some(libc::EBADFD) => base.with_advice(DELETED),
        Some(libc::EIO) => base
            .with_code(ErrorCode::InterfaceDown)
            .with_advice("the interface is down: bring it up (ip link set dev NAME up)"),
        Some(libc::EINVAL) => base.with_code(ErrorCode::PacketRefused).with_advice(
            "not a packet for this interface: a TUN device accepts IPv4 and IPv6 packets, a TAP \
             device Ethernet frames of at least 14 bytes",
        ),
        _ => base.with_code(ErrorCode::PacketRefused),
    }
}

const DELETED: &str = "the interface was deleted while it was in use: open it again";

fn busy_advice(name: &str) -> String {
    match holder::find(name) {
        Some(holder) => format!(
            "process {} ({}) holds it: end that process, or choose another name",
            holder.pid, holder.command
        ),
        None => "another process holds it: end that process, or choose another name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_a_clone_device_that_does_not_open_has_its_own_advice() {
        let causes = [
            (libc::ENOENT, ErrorCode::NoDeviceNode, "--device /dev/net/tun"),
            (libc::ENODEV, ErrorCode::NoDriver, "modprobe tun"),
            (libc::ENXIO, ErrorCode::NoDriver, "modprobe tun"),
            (libc::EPERM, ErrorCode::Permission, "cgroup"),
            (libc::EACCES, ErrorCode::Permission, "chmod 666"),
        ];
        for (errno, code, advice) in causes {
            let path = Path::new("/dev/net/tun");
            let error = of_open(path, &io::Error::from_raw_os_error(errno));
            assert_eq!((error.code(), error.errno()), (code, Some(errno)));
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
