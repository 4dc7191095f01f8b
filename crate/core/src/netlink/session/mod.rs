//! What comes from outside: operations, one after the other, and whole tables, in one namespace.

mod operation;
mod table;

pub use operation::{Object, Operation};
pub use table::Table;

use super::connection::{Answer, Connection, Request};
use super::dump::Dump;
use super::indices::Indices;
use super::link::LinkRef;
use super::monitor::{Kind, Monitor};
use super::socket::RawSocket;
use crate::error::Result;
use crate::namespace;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sockets for dumps that are kept for the next one.
const IDLE_MAX: usize = 4;

/// Connections to the routing tables of one network namespace.
pub struct Session {
    netns: Option<Netns>,
    commands: Connection,
    /// The kernel makes one dump at a time for a socket: each takes one of its own.
    idle: Mutex<Vec<Connection>>,
}

struct Netns {
    name: String,
    fd: OwnedFd,
}

impl Session {
    /// Opens a session in the namespace `netns` (name, path or process id), or else in that of the
    /// calling thread, which stays where it is. Needs a tokio runtime round it.
    pub fn open(netns: Option<&str>) -> Result<Self> {
        let netns = match netns {
            Some(name) => Some(Netns { name: name.to_owned(), fd: namespace::open(name)? }),
            None => None,
        };
        let commands = Connection::over(raw(netns.as_ref(), &[])?)?;
        Ok(Self { netns, commands, idle: Mutex::default() })
    }

    /// Runs operations in their order; a result each. One that fails does not keep the next from
    /// being made.
    pub async fn run(&self, operations: &[Operation]) -> Vec<Result<Option<Object>>> {
        let mut batch = Batch { session: self, indices: Indices::default(), results: Vec::new() };
        let mut pending = Vec::new();
        for operation in operations {
            let is_known = operation.links().iter().all(|link| batch.indices.knows(link));
            if !is_known {
                // What it names may just have been made.
                batch.exchange(&mut pending).await;
                if let Err(error) = batch.look_up(&operation.links()).await {
                    batch.results.push(Err(error));
                    continue;
                }
            }
            match operation.requests(&batch.indices) {
                Ok(requests) => pending.push((operation, requests)),
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

    /// Reads a table.
    pub async fn dump(&self, table: Table) -> Result<Dump<Object>> {
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::over(raw(self.netns.as_ref(), &[])?)?,
        };
        let mut batch = Batch { session: self, indices: Indices::default(), results: Vec::new() };
        if let Some(link) = table.link() {
            batch.look_up(&[link]).await?;
        }
        let link = table.link().map(|link| batch.indices.of(link)).transpose()?;
        let request = table.request(link);
        Dump::start(connection, request, table.reader(link)).await
    }

    /// Begins to watch: what changes from now on is told. `receive_buffer_bytes` of it may wait to be
    /// read, as far as the kernel grants that.
    pub fn monitor(&self, kinds: &[Kind], receive_buffer_bytes: usize) -> Result<Monitor> {
        let groups: Vec<u32> = kinds.iter().flat_map(|kind| kind.groups()).copied().collect();
        Monitor::over(raw(self.netns.as_ref(), &groups)?.keeping(receive_buffer_bytes))
    }

    /// Takes back the socket of a dump that was read to its end.
    pub fn recycle(&self, dump: Dump<Object>) {
        if let Some(connection) = dump.into_connection() {
            let mut idle = lock(&self.idle);
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }
}

/// Makes a socket in a namespace, on a thread that goes there.
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
}

type Pending<'a> = Vec<(&'a Operation, Vec<Request>)>;

impl Batch<'_> {
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

    /// Sends what is pending, and takes in what became of it.
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
            // Of several requests for one operation the first error counts, else the last answer.
            let mut result: Answer = Ok(None);
            for answer in answers.by_ref().take(count) {
                if result.is_ok() {
                    result = answer;
                }
            }
            self.results.push(
                result.map_err(|e| operation.advise(e)).and_then(|reply| operation.read(reply)),
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
