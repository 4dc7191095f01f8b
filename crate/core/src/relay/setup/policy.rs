//! Policy routing (ip-rule(8)): whether the datagrams to a peer can meet the relay's own routes, which are in the
//! table `main`.

use crate::netlink::names::{IpProtocol, RuleAction, Table};
use crate::netlink::rule::Rule;
use std::net::SocketAddr;

/// Where the relay's routes and those of its addresses are.
pub(super) const MAIN: Table = Table(libc::RT_TABLE_MAIN as u32);
/// `FR_ACT_TO_TBL` and `FR_ACT_GOTO` (linux/fib_rules.h).
const TO_TABLE: RuleAction = RuleAction(1);
const GOTO: RuleAction = RuleAction(2);
/// `IPPROTO_UDP`.
const UDP: IpProtocol = IpProtocol(17);
/// The input link of the packets that this machine sends.
const OUTPUT: &str = "lo";

/// The properties of the datagrams to a peer that rules can match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagrams<'a> {
    pub(super) peer: SocketAddr,
    /// Firewall mark.
    pub(super) mark: u32,
    /// The interface that the sockets are bound to.
    pub(super) device: Option<&'a str>,
}

impl Datagrams<'_> {
    /// Returns whether the kernel finds their route in `table` before it looks into the table `main`. Then no route
    /// of the relay can lead them into the tunnel. If this is not certain, returns false.
    pub(super) fn precede_main(&self, rules: &[Rule], table: Table, prefix_length: u8) -> bool {
        let mut rules: Vec<&Rule> = rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        for rule in rules {
            match self.matches(rule) {
                Some(false) => continue,
                _ if rule.action == Some(GOTO) => return false,
                _ if rule.action != Some(TO_TABLE) => continue,
                _ => {}
            }
            if rule.table == Some(MAIN) {
                return false;
            }
            let is_suppressed = rule
                .suppress_prefix_length
                .is_some_and(|longest| u32::from(prefix_length) <= longest);
            let is_certain = self.matches(rule) == Some(true)
                && !is_suppressed
                && rule.suppress_if_group.is_none();
            if is_certain && rule.table == Some(table) {
                return true;
            }
        }
        false
    }

    /// Returns whether a rule matches; `None` if that is not certain.
    fn matches(&self, rule: &Rule) -> Option<bool> {
        let port = self.peer.port();
        let mask = rule.mark_mask.unwrap_or(u32::MAX);
        let known = [
            rule.to.map(|network| network.contains(&self.peer.ip())),
            (rule.mark.is_some() || rule.mark_mask.is_some())
                .then(|| self.mark & mask == rule.mark.unwrap_or(0) & mask),
            rule.input_link.as_ref().map(|link| link == OUTPUT),
            rule.output_link.as_ref().map(|link| self.device == Some(link.as_str())),
            rule.ip_protocol.map(|protocol| protocol == UDP),
            rule.destination_ports.map(|ports| (ports.start..=ports.end).contains(&port)),
        ];
        // The source address and port, the type of service, the user and the VRF are not known here.
        let is_open = rule.from.is_some()
            || rule.source_ports.is_some()
            || rule.tos.is_some()
            || rule.user_ids.is_some()
            || rule.l3mdev
            || !rule.other_attributes.is_empty();
        let all = match (known.into_iter().flatten().all(|is_match| is_match), is_open) {
            (false, _) => Some(false),
            (true, true) => None,
            (true, false) => Some(true),
        };
        all.map(|is_match| is_match != rule.invert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "192.0.2.7:5001";

    fn to_table(priority: u32, table: u32) -> Rule {
        Rule {
            priority: Some(priority),
            action: Some(TO_TABLE),
            table: Some(Table(table)),
            ..Rule::default()
        }
    }

    fn marked(priority: u32, table: u32, mark: u32) -> Rule {
        Rule { mark: Some(mark), mark_mask: Some(u32::MAX), ..to_table(priority, table) }
    }

    fn precede(mark: u32, own: &[Rule]) -> bool {
        let usual = [to_table(0, 255), to_table(32_766, 254), to_table(32_767, 253)];
        let rules = [own, &usual].concat();
        let datagrams = Datagrams { peer: PEER.parse().unwrap(), mark, device: None };
        datagrams.precede_main(&rules, Table(100), 0)
    }

    #[test]
    fn a_table_of_the_mark_comes_before_main() {
        let rule = || marked(100, 100, 0x33);
        assert!(precede(0x33, &[rule()]));
        assert!(!precede(0x34, &[rule()]));
        assert!(!precede(0, &[]));
        // Only the bits of the mask count.
        assert!(precede(0x1033, &[Rule { mark_mask: Some(0xff), ..rule() }]));
        // Behind main.
        assert!(!precede(0x33, &[marked(32_766, 254, 0x33), marked(40_000, 100, 0x33)]));
        // wg-quick(8): everything but the marked packets goes to the tunnel's table.
        let wg_quick = Rule { invert: true, ..marked(50, 51_820, 0x33) };
        assert!(precede(0x33, &[wg_quick, rule()]));
    }

    #[test]
    fn main_with_its_default_route_suppressed_still_has_the_relays_routes() {
        let main = Rule { suppress_prefix_length: Some(0), ..to_table(50, 254) };
        assert!(!precede(0x33, &[main, marked(100, 100, 0x33)]));
        let own = Rule { suppress_prefix_length: Some(0), ..marked(100, 100, 0x33) };
        assert!(!precede(0x33, &[own]), "the route was not found by this rule");
    }

    #[test]
    fn what_is_not_known_is_taken_for_a_loop() {
        let to_peer = || Rule { to: Some("192.0.2.0/24".parse().unwrap()), ..to_table(100, 100) };
        assert!(precede(0, &[to_peer()]));
        let elsewhere = Rule { to: Some("198.51.100.0/24".parse().unwrap()), ..to_peer() };
        assert!(!precede(0, &[elsewhere]));
        for open in [
            Rule { from: Some("192.0.2.1/32".parse().unwrap()), ..to_peer() },
            Rule { tos: Some(8), ..to_peer() },
            Rule { l3mdev: true, ..to_peer() },
            Rule { input_link: Some("eth0".to_owned()), ..to_peer() },
            Rule { output_link: Some("eth0".to_owned()), ..to_peer() },
            Rule { action: Some(GOTO), table: None, ..to_peer() },
        ] {
            assert!(!precede(0, std::slice::from_ref(&open)), "{open:?}");
        }
        let by_port = Rule {
            ip_protocol: Some(UDP),
            destination_ports: Some(crate::netlink::rule::Range { start: 5_000, end: 5_001 }),
            ..to_table(100, 100)
        };
        assert!(precede(0, std::slice::from_ref(&by_port)));
        assert!(!precede(0, &[Rule { ip_protocol: Some(IpProtocol(6)), ..by_port }]));
    }
}
