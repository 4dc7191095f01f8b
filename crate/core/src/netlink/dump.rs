//! Reads whole tables, as many objects at a time as the reader requests.

use super::closing::Closing;
use super::codec::Malformed;
use super::codec::{MessageView, Reply, messages, reply};
use super::connection::{Connection, Request};
use super::context::Context;
use crate::error::{Error, ErrorCode, Result};
use std::io;

/// `NLM_F_DUMP_INTR` (linux/netlink.h): the table changed during the dump.
const INTERRUPTED: u16 = 0x10;

/// Reads the object that a message describes. Returns nothing for a message of another kind, and for an
/// object that the reader does not want.
pub(super) type Read<T> =
    Box<dyn Fn(MessageView<'_>) -> Result<Option<T>, Malformed> + Send + Sync>;

/// A table that is being read. The kernel continues only when the reader has received the previous
/// objects. Therefore a table of any length needs little memory.
pub struct Dump<T> {
    connection: Connection,
    sequence: u32,
    context: Context,
    read: Read<T>,
    is_interrupted: bool,
    is_done: bool,
    session: Option<Closing>,
}

impl<T> Dump<T> {
    /// Requests the table. The connection belongs to the dump until the dump ends.
    pub(super) async fn start(
        mut connection: Connection,
        request: Request,
        read: Read<T>,
    ) -> Result<Self> {
        let context = request.context.clone();
        let sequence = connection.start_dump(request).await?;
        let (is_interrupted, is_done) = (false, false);
        Ok(Self { connection, sequence, context, read, is_interrupted, is_done, session: None })
    }

    /// Returns the same dump, which fails once its session is closed.
    pub(super) fn until(self, session: Closing) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Returns the next objects, or nothing at the end. There may be more than `wanted`, if the last of
    /// them arrives together with others.
    ///
    /// # Errors
    ///
    /// - [`ErrorCode::Interrupted`] at the end if the table changed while it was read: an object may be
    ///   missing, or listed twice.
    /// - [`ErrorCode::Closed`] once the session is closed.
    pub async fn next(&mut self, wanted: usize) -> Result<Option<Vec<T>>> {
        let Some(session) = self.session.clone() else { return self.read(wanted).await };
        tokio::select! {
            biased;
            () = session.closed() => Err(Closing::error()),
            objects = self.read(wanted) => objects,
        }
    }

    async fn read(&mut self, wanted: usize) -> Result<Option<Vec<T>>> {
        let mut objects = Vec::new();
        while !self.is_done && objects.len() < wanted {
            self.receive(&mut objects).await?;
        }
        if !objects.is_empty() {
            return Ok(Some(objects));
        }
        if std::mem::take(&mut self.is_interrupted) { Err(self.changed()) } else { Ok(None) }
    }

    /// Returns all objects.
    pub(super) async fn collect(mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(objects) = self.next(usize::MAX).await? {
            all.extend(objects);
        }
        Ok(all)
    }

    /// Returns the connection for other uses, if the table was read to its end.
    pub(super) fn into_connection(self) -> Option<Connection> {
        self.is_done.then_some(self.connection)
    }

    async fn receive(&mut self, objects: &mut Vec<T>) -> Result<()> {
        let Self { connection, sequence, context, read, .. } = self;
        let received = connection.socket_mut().receive().await;
        let bytes = received.map_err(|cause| context.system(&cause))?;
        let malformed = |what: Malformed| context.malformed(&what.to_string());
        for message in messages(bytes) {
            let message = message.map_err(malformed)?;
            if message.sequence != *sequence {
                continue;
            }
            self.is_interrupted |= message.flags & INTERRUPTED != 0;
            match reply(message).map_err(malformed)? {
                Reply::Object(object) => objects.extend(read(object).map_err(malformed)?),
                Reply::Done => self.is_done = true,
                // A routing table exists only once it has a route (`fib_new_table`, net/ipv4).
                Reply::Refused(refusal)
                    if refusal.errno == libc::ENOENT && context.request == "RTM_GETROUTE" =>
                {
                    self.is_done = true;
                }
                Reply::Refused(refusal) => {
                    self.is_done = true;
                    return Err(context.refused(refusal, &[]));
                }
                Reply::Overrun => {
                    return Err(context.system(&io::Error::from_raw_os_error(libc::ENOBUFS)));
                }
                Reply::Nothing => {}
            }
        }
        Ok(())
    }

    fn changed(&self) -> Error {
        let Context { operation, subject, .. } = &self.context;
        let reason = "they changed while they were read";
        Error::new(ErrorCode::Interrupted, *operation, subject.as_str(), reason)
            .with_advice("list them again")
    }
}
