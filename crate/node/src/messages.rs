//! Messages with descriptors over a Unix socket: each is one line of text, with descriptors at its first byte.

use crate::background::run;
use crate::error;
use crate::sys::list::List;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tun2udp_core::sys::{connection, descriptor, rights};
use tun2udp_core::{Error, ErrorCode, Result};

/// The maximum length of a message, bytes: a state of some 100,000 peers.
const MAX_MESSAGE: usize = 64 << 20;
/// The maximum number of messages with descriptors that wait.
const MAX_WAITING: usize = 8;
/// Bytes of one read.
const CHUNK: usize = 64 << 10;

const SEND: &str = "send a message to";
const RECEIVE: &str = "receive a message from";
const OTHER: &str = "the other process";

/// A message that was received. The caller closes its descriptors.
#[napi(object, object_from_js = false)]
pub struct NativeMessage {
    /// The line, without its end.
    pub text: String,
    /// The descriptors that arrived with it.
    pub descriptors: Vec<i32>,
}

/// A connection to another process.
#[napi]
pub struct NativeConnection {
    inner: Arc<Inner>,
}

struct Inner {
    socket: Mutex<Option<std::os::unix::net::UnixStream>>,
    received: tokio::sync::Mutex<Received>,
}

/// Connects to the Unix socket at `path`. Does not wait for a process that accepts no connection.
#[napi(catch_unwind)]
pub fn connect_unix(path: String) -> napi::Result<NativeConnection> {
    let socket = connection::connect(Path::new(&path)).map_err(|e| {
        let error = Error::os("connect to", &path, "connect", &e);
        let missing = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        error::to_napi(&match missing.contains(&e.kind()) {
            true => error.with_code(ErrorCode::NotFound),
            false => error,
        })
    })?;
    Ok(NativeConnection::new(socket))
}

/// Uses a duplicate of the connected Unix socket `descriptor`.
#[napi(catch_unwind)]
pub fn duplicate_connection(descriptor: i32) -> napi::Result<NativeConnection> {
    let socket = descriptor::duplicate(descriptor).map_err(|e| {
        error::to_napi(&Error::os("duplicate the socket", descriptor.to_string(), "fcntl", &e))
    })?;
    Ok(NativeConnection::new(socket.into()))
}

#[napi]
impl NativeConnection {
    fn new(socket: std::os::unix::net::UnixStream) -> Self {
        let received = tokio::sync::Mutex::default();
        Self { inner: Arc::new(Inner { socket: Mutex::new(Some(socket)), received }) }
    }

    /// Sends a line with duplicates of descriptors. Waits for at most `millis`.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn send<'env>(
        &self,
        env: &'env Env,
        text: String,
        #[napi(ts_arg_type = "Array<number>")] descriptors: List<i32, 256>,
        millis: u32,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let inner = Arc::clone(&self.inner);
        let copies = descriptors.iter().map(|number| descriptor::duplicate(*number));
        let copies = copies.collect::<io::Result<Vec<_>>>().map_err(|e| {
            error::to_napi(&Error::os("pass on the descriptors to", OTHER, "fcntl(F_DUPFD)", &e))
        })?;
        run(env, async move {
            let sent = send_all(inner, format!("{text}\n").into_bytes(), copies);
            within(SEND, millis, sent).await.map_err(|e| error::to_napi(&e))
        })
    }

    /// Receives a line. Resolves to `null` if the other end is closed. Waits for at most `millis`.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeMessage | null>")]
    pub fn receive<'env>(
        &self,
        env: &'env Env,
        millis: u32,
    ) -> napi::Result<PromiseRaw<'env, Option<NativeMessage>>> {
        let inner = Arc::clone(&self.inner);
        run(env, async move {
            within(RECEIVE, millis, receive_line(inner)).await.map_err(|e| error::to_napi(&e))
        })
    }

    /// Closes the connection, and the descriptors that were not taken. Calls that wait end.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let Some(socket) = self.inner.lock().take() {
            // Pending calls have duplicates.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// Fails if `work` takes longer than `millis`.
