//! Reports changes as they happen: `ip monitor`.

use super::address::{self, Address};
use super::closing::Closing;
use super::codec::{Malformed, MessageView, messages};
use super::context::Context;
use super::link::{self, Link};
use super::neighbor::{self, Neighbor};
use super::route::{self, Route};
use super::rule::{self, Rule};
use super::socket::{RawSocket, Socket};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, Notify};

/// The kinds of objects that can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum Kind {
    Link,
    Address,
    Route,
    Rule,
    Neighbor,
}

impl Kind {
    /// Returns the `RTNLGRP_*` (linux/rtnetlink.h) for IPv4 and IPv6.
    pub(super) fn groups(self) -> &'static [u32] {
        match self {
            Self::Link => &[libc::RTNLGRP_LINK],
            Self::Address => &[libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR],
            Self::Route => &[libc::RTNLGRP_IPV4_ROUTE, libc::RTNLGRP_IPV6_ROUTE],
            Self::Rule => &[libc::RTNLGRP_IPV4_RULE, libc::RTNLGRP_IPV6_RULE],
            Self::Neighbor => &[libc::RTNLGRP_NEIGH],
        }
    }
}

/// A change of an object. `deleted`: the object was removed, and is described as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum Event {
    Link {
        deleted: bool,
        link: Box<Link>,
    },
    Address {
        deleted: bool,
        address: Box<Address>,
    },
    Route {
        deleted: bool,
        route: Box<Route>,
    },
    Rule {
        deleted: bool,
        rule: Box<Rule>,
    },
    Neighbor {
        deleted: bool,
        neighbor: Box<Neighbor>,
    },
    /// Changes were lost, because the queue of unread changes was full.
    Overflow,
}

/// A watch. It ends with [`Monitor::close`] and with its session.
pub struct Monitor {
    socket: Mutex<Socket>,
    is_closed: AtomicBool,
    closing: Notify,
    session: Closing,
}

impl Monitor {
    pub(super) fn over(socket: RawSocket, session: Closing) -> Result<Self> {
        let socket = Mutex::new(Socket::watch(socket)?);
        Ok(Self { socket, is_closed: AtomicBool::new(false), closing: Notify::new(), session })
    }

    /// Waits for changes and returns those since the last call, at least one. Returns nothing once the
    /// monitor or its session is closed.
    pub async fn next(&self) -> Result<Option<Vec<Event>>> {
        let mut socket = self.socket.lock().await;
        loop {
            if self.is_closed.load(Ordering::Acquire) || self.session.is_closed() {
                return Ok(None);
            }
            let events = tokio::select! {
                events = receive(&mut socket) => events?,
                () = self.closing.notified() => return Ok(None),
                () = self.session.closed() => return Ok(None),
            };
            if !events.is_empty() {
                return Ok(Some(events));
            }
        }
    }

    /// Ends the watch, also while a task waits for a change.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.notify_one();
    }
}

async fn receive(socket: &mut Socket) -> Result<Vec<Event>> {
    let context = || Context::new("watch", "the network", "recvfrom");
    let bytes = match socket.receive().await {
        Ok(bytes) => bytes,
        Err(cause) if cause.raw_os_error() == Some(libc::ENOBUFS) => {
            // The kernel reports later losses only after the queue was empty.
            socket.discard_received();
            return Ok(vec![Event::Overflow]);
        }
        Err(cause) => return Err(context().system(&cause)),
    };
    let events = messages(bytes).filter_map(|message| message.and_then(event).transpose());
    let events: Result<Vec<Event>, Malformed> = events.collect();
    events.map_err(|malformed| context().malformed(&malformed.to_string()))
}

/// Returns the event of a message; nothing for objects of other families, for example the ports of
/// bridges.
pub(super) fn event(message: MessageView<'_>) -> Result<Option<Event>, Malformed> {
    let event = match message.kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK => link::read(message)?.map(|link| {
            let deleted = message.kind == libc::RTM_DELLINK;
            Event::Link { deleted, link: Box::new(link) }
        }),
        libc::RTM_NEWADDR | libc::RTM_DELADDR => address::read(message)?.map(|address| {
            let deleted = message.kind == libc::RTM_DELADDR;
            Event::Address { deleted, address: Box::new(address) }
        }),
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => route::read(message)?.map(|route| {
            let deleted = message.kind == libc::RTM_DELROUTE;
            Event::Route { deleted, route: Box::new(route) }
        }),
        libc::RTM_NEWRULE | libc::RTM_DELRULE => rule::read(message)?.map(|rule| {
            let deleted = message.kind == libc::RTM_DELRULE;
            Event::Rule { deleted, rule: Box::new(rule) }
        }),
        libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH => neighbor::read(message)?.map(|neighbor| {
            let deleted = message.kind == libc::RTM_DELNEIGH;
            Event::Neighbor { deleted, neighbor: Box::new(neighbor) }
        }),
        _ => None,
    };
    Ok(event)
}
