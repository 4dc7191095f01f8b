//! Properties that only links of one kind have: `IFLA_INFO_DATA`.

mod data;
mod spec;
mod wire;

pub use data::{Bridge, KindData, Macvlan, Tun, TunMode, Vlan, Vrf, Vxlan};
pub use spec::KindSpec;
