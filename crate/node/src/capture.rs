//! A capture of a relay as a JavaScript class.

use crate::background::run;
use crate::error;
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream as Pair;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tun2udp_core::capture::filter::Program;
use tun2udp_core::capture::{Capture, CaptureConfig, Output, SideStats};
use tun2udp_core::relay::Relay;
use tun2udp_core::sys::descriptor::duplicate;
use tun2udp_core::{Error, Result};

/// Options of a capture. `lib/relay/capture.ts` describes them, and has checked their form.
#[napi(object, object_to_js = false)]
pub struct NativeCaptureOptions {
    /// The file. Next to neither `path` nor `fd`, the capture is read from its own descriptor.
    pub path: Option<String>,
    /// The number of a descriptor, which stays that of the caller.
    pub fd: Option<i32>,
    /// Whether an existing file is replaced.
    pub overwrite: Option<bool>,
    /// Maximum size of a file, bytes.
    pub max_bytes: Option<f64>,
    /// Number of files kept.
    pub max_files: Option<u32>,
    /// Number of packets.
    pub max_packets: Option<f64>,
    /// Whether packets of the interface are captured.
    pub inside: bool,
    /// Whether datagrams are captured.
    pub outside: bool,
    /// Maximum number of bytes per packet.
    pub snap_length: Option<u32>,
    /// Bytes of the buffer of each queue.
    pub buffer_bytes: Option<u32>,
    /// A program as `tcpdump -ddd` writes it.
    pub filter: Option<String>,
}

/// The counts of one side.
#[napi(object, object_from_js = false)]
pub struct CaptureCounts {
    /// Packets that passed while the capture ran. The sum of the other three.
    pub packets: f64,
    /// Packets that were written, or wait to be written.
    pub captured: f64,
    /// Packets that the filter did not match.
    pub filtered: f64,
    /// Packets that matched and were not written: there was no room for them, or writing them failed.
    pub left_out: f64,
}

/// The counts of one point.
#[napi(object, object_from_js = false)]
pub struct CapturePointStats {
    /// From the interface to the peer.
    pub outbound: CaptureCounts,
    /// From the peer to the interface.
    pub inbound: CaptureCounts,
}

/// The counts of a capture. They are 0 for a point that is not captured.
#[napi(object, object_from_js = false)]
pub struct CaptureStats {
    /// Packets of the interface, including dropped ones, and ICMP errors of the relay.
    pub inside: CapturePointStats,
    /// Datagrams, including dropped ones, and keepalives.
    pub outside: CapturePointStats,
    /// Bytes written, of all files.
    pub bytes: f64,
    /// Files begun.
    pub files: f64,
}

impl From<SideStats> for CaptureCounts {
    fn from(side: SideStats) -> Self {
        let [packets, captured, filtered, left_out] =
            [side.packets, side.captured, side.filtered, side.left_out].map(|count| count as f64);
        Self { packets, captured, filtered, left_out }
    }
}

/// A running capture.
#[napi]
pub struct NativeCapture {
    capture: Arc<Capture>,
    /// The end that the capture is read from. It never leaves the addon, so that it is closed if the environment ends.
    reader: Arc<Mutex<Option<Arc<UnixStream>>>>,
    /// Notified when that end is closed.
    closing: Arc<Notify>,
}

/// Maximum number of bytes of one read.
const CHUNK: usize = 64 << 10;

/// The options of a capture, with the end that it is read from.
pub(crate) type Prepared = (CaptureConfig, Option<Pair>);

/// Starts a capture, on a thread of the runtime. It blocks.
pub(crate) fn start(relay: &Relay, (config, reader): Prepared) -> Result<NativeCapture> {
    let watched = |reader: Pair| {
        reader.set_nonblocking(true)?;
        UnixStream::from_std(reader)
    };
    let reader = reader.map(watched).transpose().map_err(|e| read_error(&e))?;
    let capture = relay.capture(config)?;
    let reader = Arc::new(Mutex::new(reader.map(Arc::new)));
    Ok(NativeCapture { capture, reader, closing: Arc::default() })
}

