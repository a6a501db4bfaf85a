//! What may be drawn, and from which ranges: one table.
//!
//! A row is a form of a fault: with `cut` either so many bytes or a place in a
//! frame, but not both. Times are milliseconds.

use super::entry::Span;

/// What is left out together, case by case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// No connection comes about.
    Refused,
    /// Somebody else answers the upgrade.
    Answered,
    /// Everything passes, later.
    Slow,
    /// Nothing passes.
    Silent,
    /// What passes is not what was sent.
    Broken,
    /// The connection ends.
    Ended,
    /// Single messages.
    Frames,
    /// What the user does.
    Actions,
    /// What befalls the server.
    Server,
}

impl Family {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Refused,
        Self::Answered,
        Self::Slow,
        Self::Silent,
        Self::Broken,
        Self::Ended,
        Self::Frames,
        Self::Actions,
        Self::Server,
    ];
}

/// On what a fault can act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A listener: by the clock, and for a time.
    Listener,
    /// A connection when it is accepted.
    Accept,
    /// A connection, whenever.
    Anywhere,
}

/// From what a value is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Range {
    /// Milliseconds, often next to a figure of the client's own.
    Time(u64, u64),
    /// As [`Range::Time`], or the key is not there.
    MayTime(u64, u64),
    /// From the first to the last.
    Count(u64, u64),
    /// One of these numbers.
    Numbers(&'static [u64]),
    /// Bytes.
    Size(u64, u64),
    /// Bytes per second.
    Rates(&'static [u64]),
    /// Yes or no.
    Flag,
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these.
    Spans(&'static [Span]),
    /// Seconds of a Retry-After.
    RetryAfter(u64, u64),
}

/// A form of a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The fault's word.
    pub word: &'static str,
    /// With what it is left out.
    pub family: Family,
    /// How often, beside the others.
    pub weight: u64,
    /// On what it acts.
    pub place: Place,
    /// Whether it strikes what is there, and needs no window.
    pub is_once: bool,
    /// Its keys, in the order in which they are drawn and written.
    pub parameters: &'static [(&'static str, Range)],
}

const WAY: (&str, Range) = (
    "direction",
    Range::Words(&["upstream", "downstream", "downstream", "both"]),
);
const SIDE: (&str, Range) = ("side", Range::Words(&["client", "server", "both", "both"]));
const HOW: (&str, Range) = ("how", Range::Words(&["close", "reset"]));
const OPCODE: (&str, Range) = (
    "opcode",
    Range::Words(&["data", "data", "text", "ping", "pong", "control", "any"]),
);

const fn span(first: u64, last: Option<u64>) -> Span {
    Span { first, last }
}

const INDEX: (&str, Range) = (
    "index",
    Range::Spans(&[
        span(1, Some(1)),
        span(2, Some(2)),
        span(1, None),
        span(2, Some(5)),
        span(3, None),
    ]),
);

const fn form(
    word: &'static str,
    family: Family,
    weight: u64,
    place: Place,
    parameters: &'static [(&'static str, Range)],
) -> Form {
    let is_once = matches!(family, Family::Ended) && weight > 1;
    Form {
        word,
        family,
        weight,
        place,
        is_once,
        parameters,
    }
}

/// One that acts on a connection a single time.
const fn once(
    word: &'static str,
    family: Family,
    parameters: &'static [(&'static str, Range)],
) -> Form {
    let is_once = true;
    Form {
        is_once,
        ..form(word, family, 2, Place::Anywhere, parameters)
    }
}

