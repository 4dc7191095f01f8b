//! The source ports of a relay: each carries a share of the inner flows.
//!
//! Routers with several paths (ECMP), network cards with several receive queues (RSS) and peers with several sockets
//! distribute datagrams by addresses and ports. With one source port, all inner flows are one flow to them. VXLAN
//! (RFC 7348, 5), GRE in UDP (RFC 8086, 3.2.1) and GUE derive the source port from the inner flow for this reason. A
//! relay cannot send from any port without a raw socket, so it binds a few.

use super::plan::Plan;
use crate::error::Result;
use crate::udp::{UdpEndpoint, UdpOptions};
use std::collections::{BTreeSet, HashSet};

/// How many sockets are bound per source port, at most, until one has the wanted remainder.
const ATTEMPTS_PER_PORT: usize = 32;

/// The sockets of one queue.
#[derive(Debug)]
pub(in crate::relay) struct Sockets {
    /// The socket at the receiving port; if peers have both address families, one of each.
    pub(in crate::relay) receiving: Vec<UdpEndpoint>,
    /// Whether datagrams are also sent from the receiving port.
    pub(in crate::relay) sends_from_receiving: bool,
    /// Sockets at further source ports, of either family. Replies to these ports are accepted too.
    pub(in crate::relay) further: Vec<UdpEndpoint>,
}

impl Sockets {
    /// Returns all sockets.
    pub(in crate::relay) fn all(&self) -> impl Iterator<Item = &UdpEndpoint> {
        self.receiving.iter().chain(&self.further)
    }

    /// Returns all sockets, to change them.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut UdpEndpoint> {
        self.receiving.iter_mut().chain(&mut self.further)
    }
}

/// Returns the index of the source port for a flow, of the `ports` that its queue uses.
///
/// The lower bits of the flow's number choose the queue (modulo), so the upper bits choose the port. They are also the
/// bits that differ most between similar flows ([`crate::packet::flow::MULTIPLIER`]).
#[inline]
pub(in crate::relay) fn index_for(flow: u16, ports: usize) -> usize {
    (usize::from(flow) * ports) >> u16::BITS
}

/// Returns whether a queue uses the source port in this slot, of as many slots as `ports`. Each queue uses at least one,
/// and each port is used by at least one queue. Only if there are more queues than ports do queues share a port.
///
/// The slot is the port's number modulo `ports`. If that is a multiple of `queues`, a relay with as many queues at the
/// other end, which receives by port, therefore handles both directions of a flow on one queue.
fn uses(queue: usize, slot: usize, queues: usize, ports: usize) -> bool {
    let groups = queues.min(ports).max(1);
    queue % groups == slot % groups
}

fn slot(socket: Option<&UdpEndpoint>, ports: usize) -> usize {
    let port = socket.map_or(0, |socket| usize::from(socket.local().port()));
    port.checked_rem(ports).unwrap_or(0)
}

/// Binds the further source ports of `plan`, and distributes them over queues with these receiving sockets.
pub(super) fn bind_further<'p>(
    plan: &'p Plan,
    receiving: Vec<Vec<UdpEndpoint>>,
    options: impl Fn(&UdpEndpoint) -> UdpOptions<'p>,
) -> Result<Vec<Sockets>> {
    let (queues, ports) = (receiving.len(), plan.source_ports);
    // Both families have one receiving port.
    let families = receiving.first().into_iter().flatten();
    let taken = slot(families.clone().next(), ports);
    let mut bound = Vec::new();
    for first in families {
        // If there are fewer ports than queues, a port has a socket for each queue that uses it.
        let copies = queues.div_ceil(queues.min(ports).max(1));
        bound.extend(bind_slots(&options(first), ports, taken, copies)?);
    }
    let queue = |(number, receiving): (usize, Vec<UdpEndpoint>)| {
        let own = bound.iter_mut().filter(|(slot, _)| uses(number, *slot, queues, ports));
        let further = own.filter_map(|(_, copies)| copies.pop()).collect();
        let sends_from_receiving = uses(number, taken, queues, ports);
        Sockets { receiving, sends_from_receiving, further }
    };
    Ok(receiving.into_iter().enumerate().map(queue).collect())
}

