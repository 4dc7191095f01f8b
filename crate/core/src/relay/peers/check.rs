//! Checks of the peers in a configuration.

use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{Accept, RelayConfig};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Refuses a configuration whose peers contradict each other or the other options.
pub(super) fn check(config: &RelayConfig) -> Result<()> {
    let refuse = |operation: &'static str, subject: String, reason: String| {
        Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
    };
    let first = config.peer;
    if let Some(listen) = config.listen.filter(|ip| ip.is_ipv4() != first.is_ipv4()) {
        let reason = format!("it is not of the same family as the peer {}", first.ip());
        return Err(refuse("listen on", listen.to_string(), reason)
            .with_advice("give both as IPv4 or both as IPv6"));
    }
    config.endpoints().try_for_each(check_endpoint)?;
    config.keepalive.map_or(Ok(()), check_keepalive)?;
    if config.keepalive.is_some() && !config.peers.is_empty() {
        let reason = "several peers have keepalives of their own".to_owned();
        return Err(refuse("send keepalives", String::new(), reason));
    }
    if config.peers.first().is_some_and(|peer| peer.endpoint != first) {
        let reason = "not the endpoint of the first peer".to_owned();
        return Err(refuse("send to", first.to_string(), reason));
    }
    let is_mixed = config.endpoints().any(|peer| peer.is_ipv4() != first.is_ipv4());
    if let Some(listen) = config.listen.filter(|_| is_mixed) {
        let reason = "the peers are of both address families".to_owned();
        return Err(refuse("listen on", listen.to_string(), reason)
            .with_advice("leave the address out, or give all peers as IPv4 or all as IPv6"));
    }
    if !config.peers.is_empty() && config.accept == Accept::Any {
        let reason = "datagrams from any source are accepted only with a single peer".to_owned();
        return Err(refuse("start the relay", String::new(), reason));
    }
    if let Some(prefix) = config.allowed_prefixes.first().filter(|_| !config.peers.is_empty()) {
        let reason = "each of several peers has prefixes of its own".to_owned();
        return Err(refuse("allow the prefix", prefix.to_string(), reason)
            .with_advice("give it as a prefix of one of the peers"));
    }
    Ok(())
}

/// The shortest time between two keepalives.
const MIN_KEEPALIVE: Duration = Duration::from_millis(10);

/// Refuses a time between two keepalives that is too short.
pub(super) fn check_keepalive(interval: Duration) -> Result<()> {
    if interval >= MIN_KEEPALIVE {
        return Ok(());
    }
    let subject = format!("{} ms", interval.as_secs_f64() * 1e3);
    let reason = format!("the interval is at least {} ms", MIN_KEEPALIVE.as_millis());
    Err(Error::new(ErrorCode::InvalidArgument, "send keepalives every", subject, reason))
}

/// Refuses an endpoint whose address is not the address of one host, or whose port is 0.
pub(super) fn check_endpoint(endpoint: SocketAddr) -> Result<()> {
    let ip = endpoint.ip();
    let error = |subject: String, reason: String| {
        Error::new(ErrorCode::InvalidArgument, "send to", subject, reason)
    };
    let kind = match ip {
        _ if ip.is_unspecified() => "an unspecified",
        _ if ip.is_multicast() => "a multicast",
        IpAddr::V4(ip) if ip.is_broadcast() => "a broadcast",
        _ if endpoint.port() == 0 => {
            let reason = "port 0 cannot be a destination".to_owned();
            return Err(error(endpoint.to_string(), reason));
        }
        _ => return Ok(()),
    };
    let reason = format!("it is {kind} address, not the address of one host");
    Err(error(ip.to_string(), reason).with_advice("give the peer's own address"))
}
