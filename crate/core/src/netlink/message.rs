//! What is common to all requests: attributes, and the errors they come back with.

use crate::error::{Error, ErrorCode, Result};
use neli::attr::Attribute;
use neli::consts::nl::NlmsgerrAttr;
use neli::consts::rtnl::RtaType;
use neli::rtnl::{Rtattr, RtattrBuilder};
use neli::types::{Buffer, GenlBuffer};
use neli::{Size, ToBytes};
use std::io;

/// What a request is about, for its errors.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// `set the mtu of`
    pub(super) operation: &'static str,
    /// The interface, address or route.
    pub(super) subject: &'a str,
    /// `RTM_NEWLINK`
    pub(super) request: &'static str,
}

impl Context<'_> {
    /// The kernel refused the request; `errno` as it stands in the message, negative.
    pub(super) fn refused(&self, errno: i32, text: Option<String>) -> Error {
        let error = self.system(&io::Error::from_raw_os_error(errno.saturating_neg()));
        let error = match text {
            Some(text) => error.with_kernel_text(text),
            None => error,
        };
        match error.code() {
            ErrorCode::Permission => error.with_advice(
                "it needs CAP_NET_ADMIN over the interface's network namespace: run it as root",
            ),
            ErrorCode::Exists => error.with_advice("it is there already: see \"ip address\""),
            _ => error,
        }
    }

    /// The socket failed.
    pub(super) fn system(&self, error: &io::Error) -> Error {
        Error::os(self.operation, self.subject, self.request, error)
    }

    /// A message could not be made or read.
    pub(super) fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorCode::System, self.operation, self.subject, what)
    }
}

/// The kernel's explanation (`NLMSGERR_ATTR_MSG`), without the NUL at its end.
pub(super) fn extended_text(attributes: &GenlBuffer<NlmsgerrAttr, Buffer>) -> Option<String> {
    let text = attributes
        .iter()
        .find(|attribute| *attribute.nla_type().nla_type() == NlmsgerrAttr::Msg)?
        .payload();
    let text = String::from_utf8_lossy(text.as_ref());
    let text = text.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// One attribute.
pub(super) fn attribute<T, P>(kind: T, value: P, context: Context<'_>) -> Result<Rtattr<T, Buffer>>
where
    T: RtaType,
    P: Size + ToBytes,
{
    RtattrBuilder::default()
        .rta_type(kind)
        .rta_payload(value)
        .build()
        .map_err(|e| context.malformed(&e.to_string()))
}