/// Waits for bytes and returns them; `None` at the end.
async fn read_some(reader: &UnixStream) -> std::io::Result<Option<Buffer>> {
    let mut bytes = vec![0; CHUNK];
    loop {
        reader.readable().await?;
        match reader.try_read(&mut bytes) {
            Ok(0) => return Ok(None),
            Ok(len) => {
                bytes.truncate(len);
                return Ok(Some(bytes.into()));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
}

fn read_error(cause: &std::io::Error) -> Error {
    Error::os("read", "the capture", "read", cause)
}

/// Checks the options, and duplicates the descriptor: the caller may close its own one afterwards.
pub(crate) fn prepare(options: NativeCaptureOptions) -> Result<Prepared> {
    let failed = |e| Error::os("start", "the capture", "socketpair", &e);
    let filter = options.filter.as_deref().map(Program::parse).transpose()?;
    let whole = |number: f64| number as u64;
    let (output, reader) = match (options.path, options.fd) {
        (Some(path), _) => {
            let output = Output::File {
                path: path.into(),
                overwrite: options.overwrite.unwrap_or(false),
                max_bytes: options.max_bytes.map(whole),
                max_files: options.max_files,
            };
            (output, None)
        }
        (None, Some(fd)) => {
            let subject = fd.to_string();
            let duplicated = duplicate(fd)
                .map_err(|e| Error::os("write the capture to descriptor", subject, "fcntl", &e));
            (Output::Descriptor(duplicated?), None)
        }
        (None, None) => {
            let (reader, writer) = Pair::pair().map_err(failed)?;
            (Output::Descriptor(writer.into()), Some(reader))
        }
    };
    let mut config = CaptureConfig::new(output);
    (config.inside, config.outside) = (options.inside, options.outside);
    (config.filter, config.max_packets) = (filter, options.max_packets.map(whole));
    if let Some(snap_length) = options.snap_length {
        config.snap_length = snap_length as usize;
    }
    if let Some(buffer_bytes) = options.buffer_bytes {
        config.buffer_bytes = buffer_bytes as usize;
    }
    Ok((config, reader))
}

#[napi]
impl NativeCapture {
    /// Returns the counts so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> CaptureStats {
        let stats = self.capture.stats();
        let point = |outbound: SideStats, inbound: SideStats| CapturePointStats {
            outbound: outbound.into(),
            inbound: inbound.into(),
        };
        CaptureStats {
            inside: point(stats.inside_outbound, stats.inside_inbound),
            outside: point(stats.outside_outbound, stats.outside_inbound),
            bytes: stats.bytes as f64,
            files: stats.files as f64,
        }
    }

    /// Reads bytes of the capture, and waits for them. Resolves to `null` at the end.
    #[napi(catch_unwind, ts_return_type = "Promise<Buffer | null>")]
    pub fn read<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<Buffer>>> {
        let (reader, closing) = (Arc::clone(&self.reader), Arc::clone(&self.closing));
        run(env, async move {
            let closed = closing.notified();
            tokio::pin!(closed);
            // From here on no notification is missed.
            closed.as_mut().enable();
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(reader) = reader else { return Ok(None) };
            tokio::select! {
                () = closed => Ok(None),
                bytes = read_some(&reader) => bytes.map_err(|e| error::to_napi(&read_error(&e))),
            }
        })
    }

    /// Closes the end that the capture is read from, which ends the capture. A read that waits resolves to `null`.
    #[napi(catch_unwind)]
    pub fn close_reader(&self) {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closing.notify_waiters();
    }

    /// Requests the end of the capture.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.capture.close();
    }

    /// Resolves when everything is written, and rejects if writing failed.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn closed<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let closed = self.capture.closed();
        run(env, async move { closed.await.map_err(|e| error::to_napi(&e)) })
    }
}
