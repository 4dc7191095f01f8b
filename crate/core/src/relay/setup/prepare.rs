//! Sets up everything in the plan: sockets, namespace, device, addresses, routes, user.
//!
//! Runs on the relay's own thread, which may move into another network namespace. A failure at any
//! point leaves nothing behind.

use super::adopt::{self, Adopted};
use super::flow_sharing::{FlowShare, SteeredDevice, Steering};
use super::plan::Plan;
use super::queues::{self, Opened};
use super::source_ports::{self, Sockets};
use super::underlay_route::UnderlayRoutes;
use super::{mtu, user};
use crate::device::{Mode, TunDevice};
use crate::error::{Error, ErrorCode, Result};
use crate::interface::{self, BusyWait, Configured, FormerSpec, Spec, Undo};
use crate::namespace;
use crate::netlink::{Connection, Datagram};
use crate::relay::config::{Event, OffloadConfig, RelayInfo};
use crate::relay::fallback::Fallback;
use crate::relay::handover::{Inheritance, RelayState};
use crate::relay::loops::{Loops, LoopsOptions};
use crate::relay::notice;
use crate::sys::process::effective_user;
use crate::udp::UdpEndpoint;
use std::net::SocketAddr;
use std::sync::Arc;

/// Everything a relay needs to run, and what to roll back at its end.
pub(in crate::relay) struct ReadyRelay {
    pub(in crate::relay) queues: Vec<Queue>,
    pub(in crate::relay) info: RelayInfo,
    pub(in crate::relay) undo: Undo,
    /// Offloads in use, of those that the configuration allows.
    pub(in crate::relay) offload: OffloadConfig,
    /// The optimizations that the kernel refused.
    pub(in crate::relay) fallbacks: Vec<Fallback>,
    /// Events about settings that are probably not meant.
    pub(in crate::relay) notices: Vec<Event>,
    /// MTU of the route to each peer whose route is known, bytes.
    pub(in crate::relay) path_mtus: Vec<(SocketAddr, u32)>,
    /// The device whose program is removed at the end.
    pub(in crate::relay) steered: Option<SteeredDevice>,
    /// Whether the interface was there before.
    pub(in crate::relay) existed: bool,
}

/// One queue of the device and its sockets.
pub(in crate::relay) struct Queue {
    pub(in crate::relay) number: usize,
    pub(in crate::relay) device: Arc<TunDevice>,
    pub(in crate::relay) sockets: Sockets,
    pub(in crate::relay) offload: OffloadConfig,
    /// The flows that its receiving sockets get.
    pub(in crate::relay) share: FlowShare,
    /// MTU of the interface, or of the path if its datagrams are fragmented or frames, bytes.
    pub(in crate::relay) interface_mtu: u32,
    /// The loops of the relay, which all queues share.
    pub(in crate::relay) loops: Arc<Loops>,
}

