//! The socket of a program behind the interface.

use crate::namespace::eventually;
use std::net::UdpSocket;

/// Binds the socket to 10.9.0.1:9, also if an earlier one was closed a moment ago: a process that another test starts has
/// a copy of each descriptor until its exec(2).
pub(crate) fn socket() -> UdpSocket {
    let mut bound = None;
    eventually("the port is free", || {
        bound = UdpSocket::bind("10.9.0.1:9").ok();
        bound.is_some()
    });
    bound.unwrap()
}
