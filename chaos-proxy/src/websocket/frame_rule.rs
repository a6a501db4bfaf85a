//! What rules ask of the frames of one direction.

use std::sync::Arc;
use std::time::Duration;

use environment::Direction;

use crate::fault::{
    Content, Corrupt, Cut, Fault, FrameCut, Frames, Illegal, Opcodes, Place, SendMessage,
};
use crate::pattern::Pattern;

/// One time of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameRuleId {
    /// Index into the plan's rules.
    pub rule: usize,
    /// Which time of it.
    pub occurrence: u64,
}

/// Something to be done to frames while the rule holds.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRule {
    /// Which time of which rule.
    pub id: FrameRuleId,
    /// The rule's name, for its draws.
    pub rule: Arc<str>,
    /// What.
    pub task: FrameEdit,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum FrameEdit {
    /// Take the upgrade's request; somebody else answers it.
    Reply,
    /// A close frame with this payload at the next boundary behind so many
    /// messages of data, or of those that say this, and the end.
    Close(Vec<u8>, u64, Option<Arc<Pattern>>),
    /// Nothing: tell of messages of data that say this.
    Hear(Pattern),
    /// The end inside a frame.
    Cut(FrameCut),
    /// Swallow messages.
    Drop(Frames),
    /// Send messages twice.
    Duplicate(Frames),
    /// Let messages change places with the next of their kind.
    Reorder(Frames),
    /// Let messages leave so much later.
    Delay(Frames, Duration),
    /// Make messages illegal.
    Damage(Frames, Illegal),
    /// A message of the proxy's own, once.
    Send(Arc<SendMessage>),
    /// A message of the proxy's own in place of others.
    Replace(Frames, Arc<Content>),
    /// Send messages in so many pieces, with or without pings between.
    Fragment(Frames, Pieces),
}

/// How a message is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    /// How many.
    pub count: u32,
    /// Whether a ping comes between every two.
    pub ping: bool,
}

impl FrameEdit {
    /// What a fault asks of the frames of this direction, if anything.
    pub fn of(fault: &Fault, direction: Direction) -> Option<Self> {
        let own = |frames: &Frames| frames.way.covers(direction).then(|| frames.clone());
        match fault {
            Fault::UpgradeReply(_) => (direction == Direction::Upstream).then_some(Self::Reply),
            Fault::CloseFrame(close) => {
                let is_meant = match direction {
                    Direction::Upstream => close.side.is_server(),
                    Direction::Downstream => close.side.is_client(),
                };
                is_meant.then(|| Self::Close(close.payload(), close.frame, close.message.clone()))
            }
            Fault::Cut(Cut {
                way,
                place: Place::Frame(cut),
                ..
            }) => way.covers(direction).then(|| Self::Cut(cut.clone())),
            Fault::Corrupt(Corrupt::Frames(bad)) => {
                own(&bad.frames).map(|frames| Self::Damage(frames, bad.kind))
            }
            Fault::DropFrame(frames) => own(frames).map(Self::Drop),
            Fault::DuplicateFrame(frames) => own(frames).map(Self::Duplicate),
            Fault::ReorderFrame(frames) => own(frames).map(Self::Reorder),
            Fault::SendMessage(send) => send
                .way
                .covers(direction)
                .then(|| Self::Send(Arc::new(send.clone()))),
            Fault::ReplaceMessage(replace) => own(&replace.frames)
                .map(|frames| Self::Replace(frames, Arc::new(replace.content.clone()))),
            Fault::FragmentMessage(fragment) => own(&fragment.frames).map(|frames| {
                let (count, ping) = (fragment.pieces, fragment.ping);
                Self::Fragment(frames, Pieces { count, ping })
            }),
            Fault::DelayFrame(late) => {
                own(&late.frames).map(|frames| Self::Delay(frames, late.delay))
            }
            _ => None,
        }
    }

    /// Which messages it is about, if it is about whole messages.
    pub(super) fn frames(&self) -> Option<&Frames> {
        match self {
            Self::Reply | Self::Close(..) | Self::Cut(_) | Self::Hear(_) | Self::Send(_) => None,
            Self::Drop(frames)
            | Self::Duplicate(frames)
            | Self::Reorder(frames)
            | Self::Delay(frames, _)
            | Self::Replace(frames, _)
            | Self::Fragment(frames, _)
            | Self::Damage(frames, _) => Some(frames),
        }
    }

    /// What a message must say, if that matters.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Reply => None,
            Self::Close(_, _, message) => message.as_deref(),
            Self::Cut(cut) => cut.message.as_deref(),
            Self::Hear(pattern) => Some(pattern),
            Self::Send(send) => send.message.as_deref(),
            Self::Drop(frames)
            | Self::Duplicate(frames)
            | Self::Reorder(frames)
            | Self::Delay(frames, _)
            | Self::Replace(frames, _)
            | Self::Fragment(frames, _)
            | Self::Damage(frames, _) => frames.message.as_deref(),
        }
    }

    /// What kind of messages it is about.
    pub(super) fn opcodes(&self) -> Option<Opcodes> {
        match self {
            Self::Reply => None,
            Self::Close(..) | Self::Hear(_) | Self::Send(_) => Some(Opcodes::Data),
            Self::Cut(cut) => Some(cut.opcodes),
            Self::Drop(frames)
            | Self::Duplicate(frames)
            | Self::Reorder(frames)
            | Self::Delay(frames, _)
            | Self::Replace(frames, _)
            | Self::Fragment(frames, _)
            | Self::Damage(frames, _) => Some(frames.opcodes),
        }
    }

    /// Whether it cannot be done to a message that may be compressed.
    pub(super) fn breaks_compression(&self) -> bool {
        match self {
            _ if self.pattern().is_some() => true,
            Self::Drop(_) | Self::Duplicate(_) | Self::Reorder(_) | Self::Replace(..) => true,
            Self::Damage(_, kind) => *kind == Illegal::Utf8,
            // A message in pieces is compressed as the whole was (RFC 7692 §6.1), and one
            // that is not compressed leaves the others' context alone.
            Self::Reply
            | Self::Close(..)
            | Self::Cut(_)
            | Self::Delay(..)
            | Self::Hear(_)
            | Self::Send(_)
            | Self::Fragment(..) => false,
        }
    }
}

/// All that is asked of one direction now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edits {
    /// The request is kept back when its head is complete, until
    /// `Editor::decide`.
    pub asks: bool,
    /// No extension may be negotiated.
    pub refuses_extensions: bool,
    /// In the order of the file.
    pub orders: Vec<FrameRule>,
}
