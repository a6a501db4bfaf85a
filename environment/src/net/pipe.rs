//! A pipe in the kernel, by which bytes go from one stream to another without
//! being copied into this program and out of it again.
//!
//! Invariant: it is filled only while it is empty, so that `WouldBlock` is always
//! the socket's word and never the pipe's. Linux only; elsewhere none is to be
//! had, and callers copy.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Stream;
use super::stream::Kind;

/// How many pipes a network has: each costs two descriptors and, while it is
/// full, [`CAPACITY`] of the kernel's memory.
pub(super) const PIPES: usize = 64;

/// What is asked of the kernel for one pipe; it may grant less.
const CAPACITY: usize = 256 * 1024;

/// Bytes under way in the kernel. Dropping it closes it, and loses what it holds.
#[derive(Debug)]
pub struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    held: usize,
    /// Its place among [`PIPES`].
    _permit: OwnedSemaphorePermit,
}

impl Pipe {
    /// An empty pipe, if one is to be had now.
    pub(super) fn open(pipes: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(pipes).try_acquire_owned().ok()?;
        let (reader, writer) = system::pipe().ok()?;
        Some(Self {
            reader,
            writer,
            held: 0,
            _permit: permit,
        })
    }

    /// How many bytes are in it.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes what `source` has; 0 bytes mean that its peer has sent FIN.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, or the pipe is not empty;
    /// `ConnectionReset` after a RST.
    pub fn fill(&mut self, source: &Stream) -> io::Result<usize> {
        if self.held > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let source = system_socket(source)?;
        let splice = || system::splice(source, &self.writer, CAPACITY);
        self.held = source.try_io(Interest::READABLE, splice)?;
        Ok(self.held)
    }

    /// Gives `sink` what its system takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; the peer's reset as `BrokenPipe` or
    /// `ConnectionReset`. What is in the pipe stays there.
    pub fn pour(&mut self, sink: &Stream) -> io::Result<usize> {
        let sink = system_socket(sink)?;
        let splice = || system::splice(&self.reader, sink, self.held);
        let count = sink.try_io(Interest::WRITABLE, splice)?;
        self.held -= count;
        Ok(count)
    }

    /// Takes everything out.
    ///
    /// # Errors
    /// As the system says it; some is lost then.
    pub fn drain(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.held];
        while self.held > 0 {
            let start = bytes.len() - self.held;
            match rustix::io::read(&self.reader, &mut bytes[start..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.held -= count,
            }
        }
        Ok(bytes)
    }
}

/// The system's socket beneath a stream; the kernel knows no simulated ones.
fn system_socket(stream: &Stream) -> io::Result<&TcpStream> {
    match &stream.0 {
        Kind::Tcp(socket) => Ok(&socket.0),
        // What TLS encrypts has to pass through its hands.
        #[cfg(feature = "tls")]
        Kind::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
        Kind::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with};

    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A pipe of the usual size does as well, with more calls.
        let _ = fcntl_setpipe_size(&writer, super::CAPACITY);
        Ok((reader, writer))
    }

    pub(super) fn splice(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        Ok(rustix::pipe::splice(from, None, to, None, most, flags)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};

    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn splice(_: impl AsFd, _: impl AsFd, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
