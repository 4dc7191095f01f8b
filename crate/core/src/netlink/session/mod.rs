//! The operations of callers, run one after the other, and dumps of whole tables, in one namespace.

mod delete;
mod operation;
mod table;

pub use operation::{Object, Operation};
pub use table::Table;

use super::again::PAUSES_MS;
use super::closing::Closing;
use super::connection::{Answer, Connection, Request};
use super::dump::Dump;
use super::indices::Indices;
use super::link::LinkRef;
use super::monitor::{Kind, Monitor};
use super::route;
use super::socket::RawSocket;
use crate::error::{Error, ErrorCode, Result};
use crate::namespace;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The maximum number of sockets that are kept for later dumps.
const IDLE_MAX: usize = 4;

/// A session with the routing tables of one network namespace.
pub struct Session {
    netns: Option<Netns>,
    commands: Connection,
    /// The kernel runs one dump per socket at a time, so each dump uses a separate connection.
    idle: Mutex<Vec<Connection>>,
    /// Set once the session is closed.
    is_closed: watch::Sender<bool>,
    closing: Closing,
}

struct Netns {
    name: String,
    fd: OwnedFd,
}

impl Session {
    /// Opens a session in the namespace `netns` (name, path or process id), by default in that of the
    /// calling thread. The calling thread does not move. Requires a tokio runtime.
    pub fn open(netns: Option<&str>) -> Result<Self> {
        let netns = match netns {
            Some(name) => Some(Netns { name: name.to_owned(), fd: namespace::open(name)? }),
            None => None,
        };
        let commands = Connection::over(raw(netns.as_ref(), &[])?)?;
        let (is_closed, closing) = Closing::new();
        Ok(Self { netns, commands, idle: Mutex::default(), is_closed, closing })
    }

    /// Ends the session. Monitors report no more events, and dumps fail with [`ErrorCode::Closed`].
    /// Requests that were sent to the kernel still get their replies.
    pub fn close(&self) {
        self.is_closed.send_replace(true);
        lock(&self.idle).clear();
    }

    /// Returns the end of the session, which callers can wait for.
    #[must_use]
    pub fn closing(&self) -> Closing {
        self.closing.clone()
    }

    fn check_open(&self) -> Result<()> {
        if self.closing.is_closed() { Err(Closing::error()) } else { Ok(()) }
    }

    /// Runs operations in their order, and returns a result for each. A failed operation does not prevent
    /// the next ones.
    pub async fn run(&self, operations: &[Operation]) -> Vec<Result<Option<Object>>> {
        let mut batch = Batch::new(self);
        let mut pending = Vec::new();
        for operation in operations {
            match batch.prepare(operation, &mut pending).await {
                Ok(Prepared::Requests(requests)) => pending.push((operation, requests)),
                Ok(Prepared::Object(object)) => {
                    batch.exchange(&mut pending).await;
                    batch.results.push(Ok(Some(object)));
                }
                Err(error) => {
                    batch.exchange(&mut pending).await;
                    batch.results.push(Err(error));
                }
            }
            if operation.changes_names() {
                batch.exchange(&mut pending).await;
                batch.indices.forget();
            }
        }
        batch.exchange(&mut pending).await;
        batch.results
    }

    /// Reads a whole table. If it changed during that, reads it again after a growing pause.
    async fn read(&self, table: &Table) -> Result<Vec<Object>> {
        for pause in PAUSES_MS {
            match self.read_once(table).await {
                Err(error) if error.code() == ErrorCode::Interrupted => {}
                result => return result,
            }
            tokio::select! {
                () = self.closing.closed() => return Err(Closing::error()),
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
        }
        self.read_once(table).await
    }

    async fn read_once(&self, table: &Table) -> Result<Vec<Object>> {
        let mut dump = self.dump(table.clone()).await?;
        let mut all = Vec::new();
        while let Some(objects) = dump.next(usize::MAX).await? {
            all.extend(objects);
        }
        self.recycle(dump);
        Ok(all)
    }

    /// Starts reading a table.
    pub async fn dump(&self, table: Table) -> Result<Dump<Object>> {
        self.check_open()?;
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::over(raw(self.netns.as_ref(), &[])?)?,
        };
        let mut batch = Batch::new(self);
        if let Some(link) = table.link() {
            batch.look_up(&[link]).await?;
        }
        let link = table.link().map(|link| batch.indices.of(link)).transpose()?;
        let request = table.request(link);
        let dump = Dump::start(connection, request, table.reader(link)).await?;
        Ok(dump.until(self.closing()))
    }

    /// Starts a monitor, which reports all later changes. At most `receive_buffer_bytes` of unread
    /// changes are kept, if the kernel grants that much.
    pub fn monitor(&self, kinds: &[Kind], receive_buffer_bytes: usize) -> Result<Monitor> {
        self.check_open()?;
        let groups: Vec<u32> = kinds.iter().flat_map(|kind| kind.groups()).copied().collect();
        let socket = raw(self.netns.as_ref(), &groups)?.keeping(receive_buffer_bytes);
        Monitor::over(socket, self.closing())
    }

