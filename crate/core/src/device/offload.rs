//! The kinds of super-packets that a device passes. They are requested from the kernel, and left out if it refuses
//! them.

use super::TunDevice;
use crate::error::{Error, Result};
use crate::sys::tun::{
    self, TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6,
};
use std::path::Path;

/// Kinds of super-packets, each over IPv4 and IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// TCP (`TUN_F_TSO4`, `TUN_F_TSO6`, and `TUN_F_TSO_ECN` if the kernel supports it).
    pub tso: bool,
    /// UDP (`TUN_F_USO4`, `TUN_F_USO6`; Linux ≥ 6.2).
    pub uso: bool,
}

/// Returns whether the driver supports `IFF_VNET_HDR`, which super-packets require.
///
/// Returns `false` if the query fails: the error of opening the device describes the cause better.
#[must_use]
pub fn has_vnet_header(clone_device: &Path) -> bool {
    tun::open(clone_device)
        .and_then(|fd| tun::features(std::os::fd::AsFd::as_fd(&fd)))
        .is_ok_and(|features| features & tun::IFF_VNET_HDR as u32 != 0)
}

impl TunDevice {
    /// Requests the super-packets in `wanted`. Returns the kinds that the kernel will pass.
    ///
    /// The device must have been opened with a vnet header. Its reader must complete checksums (`TUN_F_CSUM`), which
    /// each kind of super-packet requires.
    pub fn negotiate_offloads(&self, wanted: Offloads) -> Result<Offloads> {
        let mut refusal = None;
        for (granted, mask) in attempts(wanted) {
            match self.set_offload(mask) {
                Ok(()) => return Ok(granted),
                Err(error) => refusal = Some(error),
            }
        }
        match refusal {
            // The kernel refused even a mask of 0.
            Some(e) => {
                Err(Error::os("set the offloads of", self.name(), "ioctl(TUNSETOFFLOAD)", &e))
            }
            None => Ok(Offloads::default()),
        }
    }
}

/// Returns the masks to try, from all wanted kinds down to none. TSO with ECN is dropped before TSO, USO before both.
fn attempts(wanted: Offloads) -> Vec<(Offloads, u32)> {
    let tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    // The driver accepts both or neither (set_offload in drivers/net/tun.c).
    let uso = TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6;
    let (with_tso, with_uso) =
        (Offloads { tso: true, uso: false }, Offloads { tso: false, uso: true });
    let all = [
        (Offloads { tso: true, uso: true }, tso | TUN_F_TSO_ECN | uso),
        (Offloads { tso: true, uso: true }, tso | uso),
        (with_tso, tso | TUN_F_TSO_ECN),
        (with_tso, tso),
        (with_uso, uso),
        (Offloads::default(), 0),
    ];
    let is_wanted = |kinds: &Offloads| (wanted.tso || !kinds.tso) && (wanted.uso || !kinds.uso);
    all.into_iter().filter(|(kinds, _)| is_wanted(kinds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(tso: bool, uso: bool) -> Vec<u32> {
        attempts(Offloads { tso, uso }).into_iter().map(|(_, mask)| mask).collect()
    }

    #[test]
    fn more_is_asked_for_before_less_and_nothing_comes_last() {
        assert_eq!(masks(true, true), [0x6f, 0x67, 0x0f, 0x07, 0x61, 0]);
        assert_eq!(masks(true, false), [0x0f, 0x07, 0]);
        assert_eq!(masks(false, true), [0x61, 0]);
        assert_eq!(masks(false, false), [0]);
    }
}
