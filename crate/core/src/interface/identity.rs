//! The interface of an open device, as the kernel identifies it now.
//!
//! An interface index belongs to a network namespace, and a name to the link that has it at the moment.
//! Therefore neither identifies an interface over time. The device's descriptor does: the driver reports
//! the present name (`TUNGETIFF`) and namespace (`TUNGETDEVNETNS`) of its interface, through every rename
//! and move.

use crate::advice;
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::link::{KindData, TunMode};
use crate::netlink::{Connection, Link, LinkRef};
use crate::sys::capability::Capability;
use crate::sys::netns;
use crate::sys::tun::{self, QueueInfo};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The maximum number of look-ups, if renames or moves interfere.
const ATTEMPTS: u32 = 5;

/// An open device, with the network namespace and the index that its interface had when it was
/// configured.
pub(crate) struct Identity {
    /// Keeps the device attached, even if the caller closes its descriptors.
    fd: OwnedFd,
    name: String,
    index: u32,
    /// `None` without /proc.
    namespace: Option<OwnedFd>,
}

/// An interface that was found.
pub(crate) struct Found {
    /// The kernel's description of the interface.
    pub(crate) link: Link,
    /// A connection to its network namespace, if that is not the namespace where it was configured.
    pub(crate) elsewhere: Option<Connection>,
    /// The interface was moved to another namespace since then, and possibly back. When the kernel moves an
    /// interface, it brings it down and removes its addresses and routes.
    pub(crate) has_moved: bool,
    /// The driver confirmed the interface's namespace, or does not support that query. Otherwise this
    /// process is not permitted to query it (`CAP_NET_ADMIN`), and must not change the interface: it may
    /// be another one of the same name.
    pub(crate) is_certain: bool,
}

/// The driver's view of a device at one moment.
struct Sight {
    queue: QueueInfo,
    place: Place,
}

/// The network namespace of an interface.
enum Place {
    /// The namespace where the interface was configured.
    Original,
    /// Another namespace.
    Elsewhere(OwnedFd),
    /// This kernel does not report it (Linux before 5.2).
    Unknown,
    /// This process is not permitted to query it.
    Hidden,
}

impl Identity {
    /// Returns the identity of `device`, whose interface is in the calling thread's network namespace.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Exhausted`] if the process has no descriptor left.
    pub(crate) fn of(device: &TunDevice) -> Result<Self> {
        let fd = device.as_fd().try_clone_to_owned();
        let fd =
            fd.map_err(|e| Error::os("keep a descriptor of", device.name(), "fcntl(F_DUPFD)", &e))?;
        let namespace = netns::current().ok();
        Ok(Self { fd, name: device.name().to_owned(), index: device.index(), namespace })
    }

    /// Returns the interface's name when it was configured.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns a descriptor of the device.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Finds the interface in order to change it; `None` if it was deleted. `original` is a connection to
    /// the network namespace where it was configured.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Permission`] if this process is not permitted to query the interface's namespace
    /// (`CAP_NET_ADMIN` over it) or to enter it (`CAP_SYS_ADMIN`).
    pub(crate) async fn find(&self, original: &Connection) -> Result<Option<Found>> {
        let found = self.look_up(original).await?;
        if found.as_ref().is_none_or(|found| found.is_certain) {
            return Ok(found);
        }
        let cause = io::Error::from_raw_os_error(libc::EPERM);
        Err(self.refused("ioctl(TUNGETDEVNETNS)", &cause).with_advice(advice::permission(
            Capability::NetAdmin,
            "the interface's network namespace",
        )))
    }