/// All forms. Those of [`Family::Ended`] that end a connection weigh 2 or more.
pub(super) const FORMS: &[Form] = &[
    form("refuse", Family::Refused, 3, Place::Listener, &[]),
    form("blackhole", Family::Refused, 2, Place::Listener, &[]),
    form("reject", Family::Refused, 2, Place::Accept, &[]),
    form("accept_silent", Family::Refused, 2, Place::Accept, &[]),
    form(
        "upgrade_reply",
        Family::Answered,
        2,
        Place::Anywhere,
        &[(
            "status",
            Range::Numbers(&[200, 301, 401, 403, 404, 429, 500, 503]),
        )],
    ),
    form(
        "upgrade_reply",
        Family::Answered,
        2,
        Place::Anywhere,
        &[
            ("status", Range::Numbers(&[503, 429])),
            ("headers", Range::RetryAfter(1, 3)),
        ],
    ),
    form(
        "upgrade_reply",
        Family::Answered,
        1,
        Place::Anywhere,
        &[("kind", Range::Words(&["garbage", "wrong_accept"]))],
    ),
    form(
        "connect_delay",
        Family::Slow,
        2,
        Place::Accept,
        &[("delay", Range::Time(50, 4000))],
    ),
    form(
        "upgrade_delay",
        Family::Slow,
        2,
        Place::Anywhere,
        &[("delay", Range::Time(50, 4000))],
    ),
    form(
        "latency",
        Family::Slow,
        2,
        Place::Anywhere,
        &[
            ("delay", Range::Time(20, 3000)),
            ("jitter", Range::MayTime(1, 1000)),
            WAY,
        ],
    ),
    form(
        "bandwidth",
        Family::Slow,
        2,
        Place::Anywhere,
        &[("rate", Range::Rates(&[1, 200, 2000, 50_000])), WAY],
    ),
    form(
        "slice",
        Family::Slow,
        2,
        Place::Anywhere,
        &[
            ("size", Range::Size(1, 40)),
            ("gap", Range::MayTime(1, 80)),
            WAY,
        ],
    ),
    form("stall", Family::Silent, 4, Place::Anywhere, &[WAY]),
    form("discard", Family::Silent, 1, Place::Anywhere, &[WAY]),
    form(
        "corrupt",
        Family::Broken,
        1,
        Place::Anywhere,
        &[("bytes", Range::Count(1, 20)), WAY],
    ),
    form(
        "corrupt",
        Family::Broken,
        1,
        Place::Anywhere,
        &[
            (
                "kind",
                Range::Words(&["opcode", "mask", "reserved", "utf8"]),
            ),
            ("opcode", Range::Words(&["text"])),
            INDEX,
            WAY,
        ],
    ),
    form("close", Family::Ended, 3, Place::Anywhere, &[SIDE]),
    form("reset", Family::Ended, 3, Place::Anywhere, &[SIDE]),
    form(
        "cut",
        Family::Ended,
        2,
        Place::Anywhere,
        &[("bytes", Range::Count(0, 2500)), HOW, SIDE, WAY],
    ),
    form(
        "cut",
        Family::Ended,
        2,
        Place::Anywhere,
        &[
            ("frame", Range::Count(1, 8)),
            (
                "part",
                Range::Words(&["header", "length", "payload", "between"]),
            ),
            HOW,
            SIDE,
            WAY,
        ],
    ),
    form(
        "close_frame",
        Family::Ended,
        3,
        Place::Anywhere,
        &[
            (
                "code",
                Range::Numbers(&[
                    1000, 1001, 1006, 1008, 1011, 1012, 1013, 1014, 3000, 4001, 4999,
                ]),
            ),
            SIDE,
        ],
    ),
    form("close_frame", Family::Ended, 2, Place::Anywhere, &[SIDE]),
    form(
        "slow_close",
        Family::Ended,
        1,
        Place::Anywhere,
        &[("delay", Range::Time(20, 2500)), WAY],
    ),
    form(
        "idle_timeout",
        Family::Ended,
        1,
        Place::Anywhere,
        &[("delay", Range::Time(100, 2500)), HOW],
    ),
    form(
        "drop_frame",
        Family::Frames,
        1,
        Place::Anywhere,
        &[OPCODE, INDEX, WAY],
    ),
    form(
        "duplicate_frame",
        Family::Frames,
        2,
        Place::Anywhere,
        &[OPCODE, INDEX, WAY],
    ),
    form(
        "reorder_frame",
        Family::Frames,
        1,
        Place::Anywhere,
        &[OPCODE, INDEX, WAY],
    ),
    form(
        "delay_frame",
        Family::Frames,
        1,
        Place::Anywhere,
        &[("delay", Range::Time(20, 2500)), OPCODE, INDEX, WAY],
    ),
    once(
        "send_message",
        Family::Frames,
        &[
            ("text", Range::Words(&["", "news", "{}"])),
            ("opcode", Range::Words(&["text", "text", "ping", "pong"])),
            ("frame", Range::Count(0, 6)),
            WAY,
        ],
    ),
    form(
        "replace_message",
        Family::Frames,
        1,
        Place::Anywhere,
        &[
            ("text", Range::Words(&["", "news", "{}"])),
            OPCODE,
            INDEX,
            WAY,
        ],
    ),
    form(
        "fragment_message",
        Family::Frames,
        2,
        Place::Anywhere,
        &[
            ("pieces", Range::Count(2, 9)),
            ("ping", Range::Flag),
            INDEX,
            WAY,
        ],
    ),
];

/// What the user does, as often as it stands here.
pub(super) const ACTIONS: &[&str] = &["pause", "pause", "resume", "stop", "reconnect", "reconnect"];

/// What befalls the server.
pub(super) const SERVER_EVENTS: &[&str] = &["restart", "kill"];

/// How long the server stays away.
pub(super) const SERVER_AWAY: (u64, u64) = (0, 1500);

/// Windows of faults.
pub(super) const LASTING: (u64, u64) = (50, 4000);

/// How much later than its occasion a fault on a connection acts.
pub(super) const AFTER: (u64, u64) = (0, 2500);

/// The time between two times of a fault, besides its window.
pub(super) const PAUSE: (u64, u64) = (200, 2200);

/// Which connections, where t = 0 is before the first dial.
pub(super) const ATTEMPTS: &[Span] = &[
    span(1, Some(1)),
    span(1, Some(1)),
    span(2, Some(2)),
    span(1, None),
    span(2, None),
    span(2, Some(3)),
    span(1, Some(2)),
];

/// Which connections, where the first is there already.
pub(super) const LATER_ATTEMPTS: &[Span] = &[
    span(2, Some(2)),
    span(3, Some(3)),
    span(1, None),
    span(2, None),
    span(2, Some(3)),
];

/// Messages that have been delivered.
pub(super) const FRAMES: (u64, u64) = (0, 12);

/// Bytes that have been delivered.
pub(super) const BYTES: (u64, u64) = (0, 3000);

/// The row of a fault that has this word and these keys.
pub(super) fn form_of(word: &str, keys: &[&str]) -> Option<&'static Form> {
    let mut rows = FORMS.iter().filter(|form| form.word == word);
    let fits = |form: &&Form| {
        keys.iter()
            .all(|key| form.parameters.iter().any(|(name, _)| name == key))
    };
    rows.find(fits)
}
