//! One NETLINK_ROUTE socket and its request loop.

use super::message::{self, Context};
use crate::error::{Error, Result};
use neli::consts::nl::NlmF;
use neli::consts::rtnl::Rtm;
use neli::consts::socket::NlFamily;
use neli::err::SocketError;
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::socket::asynchronous::NlSocketHandle;
use neli::types::Buffer;
use neli::utils::Groups;
use neli::{FromBytesWithInput, Size, ToBytes};
use std::io::{self, Cursor};
use std::sync::atomic::{AtomicU32, Ordering};

/// A connection to the kernel's routing tables in one network namespace.
pub struct Connection {
    socket: NlSocketHandle,
    sequence: AtomicU32,
}

/// A kind of request and its flags beside `NLM_F_REQUEST`.
#[derive(Clone, Copy)]
pub(super) struct Verb {
    pub(super) kind: Rtm,
    pub(super) flags: NlmF,
}

impl Connection {
    /// Opens a socket in the calling thread's network namespace; needs a tokio runtime round it.
    ///
    /// The kernel's explanations are asked for (`NETLINK_EXT_ACK`, Linux ≥ 4.12) and requests are
    /// checked strictly (`NETLINK_GET_STRICT_CHK`, Linux ≥ 4.20) where it can.
    pub fn open() -> Result<Self> {
        let open = |e: &SocketError| {
            Error::os("open", "a netlink socket", "socket(AF_NETLINK)", &io_error(e))
        };
        let socket = NlSocketHandle::connect(NlFamily::Route, None, Groups::empty())
            .map_err(|e| open(&e))?;
        // Older kernels have neither: their errors are then only shorter.
        let _ = socket.enable_ext_ack(true);
        let _ = socket.enable_strict_checking(true);
        Ok(Self { socket, sequence: AtomicU32::new(1) })
    }

    /// Asks for a change and waits for the kernel's word that it is made.
    pub(super) async fn change<P>(&self, verb: Verb, payload: P, context: Context<'_>) -> Result<()>
    where
        P: Size + ToBytes,
    {
        let verb = Verb { kind: verb.kind, flags: verb.flags | NlmF::ACK };
        self.exchange(verb, payload, context).await.map(drop)
    }

    /// Asks for one object.
    pub(super) async fn get<P, R>(&self, kind: Rtm, payload: P, context: Context<'_>) -> Result<R>
    where
        P: Size + ToBytes,
        R: FromBytesWithInput<Input = usize>,
    {
        let verb = Verb { kind, flags: NlmF::ACK };
        let replies = self.exchange(verb, payload, context).await?;
        let reply = replies.first().ok_or_else(|| context.malformed("the kernel sent no reply"))?;
        R::from_bytes_with_input(&mut Cursor::new(reply.as_ref()), reply.as_ref().len())
            .map_err(|e| context.malformed(&e.to_string()))
    }

    /// Sends a request and collects the payloads of its replies until the kernel's last word.
    pub(super) async fn exchange<P>(
        &self,
        verb: Verb,
        payload: P,
        context: Context<'_>,
    ) -> Result<Vec<Buffer>>
    where
        P: Size + ToBytes,
    {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let request = NlmsghdrBuilder::default()
            .nl_type(u16::from(verb.kind))
            .nl_flags(NlmF::REQUEST | verb.flags)
            .nl_seq(sequence)
            .nl_payload(NlPayload::Payload(payload))
            .build()
            .map_err(|e| context.malformed(&e.to_string()))?;
        self.socket.send(&request).await.map_err(|e| context.system(&io_error(&e)))?;
        let mut replies = Vec::new();
        loop {
            let (messages, _) = self
                .socket
                .recv::<u16, Buffer>()
                .await
                .map_err(|e| context.system(&io_error(&e)))?;
            for message in messages {
                let message: Nlmsghdr<u16, Buffer> =
                    message.map_err(|e| context.malformed(&e.to_string()))?;
                if *message.nl_seq() != sequence {
                    continue;
                }
                match message.nl_payload() {
                    NlPayload::Payload(reply) => replies.push(reply.clone()),
                    NlPayload::Err(error) => {
                        let text = message::extended_text(error.ext_ack());
                        return Err(context.refused(*error.error(), text));
                    }
                    NlPayload::Ack(_) | NlPayload::DumpExtAck(_) | NlPayload::Empty => {
                        return Ok(replies);
                    }
                }
            }
        }
    }
}

/// neli keeps the system's error but hides it behind an `Arc`.
fn io_error(error: &SocketError) -> io::Error {
    match error {
        SocketError::Io(cause) => match cause.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::other(cause.to_string()),
        },
        other => io::Error::other(other.to_string()),
    }
}