    /// Finds the interface in order to read its settings, which needs no privilege.
    pub(crate) async fn look_up(&self, original: &Connection) -> Result<Option<Found>> {
        for _ in 0..ATTEMPTS {
            let Some(sight) = self.look()? else { return Ok(None) };
            let elsewhere = match &sight.place {
                Place::Elsewhere(namespace) => {
                    Some(Connection::open_in(namespace, &format!("of {}", sight.queue.name))?)
                }
                Place::Original | Place::Unknown | Place::Hidden => None,
            };
            let connection = elsewhere.as_ref().unwrap_or(original);
            let link = match connection.link(&LinkRef::Name(sight.queue.name.clone())).await {
                Ok(link) => link,
                Err(error) if error.code() == ErrorCode::NotFound => {
                    if matches!(sight.place, Place::Unknown | Place::Hidden) {
                        return Err(self.lost("it is in another network namespace now"));
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            // The name belonged to the device during the look-up only if it still does.
            let Some(again) = self.look()? else { return Ok(None) };
            if !sight.is_same(&again) || link.name != sight.queue.name {
                continue;
            }
            self.verify(&sight, &link)?;
            let has_moved = elsewhere.is_some() || link.if_index != self.index;
            let is_certain = !matches!(sight.place, Place::Hidden);
            return Ok(Some(Found { link, elsewhere, has_moved, is_certain }));
        }
        let reason = "it is renamed or moved faster than it can be looked up";
        Err(Error::new(ErrorCode::Interrupted, "find the interface", &self.name, reason))
    }

    /// Queries the driver; `None` if the interface was deleted.
    fn look(&self) -> Result<Option<Sight>> {
        let queue = match tun::queue_info(self.fd.as_fd()) {
            Ok(queue) => queue,
            Err(e) if e.raw_os_error() == Some(libc::EBADFD) => return Ok(None),
            Err(e) => return Err(self.refused("ioctl(TUNGETIFF)", &e)),
        };
        let place = match (tun::network_namespace(self.fd.as_fd()), &self.namespace) {
            (Ok(there), Some(original)) => {
                let is_original =
                    netns::is_same(&there, original).map_err(|e| self.refused("fstat", &e))?;
                if is_original { Place::Original } else { Place::Elsewhere(there) }
            }
            (Ok(_), None) => Place::Unknown,
            (Err(e), _) => match e.raw_os_error() {
                Some(libc::EBADFD) => return Ok(None),
                Some(libc::EINVAL | libc::ENOTTY | libc::ENOSYS | libc::EOPNOTSUPP) => {
                    Place::Unknown
                }
                Some(libc::EPERM) => Place::Hidden,
                _ => return Err(self.refused("ioctl(TUNGETDEVNETNS)", &e)),
            },
        };
        Ok(Some(Sight { queue, place }))
    }

    /// Refuses a link that cannot be the device's. If the driver does not report a namespace, the link
    /// must also have the index, the kind and the modes of the device.
    fn verify(&self, sight: &Sight, link: &Link) -> Result<()> {
        let is_tun = link.kind.as_deref() == Some("tun");
        let is_alike = match (&sight.place, &link.kind_data) {
            (Place::Original | Place::Elsewhere(_), _) => true,
            (_, Some(KindData::Tun(tun))) => {
                let has = |flag| sight.queue.flags & flag != 0;
                link.if_index == self.index
                    && has(tun::IFF_TAP) == (tun.mode == TunMode::Tap)
                    && has(tun::IFF_PERSIST) == tun.persistent
                    && has(tun::IFF_MULTI_QUEUE) == tun.multi_queue
            }
            // Before Linux 4.18 the driver does not describe its links.
            _ => link.if_index == self.index,
        };
        if is_tun && is_alike {
            return Ok(());
        }
        Err(self.lost("another interface has its name now"))
    }

    fn refused(&self, request: &'static str, cause: &io::Error) -> Error {
        Error::os("find the network namespace of", &self.name, request, cause)
    }

    fn lost(&self, reason: &str) -> Error {
        Error::new(ErrorCode::NotFound, "find the interface", &self.name, reason)
            .with_advice("look for it in each namespace: ip -all netns exec ip link show type tun")
    }
}

impl Sight {
    fn is_same(&self, other: &Self) -> bool {
        let is_same_place = match (&self.place, &other.place) {
            (Place::Original, Place::Original)
            | (Place::Unknown, Place::Unknown)
            | (Place::Hidden, Place::Hidden) => true,
            (Place::Elsewhere(one), Place::Elsewhere(other)) => {
                netns::is_same(one, other).unwrap_or(false)
            }
            _ => false,
        };
        is_same_place && self.queue.name == other.queue.name
    }
}
