//! The counters of a relay as JavaScript objects, generated from the table of the core.

use crate::convert::OffloadStatus;
use napi_derive::napi;
use tun2udp_core::relay::{self, Stats};

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
            $(#[doc = $about] pub $direction: $stats,)*
        }

        impl From<Stats> for RelayStats {
            fn from(stats: Stats) -> Self {
                Self {
                    offload: stats.offload.into(),
                    $($direction: stats.$direction.into(),)*
                }
            }
        }
    };
}

tun2udp_core::relay_counters!(objects);
