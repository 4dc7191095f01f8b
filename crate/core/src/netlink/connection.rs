//! One NETLINK_ROUTE socket and its request loop.

use super::codec::{Message, MessageView, Reply, messages, reply};
use super::context::Context;
use super::socket::{RawSocket, Socket};
use crate::error::{Error, Result};
use crate::namespace;
use std::iter::{self, Peekable};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Mutex;

/// The number of requests that are sent before their replies are read. The replies must fit into the
/// socket's receive buffer, where each uses slightly less than 1 KiB: the sk_buff, its shared part and
/// the reply.
const WINDOW_REQUESTS: usize = 64;

/// The bytes of requests that one call sends, unless a single request is longer. The socket's send buffer
/// holds about 200 KiB.
const WINDOW_BYTES: usize = 32 * 1024;

/// A connection to the kernel's routing tables in one network namespace.
///
/// Several tasks may use it at once: their requests are sent one after the other.
pub struct Connection {
    socket: Mutex<Socket>,
    sequence: AtomicU32,
}

/// A request and its context.
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) context: Context,
    /// The descriptor that the message refers to by number.
    descriptor: Option<OwnedFd>,
}

impl Request {
    pub(super) fn new(message: Message, context: Context) -> Self {
        Self { message, context, descriptor: None }
    }

    /// Returns whether the request only reads, which means that it can be repeated.
    fn is_look_up(&self) -> bool {
        self.context.is_look_up()
    }

    /// Keeps a descriptor open until the reply to the request arrives.
    pub(super) fn holding(self, descriptor: Option<OwnedFd>) -> Self {
        Self { descriptor, ..self }
    }
}

/// The result of a request: the object in the kernel's reply, if it contains one in addition to the
/// acknowledgement.
pub(super) type Answer = Result<Option<Vec<u8>>>;

impl Connection {
    /// Opens a socket in the calling thread's network namespace. Requires a tokio runtime.
    pub fn open() -> Result<Self> {
        Self::over(RawSocket::open(&[])?)
    }

    /// Opens a socket in a network namespace that is already open, on a thread that enters it. `name` is
    /// used in errors. Requires a tokio runtime.
    pub fn open_in(namespace: &OwnedFd, name: &str) -> Result<Self> {
        Self::over(namespace::within_open(namespace, name, || RawSocket::open(&[]))?)
    }

    /// Creates a connection that uses `socket`. Requires a tokio runtime.
    pub(crate) fn over(socket: RawSocket) -> Result<Self> {
        Ok(Self { socket: Mutex::new(Socket::watch(socket)?), sequence: AtomicU32::new(1) })
    }

    /// Requests a change and waits for the kernel's acknowledgement.
    pub(super) async fn change(&self, request: Request) -> Result<()> {
        self.exchange(request).await.map(drop)
    }

    /// Sends a request and waits for the end of the reply. Returns the first object of the reply.
    pub(super) async fn exchange(&self, request: Request) -> Answer {
        let lost = request.context.clone();
        let mut answers = self.exchange_all(vec![request]).await;
        answers.pop().unwrap_or_else(|| Err(lost.overrun()))
    }

    /// Sends requests, many at once. The kernel handles them in their order, and each has its own result.
    /// A refused request does not prevent the following ones.
    ///
    /// Replies to look-ups can be long: together they may exceed the receive buffer. Look-ups whose
    /// replies were lost are repeated one by one.
    pub(super) async fn exchange_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        let mut socket = self.socket.lock().await;
        let mut answers = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let window = Window::fill(&mut requests, self.next_sequence(WINDOW_REQUESTS));
            for ended in window.exchange(&mut socket).await {
                answers.push(match ended {
                    Ended::Answered(answer) => answer,
                    Ended::Lost(request) => self.repeat(request, &mut socket).await,
                });
            }
        }
        answers
    }

    /// Sends a single look-up.
    async fn repeat(&self, request: Request, socket: &mut Socket) -> Answer {
        let lost = request.context.clone();
        let mut request = iter::once(request).peekable();
        let window = Window::fill(&mut request, self.next_sequence(1));
        match window.exchange(socket).await.pop() {
            Some(Ended::Answered(answer)) => answer,
            Some(Ended::Lost(_)) | None => Err(lost.overrun()),
        }
    }

    fn next_sequence(&self, count: usize) -> u32 {
        self.sequence.fetch_add(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed)
    }

    /// Sends the request for a dump, and returns its sequence number. The connection then belongs to the
    /// dump until its end: the kernel runs one dump per socket at a time.
    pub(super) async fn start_dump(&mut self, request: Request) -> Result<u32> {
        let Request { message, context, .. } = request;
        let sequence = self.next_sequence(1);
        let bytes = message.finish(sequence).ok_or_else(|| context.malformed(TOO_LONG))?;
        let sent = self.socket.get_mut().send(&bytes).await;
        sent.map_err(|cause| context.system(&cause)).map(|()| sequence)
    }

    /// Returns its socket for exclusive use.
    pub(super) fn socket_mut(&mut self) -> &mut Socket {
        self.socket.get_mut()
    }
}

