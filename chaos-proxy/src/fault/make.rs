//! Faults made in Rust: constructors with the defaults of scenario files, and what
//! is wrong with one that no reader has seen.
//!
//! What is not an argument stands in a field:
//! `Latency { jitter, ..Latency::new(delay) }`.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Answer, BadFrame, Bandwidth, CloseFrame, ConnectDelay, Corrupt, Cut, DelayFrame, Distribution,
    Fault, FlipBits, FragmentMessage, FrameCut, Frames, How, IdleTimeout, Illegal, Latency,
    Opcodes, Ordinals, Part, Place, ReplaceMessage, SendMessage, Side, Slice, SlowClose,
    UpgradeDelay, UpgradeReply, Way,
};

impl Latency {
    /// Both ways, without jitter.
    pub fn new(delay: Duration) -> Self {
        Self {
            way: Way::Both,
            delay,
            jitter: Duration::ZERO,
            distribution: Distribution::Uniform,
        }
    }
}

impl Bandwidth {
    /// Each way, so many bytes a second.
    pub fn new(rate: u64) -> Self {
        Self {
            way: Way::Both,
            rate,
            burst: 0,
            shared: None,
        }
    }

    /// One limit for all connections together.
    #[must_use]
    pub fn shared(self) -> Self {
        Self {
            shared: Some(Arc::default()),
            ..self
        }
    }
}

impl Slice {
    /// Both ways, pieces of so many bytes at once after each other.
    pub fn new(size: u64) -> Self {
        Self {
            way: Way::Both,
            size,
            variation: 0,
            gap: Duration::ZERO,
        }
    }
}

impl Cut {
    /// FIN for both after so many bytes to the client.
    pub fn after_bytes(bytes: u64) -> Self {
        Self::at(Place::Bytes(bytes))
    }

    /// FIN for both inside the frame of data of this number, from 1, to the client.
    pub fn in_frame(number: u64, part: Part) -> Self {
        Self::at(Place::Frame(FrameCut {
            number,
            opcodes: Opcodes::Data,
            part,
            message: None,
        }))
    }

    fn at(place: Place) -> Self {
        Self {
            way: Way::Downstream,
            place,
            how: How::Close,
            side: Side::Both,
        }
    }
}

impl CloseFrame {
    /// To both, with this code, at the next boundary.
    pub fn new(code: u16) -> Self {
        Self {
            side: Side::Both,
            code: Some(code),
            reason: String::new(),
            frame: 0,
            message: None,
        }
    }
}

impl Default for Frames {
    /// Every message of data, both ways.
    fn default() -> Self {
        Self {
            way: Way::Both,
            opcodes: Opcodes::Data,
            message: None,
            index: Ordinals::ALL,
        }
    }
}

impl DelayFrame {
    /// Every message of data, both ways.
    pub fn new(delay: Duration) -> Self {
        Self {
            frames: Frames::default(),
            delay,
        }
    }
}

impl BadFrame {
    /// Every message of data, both ways.
    pub fn new(kind: Illegal) -> Self {
        Self {
            frames: Frames::default(),
            kind,
        }
    }
}

impl FlipBits {
    /// Both ways, so many in each stretch of 1,460 bytes.
    pub fn new(bytes: u32) -> Self {
        Self {
            way: Way::Both,
            bytes,
        }
    }
}

impl SlowClose {
    /// Both ways.
    pub fn new(delay: Duration) -> Self {
        Self {
            way: Way::Both,
            delay,
        }
    }
}

impl IdleTimeout {
    /// FIN after so long a silence.
    pub fn new(delay: Duration) -> Self {
        Self {
            delay,
            how: How::Close,
        }
    }
}

impl ConnectDelay {
    /// So long after the accept.
    pub fn new(delay: Duration) -> Self {
        Self { delay }
    }
}

impl UpgradeDelay {
    /// So late.
    pub fn new(delay: Duration) -> Self {
        Self { delay }
    }
}

impl Answer {
    /// With this status, no headers of its own and no body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With this header, too.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }
}

impl From<Answer> for Fault {
    /// The upgrade gets this answer, and the server never sees the request.
    fn from(answer: Answer) -> Self {
        Self::UpgradeReply(UpgradeReply::Answer(answer))
    }
}

impl From<FlipBits> for Fault {
    fn from(bits: FlipBits) -> Self {
        Self::Corrupt(Corrupt::Bits(bits))
    }
}

impl From<BadFrame> for Fault {
    fn from(bad: BadFrame) -> Self {
        Self::Corrupt(Corrupt::Frames(bad))
    }
}

/// A fault that is of one type only is made of that type.
macro_rules! from {
    ($($fault:ident),*) => {$(
        impl From<$fault> for Fault {
            fn from(fault: $fault) -> Self {
                Self::$fault(fault)
            }
        }
    )*};
}

from!(
    ConnectDelay,
    UpgradeReply,
    UpgradeDelay,
    Latency,
    Bandwidth,
    Slice,
    Corrupt,
    Cut,
    CloseFrame,
    DelayFrame,
    SendMessage,
    ReplaceMessage,
    FragmentMessage,
    SlowClose,
    IdleTimeout
);

impl Fault {
    /// What is wrong with its numbers and texts, if anything is.
    pub(crate) fn mistake(&self) -> Option<String> {
        match self {
            Self::UpgradeReply(UpgradeReply::Answer(answer)) => answer.mistake(),
            Self::Slice(slice) => slice.mistake().map(str::to_owned),
            Self::CloseFrame(close) => close.mistake(),
            Self::SendMessage(send) => send.mistake(),
            Self::ReplaceMessage(replace) => replace.mistake(),
            Self::FragmentMessage(fragment) => fragment.mistake(),
            Self::Corrupt(Corrupt::Bits(bits)) => bits.mistake().map(str::to_owned),
            Self::Cut(cut) => cut.mistake().map(str::to_owned),
            _ => None,
        }
    }
}
