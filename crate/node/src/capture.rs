//! A capture of a relay as a JavaScript class.

use crate::background::run;
use crate::error;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use tun2udp_core::capture::filter::Program;
use tun2udp_core::capture::{Capture, CaptureConfig, Output, SideStats};
use tun2udp_core::relay::Relay;
use tun2udp_core::sys::tun_control::duplicate;
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
    /// The end that the capture is read from.
    reader: Mutex<Option<OwnedFd>>,
}

/// The options of a capture, with the end that it is read from.
pub(crate) type Prepared = (CaptureConfig, Option<OwnedFd>);

/// Starts a capture. It blocks.
pub(crate) fn start(relay: &Relay, (config, reader): Prepared) -> Result<NativeCapture> {
    Ok(NativeCapture { capture: relay.capture(config)?, reader: Mutex::new(reader) })
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
            let (reader, writer) = UnixStream::pair().map_err(failed)?;
            (Output::Descriptor(writer.into()), Some(reader.into()))
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

    /// Returns the descriptor that the capture is read from, once; the caller must close it.
    #[napi(catch_unwind)]
    pub fn take_reader(&self) -> Option<i32> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        reader.map(IntoRawFd::into_raw_fd)
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
