//! The files, pipes and sockets that captures are written to.

use super::channel::Channel;
use super::config::Output;
use super::pcapng;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::output::{Events, Kind, kind, wait, write_some};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a capture that ends waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the output takes nothing more.
#[derive(Debug)]
pub(super) enum Full {
    /// There is no reader any more.
    ReaderGone,
    /// The limit of the file is reached.
    Limit,
    /// A write failed.
    Failed(io::Error),
}

/// An open output.
pub(super) enum Sink {
    Files(Files),
    Stream(Stream),
}

/// A file, or a ring of files.
pub(super) struct Files {
    path: PathBuf,
    overwrite: bool,
    max_bytes: Option<u64>,
    max_files: Option<u32>,
    file: File,
    /// Bytes of the file.
    size: u64,
    /// The number of the file in its ring.
    number: u32,
    /// The files of the ring, the oldest first.
    paths: VecDeque<PathBuf>,
}

/// A pipe, a socket, or a file that the caller opened.
pub(super) struct Stream {
    file: File,
    kind: Kind,
    /// Its name, for errors.
    subject: String,
}

impl Sink {
    /// Opens the output. Refuses a regular file that exists, unless it may be overwritten, and a terminal.
    pub(super) fn open(output: Output) -> Result<Self> {
        match output {
            Output::Descriptor(fd) => {
                Stream::new(File::from(fd), "the descriptor").map(Self::Stream)
            }
            Output::File { path, overwrite, max_bytes, max_files } => {
                let is_special =
                    fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir());
                if is_special {
                    // A FIFO or a device is not overwritten.
                    return open_special(&path).map(Self::Stream);
                }
                let first = if max_files.is_some() { numbered(&path, 1) } else { path.clone() };
                let file = create(&first, overwrite)?;
                let paths = VecDeque::from([first]);
                let (number, size) = (1, 0);
                Ok(Self::Files(Files {
                    path,
                    overwrite,
                    max_bytes,
                    max_files,
                    file,
                    size,
                    number,
                    paths,
                }))
            }
        }
    }

    /// Returns the name of the output, for errors.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Files(files) => files.paths.back().unwrap_or(&files.path).display().to_string(),
            Self::Stream(stream) => stream.subject.clone(),
        }
    }

    /// Returns the pipe or socket whose reader may end.
    pub(super) fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Stream(stream) if stream.kind != Kind::File => Some(stream),
            _ => None,
        }
    }

    /// Writes whole blocks. An error has the number of bytes of whole blocks that were written before.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        channel: &Channel,
    ) -> std::result::Result<(), (usize, Full)> {
        match self {
            Self::Files(files) => files.write(bytes),
            Self::Stream(stream) => stream.write(bytes, channel),
        }
    }

    /// Returns whether `len` further bytes do not fit into the file.
    pub(super) fn is_full(&self, len: usize) -> bool {
        match self {
            Self::Files(Files { max_bytes: Some(max_bytes), size, .. }) => {
                size + len as u64 > *max_bytes
            }
            _ => false,
        }
    }

    /// Returns whether the output is a ring of files.
    pub(super) fn has_next(&self) -> bool {
        matches!(self, Self::Files(Files { max_files: Some(_), .. }))
    }

    /// Begins the next file of the ring, and removes the oldest one if there are too many.
    pub(super) fn next(&mut self) -> std::result::Result<(), Full> {
        match self {
            Self::Files(files) if files.max_files.is_some() => files.next(),
            _ => Err(Full::Limit),
        }
    }
}

impl Files {
    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), (usize, Full)> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(count) if count > 0 => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    let error = result.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                    let whole = whole_blocks(bytes, written);
                    self.size += whole as u64;
                    // The file then ends with a whole block.
                    let _ = self.file.set_len(self.size);
                    return Err((whole, Full::Failed(error)));
                }
            }
        }
        self.size += written as u64;
        Ok(())
    }

    fn next(&mut self) -> std::result::Result<(), Full> {
        let failed = |error| Full::Failed(error);
        self.number = self.number.wrapping_add(1);
        let path = numbered(&self.path, self.number);
        self.file = create_file(&path, self.overwrite).map_err(failed)?;
        self.size = 0;
        self.paths.push_back(path);
        while self.paths.len() > self.max_files.unwrap_or(u32::MAX) as usize {
            let Some(oldest) = self.paths.pop_front() else { break };
            let _ = fs::remove_file(oldest);
        }
        Ok(())
    }
}