/// Sets everything up. With `inheritance`, uses the device and the sockets of another relay.
pub(in crate::relay) async fn prepare(
    plan: &Plan,
    inheritance: Option<Inheritance>,
) -> Result<ReadyRelay> {
    let config = &plan.config;
    let identity = config.user.as_deref().map(user::resolve).transpose()?;
    let (Adopted { mut sockets, devices, is_paused }, former) = take_sockets(plan, inheritance)?;
    let connection = Connection::open()?;
    let underlay = UnderlayRoutes::find(&connection, config, &sockets).await?;
    let first = underlay.datagram().ok_or_else(no_queue)?;
    let datagram = Datagram { user: Some(effective_user()), ..first };
    let is_elsewhere = match &config.netns {
        Some(name) => namespace::enter(name)?,
        None => false,
    };
    if !is_elsewhere {
        underlay.refuse_loops(config)?;
    }
    let index_before = interface::index_of(config.name.as_deref());
    let opened = match former {
        Some(_) => adopt::devices(plan, &sockets, devices, is_paused).await?,
        None => open_device(plan, &sockets).await?,
    };
    source_ports::reduce(&mut sockets, opened.devices.len());
    let endpoint = sockets.iter().flat_map(Sockets::all).next();
    let (Some(device), Some(endpoint)) = (opened.devices.first(), endpoint) else {
        return Err(no_queue());
    };
    if identity.is_some() && device.is_persistent() {
        return Err(user::refuse_persistent(device.name()));
    }
    if !is_elsewhere {
        underlay.refuse_interface(config, device.index())?;
    }
    let new_mtu = mtu::for_interface(underlay.inner_mtu(), plan);
    let interface = Interface { new_mtu, opened: &opened, index_before, former: former.as_ref() };
    let Configured { mtu, undo, existed } = interface.configure(plan).await?;
    let checked = match is_elsewhere {
        false => underlay.refuse_own_interface(&connection, config, device.index()).await,
        true => Ok(()),
    };
    let assumed = checked.and_then(|()| identity.as_ref().map_or(Ok(()), user::Identity::assume));
    if let Err(error) = assumed {
        let _ = undo.run().await;
        return Err(error);
    }
    let counts = (opened.devices.len(), source_ports::count(&sockets));
    let info = info(plan, device, endpoint, mtu, counts);
    let fragmented = allow_fragments(plan, &underlay, &mut sockets, mtu);
    // TCP need not be fragmented: its segments can be shorter. Stations behind a bridge do not see the interface's MTU.
    let limits_tcp = !fragmented.is_empty() || config.mode == Mode::Tap;
    let interface_mtu = underlay.known_mtu().filter(|_| limits_tcp).unwrap_or(mtu).min(mtu);
    let notices = notices(plan, &underlay, &sockets, (mtu, existed), fragmented);
    let loops = loops(&info, is_elsewhere, &sockets, datagram);
    let Opened { devices, offload, fallbacks, steered } = opened;
    let queues = queues_of(plan, (devices, sockets), offload, interface_mtu, &loops);
    let path_mtus = underlay.path_mtus();
    Ok(ReadyRelay { queues, info, undo, offload, fallbacks, notices, path_mtus, steered, existed })
}

/// Binds the sockets, or examines those of another relay. Returns them with the state of that relay.
fn take_sockets(
    plan: &Plan,
    inheritance: Option<Inheritance>,
) -> Result<(Adopted, Option<RelayState>)> {
    let Some(Inheritance { queues, state, is_paused }) = inheritance else {
        let (sockets, devices) = (queues::bind(plan)?, Vec::new());
        return Ok((Adopted { sockets, devices, is_paused: false }, None));
    };
    Ok((adopt::sockets(plan, queues, is_paused)?, Some(state.unwrap_or_default())))
}

/// Assembles the queues.
fn queues_of(
    plan: &Plan,
    (devices, sockets): (Vec<Arc<TunDevice>>, Vec<Sockets>),
    offload: OffloadConfig,
    interface_mtu: u32,
    loops: &Arc<Loops>,
) -> Vec<Queue> {
    let shares = shares(plan, devices.len());
    let parts = devices.into_iter().zip(sockets).zip(shares).enumerate();
    parts
        .map(|(number, ((device, sockets), share))| {
            let loops = Arc::clone(loops);
            Queue { number, device, sockets, offload, share, interface_mtu, loops }
        })
        .collect()
}

/// Returns the flows that the receiving sockets of each queue get.
fn shares(plan: &Plan, queues: usize) -> impl Iterator<Item = FlowShare> {
    let steers_by_flow = plan.steering() == Steering::Flow;
    (0..queues).map(
        move |number| {
            if steers_by_flow { FlowShare { number, queues } } else { FlowShare::ALL }
        },
    )
}

/// Creates the state of the loops, without a loop. `datagram` is one to the first peer.
fn loops(
    info: &RelayInfo,
    is_elsewhere: bool,
    sockets: &[Sockets],
    datagram: Datagram,
) -> Arc<Loops> {
    Arc::new(Loops::new(LoopsOptions {
        interface: info.interface_index,
        is_elsewhere,
        locals: sockets.iter().flat_map(Sockets::all).map(UdpEndpoint::local).collect(),
        datagram,
    }))
}

