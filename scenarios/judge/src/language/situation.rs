//! `[situation]`: what must have come about for a run to say anything. A client
//! that was never in it proves nothing by what it did.

use std::time::Duration;

use chaos_proxy::{Corrupt, Fault, Frames, Opcode, Rule, TlsFault, When};
use environment::Direction;
use environment::text::{Span, Table, format_duration};

use super::exercisable::Setting;

/// What is looked for in what each client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SituationKind {
    /// A connection that the client left before it had opened.
    AttemptsGivenUp,
    /// An open connection was still there when a later one of the client had data.
    OverlappingConnections,
    /// A silence of an open connection that went on until the client noticed it, or
    /// should have.
    SilencesOutlasted,
    /// A ping of the client's own.
    PingsSent,
    /// The user did something while the client was connecting.
    ToldWhileConnecting,
    /// The user did something while the client waited for its next dial.
    ToldWhileWaiting,
    /// A connection that had data and was ended by the server before it had lasted.
    ThrownOut,
    /// The wait between a loss and the next dial, the client's own choice.
    OwnDelayBelow,
}

/// How much of it there must have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Of some client, so often at least.
    Times(u64),
    /// Of some client, once less than this.
    Below(Duration),
}

/// One key of `[situation]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// What is looked for.
    pub kind: SituationKind,
    /// How much of it.
    pub needed: Needed,
}

impl SituationKind {
    /// Every one, in the order in which they are read and told.
    pub const ALL: [Self; 8] = [
        Self::AttemptsGivenUp,
        Self::OverlappingConnections,
        Self::SilencesOutlasted,
        Self::PingsSent,
        Self::ToldWhileConnecting,
        Self::ToldWhileWaiting,
        Self::ThrownOut,
        Self::OwnDelayBelow,
    ];

    /// The word of files.
    pub fn key(self) -> &'static str {
        match self {
            Self::AttemptsGivenUp => "attempts_given_up",
            Self::OverlappingConnections => "overlapping_connections",
            Self::SilencesOutlasted => "silences_outlasted",
            Self::PingsSent => "pings_sent",
            Self::ToldWhileConnecting => "told_while_connecting",
            Self::ToldWhileWaiting => "told_while_waiting",
            Self::ThrownOut => "thrown_out",
            Self::OwnDelayBelow => "own_delay_below",
        }
    }

    fn read(self, table: &mut Table<'_>) -> Option<(Needed, Span)> {
        if self == Self::OwnDelayBelow {
            let (limit, span) = table.spanned::<Duration>(self.key())?;
            return ensure_some(
                table,
                self.key(),
                limit.is_zero(),
                Needed::Below(limit),
                span,
            );
        }
        let (count, span) = table.spanned::<u64>(self.key())?;
        ensure_some(table, self.key(), count == 0, Needed::Times(count), span)
    }

    /// Whether a rule may bring it about. Of what a person does, or a loss, see
    /// [`impossible`].
    fn is_by(self, fault: &Fault) -> bool {
        match self {
            Self::AttemptsGivenUp => holds_dials(fault),
            Self::OverlappingConnections | Self::SilencesOutlasted => silences(fault),
            Self::PingsSent => sees_pings(fault),
            Self::ToldWhileConnecting
            | Self::ToldWhileWaiting
            | Self::ThrownOut
            | Self::OwnDelayBelow => false,
        }
    }
}

impl Situation {
    /// How long the rules of a file may keep it up, if that is bounded: the longest
    /// time of one of those that may bring it about.
    pub(crate) fn longest(&self, rules: &[Rule], duration: Duration) -> Option<Duration> {
        let own = rules.iter().filter(|rule| self.kind.is_by(&rule.fault));
        own.map(|rule| lasting(rule).unwrap_or(duration)).max()
    }
}

/// Reads `[situation]`, if it is there.
pub(super) fn read(table: Option<Table<'_>>, setting: &Setting<'_>) -> Vec<Situation> {
    let Some(mut table) = table else {
        return Vec::new();
    };
    let has_any = table.keys().next().is_some();
    let mut read = Vec::new();
    for kind in SituationKind::ALL {
        let Some((needed, span)) = kind.read(&mut table) else {
            continue;
        };
        if let Some((why, help)) = impossible(kind, setting) {
            let message = format!("nothing in the file can bring this about: {why}");
            table.error_with_help(span, message, help);
        }
        read.push(Situation { kind, needed });
    }
    if !has_any {
        let keys = SituationKind::ALL.map(SituationKind::key).join(", ");
        table.error_with_help(
            table.span(),
            "no situation is named, so any will do",
            format!("leave the table out, or name at least one of: {keys}"),
        );
    }
    read
}

fn ensure_some(
    table: &Table<'_>,
    key: &str,
    is_none: bool,
    needed: Needed,
    span: Span,
) -> Option<(Needed, Span)> {
    if !is_none {
        return Some((needed, span));
    }
    let message = match needed {
        Needed::Times(_) => format!("`{key}` must be at least 1: none is there anyway"),
        Needed::Below(limit) => {
            let limit = format_duration(limit);
            format!("`{key}` is {limit}; it must be more than 0s")
        }
    };
    table.error(span, message);
    None
}

