//! Counters of links.

use crate::netlink::codec::value;
use serde::ser::{Serialize, SerializeMap, Serializer};

macro_rules! counters {
    ($($field:ident $name:literal),+ $(,)?) => {
        /// `struct rtnl_link_stats64` (linux/if_link.h). JavaScript represents the numbers exactly up to
        /// 2^53.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are those of linux/if_link.h, which explains them")]
        pub struct LinkStats {
            $(pub $field: u64,)+
        }

        impl LinkStats {
            /// Reads the counters that the kernel has.
            pub(super) fn read(payload: &[u8]) -> Self {
                let mut numbers = payload.chunks(size_of::<u64>()).map(|bytes| value(bytes));
                Self { $($field: numbers.next().flatten().unwrap_or_default(),)+ }
            }
        }

        impl Serialize for LinkStats {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry($name, &self.$field)?;)+
                map.end()
            }
        }
    };
}

counters! {
    rx_packets "rxPackets", tx_packets "txPackets", rx_bytes "rxBytes", tx_bytes "txBytes",
    rx_errors "rxErrors", tx_errors "txErrors", rx_dropped "rxDropped", tx_dropped "txDropped",
    multicast "multicast", collisions "collisions", rx_length_errors "rxLengthErrors",
    rx_over_errors "rxOverErrors", rx_crc_errors "rxCrcErrors", rx_frame_errors "rxFrameErrors",
    rx_fifo_errors "rxFifoErrors", rx_missed_errors "rxMissedErrors",
    tx_aborted_errors "txAbortedErrors", tx_carrier_errors "txCarrierErrors",
    tx_fifo_errors "txFifoErrors", tx_heartbeat_errors "txHeartbeatErrors",
    tx_window_errors "txWindowErrors", rx_compressed "rxCompressed", tx_compressed "txCompressed",
    rx_no_handler "rxNoHandler",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_numbers_in_json_and_may_be_fewer() {
        let bytes = [u64::MAX.to_ne_bytes(), 7_u64.to_ne_bytes()].concat();
        let stats = LinkStats::read(&bytes);
        assert_eq!((stats.rx_packets, stats.tx_packets, stats.rx_no_handler), (u64::MAX, 7, 0));
        let json = serde_json::to_string(&stats).unwrap();
        assert!(json.starts_with(r#"{"rxPackets":18446744073709551615,"txPackets":7,"#), "{json}");
    }
}
