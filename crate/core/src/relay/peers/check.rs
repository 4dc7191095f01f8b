//! What a configuration must say of the peers.

use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{Accept, RelayConfig};

/// Checks what the configuration says of the peers.
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
    if let Some(peer) = config.endpoints().find(|peer| peer.port() == 0) {
        return Err(refuse("send to", peer.to_string(), "port 0 is no destination".to_owned()));
    }
    if config.peers.first().is_some_and(|peer| peer.endpoint != first) {
        let reason = "it is not the endpoint of the first of the peers".to_owned();
        return Err(refuse("send to", first.to_string(), reason));
    }
    if let Some(other) = config.endpoints().find(|peer| peer.is_ipv4() != first.is_ipv4()) {
        let reason = format!("it is not of the same family as the peer {}", first.ip());
        return Err(refuse("send to", other.to_string(), reason)
            .with_advice("give all peers as IPv4 or all as IPv6"));
    }
    if !config.peers.is_empty() && config.accept == Accept::Any {
        let reason = "datagrams from any source are accepted only with a single peer".to_owned();
        return Err(refuse("start the relay", String::new(), reason));
    }
    Ok(())
}