/// Binds sockets to `ports - 1` ports that the kernel chooses, `copies` sockets to each. Returns them with their slots,
/// which are all different, and differ from `taken`. If the kernel does not choose such ports, others get the free
/// slots.
fn bind_slots(
    options: &UdpOptions<'_>,
    ports: usize,
    taken: usize,
    copies: usize,
) -> Result<Vec<(usize, Vec<UdpEndpoint>)>> {
    let mut free: BTreeSet<usize> = (0..ports).filter(|slot| *slot != taken).collect();
    // Sockets for a slot that is not free are kept open, so the kernel does not choose their ports again.
    let (mut chosen, mut spare) = (Vec::new(), Vec::new());
    for _ in 0..free.len() * ATTEMPTS_PER_PORT {
        if free.is_empty() {
            break;
        }
        let sockets = match UdpEndpoint::bind_queues(options, copies) {
            Ok(sockets) => sockets,
            // All ports may be in use, or all descriptors.
            Err(_) if spare.len() >= free.len() => break,
            Err(error) => return Err(error),
        };
        let slot = slot(sockets.first(), ports);
        if free.remove(&slot) { chosen.push((slot, sockets)) } else { spare.push(sockets) }
    }
    chosen.extend(free.into_iter().zip(spare));
    chosen.sort_by_key(|(slot, _)| *slot);
    Ok(chosen)
}

/// Sets which queues send from the receiving port, for sockets that an earlier relay distributed over them.
pub(super) fn set_senders(sockets: &mut [Sockets]) {
    let (queues, ports) = (sockets.len(), count(sockets));
    for (number, queue) in sockets.iter_mut().enumerate() {
        let taken = slot(queue.receiving.first(), ports);
        queue.sends_from_receiving = queue.further.is_empty() || uses(number, taken, queues, ports);
    }
}

/// Reduces the queues to the first `queues`, which take over the further source ports of the others.
pub(super) fn reduce(sockets: &mut Vec<Sockets>, queues: usize) {
    let removed = sockets.split_off(queues.min(sockets.len()));
    let Some(first) = sockets.first_mut() else { return };
    first.sends_from_receiving |= removed.iter().any(|queue| queue.sends_from_receiving);
    for socket in removed.into_iter().flat_map(|queue| queue.further) {
        if first.further.iter().all(|own| own.local() != socket.local()) {
            first.further.push(socket);
        }
    }
}