async fn within<T>(
    operation: &'static str,
    millis: u32,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(Duration::from_millis(millis.into()), work).await {
        Ok(result) => result,
        Err(_) => {
            let reason = format!("it did not answer within {millis} ms");
            Err(Error::new(ErrorCode::System, operation, OTHER, reason))
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Option<std::os::unix::net::UnixStream>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the socket for one call.
    fn socket(&self, operation: &'static str) -> Result<UnixStream> {
        let copy = match &*self.lock() {
            Some(socket) => socket.try_clone(),
            None => {
                let reason = "the connection is closed";
                return Err(Error::new(ErrorCode::Closed, operation, OTHER, reason));
            }
        };
        let watch = |socket: std::os::unix::net::UnixStream| {
            socket.set_nonblocking(true)?;
            UnixStream::from_std(socket)
        };
        copy.and_then(watch).map_err(|e| Error::os(operation, OTHER, "epoll_ctl", &e))
    }
}

/// Sends all bytes, with the descriptors at the first one.
async fn send_all(inner: Arc<Inner>, bytes: Vec<u8>, descriptors: Vec<OwnedFd>) -> Result<()> {
    let socket = inner.socket(SEND)?;
    let mut rest = bytes.as_slice();
    let mut with: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    while !rest.is_empty() {
        let send = || rights::send(socket.as_fd(), rest, &with);
        match socket.async_io(Interest::WRITABLE, send).await {
            Ok(sent) => {
                rest = rest.get(sent..).unwrap_or_default();
                with.clear();
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::os(SEND, OTHER, "sendmsg", &e)),
        }
    }
    Ok(())
}

/// Receives until there is a line.
async fn receive_line(inner: Arc<Inner>) -> Result<Option<NativeMessage>> {
    let socket = inner.socket(RECEIVE)?;
    let mut received = inner.received.lock().await;
    let mut buffer = vec![0; CHUNK];
    loop {
        if let Some(message) = received.take() {
            return Ok(Some(message));
        }
        let receive = || rights::receive(socket.as_fd(), &mut buffer);
        match socket.async_io(Interest::READABLE, receive).await {
            Ok((0, _)) => return Ok(None),
            Ok((length, descriptors)) => {
                received.add(buffer.get(..length).unwrap_or_default(), descriptors);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(e) => return Err(Error::os(RECEIVE, OTHER, "recvmsg", &e)),
        }
        received.check()?;
    }
}

/// The bytes and descriptors that were received and not taken.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// The bytes that have no end of a line.
    searched: usize,
    /// Descriptors, with the number of bytes up to the end of the chunk that they arrived in. The kernel ends a chunk
    /// behind the first message with descriptors.
    descriptors: Vec<(usize, Vec<OwnedFd>)>,
}

impl Received {
    fn add(&mut self, bytes: &[u8], descriptors: Vec<OwnedFd>) {
        self.bytes.extend_from_slice(bytes);
        if !descriptors.is_empty() {
            self.descriptors.push((self.bytes.len(), descriptors));
        }
    }

    /// Refuses a message that is too long, or has descriptors in too many parts.
    fn check(&self) -> Result<()> {
        let reason = if self.bytes.len() > MAX_MESSAGE {
            format!("it is longer than {MAX_MESSAGE} bytes")
        } else if self.descriptors.len() > MAX_WAITING {
            format!("more than {MAX_WAITING} parts of it have descriptors")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorCode::InvalidArgument, RECEIVE, OTHER, reason))
    }

    /// Takes the first line, with its descriptors.
    fn take(&mut self) -> Option<NativeMessage> {
        let unread = self.bytes.get(self.searched..)?;
        let Some(end) = unread.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + end;
        let text = String::from_utf8_lossy(self.bytes.get(..end)?).into_owned();
        self.bytes.drain(..=end);
        self.searched = 0;
        let mut own = Vec::new();
        for (behind, descriptors) in std::mem::take(&mut self.descriptors) {
            match behind.checked_sub(end + 1) {
                None | Some(0) => own.extend(descriptors.into_iter().map(IntoRawFd::into_raw_fd)),
                Some(left) => self.descriptors.push((left, descriptors)),
            }
        }
        Some(NativeMessage { text, descriptors: own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn files(count: usize) -> Vec<OwnedFd> {
        (0..count).map(|_| File::open("/dev/null").unwrap().into()).collect()
    }

    fn take(received: &mut Received) -> Option<(String, usize)> {
        let message = received.take()?;
        let count = message.descriptors.len();
        message.descriptors.into_iter().for_each(|fd| drop(descriptor::close_given(fd)));
        Some((message.text, count))
    }

    #[test]
    fn each_limit_has_a_reason_of_its_own() {
        let refused = |received: &Received| received.check().map_err(|error| error.to_string());
        let mut parts = Received::default();
        for _ in 0..MAX_WAITING {
            parts.add(b"x", files(1));
        }
        assert_eq!(refused(&parts), Ok(()));
        parts.add(b"x", files(1));
        let text = refused(&parts).unwrap_err();
        assert!(text.ends_with("more than 8 parts of it have descriptors"), "{text}");
        let mut long = Received { bytes: vec![b'x'; MAX_MESSAGE], ..Received::default() };
        assert_eq!(refused(&long), Ok(()));
        long.add(b"x", Vec::new());
        let text = refused(&long).unwrap_err();
        assert!(text.ends_with("it is longer than 67108864 bytes"), "{text}");
    }

    #[test]
    fn descriptors_belong_to_the_last_message_of_their_chunk() {
        let mut received = Received::default();
        received.add(b"answer\nqueue", files(2));
        assert_eq!(take(&mut received), Some(("answer".to_owned(), 0)));
        assert_eq!(take(&mut received), None);
        received.add(b" 1\n", Vec::new());
        received.add(b"queue 2\n", files(1));
        received.add(b"state\n", Vec::new());
        assert_eq!(take(&mut received), Some(("queue 1".to_owned(), 2)));
        assert_eq!(take(&mut received), Some(("queue 2".to_owned(), 1)));
        assert_eq!(take(&mut received), Some(("state".to_owned(), 0)));
        assert_eq!(take(&mut received), None);
    }
}
