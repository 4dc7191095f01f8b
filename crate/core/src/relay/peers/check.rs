//! Checks of the peers in a configuration.

use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{Accept, RelayConfig};

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
    if first.port() == 0 {
        return Err(refuse("send to", first.to_string(), "port 0 is no destination".to_owned()));
    }
    if config.peers.first().is_some_and(|peer| peer.endpoint != first) {
        let reason = "it is not the endpoint of the first of the peers".to_owned();
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
    Ok(())
}
