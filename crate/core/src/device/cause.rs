//! Why a device could not be opened: each cause with a message and an advice of its own.

use super::holder;
use super::options::{DeviceOptions, Mode};
use crate::error::{Error, ErrorCode};
use std::io;
use std::path::Path;

/// The error of opening the clone device.
pub(super) fn of_open(path: &Path, error: &io::Error) -> Error {
    let base = Error::os("open", path.display().to_string(), "open", error);
    match error.raw_os_error() {
        Some(libc::ENOENT) => base.with_code(ErrorCode::NoDeviceNode).with_advice(
            "the TUN driver has no device node here: in a container pass --device /dev/net/tun, \
             elsewhere run \"mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200\"",
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

/// The error of `TUNSETIFF`.
pub(super) fn of_attach(options: &DeviceOptions, name: &str, error: &io::Error) -> Error {
    let subject = if name.is_empty() { "a TUN/TAP interface" } else { name };
    let base = Error::os("open", subject, "ioctl(TUNSETIFF)", error);
    let mode = match options.mode {
        Mode::Tun => "tun",
        Mode::Tap => "tap",
    };
    match error.raw_os_error() {
        Some(libc::EBUSY) => base.with_code(ErrorCode::Busy).with_advice(busy_advice(name)),
        Some(libc::EPERM) => base.with_code(ErrorCode::Permission).with_advice(format!(
            "it needs CAP_NET_ADMIN (run it as root), or a persistent device that belongs to this \
             user (as root: ip tuntap add dev NAME mode {mode} user NAME)"
        )),
        Some(libc::EINVAL) => base.with_code(ErrorCode::DeviceMismatch).with_advice(format!(
            "an interface of that name exists that is no {mode} device, or differs in its number \
             of queues: see \"ip -d link show\", and choose another name"
        )),
        Some(libc::E2BIG) => base
            .with_code(ErrorCode::Exhausted)
            .with_advice("it has the 256 queues already that a device may have"),
        Some(libc::ENFILE) => base
            .with_code(ErrorCode::Exhausted)
            .with_advice("no number is left for this name template: choose another"),
        _ => base,
    }
}

fn busy_advice(name: &str) -> String {
    match holder::find(name) {
        Some(holder) => format!(
            "process {} ({}) holds it: end that process, or choose another name",
            holder.pid, holder.command
        ),
        None => "another process holds it: end that process, or choose another name".to_owned(),
    }
}