impl Stream {
    fn new(file: File, subject: &str) -> Result<Self> {
        let failed = |e| Error::os("write the capture to", subject, "fstat", &e);
        let kind = kind(&file).map_err(failed)?;
        if file.is_terminal() {
            let reason = "it is a terminal, and a capture is not text";
            let error =
                Error::new(ErrorCode::InvalidArgument, "write the capture to", subject, reason);
            return Err(
                error.with_advice("write to a file, or to a pipe such as \"| wireshark -k -i -\"")
            );
        }
        Ok(Self { file, kind, subject: subject.to_owned() })
    }

    /// Writes all bytes, and waits for the reader. Once the capture is closing, it gives up after [`PATIENCE`] without
    /// progress.
    fn write(&mut self, bytes: &[u8], channel: &Channel) -> std::result::Result<(), (usize, Full)> {
        let (mut written, mut progress) = (0, Instant::now());
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let failed = |error| (whole_blocks(bytes, written), Full::Failed(error));
            let gone = || (whole_blocks(bytes, written), Full::ReaderGone);
            let is_closing = channel.is_closing();
            if is_closing && progress.elapsed() > PATIENCE {
                return Err(gone());
            }
            if self.kind != Kind::File {
                let events = Events { room: true, ending: !is_closing };
                let limit = Duration::from_millis(100);
                let fd = Some(self.file.as_fd());
                let waited = wait(&channel.wake, fd, events, limit).map_err(failed)?;
                if waited.is_woken {
                    channel.wake.clear();
                }
                if waited.is_gone {
                    return Err(gone());
                }
                if waited.is_ending {
                    channel.close();
                }
                if !waited.is_writable {
                    continue;
                }
            }
            match write_some(self.file.as_fd(), self.kind, rest) {
                Ok(count) => {
                    written += count;
                    progress = Instant::now();
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {}
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                        return Err(gone());
                    }
                    _ => return Err(failed(error)),
                },
            }
        }
        Ok(())
    }

    /// Waits until the writer is woken or the reader ends, at most for `limit`. Returns whether the reader is gone.
    pub(super) fn is_gone(&self, channel: &Channel, limit: Duration) -> bool {
        let events = Events { room: false, ending: !channel.is_closing() };
        let Ok(waited) = wait(&channel.wake, Some(self.file.as_fd()), events, limit) else {
            return false;
        };
        if waited.is_ending {
            channel.close();
        }
        waited.is_gone
    }
}

/// Returns the bytes of the whole blocks in the first `written` bytes.
fn whole_blocks(bytes: &[u8], written: usize) -> usize {
    let written = bytes.get(..written).unwrap_or(bytes);
    pcapng::blocks(written).map(|block| block.bytes.len()).sum()
}

/// Returns the path of a file of a ring: its number in front of the last extension.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("_{number:05}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn create(path: &Path, overwrite: bool) -> Result<File> {
    create_file(path, overwrite).map_err(|error| {
        let base = Error::os("write the capture to", path.display().to_string(), "openat", &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                base.with_advice("choose another name, or ask to overwrite it")
            }
            _ => base,
        }
    })
}

/// Creates a file that only its owner may read.
fn create_file(path: &Path, overwrite: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if !overwrite {
        return options.create_new(true).open(path);
    }
    let file = options.create(true).truncate(false).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

/// Opens a FIFO or a device. A FIFO needs a reader, since opening it would wait for one.
fn open_special(path: &Path) -> Result<Stream> {
    let subject = path.display().to_string();
    let opened =
        OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = opened.map_err(|error| {
        let base = Error::os("write the capture to", subject.clone(), "openat", &error);
        match error.raw_os_error() {
            Some(libc::ENXIO) => base.with_advice("it has no reader: start the reader first"),
            _ => base,
        }
    })?;
    Stream::new(file, &subject)
}
