//! Which packets the reader of a device gets: by station, by a classic BPF program, by eBPF programs.

use super::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::tun_control::{self, MAC_LEN};
use crate::sys::tun_filter::{self, Instruction, Program};

pub use crate::sys::tun_filter::MAX_INSTRUCTIONS;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::PoisonError;

/// Single stations that the driver tells apart, at most (`FLT_EXACT_COUNT`, drivers/net/tun.c).
const MAX_STATIONS: usize = 8;

/// Which frames the reader of a TAP device gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StationFilter {
    /// Those for these stations; of more than eight the further ones must be multicast, and pass
    /// by a hash that lets others pass too.
    pub stations: Vec<[u8; MAC_LEN]>,
    /// All multicast frames.
    pub all_multicast: bool,
}

impl TunDevice {
    /// Picks the frames for the reader of a TAP device (`TUNSETTXFILTER`); none: all of them.
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

    /// Drops each frame for whose bytes the classic BPF program answers 0 (`TUNATTACHFILTER`); TAP
    /// only. `None`: none any more (`TUNDETACHFILTER`).
    ///
    /// The program ends with this device, also where the interface is persistent.
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
        // Only now: the one before may have been looked at until here.
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = Some(program);
        Ok(())
    }

    fn end_filter(&self) -> Result<()> {
        tun_filter::detach(self.as_fd())
            .map_err(|e| self.refused("end the filter of", "ioctl(TUNDETACHFILTER)", &e))?;
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Has the loaded eBPF program that the number `program` is open for say how many bytes of
    /// each packet the reader gets, 0 for none (`TUNSETFILTEREBPF`). `None`: no program any more.
    pub fn set_ebpf_filter(&self, program: Option<RawFd>) -> Result<()> {
        const OPERATION: &str = "set the eBPF filter of";
        let program = open_program(OPERATION, program)?;
        tun_filter::set_program(self.as_fd(), program.as_ref().map(OwnedFd::as_fd))
            .map_err(|e| self.refused_program(OPERATION, "ioctl(TUNSETFILTEREBPF)", &e))
    }

    /// Has such a program choose the queue of each packet, modulo their number
    /// (`TUNSETSTEERINGEBPF`). `None`: the driver's own choice by flow.
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

/// A copy of a descriptor of the caller's, which stays the caller's.
fn open_program(operation: &'static str, program: Option<RawFd>) -> Result<Option<OwnedFd>> {
    let Some(fd) = program else { return Ok(None) };
    tun_control::duplicate(fd).map(Some).map_err(|e| {
        Error::os(operation, format!("descriptor {fd}"), "fcntl(F_DUPFD)", &e)
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("it is not open: give the descriptor that bpf(BPF_PROG_LOAD) returned")
    })
}

impl Drop for TunDevice {
    /// A persistent device would go on looking at memory that is not ours any more.
    fn drop(&mut self) {
        let program = self.program.get_mut().unwrap_or_else(PoisonError::into_inner);
        if program.is_some() {
            let _ = tun_filter::detach(self.fd.as_fd());
        }
    }
}
