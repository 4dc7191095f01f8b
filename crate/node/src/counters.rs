//! The counters of a relay as JavaScript objects, generated from the table of the core.

use crate::convert::OffloadStatus;
use napi_derive::napi;
use tun2udp_core::relay::{self, PathMtu as CorePathMtu, Stats};

/// One object per direction, with one `f64` for every `u64` of the core. It is exact up to 2^53, which is 8
/// PiB or, at 10 million packets per second, 28 years. Its name and its texts are public.
macro_rules! objects {
    ($(
        $direction:ident $stats:ident, $drops:ident $about:tt {
            $($name:ident: $unit:ident, $help:tt $(, $words:tt)?;)*
        } dropped $cause:ident {
            $($drop:ident: $variant:ident, $drop_help:tt, $drop_words:tt;)*
        }
    )*) => {
        $(
            #[doc = $about]
            #[napi(object, object_from_js = false)]
            pub struct $stats {
                $(#[doc = $help] pub $name: f64,)*
                /// Packets dropped, by cause.
                pub dropped: $drops,
            }

            /// Packets dropped, by cause.
            #[napi(object, object_from_js = false)]
            pub struct $drops {
                $(#[doc = $drop_help] pub $drop: f64,)*
            }

            impl From<relay::$stats> for $stats {
                #[allow(clippy::cast_precision_loss)]
                fn from(stats: relay::$stats) -> Self {
                    Self {
                        $($name: stats.$name as f64,)*
                        dropped: $drops { $($drop: stats.$drop as f64,)* },
                    }
                }
            }
        )*

        /// All counters of a relay. They only grow, and can still be read after its end.
        #[napi(object, object_from_js = false)]
        pub struct RelayStats {
            /// Which of the kernel's offloads are in use now. `gso` and `coalesce` are off after the kernel refused them, and
            /// on again once a trial succeeds; the others stay off.
            pub offload: OffloadStatus,
            /// The MTU of the path to the peer. Absent if it is unknown: the peer is on this machine, or there was no route to it
            /// when the relay started.
            pub path_mtu: Option<PathMtu>,
            $(#[doc = $about] pub $direction: $stats,)*
        }

        impl RelayStats {
            /// Converts the counters of a relay, and the path MTU of its single peer.
            pub(crate) fn new(stats: Stats, path_mtu: Option<CorePathMtu>) -> Self {
                Self {
                    offload: stats.offload.into(),
                    path_mtu: path_mtu.map(Into::into),
                    $($direction: stats.$direction.into(),)*
                }
            }
        }
    };
}

/// The MTU of the path to the peer, and where it is known from.
#[napi(object, object_from_js = false)]
pub struct PathMtu {
    /// The longest IP packet outside the tunnel that the path carries, bytes.
    pub outside: u32,
    /// The longest IP packet inside the tunnel that needs no fragments outside, bytes. It is `outside` minus the headers of
    /// IP and UDP: 28 bytes over IPv4, 48 over IPv6.
    pub inside: u32,
    /// Where the value is known from: `start`, the route to the peer when the relay started; `route`, the kernel of this
    /// machine refused a longer datagram; `router`, a router on the path reported it (ICMP). A report is valid for ten minutes.
    #[napi(ts_type = "'start' | 'route' | 'router'")]
    pub source: String,
    /// The address of the router. Absent unless `source` is `router`.
    pub router: Option<String>,
}

impl From<CorePathMtu> for PathMtu {
    fn from(mtu: CorePathMtu) -> Self {
        let CorePathMtu { outside, inside, source, router } = mtu;
        let router = router.map(|address| address.to_string());
        Self { outside, inside, source: source.name().to_owned(), router }
    }
}

tun2udp_core::relay_counters!(objects);
