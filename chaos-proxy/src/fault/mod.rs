//! The faults: one file for each that has something to say about itself, with
//! its units, its keys in a scenario file, and its arithmetic.
//!
//! Pure. [`crate::link`] obeys those that act on bytes, [`crate::engine`] those
//! that act on connections and listeners.

mod bandwidth;
mod connect_delay;
mod corrupt;
mod cut;
mod direction;
mod idle_timeout;
mod latency;
mod slice;
mod slow_close;

pub use bandwidth::{Bandwidth, Pace};
pub use connect_delay::ConnectDelay;
pub use corrupt::Corrupt;
pub use cut::{Cut, How};
pub use direction::{Side, Way};
pub use idle_timeout::IdleTimeout;
pub use latency::{Distribution, Latency};
pub use slice::Slice;
pub use slow_close::SlowClose;

use environment::Direction;
use environment::text::Table;

/// What a rule does to the connections that it strikes.
#[derive(Debug, Clone, PartialEq)]
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
    /// Everything passes later, in order.
    Latency(Latency),
    /// Bytes pass no faster than this.
    Bandwidth(Bandwidth),
    /// Bytes pass in small pieces.
    Slice(Slice),
    /// Bytes are swallowed, the connection is kept.
    Discard(Way),
    /// Bits are flipped at seeded positions.
    Corrupt(Corrupt),
    /// FIN. Bytes not yet passed on are dropped, nothing follows.
    Close(Side),
    /// RST.
    Reset(Side),
    /// Close or reset after so many bytes.
    Cut(Cut),
    /// A FIN is passed on later.
    SlowClose(SlowClose),
    /// Close or reset after a silence.
    IdleTimeout(IdleTimeout),
}

/// What kind of act a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
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
const READERS: [(&str, Read); 16] = [
    ("refuse", |_| Some(Fault::Refuse)),
    ("reject", |_| Some(Fault::Reject)),
    ("blackhole", |_| Some(Fault::Blackhole)),
    ("accept_silent", |_| Some(Fault::AcceptSilent)),
    ("connect_delay", |table| {
        ConnectDelay::read(table).map(Fault::ConnectDelay)
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
    ("slow_close", |table| {
        SlowClose::read(table).map(Fault::SlowClose)
    }),
    ("idle_timeout", |table| {
        IdleTimeout::read(table).map(Fault::IdleTimeout)
    }),
];

impl Fault {
    /// The words of `inject.<fault>`, in the order of the documentation.
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
        }
    }

    /// Whether it strikes a connection once, rather than holding it: then it has
    /// no length.
    pub fn is_instant(&self) -> bool {
        self.phase() == Phase::Strike || matches!(self, Self::Cut(_) | Self::IdleTimeout(_))
    }

    /// Whether everything still passes, only later or in smaller pieces.
    pub fn is_mild(&self) -> bool {
        match self {
            Self::Latency(_) | Self::Slice(_) | Self::SlowClose(_) | Self::ConnectDelay(_) => true,
            Self::Bandwidth(bandwidth) => bandwidth.rate > 0,
            _ => false,
        }
    }

    /// Whether the client gets RST of it.
    pub fn resets_client(&self) -> bool {
        match self {
            Self::Reject => true,
            Self::Reset(side) => side.is_client(),
            Self::Cut(cut) => cut.how == How::Reset && cut.side.is_client(),
            Self::IdleTimeout(idle) => idle.how == How::Reset,
            _ => false,
        }
    }

    /// Whether one peer learns nothing of the end of the other.
    pub fn leaves_one_side_open(&self) -> bool {
        match self {
            Self::Close(side) | Self::Reset(side) | Self::Cut(Cut { side, .. }) => {
                *side != Side::Both
            }
            _ => false,
        }
    }

    /// Whether its client hears nothing of the server any more on a connection
    /// that stays open.
    pub fn silences_client(&self) -> bool {
        match self {
            Self::Stall(way) | Self::Discard(way) => way.covers(Direction::Downstream),
            Self::Close(side) | Self::Reset(side) | Self::Cut(Cut { side, .. }) => {
                !side.is_client()
            }
            _ => false,
        }
    }

    /// What kind of act it is.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Refuse | Self::Blackhole => Phase::Listener,
            Self::Reject | Self::AcceptSilent | Self::ConnectDelay(_) => Phase::Accept,
            Self::Close(_) | Self::Reset(_) => Phase::Strike,
            Self::Stall(_)
            | Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Slice(_)
            | Self::Discard(_)
            | Self::Corrupt(_)
            | Self::Cut(_)
            | Self::SlowClose(_)
            | Self::IdleTimeout(_) => Phase::Hold,
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
                "connect_delay" | "latency" | "slow_close" | "idle_timeout" => "delay = \"1s\"",
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
        check("stal = {}", "did you mean `stall`");
    }
}
