//! What a fault does, and to whom: asked by the engine, by the language and by
//! the checker.

use std::sync::Arc;
use std::time::Duration;

use environment::Direction;

use super::{CloseFrame, Corrupt, Cut, Fault, FaultKind, How, Illegal, Place, Side, TlsFault};
use crate::pattern::Pattern;

impl Fault {
    /// Whether it is applied to a connection once, rather than held on it: then it
    /// has no length.
    #[doc(hidden)]
    pub fn is_instant(&self) -> bool {
        self.phase() == FaultKind::Strike
            || matches!(
                self,
                Self::Cut(_) | Self::IdleTimeout(_) | Self::UpgradeReply(_)
            )
    }

    /// Whether it waits for something in the stream (bytes, a frame, a silence, a time)
    /// before it acts on a connection, and so may never act.
    #[doc(hidden)]
    pub fn waits(&self) -> bool {
        if let Self::Expiry(expiry) = self {
            return expiry.swallows.is_none() || expiry.awaits_bytes;
        }
        matches!(
            self,
            Self::Cut(_)
                | Self::IdleTimeout(_)
                | Self::UpgradeReply(_)
                | Self::CloseFrame(_)
                | Self::Corrupt(Corrupt::Frames(_))
                | Self::DropFrame(_)
                | Self::DuplicateFrame(_)
                | Self::DelayFrame(_)
                | Self::ReorderFrame(_)
                | Self::SendMessage(_)
                | Self::ReplaceMessage(_)
                | Self::FragmentMessage(_)
                | Self::Tls(TlsFault::Alpn)
        )
    }

    /// Whether it can act on a WebSocket only.
    #[doc(hidden)]
    pub fn needs_websocket(&self) -> bool {
        match self {
            Self::UpgradeReply(_)
            | Self::UpgradeDelay(_)
            | Self::CloseFrame(_)
            | Self::Corrupt(Corrupt::Frames(_))
            | Self::DropFrame(_)
            | Self::DuplicateFrame(_)
            | Self::DelayFrame(_)
            | Self::ReorderFrame(_)
            | Self::SendMessage(_)
            | Self::ReplaceMessage(_)
            | Self::FragmentMessage(_) => true,
            Self::Cut(cut) => matches!(cut.place, Place::Frame(_)),
            _ => false,
        }
    }

    /// What it asks of a message's content, if it asks anything.
    #[doc(hidden)]
    pub fn message(&self) -> Option<&Arc<Pattern>> {
        match self {
            Self::DropFrame(frames) | Self::DuplicateFrame(frames) | Self::ReorderFrame(frames) => {
                frames.message.as_ref()
            }
            Self::DelayFrame(late) => late.frames.message.as_ref(),
            Self::Corrupt(Corrupt::Frames(bad)) => bad.frames.message.as_ref(),
            Self::CloseFrame(close) => close.message.as_ref(),
            Self::SendMessage(send) => send.message.as_ref(),
            Self::ReplaceMessage(replace) => replace.frames.message.as_ref(),
            Self::FragmentMessage(fragment) => fragment.frames.message.as_ref(),
            Self::Cut(Cut {
                place: Place::Frame(cut),
                ..
            }) => cut.message.as_ref(),
            _ => None,
        }
    }

    /// Whether it would break the context of a compressed stream (RFC 7692
    /// §7.1.1), or needs to know what is compressed.
    pub(crate) fn breaks_compression(&self) -> bool {
        match self {
            _ if self.message().is_some() => true,
            Self::DropFrame(frames) | Self::DuplicateFrame(frames) | Self::ReorderFrame(frames) => {
                frames.opcodes.include_data()
            }
            Self::ReplaceMessage(replace) => replace.frames.opcodes.include_data(),
            Self::Corrupt(Corrupt::Frames(bad)) => bad.kind == Illegal::Utf8,
            _ => false,
        }
    }

    /// Whether everything still passes, only later or in smaller pieces.
    #[doc(hidden)]
    pub fn is_mild(&self) -> bool {
        match self {
            Self::Latency(_)
            | Self::Slice(_)
            | Self::SlowClose(_)
            | Self::ConnectDelay(_)
            | Self::UpgradeDelay(_)
            | Self::DuplicateFrame(_)
            | Self::DelayFrame(_)
            | Self::ReorderFrame(_)
            | Self::SendMessage(_)
            | Self::FragmentMessage(_) => true,
            Self::Bandwidth(bandwidth) => bandwidth.rate > 0,
            _ => false,
        }
    }

    /// Whether it may keep bytes of this direction waiting.
    #[doc(hidden)]
    pub fn withholds(&self, direction: Direction) -> bool {
        match self {
            Self::Stall(way) => way.covers(direction),
            Self::Latency(it) => it.way.covers(direction),
            Self::Bandwidth(it) => it.way.covers(direction),
            Self::Slice(it) => it.way.covers(direction),
            Self::DelayFrame(it) => it.frames.way.covers(direction),
            Self::UpgradeDelay(_) => direction == Direction::Downstream,
            _ => false,
        }
    }

