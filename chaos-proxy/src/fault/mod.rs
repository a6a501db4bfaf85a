//! The faults: one file for each that has something to say about itself, with
//! its units, its keys in a scenario file, and its arithmetic.
//!
//! Pure. [`crate::link`] obeys those that act on bytes, [`crate::engine`] those
//! that act on connections and listeners.

mod bandwidth;
mod close_frame;
mod connect_delay;
mod corrupt;
mod cut;
mod direction;
mod expiry;
mod frames;
mod idle_timeout;
mod latency;
mod make;
mod ordinals;
mod slice;
mod slow_close;
mod upgrade;

pub use bandwidth::{Bandwidth, Pace};
pub use close_frame::CloseFrame;
pub use connect_delay::ConnectDelay;
pub use corrupt::{BadFrame, Corrupt, FlipBits, Illegal};
pub use cut::{Cut, FrameCut, How, Part, Place};
pub use direction::{Side, Way};
pub use expiry::Expiry;
pub use frames::{DelayFrame, Frames, Opcodes};
pub use idle_timeout::IdleTimeout;
pub use latency::{Distribution, Latency};
pub use ordinals::Ordinals;
pub use slice::Slice;
pub use slow_close::SlowClose;
pub use upgrade::{Answer, UpgradeDelay, UpgradeReply};

use std::time::Duration;

use environment::Direction;
use environment::text::Table;

/// What a rule does to the connections that it strikes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The listener is closed: dials get ECONNREFUSED. A window only.
    Refuse,
    /// The SYN goes unanswered and the dial hangs; after the heal the client's
    /// next SYN succeeds. A window only; Linux only.
    Blackhole,
    /// Accepted, and reset at once.
    Reject,
    /// Accepted; the server is never dialled, what comes in is thrown away.
    AcceptSilent,
    /// Accepted at once; the server is dialled later, bytes are kept.
    ConnectDelay(ConnectDelay),
    /// Nothing passes; everything is held in order until the fault is healed.
    Stall(Way),
    /// The upgrade's request gets another answer than the server's.
    UpgradeReply(UpgradeReply),
    /// The upgrade's answer is late.
    UpgradeDelay(UpgradeDelay),
    /// Everything passes later, in order.
    Latency(Latency),
    /// Bytes pass no faster than this.
    Bandwidth(Bandwidth),
    /// Bytes pass in small pieces.
    Slice(Slice),
    /// Bytes are swallowed, the connection is kept.
    Discard(Way),
    /// Bits are flipped at seeded positions, or frames made illegal.
    Corrupt(Corrupt),
    /// FIN. Bytes not yet passed on are dropped, nothing follows.
    Close(Side),
    /// RST.
    Reset(Side),
    /// Close or reset after so many bytes, or inside a frame.
    Cut(Cut),
    /// A WebSocket close, then FIN.
    CloseFrame(CloseFrame),
    /// Messages are swallowed.
    DropFrame(Frames),
    /// Messages come twice.
    DuplicateFrame(Frames),
    /// Messages pass later, and what is behind them waits.
    DelayFrame(DelayFrame),
    /// A message changes places with the next one of its kind.
    ReorderFrame(Frames),
    /// A FIN is passed on later.
    SlowClose(SlowClose),
    /// Close or reset after a silence.
    IdleTimeout(IdleTimeout),
    /// Close or reset after a time. Only by the control API.
    #[doc(hidden)]
    Expiry(Expiry),
}

/// What kind of act a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// On the listener, for a window.
    Listener,
    /// On a connection as it is accepted.
    Accept,
    /// On a connection, once.
    Strike,
    /// On the links of a connection, while it holds.
    Hold,
}

