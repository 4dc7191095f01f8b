//! Selects the packets that the reader of a device gets: by station, by a classic BPF program, or by eBPF programs.

use super::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::descriptor;
use crate::sys::tun_control::MAC_LEN;
use crate::sys::tun_filter::{self, Instruction, Program};

pub use crate::sys::tun_filter::MAX_INSTRUCTIONS;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::PoisonError;

/// The maximum number of stations that the driver matches exactly (`FLT_EXACT_COUNT`, drivers/net/tun.c).
const MAX_STATIONS: usize = 8;

/// The frames that the reader of a TAP device gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StationFilter {
    /// Frames to these stations. If there are more than eight, the further ones must be multicast addresses. They are
    /// matched with a hash, so frames to other stations may pass too.
    pub stations: Vec<[u8; MAC_LEN]>,
    /// Whether all multicast frames pass.
    pub all_multicast: bool,
}

impl TunDevice {
    /// Selects the frames for the reader of a TAP device (`TUNSETTXFILTER`). `None`: all of them.
    pub fn set_station_filter(&self, filter: Option<&StationFilter>) -> Result<()> {
        const OPERATION: &str = "set the MAC filter of";
        self.expect_tap(OPERATION, "it is a TUN device, whose packets have no MAC address")?;
        let (stations, all_multicast) =
            filter.map_or((&[][..], false), |f| (f.stations.as_slice(), f.all_multicast));
        if filter.is_some() && stations.is_empty() {
            let reason = "the list is empty, and the driver treats an empty list as no filter";
            return Err(Error::new(ErrorCode::InvalidArgument, OPERATION, self.name(), reason)
                .with_advice("give at least one address, such as that of the device"));
        }
        let exact = tun_filter::set_stations(self.as_fd(), stations, all_multicast)
            .map_err(|e| self.refused(OPERATION, "ioctl(TUNSETTXFILTER)", &e))?;
        if exact == 0 && !stations.is_empty() {
            let reason = format!("the driver distinguishes only {MAX_STATIONS} unicast stations");
            return Err(Error::new(ErrorCode::InvalidArgument, OPERATION, self.name(), reason)
                .with_advice("put multicast addresses last, or give fewer: no filter is set now"));
        }
        Ok(())
    }

    /// Drops each frame for which the classic BPF program returns 0 (`TUNATTACHFILTER`); TAP only. `None` removes the
    /// program (`TUNDETACHFILTER`).
    ///
    /// The program is removed when this device is closed, even if the interface is persistent.
    pub fn set_filter(&self, instructions: Option<&[Instruction]>) -> Result<()> {
        const OPERATION: &str = "set the filter of";
        self.expect_tap(
            OPERATION,
            "it is a TUN device, which does not support classic BPF programs",
        )?;
        let Some(instructions) = instructions else { return self.end_filter() };
        let Some(program) = Program::new(instructions) else {
            let reason = format!(
                "the program has {} instructions; 1 to {MAX_INSTRUCTIONS} are allowed",
                instructions.len()
            );
            return Err(Error::new(ErrorCode::InvalidArgument, OPERATION, self.name(), reason));
        };
        tun_filter::attach(self.as_fd(), &program).map_err(|e| {
            let error = self.refused(OPERATION, "ioctl(TUNATTACHFILTER)", &e);
            match e.raw_os_error() {
                Some(libc::EINVAL) => error.with_advice(
                    "not a valid classic BPF program: each jump must lead to one of its instructions, \
                     and the last one must return",
                ),
                _ => error,
            }
        })?;
        // The kernel may have used the previous program until the call above.
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = Some(program);
        Ok(())
    }

    fn end_filter(&self) -> Result<()> {
        tun_filter::detach(self.as_fd())
            .map_err(|e| self.refused("end the filter of", "ioctl(TUNDETACHFILTER)", &e))?;
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Sets a loaded eBPF program that returns how many bytes of each packet the reader gets, 0 for none
    /// (`TUNSETFILTEREBPF`). `program` is its open descriptor. `None` removes the program.
    pub fn set_ebpf_filter(&self, program: Option<RawFd>) -> Result<()> {
        const OPERATION: &str = "set the eBPF filter of";
        let program = open_program(OPERATION, program)?;
        tun_filter::set_program(self.as_fd(), program.as_ref().map(OwnedFd::as_fd))
            .map_err(|e| self.refused_program(OPERATION, "ioctl(TUNSETFILTEREBPF)", &e))
    }

    /// Sets a loaded eBPF program that chooses the queue of each packet: its result modulo the number of queues
    /// (`TUNSETSTEERINGEBPF`). With `None`, the driver chooses by flow.
    pub fn set_ebpf_steering(&self, program: Option<RawFd>) -> Result<()> {
        const OPERATION: &str = "set the eBPF steering of";
        let program = open_program(OPERATION, program)?;
        tun_filter::set_steering(self.as_fd(), program.as_ref().map(OwnedFd::as_fd))
            .map_err(|e| self.refused_program(OPERATION, "ioctl(TUNSETSTEERINGEBPF)", &e))
    }

    fn refused_program(
        &self,
        operation: &'static str,
        request: &'static str,
        e: &io::Error,
    ) -> Error {
        let error = self.refused(operation, request, e);
        match e.raw_os_error() {
            Some(libc::EINVAL) => error.with_advice(
                "the descriptor is not that of a loaded eBPF program of the type \
                 BPF_PROG_TYPE_SOCKET_FILTER",
            ),
            _ => error,
        }
    }
}

/// Returns a copy of the caller's descriptor. The caller keeps its own.
fn open_program(operation: &'static str, program: Option<RawFd>) -> Result<Option<OwnedFd>> {
    let Some(fd) = program else { return Ok(None) };
    descriptor::duplicate(fd).map(Some).map_err(|e| {
        Error::os(operation, format!("descriptor {fd}"), "fcntl(F_DUPFD)", &e)
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("it is not open: give the descriptor that bpf(BPF_PROG_LOAD) returned")
    })
}

impl Drop for TunDevice {
    /// Detaches the program. A persistent device would keep a filter that refers to memory we have freed.
    fn drop(&mut self) {
        let program = self.program.get_mut().unwrap_or_else(PoisonError::into_inner);
        if program.is_some() {
            let _ = tun_filter::detach(self.fd.as_fd());
        }
    }
}