    /// Whether it may destroy bytes or messages of this direction.
    #[doc(hidden)]
    pub fn destroys(&self, direction: Direction) -> bool {
        match self {
            Self::Discard(way) => way.covers(direction),
            Self::Corrupt(Corrupt::Bits(it)) => it.way.covers(direction),
            Self::Corrupt(Corrupt::Frames(it)) => it.frames.way.covers(direction),
            Self::DropFrame(it) => it.way.covers(direction),
            Self::ReplaceMessage(it) => it.frames.way.covers(direction),
            Self::Expiry(it) => it.swallows.is_some_and(|way| way.covers(direction)),
            _ => false,
        }
    }

    /// Whether another message may reach a peer than was said to it, or one again or
    /// out of turn, on a connection that goes on; or whether what was said to the
    /// server may never reach it.
    #[doc(hidden)]
    pub fn alters_messages(&self) -> bool {
        let up = Direction::Upstream;
        match self {
            Self::Corrupt(_) | Self::ReplaceMessage(_) | Self::SendMessage(_) => true,
            Self::DuplicateFrame(it) | Self::ReorderFrame(it) => it.way.covers(up),
            _ => self.destroys(up),
        }
    }

    /// By how much it makes a dial longer, if that is all that it does.
    #[doc(hidden)]
    pub fn dial_delay(&self) -> Option<Duration> {
        match self {
            Self::ConnectDelay(late) => Some(late.delay),
            Self::UpgradeDelay(late) => Some(late.delay),
            _ => None,
        }
    }

    /// Which peers it ends the connection toward, once it acts.
    #[doc(hidden)]
    pub fn ends(&self) -> Option<Side> {
        match self {
            Self::Reject | Self::Tls(TlsFault::Alert(_) | TlsFault::Plain) => Some(Side::Client),
            Self::Tls(TlsFault::Truncate) => Some(Side::Both),
            Self::Close(side) | Self::Reset(side) => Some(*side),
            Self::Cut(cut) => Some(cut.side),
            Self::CloseFrame(it) => Some(it.side),
            Self::IdleTimeout(_) => Some(Side::Both),
            Self::Expiry(it) if it.swallows.is_none() => Some(Side::Both),
            _ => None,
        }
    }

    /// Whether the client gets RST of it.
    #[doc(hidden)]
    pub fn resets_client(&self) -> bool {
        match self {
            Self::Reject => true,
            Self::Reset(side) => side.is_client(),
            Self::Cut(cut) => cut.how == How::Reset && cut.side.is_client(),
            Self::IdleTimeout(idle) => idle.how == How::Reset,
            Self::Expiry(expiry) => expiry.how == How::Reset,
            _ => false,
        }
    }

    /// Whether one peer learns nothing of the end of the other.
    #[doc(hidden)]
    pub fn leaves_one_side_open(&self) -> bool {
        match self {
            Self::Close(side)
            | Self::Reset(side)
            | Self::Cut(Cut { side, .. })
            | Self::CloseFrame(CloseFrame { side, .. }) => *side != Side::Both,
            _ => false,
        }
    }

    /// Whether its client hears nothing of the server any more on a connection
    /// that stays open.
    #[doc(hidden)]
    pub fn silences_client(&self) -> bool {
        match self {
            Self::Stall(way) | Self::Discard(way) => way.covers(Direction::Downstream),
            Self::Close(side)
            | Self::Reset(side)
            | Self::Cut(Cut { side, .. })
            | Self::CloseFrame(CloseFrame { side, .. }) => !side.is_client(),
            _ => false,
        }
    }

    /// What kind of act it is.
    #[doc(hidden)]
    pub fn phase(&self) -> FaultKind {
        match self {
            Self::Refuse | Self::Blackhole => FaultKind::Listener,
            Self::Reject | Self::AcceptSilent | Self::ConnectDelay(_) => FaultKind::Accept,
            Self::Tls(TlsFault::Truncate) => FaultKind::Strike,
            Self::Tls(_) => FaultKind::Accept,
            Self::Close(_) | Self::Reset(_) | Self::CloseFrame(_) | Self::SendMessage(_) => {
                FaultKind::Strike
            }
            Self::Stall(_)
            | Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Slice(_)
            | Self::Discard(_)
            | Self::Corrupt(_)
            | Self::Cut(_)
            | Self::SlowClose(_)
            | Self::UpgradeReply(_)
            | Self::UpgradeDelay(_)
            | Self::DropFrame(_)
            | Self::DuplicateFrame(_)
            | Self::DelayFrame(_)
            | Self::ReorderFrame(_)
            | Self::ReplaceMessage(_)
            | Self::FragmentMessage(_)
            | Self::IdleTimeout(_)
            | Self::Expiry(_) => FaultKind::Hold,
        }
    }
}
