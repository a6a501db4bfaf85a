//! What passes at the ends of simulated connections, for whoever wants to know:
//! the outside of all programs, as nobody of them tells it.

use std::io;
use std::net::SocketAddr;

use super::connection::End;
use crate::clock::Moment;
use crate::observer::Observer;

/// Something that passed at one end of a simulated connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// When.
    pub at: Moment,
    /// The address of the end that dialled; the same may come again later.
    pub dialled: SocketAddr,
    /// The address that was dialled.
    pub accepted: SocketAddr,
    /// Whether it is the end that dialled, and not the other.
    pub is_dialled: bool,
    /// What.
    pub what: Passing,
}

/// What passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passing {
    /// The program wrote these bytes, and the network took them.
    Wrote(Vec<u8>),
    /// The program was given these bytes.
    Read(Vec<u8>),
    /// The program was told that nothing more comes: FIN, or with `true` RST.
    Ended(bool),
    /// The program has let go of its end.
    Closed,
}

/// Who wants to know, if anybody does.
#[derive(Debug, Clone, Default)]
pub(in crate::net) struct Tap(Option<Observer<Passed>>);

impl Tap {
    pub(in crate::net) fn new(observer: Observer<Passed>) -> Self {
        Self(Some(observer))
    }

    pub(super) fn tell(
        &self,
        at: Moment,
        end: End,
        (local, peer): (SocketAddr, SocketAddr),
        what: impl FnOnce() -> Option<Passing>,
    ) {
        let Some(observer) = &self.0 else {
            return;
        };
        let Some(what) = what() else {
            return;
        };
        let is_dialled = end == End::Dialled;
        let (dialled, accepted) = if is_dialled {
            (local, peer)
        } else {
            (peer, local)
        };
        observer.tell(Passed {
            at,
            dialled,
            accepted,
            is_dialled,
            what,
        });
    }
}

impl Passing {
    /// What a read brought, if that is to be told.
    pub(super) fn of_read(read: &io::Result<usize>, buffer: &[u8]) -> Option<Self> {
        match read {
            Ok(0) if buffer.is_empty() => None,
            Ok(0) => Some(Self::Ended(false)),
            Ok(count) => Some(Self::Read(buffer[..*count].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => Some(Self::Ended(true)),
        }
    }

    /// What a write took of these parts, if anything.
    pub(super) fn of_write(written: &io::Result<usize>, parts: &[io::IoSlice<'_>]) -> Option<Self> {
        let count = *written.as_ref().ok().filter(|count| **count > 0)?;
        let all = parts.iter().flat_map(|part| part.iter().copied());
        Some(Self::Wrote(all.take(count).collect()))
    }
}
