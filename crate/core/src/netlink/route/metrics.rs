//! Metrics of a path: `RTA_METRICS`.

use crate::netlink::codec::{Attributes, Message, rta, rtax, value};
use crate::netlink::other::{self, OtherAttribute};
use serde::{Deserialize, Serialize};

macro_rules! metrics {
    ($($(#[$doc:meta])* $field:ident $name:literal = $attribute:ident / $unit:literal,)+) => {
        /// `RTAX_*` (linux/rtnetlink.h); the kernel chooses the values that are absent.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct RouteMetrics {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<u32>,
            )+
            /// Names of the metrics that the kernel must not change.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub locked: Vec<String>,
            /// Metrics that are not interpreted here (`congctl`, `features`), and those whose value is
            /// not an integer in the units above.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub other_attributes: Vec<OtherAttribute>,
        }

        impl RouteMetrics {
            const NAMES: &[(u16, &str)] = &[$((rtax::$attribute, $name)),+];

            /// Stores an attribute. Returns whether the fields above represent it exactly.
            fn take(&mut self, kind: u16, number: u32) -> bool {
                match kind {
                    $(rtax::$attribute if number.is_multiple_of($unit) => {
                        self.$field = Some(number / $unit);
                    })+
                    rtax::LOCK if Self::NAMES.iter().fold(number, cleared) == 0 => {
                        let names = Self::NAMES.iter().filter(|(kind, _)| number >> kind & 1 == 1);
                        self.locked = names.map(|(_, name)| (*name).to_owned()).collect();
                    }
                    _ => return false,
                }
                true
            }

            /// Returns whether this has all metrics of `wanted`.
            pub(super) fn has_all(&self, wanted: &Self) -> bool {
                let found = |wanted: Option<u32>, found: Option<u32>, kind, unit| {
                    let wanted = wanted.map(|number| adjusted(kind, number.saturating_mul(unit)));
                    wanted.is_none_or(|wanted| wanted == found.unwrap_or(0).saturating_mul(unit))
                };
                $(found(wanted.$field, self.$field, rtax::$attribute, $unit) &&)+
                    wanted.locked.iter().all(|name| self.locked.contains(name))
                    && other::has_all(&self.other_attributes, &wanted.other_attributes)
            }

            fn put_values(&self, message: &mut Message) {
                $(message.put_some(
                    rtax::$attribute,
                    self.$field.map(|number| number.saturating_mul($unit)),
                );)+
            }
        }
    };
}

metrics! {
    /// Largest packet, bytes.
    mtu "mtu" = MTU / 1,
    /// Largest window that is announced to the peer of TCP connections, bytes.
    window "window" = WINDOW / 1,
    /// Initial estimate of the round-trip time, milliseconds.
    rtt_ms "rttMs" = RTT / 8,
    /// Initial estimate of its variance, milliseconds.
    rtt_variance_ms "rttVarianceMs" = RTTVAR / 4,
    /// Slow-start threshold, segments.
    slow_start_threshold "slowStartThreshold" = SSTHRESH / 1,
    /// Largest congestion window, segments.
    congestion_window "congestionWindow" = CWND / 1,
    /// Segment size that is announced to the peer of TCP connections, bytes.
    advmss "advmss" = ADVMSS / 1,
    /// Initial number of segments out of order that are not treated as loss.
    reordering "reordering" = REORDERING / 1,
    /// Hop limit of outgoing packets.
    hop_limit "hopLimit" = HOPLIMIT / 1,
    /// Congestion window of new connections, segments.
    initial_congestion_window "initialCongestionWindow" = INITCWND / 1,
    /// Receive window of new connections, segments.
    initial_receive_window "initialReceiveWindow" = INITRWND / 1,
    /// Smallest retransmission timeout, milliseconds.
    minimum_rto_ms "minimumRtoMs" = RTO_MIN / 1,
    /// 1: acknowledges immediately.
    quick_ack "quickAck" = QUICKACK / 1,
}

impl RouteMetrics {
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut metrics = Self::default();
        for attribute in Attributes::within(payload).flagged().map_while(Result::ok) {
            let number = value(attribute.payload);
            if !number.is_some_and(|number| metrics.take(attribute.kind, number)) {
                metrics.other_attributes.push(attribute.into());
            }
        }
        (metrics != Self::default()).then_some(metrics)
    }

    pub(super) fn put(&self, message: &mut Message) {
        let is_locked = |name: &str| self.locked.iter().any(|locked| locked == name);
        let bits = Self::NAMES.iter().filter(|(_, name)| is_locked(name));
        let lock = bits.fold(0_u32, |lock, (kind, _)| lock | 1 << kind);
        message.nest(rta::METRICS, |inner| {
            inner.put_some(rtax::LOCK, (lock != 0).then_some(lock));
            self.put_values(inner);
            other::put(inner, &self.other_attributes);
        });
    }
}

/// Returns the value that the kernel stores for a metric (`ip_metrics_convert`, net/ipv4/metrics.c). It does
/// not store 0.
fn adjusted(kind: u16, number: u32) -> u32 {
    let most = match kind {
        rtax::MTU => 65_535 - 15,
        rtax::ADVMSS => 65_535 - 40,
        rtax::HOPLIMIT => 255,
        _ => u32::MAX,
    };
    number.min(most)
}

/// Returns a set of locks without the lock of one metric.
fn cleared(locks: u32, (kind, _): &(u16, &str)) -> u32 {
    locks & !(1 << kind)
}
