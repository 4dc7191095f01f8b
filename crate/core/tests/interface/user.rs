//! The two users of the module that configures interfaces.

use crate::namespace::{in_namespace, ip};
use tun2udp_core::Error;
use tun2udp_core::device::{DeviceOptions, Mode};
use tun2udp_core::port::{self, OpenOptions, Opened};
use tun2udp_core::relay::{Relay, RelayConfig};

/// The user of the module `interface`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Relay,
    Open,
}

pub(crate) const BOTH: [User; 2] = [User::Relay, User::Open];

/// The settings that both accept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) name: Option<&'static str>,
    pub(crate) addresses: &'static [&'static str],
    pub(crate) routes: &'static [&'static str],
    pub(crate) mtu: Option<u32>,
}

/// A configured interface, which stays in use until this is dropped.
pub(crate) enum InUse {
    Relay(Box<Relay>),
    Open(Opened),
}

impl InUse {
    pub(crate) fn mtu(&self) -> u32 {
        match self {
            Self::Relay(relay) => relay.info().mtu,
            Self::Open(opened) => opened.mtu,
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Relay(relay) => relay.info().interface_name.clone(),
            Self::Open(opened) => opened.queues[0].name().to_owned(),
        }
    }
}

pub(crate) fn networks<T: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn open_options(wanted: &Wanted) -> OpenOptions {
    let name = wanted.name.map(str::to_owned);
    OpenOptions {
        device: DeviceOptions { mode: Mode::Tun, name, ..DeviceOptions::default() },
        queues: 1,
        addresses: networks(wanted.addresses),
        routes: networks(wanted.routes),
        mtu: wanted.mtu,
        up: Some(true),
        ..OpenOptions::default()
    }
}

impl User {
    pub(crate) fn configure(self, wanted: &Wanted) -> Result<InUse, Error> {
        if self == Self::Open {
            return port::open(&open_options(wanted)).map(InUse::Open);
        }
        let peer = "127.0.0.1:9".parse().unwrap();
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
        config.name = wanted.name.map(str::to_owned);
        config.addresses = networks(wanted.addresses);
        config.routes = networks(wanted.routes);
        config.mtu = wanted.mtu;
        config.queues = 1;
        Relay::start(config, |event| panic!("unexpected event: {event:?}"))
            .map(|relay| InUse::Relay(Box::new(relay)))
    }

    pub(crate) fn refuse(self, wanted: &Wanted) -> Error {
        self.configure(wanted).map(drop).expect_err("a refused configuration")
    }
}

/// Runs `body` for both users, each in a network namespace of its own.
#[track_caller]
pub(crate) fn for_both(body: impl Fn(User)) {
    for user in BOTH {
        in_namespace(|| body(user));
    }
}

/// Creates the persistent TUN device `keep0`, which is down and belongs to root. It has an address, since the
/// kernel removes all IPv4 routes together with the last address.
pub(crate) fn make_persistent() {
    ip("tuntap add dev keep0 mode tun user 0");
    ip("link set dev keep0 addrgenmode none");
    ip("address add 10.8.0.1/32 dev keep0");
}

pub(crate) const PLAIN: Wanted =
    Wanted { name: Some("keep0"), addresses: &["10.9.0.1/24"], routes: &[], mtu: None };

pub(crate) fn link(name: &str) -> String {
    ip(&format!("-o -d link show dev {name}"))
}