/// Returns the number of ports that `sockets` send from, the receiving port included. Both families have the same.
pub(super) fn count(sockets: &[Sockets]) -> usize {
    let is_ipv4 = |socket: &UdpEndpoint| socket.local().is_ipv4();
    let Some(first) = sockets.first().and_then(|queue| queue.receiving.first()) else { return 0 };
    let further = sockets.iter().flat_map(|queue| &queue.further);
    let own = further.filter(|socket| is_ipv4(socket) == is_ipv4(first));
    1 + own.map(UdpEndpoint::local).collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::config::RelayConfig;
    use crate::udp::PathMtuDiscovery;
    use proptest::prelude::*;
    use std::net::IpAddr;

    proptest! {
        #[test]
        fn each_flow_has_one_port_and_each_port_has_flows(queues in 1..9_usize, ports in 1..65_usize) {
            let mut used = vec![false; ports];
            let of_queue: Vec<Vec<usize>> = (0..queues)
                .map(|queue| (0..ports).filter(|port| uses(queue, *port, queues, ports)).collect())
                .collect();
            for flow in 0..=u16::MAX {
                let own = &of_queue[usize::from(flow) % queues];
                used[own[index_for(flow, own.len())]] = true;
            }
            prop_assert!(used.into_iter().all(|is_used| is_used));
            // Queues share a port only if there are more of them.
            for port in 0..ports {
                let users = of_queue.iter().filter(|own| own.contains(&port)).count();
                prop_assert!((1..=queues.div_ceil(queues.min(ports))).contains(&users));
            }
        }

        #[test]
        fn the_shares_of_a_queue_are_equal(queues in 1..9_usize, ports in 1..9_usize) {
            let mut counts = vec![0_u32; ports];
            for flow in (0..=u16::MAX).step_by(queues) {
                counts[index_for(flow, ports)] += 1;
            }
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", counts);
        }
    }

    /// Binds on loopback. Returns the ports that each queue sends from, by family.
    fn ports(queues: usize, ports: usize, hosts: &[&str]) -> (Vec<Sockets>, Vec<[Vec<u16>; 2]>) {
        let mut config =
            RelayConfig::new("10.9.0.1/24".parse().unwrap(), "192.0.2.1:9".parse().unwrap(), 0);
        config.source_ports = ports;
        let plan = Plan::of(config).unwrap();
        let options = |host: IpAddr, port| UdpOptions {
            listen: (host, port).into(),
            wants_gro: true,
            buffer_bytes: 1 << 16,
            path_mtu: PathMtuDiscovery::default(),
            mark: 0,
            device: None,
            class: 0,
        };
        // The kernel's choice for one family may be in use in the other one.
        let receiving = (0..64).find_map(|_| {
            let mut receiving: Vec<Vec<UdpEndpoint>> = (0..queues).map(|_| Vec::new()).collect();
            for host in hosts {
                let port = receiving[0].first().map_or(0, |first| first.local().port());
                let options = options(host.parse().unwrap(), port);
                let all = UdpEndpoint::bind_queues(&options, queues).ok()?;
                receiving.iter_mut().zip(all).for_each(|(queue, socket)| queue.push(socket));
            }
            Some(receiving)
        });
        let receiving = receiving.expect("a port that is free in each family");
        let sockets =
            bind_further(&plan, receiving, |first| options(first.local().ip(), 0)).unwrap();
        let of_queue = |queue: &Sockets| {
            let sent = queue.receiving.iter().filter(|_| queue.sends_from_receiving);
            let all: Vec<_> = sent.chain(&queue.further).map(UdpEndpoint::local).collect();
            [true, false].map(|is_ipv4| {
                let own = all.iter().filter(|local| local.is_ipv4() == is_ipv4);
                own.map(|local| local.port()).collect()
            })
        };
        let all = sockets.iter().map(of_queue).collect();
        (sockets, all)
    }

    #[test]
    fn the_ports_are_distributed_over_queues_and_remainders() {
        for (queues, count) in [(1, 1), (1, 4), (2, 4), (3, 4), (4, 4), (4, 2), (5, 2), (3, 1)] {
            let (sockets, all) = ports(queues, count, &["127.0.0.1", "::1"]);
            assert_eq!(super::count(&sockets), count);
            for family in [0, 1] {
                let of_queue: Vec<&Vec<u16>> = all.iter().map(|queue| &queue[family]).collect();
                assert!(of_queue.iter().all(|own| !own.is_empty()), "{queues} {count}: {all:?}");
                let own: BTreeSet<u16> = of_queue.into_iter().flatten().copied().collect();
                assert_eq!(own.len(), count, "{queues} {count}: {all:?}");
                let remainders: BTreeSet<_> = own.iter().map(|port| port % count as u16).collect();
                assert_eq!(remainders.len(), count, "{queues} {count}: {all:?}");
                let receiving = sockets[0].receiving[family].local().port();
                assert!(own.contains(&receiving), "{all:?}");
                if count % queues == 0 {
                    let of_queue = all.iter().zip(0..).flat_map(|(queue, number)| {
                        queue[family].iter().map(move |port| (usize::from(*port) % queues, number))
                    });
                    assert!(of_queue.clone().all(|(rest, number)| rest == number), "{all:?}");
                }
            }
        }
    }

    #[test]
    fn which_queues_send_from_the_receiving_port_follows_from_the_sockets() {
        for (queues, count) in [(1, 1), (1, 4), (2, 4), (3, 4), (4, 4), (4, 2), (5, 2), (3, 1)] {
            let (mut sockets, _) = ports(queues, count, &["127.0.0.1", "::1"]);
            let senders = |sockets: &[Sockets]| -> Vec<bool> {
                sockets.iter().map(|queue| queue.sends_from_receiving).collect()
            };
            let expected = senders(&sockets);
            sockets.iter_mut().for_each(|queue| queue.sends_from_receiving = false);
            set_senders(&mut sockets);
            assert_eq!(senders(&sockets), expected, "{queues} {count}");
        }
    }

    #[test]
    fn the_ports_of_removed_queues_are_kept() {
        for (queues, count) in [(3, 5), (5, 3)] {
            let (mut sockets, before) = ports(queues, count, &["127.0.0.1"]);
            reduce(&mut sockets, 1);
            let [queue] = sockets.as_slice() else { panic!("{} queues", sockets.len()) };
            assert!(queue.sends_from_receiving);
            let after: BTreeSet<u16> = queue.all().map(|socket| socket.local().port()).collect();
            assert_eq!(queue.all().count(), count);
            assert_eq!(after, before.into_iter().flat_map(|[own, _]| own).collect());
        }
    }
}