    /// Keeps the socket of a dump that was read to its end, for later dumps.
    pub fn recycle(&self, dump: Dump<Object>) {
        if let Some(connection) = dump.into_connection() {
            let mut idle = lock(&self.idle);
            if idle.len() < IDLE_MAX && !self.closing.is_closed() {
                idle.push(connection);
            }
        }
    }
}

/// Opens a socket in a namespace, on a thread that enters it.
fn raw(netns: Option<&Netns>, groups: &[u32]) -> Result<RawSocket> {
    match netns {
        None => RawSocket::open(groups),
        Some(Netns { name, fd }) => namespace::within_open(fd, name, || RawSocket::open(groups)),
    }
}

/// Operations that are being run.
struct Batch<'a> {
    session: &'a Session,
    indices: Indices,
    results: Vec<Result<Option<Object>>>,
    /// Tables that were read for deletes, without the objects whose deletes are pending. No other
    /// request was sent since then.
    listed: Vec<(Table, Vec<Object>)>,
}

/// An operation that is ready to run.
enum Prepared {
    /// The requests to send.
    Requests(Vec<Request>),
    /// Its result; it needs no request.
    Object(Object),
}

type Pending<'a> = Vec<(&'a Operation, Vec<Request>)>;

impl<'a> Batch<'a> {
    fn new(session: &'a Session) -> Self {
        Self { session, indices: Indices::default(), results: Vec::new(), listed: Vec::new() }
    }

    /// Builds the requests of an operation. Looks up the necessary links and tables first.
    async fn prepare<'b>(
        &mut self,
        operation: &'b Operation,
        pending: &mut Pending<'b>,
    ) -> Result<Prepared> {
        self.session.check_open()?;
        operation.check()?;
        if !operation.links().iter().all(|link| self.indices.knows(link)) {
            // A pending request may create an object that this operation refers to.
            self.exchange(pending).await;
            self.look_up(&operation.links()).await?;
        }
        let table = operation.table();
        let keeps_lists = matches!(
            operation,
            Operation::DeleteRoute { .. }
                | Operation::DeleteRule { .. }
                | Operation::FindRoute { .. }
        );
        if !keeps_lists {
            self.listed.retain(|(listed, _)| Some(listed) == table.as_ref());
        }
        let Some(table) = table else {
            return operation.requests(&self.indices).map(Prepared::Requests);
        };
        if !self.listed.iter().any(|(listed, _)| *listed == table) {
            self.exchange(pending).await;
            let objects = self.session.read(&table).await?;
            self.listed.push((table.clone(), objects));
        }
        let listed = self.listed.iter_mut().find(|(listed, _)| *listed == table);
        let objects = listed
            .map(|(_, objects)| objects)
            .ok_or_else(|| Error::new(ErrorCode::System, "read", "a table", "it is not there"))?;
        if let Some(state) = operation.find_route(objects, &self.indices)? {
            return Ok(Prepared::Object(state));
        }
        let (place, request) = operation.delete_request(objects, &self.indices)?;
        objects.remove(place);
        Ok(Prepared::Requests(vec![request]))
    }

    async fn look_up(&mut self, links: &[&LinkRef]) -> Result<()> {
        for link in links {
            if let LinkRef::Name(name) = link
                && !self.indices.knows(link)
            {
                let found = self.session.commands.link(link).await?;
                self.indices.learn(name.clone(), found.if_index);
            }
        }
        Ok(())
    }

    /// Sends the pending requests, and stores their results.
    async fn exchange(&mut self, pending: &mut Pending<'_>) {
        if pending.is_empty() {
            return;
        }
        let (operations, requests): (Vec<_>, Vec<_>) = pending
            .drain(..)
            .map(|(operation, requests)| ((operation, requests.len()), requests))
            .unzip();
        let requests = requests.into_iter().flatten().collect();
        let mut answers = self.session.commands.exchange_all(requests).await.into_iter();
        for (operation, count) in operations {
            // If an operation has several requests, its result is the first error, otherwise the last
            // reply.
            let mut result: Answer = Ok(None);
            for answer in answers.by_ref().take(count) {
                if result.is_ok() {
                    result = answer;
                }
            }
            let result = match result {
                Ok(reply) => operation.read(reply),
                Err(error) => Err(self.explained(operation, error).await),
            };
            self.results.push(result);
        }
    }
}

impl Batch<'_> {
    /// Adds the cause of an error, if it is known, and advice.
    async fn explained(&self, operation: &Operation, error: Error) -> Error {
        match operation {
            Operation::GetRoute { query } => {
                route::explain(&self.session.commands, error, query, &self.indices).await
            }
            _ => operation.advise(error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