/// Why no run can come to it, and what to do about that.
fn impossible(kind: SituationKind, setting: &Setting<'_>) -> Option<(&'static str, &'static str)> {
    use SituationKind as Kind;
    let mut faults = setting.rules.iter().map(|rule| &rule.fault);
    let is_by_rule = faults.any(|fault| kind.is_by(fault));
    match kind {
        Kind::AttemptsGivenUp if !is_by_rule => Some((
            "no fault keeps an attempt to connect waiting",
            "`accept_silent`, `stall`, `tls_stall`, `upgrade_delay` and the like do",
        )),
        Kind::OverlappingConnections | Kind::SilencesOutlasted if !is_by_rule => Some((
            "no fault keeps a connection open in silence",
            "`stall` and `discard` do",
        )),
        Kind::PingsSent if !is_by_rule => Some((
            "no fault is about the pings of clients",
            "a fault on frames with `opcode = \"ping\"` upstream, or `\"pong\"` downstream, does",
        )),
        Kind::ToldWhileConnecting | Kind::ToldWhileWaiting if setting.lacks_actions() => Some((
            "there is no [[action]] for any client",
            "give it an [[action]]",
        )),
        Kind::OwnDelayBelow if setting.is_undisturbed => Some((
            "it has no fault, so no client has to reconnect",
            "give it a [[fault]], or a [[server_event]]",
        )),
        _ => None,
    }
}

fn lasting(rule: &Rule) -> Option<Duration> {
    match rule.when {
        When::Timed { lasting, .. } | When::On { lasting, .. } => lasting,
    }
}

/// A dial may be accepted and not answered for a while.
fn holds_dials(fault: &Fault) -> bool {
    let ways = [Direction::Upstream, Direction::Downstream];
    let holds = |way: &Direction| {
        fault.withholds(*way) || matches!(fault, Fault::Discard(it) if it.covers(*way))
    };
    matches!(
        fault,
        Fault::AcceptSilent
            | Fault::ConnectDelay(_)
            | Fault::UpgradeDelay(_)
            | Fault::Tls(TlsFault::Stall(_))
    ) || ways.iter().any(holds)
}

/// Its client may hear nothing on a connection that it has.
fn silences(fault: &Fault) -> bool {
    fault.silences_client()
        || fault.withholds(Direction::Downstream)
        || fault.destroys(Direction::Downstream)
}

/// Each ping of a client, or its answer, is told when the rule acts on it.
fn sees_pings(fault: &Fault) -> bool {
    let frames: &Frames = match fault {
        Fault::DropFrame(frames) | Fault::DuplicateFrame(frames) | Fault::ReorderFrame(frames) => {
            frames
        }
        Fault::DelayFrame(delay) => &delay.frames,
        Fault::Corrupt(Corrupt::Frames(bad)) => &bad.frames,
        _ => return false,
    };
    let sees = |way, opcode| frames.way.covers(way) && frames.opcodes.covers(opcode);
    sees(Direction::Upstream, Opcode::Ping) || sees(Direction::Downstream, Opcode::Pong)
}

impl Setting<'_> {
    fn lacks_actions(&self) -> bool {
        self.is_whole && self.actions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sample::{sound, wrong};

    fn with(situation: &str, rest: &str) -> String {
        format!(
            "id = 'x'\nduration = '4s'\n[situation]\n{situation}\n{rest}\n[expect]\nmax_live = 1\n"
        )
    }

    const STALL: &str = "[[fault]]\nat = '1s'\nfor = '2s'\ninject.stall = {}\n";
    const PONGS: &str =
        "[[fault]]\nat = '1s'\ninject.delay_frame = { delay = '1s', opcode = 'pong' }\n";
    const STOP: &str = "[[action]]\nat = '1s'\ndo = 'stop'\n";

    #[test]
    fn every_key_is_read() {
        let keys = "attempts_given_up = 1\noverlapping_connections = 2\nsilences_outlasted = 3\n\
            pings_sent = 4\ntold_while_connecting = 5\ntold_while_waiting = 6\nthrown_out = 7\n\
            own_delay_below = '2s'";
        let read = sound(&with(keys, &[STALL, PONGS, STOP].concat())).situation;
        let kinds: Vec<SituationKind> = read.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, SituationKind::ALL);
        let times = read.iter().map(|one| one.needed).take(7);
        assert!(times.eq((1..=7).map(Needed::Times)));
        assert_eq!(read[7].needed, Needed::Below(Duration::from_secs(2)));
        assert_eq!(
            sound(&with(keys, &[STALL, PONGS, STOP].concat())).situation,
            read
        );
    }

    #[test]
    fn a_file_without_it_needs_none() {
        let text = "id = 'x'\nduration = '4s'\n[expect]\nmax_live = 1\n";
        assert_eq!(sound(text).situation, []);
    }

    #[track_caller]
    fn is_wrong(situation: &str, rest: &str, column: usize, message: &str) {
        wrong(
            &with(situation, rest),
            &format!("x.toml:4:{column}: {message}"),
        );
    }

    #[test]
    fn what_is_always_there_is_told() {
        is_wrong(
            "silences_outlasted = 0",
            STALL,
            22,
            "`silences_outlasted` must be at least 1: none is there anyway",
        );
        is_wrong(
            "own_delay_below = '0s'",
            "",
            19,
            "`own_delay_below` is 0s; it must be more than 0s",
        );
        wrong(
            &with("", ""),
            "x.toml:3:1: no situation is named, so any will do",
        );
        is_wrong("pings = 1", "", 1, "unknown key `pings`");
    }

    #[test]
    fn what_no_run_can_come_to_is_told() {
        let nothing = |why: &str| format!("nothing in the file can bring this about: {why}");
        let why = nothing("no fault keeps an attempt to connect waiting");
        is_wrong("attempts_given_up = 1", "", 21, &why);
        let why = nothing("no fault keeps a connection open in silence");
        is_wrong("overlapping_connections = 1", "", 27, &why);
        is_wrong("silences_outlasted = 1", "", 22, &why);
        let why = nothing("no fault is about the pings of clients");
        is_wrong("pings_sent = 1", STALL, 14, &why);
        let why = nothing("there is no [[action]] for any client");
        is_wrong("told_while_connecting = 1", "", 25, &why);
        is_wrong("told_while_waiting = 1", "", 22, &why);
    }
}