/// How a fault is read from its table.
type Read = fn(&mut Table<'_>) -> Option<Fault>;

/// Every fault's word and reader, in the order of the documentation.
const READERS: [(&str, Read); 23] = [
    ("refuse", |_| Some(Fault::Refuse)),
    ("reject", |_| Some(Fault::Reject)),
    ("blackhole", |_| Some(Fault::Blackhole)),
    ("accept_silent", |_| Some(Fault::AcceptSilent)),
    ("connect_delay", |table| {
        ConnectDelay::read(table).map(Fault::ConnectDelay)
    }),
    ("upgrade_reply", |table| {
        UpgradeReply::read(table).map(Fault::UpgradeReply)
    }),
    ("upgrade_delay", |table| {
        UpgradeDelay::read(table).map(Fault::UpgradeDelay)
    }),
    ("latency", |table| Latency::read(table).map(Fault::Latency)),
    ("bandwidth", |table| {
        Bandwidth::read(table).map(Fault::Bandwidth)
    }),
    ("slice", |table| Slice::read(table).map(Fault::Slice)),
    ("stall", |table| {
        Some(Fault::Stall(table.or("direction", Way::Both)))
    }),
    ("discard", |table| {
        Some(Fault::Discard(table.or("direction", Way::Both)))
    }),
    ("corrupt", |table| Corrupt::read(table).map(Fault::Corrupt)),
    ("close", |table| {
        Some(Fault::Close(table.or("side", Side::Both)))
    }),
    ("reset", |table| {
        Some(Fault::Reset(table.or("side", Side::Both)))
    }),
    ("cut", |table| Cut::read(table).map(Fault::Cut)),
    ("close_frame", |table| {
        CloseFrame::read(table).map(Fault::CloseFrame)
    }),
    ("drop_frame", |table| {
        Frames::read(table).map(Fault::DropFrame)
    }),
    ("duplicate_frame", |table| {
        Frames::read(table).map(Fault::DuplicateFrame)
    }),
    ("delay_frame", |table| {
        DelayFrame::read(table).map(Fault::DelayFrame)
    }),
    ("reorder_frame", |table| {
        Frames::read(table).map(Fault::ReorderFrame)
    }),
    ("slow_close", |table| {
        SlowClose::read(table).map(Fault::SlowClose)
    }),
    ("idle_timeout", |table| {
        IdleTimeout::read(table).map(Fault::IdleTimeout)
    }),
];

impl Fault {
    /// The words of `inject.<fault>`, in the order of the documentation.
    #[doc(hidden)]
    pub fn words() -> Vec<&'static str> {
        READERS.iter().map(|(word, _)| *word).collect()
    }

    /// Reads the one fault of an `inject` table.
    pub(crate) fn read(inject: &mut Table<'_>) -> Option<Self> {
        let (word, mut table) = inject.one_of("fault", &Self::words())?;
        let (_, read) = READERS.iter().find(|(known, _)| *known == word)?;
        let fault = read(&mut table)?;
        if fault == Self::Blackhole && !cfg!(target_os = "linux") {
            table.error(
                table.span(),
                "`blackhole` needs Linux: elsewhere a full backlog answers",
            );
            return None;
        }
        Some(fault)
    }

    /// The word of scenario files and journals.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Blackhole => "blackhole",
            Self::Reject => "reject",
            Self::AcceptSilent => "accept_silent",
            Self::ConnectDelay(_) => "connect_delay",
            Self::Stall(_) => "stall",
            Self::UpgradeReply(_) => "upgrade_reply",
            Self::UpgradeDelay(_) => "upgrade_delay",
            Self::CloseFrame(_) => "close_frame",
            Self::DropFrame(_) => "drop_frame",
            Self::DuplicateFrame(_) => "duplicate_frame",
            Self::DelayFrame(_) => "delay_frame",
            Self::ReorderFrame(_) => "reorder_frame",
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::Slice(_) => "slice",
            Self::Discard(_) => "discard",
            Self::Corrupt(_) => "corrupt",
            Self::Close(_) => "close",
            Self::Reset(_) => "reset",
            Self::Cut(_) => "cut",
            Self::SlowClose(_) => "slow_close",
            Self::IdleTimeout(_) => "idle_timeout",
            Self::Expiry(_) => "expiry",
        }
    }

    /// Whether it strikes a connection once, rather than holding it: then it has
    /// no length.
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
            | Self::ReorderFrame(_) => true,
            Self::Cut(cut) => matches!(cut.place, Place::Frame(_)),
            _ => false,
        }
    }

    /// Whether it would break the context of a compressed stream (RFC 7692
    /// §7.1.1), or needs to know what is compressed.
    pub(crate) fn breaks_compression(&self) -> bool {
        match self {
            Self::DropFrame(frames) | Self::DuplicateFrame(frames) | Self::ReorderFrame(frames) => {
                frames.opcodes.include_data()
            }
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
            | Self::ReorderFrame(_) => true,
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
            Self::Expiry(it) => it.swallows.is_some_and(|way| way.covers(direction)),
            _ => false,
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
            Self::Reject => Some(Side::Client),
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
            Self::Close(_) | Self::Reset(_) | Self::CloseFrame(_) => FaultKind::Strike,
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
            | Self::IdleTimeout(_)
            | Self::Expiry(_) => FaultKind::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(inject: &str) -> Result<Fault, String> {
        let source = Source::new("x", format!("[inject]\n{inject}"));
        let diagnostics = Diagnostics::new();
        let fault = {
            let document = Document::parse(&source, &diagnostics);
            let mut root = document.root(&diagnostics);
            root.table("inject")
                .and_then(|mut inject| Fault::read(&mut inject))
        };
        if diagnostics.is_empty() {
            fault.ok_or_else(|| "nothing".to_owned())
        } else {
            Err(diagnostics.render(&source))
        }
    }

    #[test]
    fn every_word_reads_a_fault_of_that_word() {
        for word in Fault::words() {
            let keys = match word {
                "connect_delay" | "latency" | "slow_close" | "idle_timeout" | "upgrade_delay"
                | "delay_frame" => "delay = \"1s\"",
                "upgrade_reply" => "status = 503",
                "bandwidth" => "rate = \"1KB/s\"",
                "slice" => "size = \"1B\"",
                "cut" => "bytes = 3",
                _ => "",
            };
            let fault = read(&format!("{word} = {{ {keys} }}")).unwrap();
            assert_eq!(fault.word(), word);
        }
    }

    #[test]
    fn each_faults_mistakes_are_said() {
        let check = |inject: &str, words: &str| {
            let problem = read(inject).unwrap_err();
            assert!(problem.contains(words), "{words:?} is not in {problem}");
        };
        check("latency = {}", "missing key `delay`");
        check("bandwidth = { rate = \"1\" }", "rate");
        check("slice = { size = \"0B\" }", "at least 1 byte");
        check(
            "slice = { size = \"4B\", variation = \"4B\" }",
            "less than `size`",
        );
        check("cut = {}", "missing key `bytes`");
        check(
            "cut = { bytes = 3, how = \"rest\" }",
            "did you mean `reset`",
        );
        check("corrupt = { bytes = 0 }", "1 to 1460");
        check(
            "corrupt = { kind = \"mask\", bytes = 2 }",
            "exclude each other",
        );
        check(
            "upgrade_reply = { kind = \"garbage\", status = 503 }",
            "`status` is for",
        );
        check("corrupt = { index = 2 }", "`index` needs `kind`");
        check("cut = { bytes = 3, frame = 1 }", "exclude each other");
        check(
            "cut = { bytes = 3, part = \"header\" }",
            "`part` needs `frame`",
        );
        check("cut = { frame = 0 }", "frames count from 1");
        check("close_frame = { reason = \"x\" }", "`reason` needs `code`");
        check("upgrade_reply = { status = 101 }", "no final answer");
        check("upgrade_reply = {}", "missing key `status`");
        check(
            "upgrade_reply = { status = 503, headers = { \"a b\" = \"x\" } }",
            "no name of a header",
        );
        check(
            "upgrade_reply = { status = 503, headers = { A = \"x\\ny\" } }",
            "one line of visible characters",
        );
        check("drop_frame = { opcode = \"pin\" }", "did you mean `ping`");
        check("drop_frame = { index = \"0\" }", "not a number from 1 on");
        check("stal = {}", "did you mean `stall`");
    }
}
