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
mod messages;
mod nature;
mod ordinals;
mod slice;
mod slow_close;
mod tls;
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
pub use messages::{Content, FragmentMessage, ReplaceMessage, SendMessage};
pub use ordinals::Ordinals;
pub use slice::Slice;
pub use slow_close::SlowClose;
pub use tls::{Alert, Stage, TlsFault};
pub use upgrade::{Answer, UpgradeDelay, UpgradeReply};

use environment::text::Table;

/// What a rule does to the connections to which it is applied.
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
    /// A message that nobody sent.
    SendMessage(SendMessage),
    /// Another message in place of one.
    ReplaceMessage(ReplaceMessage),
    /// Messages come in pieces.
    FragmentMessage(FragmentMessage),
    /// A FIN is passed on later.
    SlowClose(SlowClose),
    /// Close or reset after a silence.
    IdleTimeout(IdleTimeout),
    /// Something goes wrong with TLS. It cannot act where clients do not speak it.
    Tls(TlsFault),
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

/// What other tools (Toxiproxy, netem) call what is called otherwise here.
#[doc(hidden)]
pub const ELSEWHERE: [(&str, &str); 8] = [
    ("reset_peer", "`reset`"),
    ("slicer", "`slice`"),
    ("limit_data", "`cut` with `bytes`"),
    (
        "timeout",
        "`discard`, or `stall` for what is to arrive in the end",
    ),
    ("down", "`refuse`"),
    (
        "packet_loss",
        "`latency` with `jitter`, or a short `stall`: TCP hides lost packets",
    ),
    (
        "loss",
        "`latency` with `jitter`, or a short `stall`: TCP hides lost packets",
    ),
    ("rate", "`bandwidth`"),
];

/// How a fault is read from its table.
type Read = fn(&mut Table<'_>) -> Option<Fault>;

/// Every fault's word and reader, in the order of the documentation.
const READERS: [(&str, Read); 32] = [
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
    ("send_message", |table| {
        SendMessage::read(table).map(Fault::SendMessage)
    }),
    ("replace_message", |table| {
        ReplaceMessage::read(table).map(Fault::ReplaceMessage)
    }),
    ("fragment_message", |table| {
        FragmentMessage::read(table).map(Fault::FragmentMessage)
    }),
    ("slow_close", |table| {
        SlowClose::read(table).map(Fault::SlowClose)
    }),
    ("idle_timeout", |table| {
        IdleTimeout::read(table).map(Fault::IdleTimeout)
    }),
    ("tls_stall", |table| {
        Some(Fault::Tls(TlsFault::read_stall(table)))
    }),
    ("tls_certificate", |table| {
        TlsFault::read_certificate(table).map(Fault::Tls)
    }),
    ("tls_alert", |table| {
        Some(Fault::Tls(TlsFault::read_alert(table)))
    }),
    ("tls_alpn", |table| {
        TlsFault::read_alpn(table).map(Fault::Tls)
    }),
    ("tls_plain", |_| Some(Fault::Tls(TlsFault::Plain))),
    ("tls_truncate", |_| Some(Fault::Tls(TlsFault::Truncate))),
];

impl Fault {
    /// The words of `inject.<fault>`, in the order of the documentation.
    #[doc(hidden)]
    pub fn words() -> Vec<&'static str> {
        READERS.iter().map(|(word, _)| *word).collect()
    }

    /// Reads the one fault of an `inject` table.
    pub(crate) fn read(inject: &mut Table<'_>) -> Option<Self> {
        inject.known_elsewhere(&ELSEWHERE);
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
            Self::SendMessage(_) => "send_message",
            Self::ReplaceMessage(_) => "replace_message",
            Self::FragmentMessage(_) => "fragment_message",
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
            Self::Tls(it) => it.word(),
            Self::Expiry(_) => "expiry",
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
                "send_message" | "replace_message" => "text = \"x\"",
                "tls_certificate" => "kind = \"expired\"",
                "tls_alpn" => "protocol = \"h2\"",
                _ => "",
            };
            let fault = read(&format!("{word} = {{ {keys} }}")).unwrap();
            assert_eq!(fault.word(), word);
        }
    }

    fn check(inject: &str, words: &str) {
        let problem = read(inject).unwrap_err();
        assert!(problem.contains(words), "{words:?} is not in {problem}");
    }

    #[test]
    fn mistakes_of_messages_of_ones_own_are_said() {
        let long = "x".repeat(126);
        for (inject, words) in [
            ("send_message = {}", "what the message says is missing"),
            (
                "send_message = { text = \"a\", hex = \"00\" }",
                "exclude each other",
            ),
            (
                "send_message = { hex = \"0\" }",
                "pairs of hexadecimal digits",
            ),
            (
                "send_message = { hex = \"ff\", opcode = \"text\" }",
                "UTF-8",
            ),
            (
                "send_message = { text = \"\", opcode = \"clos\" }",
                "binary, ping, pong, text",
            ),
            (
                "replace_message = { index = 1 }",
                "what the message says is missing",
            ),
            ("fragment_message = { pieces = 1 }", "`pieces` is 2 to 100"),
            (
                "fragment_message = { opcode = \"ping\" }",
                "allowed here: binary, data, text",
            ),
            (
                &format!("send_message = {{ text = '{long}', opcode = 'ping' }}"),
                "at most 125 bytes",
            ),
            (
                &format!("replace_message = {{ text = '{long}', opcode = 'any' }}"),
                "at most 125 bytes",
            ),
        ] {
            check(inject, words);
        }
    }

    #[test]
    fn each_faults_mistakes_are_said() {
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
        check(
            "drop_frame = { opcode = \"ping\", message = { contains = \"x\" } }",
            "`message` never matches here",
        );
        check(
            "close_frame = { frame = 0, message = { contains = \"x\" } }",
            "count from 1",
        );
        check(
            "cut = { bytes = 1, message = { contains = \"x\" } }",
            "`message` needs `frame`",
        );
        check(
            "corrupt = { message = { contains = \"x\" } }",
            "`message` needs `kind`",
        );
        check(
            "delay_frame = { delay = \"1s\", message = {} }",
            "no pattern is given",
        );
        check("tls_certificate = {}", "missing key `kind`");
        check(
            "tls_certificate = { kind = \"expird\" }",
            "did you mean `expired`",
        );
        check("tls_stall = { server_hello = \"late\" }", "never");
        check("tls_alert = { alert = \"warning\" }", "handshake_failure");
        check("tls_alpn = { protocol = \"h3\" }", "h2");
        check("stal = {}", "did you mean `stall`");
    }
}