/// Returns what is probably not meant of a relay that is set up. `existed`: the interface was there before.
/// `fragmented`: the events about paths whose datagrams may be fragmented.
fn notices(
    plan: &Plan,
    underlay: &UnderlayRoutes,
    sockets: &[Sockets],
    (mtu, existed): (u32, bool),
    fragmented: Vec<Event>,
) -> Vec<Event> {
    let first = sockets.first().into_iter();
    let locals = first.flat_map(|queue| &queue.receiving).map(UdpEndpoint::local);
    let own = locals.filter_map(|local| underlay.peer_at(local)).map(notice::self_peer);
    let first = sockets.first().and_then(|queue| queue.receiving.first());
    let open = first.and_then(|socket| notice::open_to_any(&plan.config, socket.local()));
    let path = underlay.known_mtu().filter(|path| mtu > *path);
    let long = path.filter(|_| fragmented.is_empty());
    let long = long.map(|path| notice::mtu_above_path(mtu, path)).into_iter().chain(fragmented);
    let alone = if existed { None } else { notice::no_network(&plan.config) };
    own.chain(open).chain(long).chain(alone).collect()
}

/// Lets the datagrams to peers be fragmented whose paths leave less than IPv6 needs, if the interface has exactly that
/// MTU. Returns the events about them.
///
/// A larger MTU was asked for. Then the first datagram that is too long shows what the path carries.
fn allow_fragments(
    plan: &Plan,
    underlay: &UnderlayRoutes,
    sockets: &mut [Sockets],
    mtu: u32,
) -> Vec<Event> {
    if !plan.has_v6() || mtu != mtu::MIN_V6 {
        return Vec::new();
    }
    let mut events = Vec::new();
    for (peer, inner) in underlay.narrower_than(mtu) {
        let is_ipv4 = peer.is_ipv4();
        let mut of_family = sockets
            .iter_mut()
            .flat_map(Sockets::all_mut)
            .filter(|socket| socket.local().is_ipv4() == is_ipv4);
        if of_family.all(|socket| socket.allow_fragments().is_ok()) {
            events.push(notice::outer_fragments(peer, inner));
        }
    }
    events
}

/// Looks for the device and opens it; waits for one that was closed a moment ago.
async fn open_device(plan: &Plan, sockets: &[Sockets]) -> Result<Opened> {
    let mut wait = BusyWait::default();
    loop {
        let opened = match queues::find(&plan.config).await {
            Ok(existing) => queues::open(plan, sockets, existing),
            Err(error) => Err(error),
        };
        match opened {
            Err(error) if wait.should_retry(&error) => {}
            result => return result,
        }
    }
}

/// The interface to configure.
struct Interface<'a> {
    /// The MTU of a new interface, bytes.
    new_mtu: u32,
    opened: &'a Opened,
    index_before: Option<u32>,
    /// The state of the relay whose interface it was.
    former: Option<&'a RelayState>,
}

impl Interface<'_> {
    /// Configures the interface according to the configuration.
    async fn configure(&self, plan: &Plan) -> Result<Configured> {
        let Some(device) = self.opened.devices.first() else { return Err(no_queue()) };
        let config = &plan.config;
        let spec = Spec {
            addresses: &config.addresses,
            routes: &config.routes,
            mtu: config.mtu,
            new_mtu: Some(self.new_mtu),
            tx_queue_length: config.tx_queue_length,
            check_mtu: Some(&|mtu| mtu::check(mtu, plan)),
            up: Some(true),
            before: self
                .former
                .map(|former| FormerSpec { addresses: &former.addresses, routes: &former.routes }),
            ..Spec::default()
        };
        let mut configured = interface::configure(device, self.index_before, &spec).await?;
        match self.former {
            // Its changes end with it.
            Some(_) if !device.is_persistent() => configured.undo = Undo::default(),
            Some(former) => configured.undo.inherit(&former.changes),
            None => {}
        }
        Ok(configured)
    }
}

fn no_queue() -> Error {
    Error::new(ErrorCode::System, "start the relay", "", "it has no queue")
}

fn info(
    plan: &Plan,
    device: &TunDevice,
    endpoint: &UdpEndpoint,
    mtu: u32,
    (queues, source_ports): (usize, usize),
) -> RelayInfo {
    RelayInfo {
        mode: plan.config.mode,
        interface_name: device.name().to_owned(),
        interface_index: device.index(),
        mtu,
        addresses: plan.config.addresses.clone(),
        local: endpoint.local(),
        peer: plan.config.peer,
        receive_buffer_bytes: endpoint.receive_buffer_bytes(),
        send_buffer_bytes: endpoint.send_buffer_bytes(),
        queues,
        source_ports,
    }
}