const TOO_LONG: &str = "the request is longer than netlink can tell (64 KiB an attribute)";

/// Requests that are sent together: either look-ups, whose replies can be long, or changes.
struct Window {
    /// Sequence number of the first request; the others follow.
    first: u32,
    bytes: Vec<u8>,
    pending: Vec<Pending>,
}

/// One request of a window.
struct Pending {
    context: Context,
    /// The request itself, for its errors.
    message: Vec<u8>,
    /// The look-up, to repeat it if its reply was lost.
    look_up: Option<Message>,
    reply: Option<Vec<u8>>,
    /// The final result.
    end: Option<Result<(), Error>>,
    _descriptor: Option<OwnedFd>,
}

/// The end of a request of a window.
enum Ended {
    Answered(Answer),
    /// The reply to a look-up did not fit into the receive buffer.
    Lost(Request),
}

impl Pending {
    fn answer(self) -> Answer {
        match self.end {
            Some(Err(error)) => Err(error),
            _ => Ok(self.reply),
        }
    }
}

impl Window {
    fn fill(requests: &mut Peekable<impl Iterator<Item = Request>>, first: u32) -> Self {
        let mut window = Self { first, bytes: Vec::new(), pending: Vec::new() };
        let is_of_look_ups = requests.peek().is_some_and(Request::is_look_up);
        while window.pending.len() < WINDOW_REQUESTS && window.bytes.len() < WINDOW_BYTES {
            let next = requests.next_if(|request| request.is_look_up() == is_of_look_ups);
            let Some(request) = next else { break };
            let Request { message, context, descriptor } = request;
            let offset = u32::try_from(window.pending.len()).unwrap_or(u32::MAX);
            let look_up = is_of_look_ups.then(|| message.clone());
            let message = message.finish(first.wrapping_add(offset));
            let end = message.is_none().then(|| Err(context.malformed(TOO_LONG)));
            let message = message.unwrap_or_default();
            window.bytes.extend_from_slice(&message);
            window.pending.push(Pending {
                context,
                message,
                look_up,
                reply: None,
                end,
                _descriptor: descriptor,
            });
        }
        window
    }

    async fn exchange(mut self, socket: &mut Socket) -> Vec<Ended> {
        if !self.bytes.is_empty() {
            if let Err(cause) = socket.send(&self.bytes).await {
                self.end_all(|pending| pending.context.system(&cause));
            }
            while !self.is_answered() {
                match socket.receive().await {
                    Ok(bytes) => self.take(bytes),
                    Err(cause) if cause.raw_os_error() == Some(libc::ENOBUFS) => {
                        socket.discard_received();
                        return self.lose();
                    }
                    Err(cause) => self.end_all(|pending| pending.context.system(&cause)),
                }
            }
        }
        self.pending.into_iter().map(|pending| Ended::Answered(pending.answer())).collect()
    }

    /// Ends the requests without a reply: their replies were lost.
    fn lose(self) -> Vec<Ended> {
        let ended = self.pending.into_iter().map(|mut pending| match pending.look_up.take() {
            Some(message) if pending.end.is_none() => {
                Ended::Lost(Request::new(message, pending.context))
            }
            _ => {
                let end = pending.end.take();
                pending.end = Some(end.unwrap_or_else(|| Err(pending.context.overrun())));
                Ended::Answered(pending.answer())
            }
        });
        ended.collect()
    }

    fn is_answered(&self) -> bool {
        self.pending.iter().all(|pending| pending.end.is_some())
    }

    /// Reads received messages. Skips those that do not belong to any of the requests.
    fn take(&mut self, bytes: &[u8]) {
        for message in messages(bytes) {
            match message {
                Ok(message) => self.take_message(message),
                Err(malformed) => {
                    self.end_all(|pending| pending.context.malformed(&malformed.to_string()));
                }
            }
        }
    }

    fn take_message(&mut self, message: MessageView<'_>) {
        let offset = message.sequence.wrapping_sub(self.first);
        let place = usize::try_from(offset).ok().and_then(|offset| self.pending.get_mut(offset));
        let Some(pending) = place.filter(|pending| pending.end.is_none()) else { return };
        pending.end = match reply(message) {
            Ok(Reply::Object(object)) => {
                pending.reply.get_or_insert_with(|| object.payload.to_vec());
                None
            }
            Ok(Reply::Nothing) => None,
            Ok(Reply::Done) => Some(Ok(())),
            Ok(Reply::Overrun) => Some(Err(pending.context.overrun())),
            Ok(Reply::Refused(refusal)) => {
                Some(Err(pending.context.refused(refusal, &pending.message)))
            }
            Err(malformed) => Some(Err(pending.context.malformed(&malformed.to_string()))),
        };
    }

    fn end_all(&mut self, error: impl Fn(&Pending) -> Error) {
        for pending in self.pending.iter_mut().filter(|pending| pending.end.is_none()) {
            pending.end = Some(Err(error(pending)));
        }
    }
}
