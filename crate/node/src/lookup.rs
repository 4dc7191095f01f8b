//! Host names, resolved with getaddrinfo(3).
//!
//! Node's `dns.lookup()` runs on the four threads of libuv, which files and other packages use too. While name servers
//! do not reply, each look-up holds one of them for 10 seconds and more, and the process does not end before that. Here
//! a look-up has a thread that nothing waits for.

use crate::background;
use crate::convert::literal;
use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::io;

/// A function that receives the result. It is weak, so that a look-up does not keep the event loop alive.
type OnResult = ThreadsafeFunction<NativeLookup, (), NativeLookup, Status, false, true>;

/// The result of a look-up.
#[napi(object, object_from_js = false)]
pub struct NativeLookup {
    /// Address literals in the order of getaddrinfo(3). A link-local IPv6 one may have `%ZONE`. Empty after a failure.
    pub addresses: Vec<String>,
    /// Why there is none: `ENOTFOUND` if the name has no address of the family, otherwise a name such as `EAI_AGAIN`.
    pub failure: Option<String>,
}

/// Looks up the addresses of `name`, of the family 4 or 6 if it is specified, and then calls `on_result` once. The
/// call does not keep the event loop alive.
#[napi(
    catch_unwind,
    ts_args_type = "name: string, family: number | undefined | null, onResult: (result: NativeLookup) => void"
)]
pub fn look_up(name: String, family: Option<u8>, on_result: OnResult) -> napi::Result<()> {
    background::detach(move || {
        // A failure means that the environment is ending.
        let _ = on_result.call(resolve(&name, family), ThreadsafeFunctionCallMode::NonBlocking);
    })
}

fn resolve(name: &str, family: Option<u8>) -> NativeLookup {
    let address = match family {
        Some(4) => AddrFamily::Inet.into(),
        Some(6) => AddrFamily::Inet6.into(),
        _ => 0,
    };
    // Without a type, getaddrinfo(3) returns each address once per type.
    let hints = AddrInfoHints { address, socktype: SockType::Stream.into(), ..Default::default() };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|e| name_of(&e));
    let addresses = found.and_then(|found| {
        let addresses: io::Result<Vec<_>> =
            found.map(|info| info.map(|info| literal(info.sockaddr))).collect();
        addresses.map_err(|_| "EAI_SYSTEM".to_owned())
    });
    match addresses {
        Ok(addresses) => NativeLookup { addresses, failure: None },
        Err(failure) => NativeLookup { addresses: Vec::new(), failure: Some(failure) },
    }
}

/// Returns the name of an error, as Node's `dns.lookup()` reports it.
fn name_of(error: &LookupError) -> String {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => "ENOTFOUND".to_owned(),
        LookupErrorKind::Again => "EAI_AGAIN".to_owned(),
        LookupErrorKind::Fail => "EAI_FAIL".to_owned(),
        LookupErrorKind::Memory => "EAI_MEMORY".to_owned(),
        LookupErrorKind::System => "EAI_SYSTEM".to_owned(),
        _ => format!("EAI {}", error.error_num()),
    }
}
