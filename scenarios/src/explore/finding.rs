//! A finding as an ordinary scenario file: with a title made from what happens, a
//! comment that says how it was found, and `[proof]` where a flaw is worn.
//!
//! Pure.

use client_sim::Flaw;
use serde::{Deserialize, Serialize};

use super::Schedule;
use super::case::{Failure, Kind};
use super::entry::{Entry, Fault, Phase, Progress, Target, Trigger, shown};

/// By these words a file is known to be ours.
pub(super) const FIRST_WORDS: &str = "# Found by `chaos explore`";

/// A schedule that breaks a client, as small as it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The check that fails.
    pub failure: Failure,
    /// The schedule, made small.
    pub schedule: Schedule,
    /// Which case it was, from 1.
    pub case: u64,
    /// How many entries that had.
    pub entries_before: usize,
    /// How many runs it took to make it small.
    pub runs: u64,
    /// The search's seed.
    pub seed: u64,
    /// Who was under test.
    pub client: String,
    /// The flaws that were enabled.
    #[serde(with = "words")]
    pub flaws: Vec<Flaw>,
    /// Checks that fail as well, and are left out.
    pub others: Vec<String>,
    /// What real sockets say of it.
    pub confirmed: Confirmed,
}

/// Whether it fails on real sockets, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// Nobody tried.
    Untried,
    /// It fails by the same check.
    Fails,
    /// It does not.
    Passes,
    /// The machine is too busy for them to say anything.
    Silent,
    /// It fails in so many of so many runs.
    Often(u32, u32),
}

/// Flaws by their names.
mod words {
    use client_sim::Flaw;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(flaws: &[Flaw], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(flaws.iter().map(Flaw::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Flaw>, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        let flaws = words.iter().map(|word| word.parse());
        flaws.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Whether a run in which a fault never acted says nothing.
    pub(super) must_fire: bool,
    /// Whether the flaw stands in it.
    pub(super) has_proof: bool,
}

impl Finding {
    /// Its name, as that of a file without its ending.
    pub fn id(&self) -> String {
        let Failure { check, kind, .. } = &self.failure;
        format!("{}-{kind}", check.replace('_', "-"))
    }

    /// What a good client does under it, in a line.
    pub fn title(&self) -> String {
        let promise = promise(&self.failure.check, self.failure.kind);
        let deeds: Vec<String> = self.schedule.entries.iter().map(deed).collect();
        match &deeds[..] {
            [] => format!("{promise}, with nothing that goes wrong"),
            [deeds @ .., last] if !deeds.is_empty() => {
                format!("{promise}, with {} and {last}", deeds.join(", "))
            }
            [one, ..] => format!("{promise}, with {one}"),
        }
    }

    /// The key of one finding.
    pub fn key(&self) -> (String, Kind) {
        (self.failure.check.clone(), self.failure.kind)
    }

    /// The scenario file.
    pub(super) fn text(&self, form: Form) -> String {
        let Self {
            failure, schedule, ..
        } = self;
        let mut text = self.text_comment();
        text += &schedule.setting.head(&self.id(), &self.title());
        text += &format!("why = {:?}\nseed = {}\n\n", self.why(), schedule.seed);
        let body = schedule.body();
        text += &if form.must_fire {
            body.replace("must_fire = false\n", "")
        } else {
            body
        };
        text += "\n[expect]\n";
        for (key, line) in schedule.promises() {
            if key == failure.check || !self.others.contains(&key) {
                text += &format!("{line}\n");
            }
        }
        if let ([flaw], true) = (&self.flaws[..], form.has_proof) {
            text += &format!(
                "\n[proof]\nflaw = \"{flaw}\"\nfails = \"{}\"\n",
                failure.check
            );
        }
        text
    }

    pub(super) fn text_comment(&self) -> String {
        let flaws = self.flaws.iter().map(|flaw| format!(" --flaw {flaw}"));
        let flaws: String = flaws.collect();
        let client = match &*self.client {
            "sim" => String::new(),
            other => format!(" --client {other}"),
        };
        let entries = |count: usize| match count {
            1 => "1 entry".to_owned(),
            many => format!("{many} entries"),
        };
        let real = match self.confirmed {
            Confirmed::Untried => "not tried".to_owned(),
            Confirmed::Fails => "it fails as well".to_owned(),
            Confirmed::Passes => "it does not fail there: virtual time alone shows it".to_owned(),
            Confirmed::Silent => "inconclusive on a busy machine".to_owned(),
            Confirmed::Often(often, of) => format!("it fails in {often} of {of} runs"),
        };
        format!(
            "{FIRST_WORDS}: --seed {}{client}{flaws}, case {}.\n\
             # {} in that case, {} after {} runs to make it small.\n\
             # On real sockets: {real}.\n\n",
            self.seed,
            self.case,
            entries(self.entries_before),
            entries(self.schedule.entries.len()),
            self.runs,
        )
    }

    fn why(&self) -> String {
        let mut why = self.failure.why.clone();
        why.truncate(why.char_indices().nth(300).map_or(why.len(), |(at, _)| at));
        why
    }
}

/// What is promised, of the client.
fn promise(check: &str, kind: Kind) -> &'static str {
    match (check, kind) {
        ("recover_within", Kind::Never) => "A client comes back",
        ("recover_within", _) => "A client comes back in time",
        ("detect_within", Kind::Never) => "A client notices",
        ("detect_within", _) => "A client notices in time",
        ("max_live", _) => "A client has one live connection",
        ("max_open", _) => "A client leaves a connection before it reconnects",
        ("max_dials", _) => "A client does not dial endlessly",
        ("min_dial_gap", _) => "A client keeps the distance that it is asked for",
        ("dial_gaps_grow", _) => "A client waits longer and longer",
        ("peak_dials" | "first_delay_spread", _) => "Clients do not come back in step",
        ("availability", _) => "A client is there most of the time",
        ("lost", _) => "A client misses nothing",
        ("duplicated", _) => "A client applies nothing twice",
        ("reordered", _) => "A client applies everything in order",
        ("state_equal", _) => "A client's wish holds",
        ("quiet_after_stop", _) => "A stopped client does not dial again",
        ("no_leak", _) => "A client leaves no socket behind",
        ("stale_flagged_within", _) => "A client flags what is old",
        ("close_code", _) => "A client reports the close code",
        _ => "A client does as it should",
    }
}

/// What happens, with when and to whom.
fn deed(entry: &Entry) -> String {
    match entry {
        Entry::Fault(fault) => format!("{}{}{}", what(fault), when(fault), whom(fault.target)),
        Entry::Action(action) => format!(
            "`{}` at {}{}",
            action.word,
            shown(action.at),
            whom(action.target)
        ),
        Entry::Server(event) => format!(
            "a {} of the server at {} for {}",
            event.word,
            shown(event.at),
            shown(event.lasting)
        ),
        Entry::Given(_) => "an action of its own".to_owned(),
    }
}

fn what(fault: &Fault) -> String {
    let number = |key: &str| fault.number_of(key);
    match &*fault.word {
        "refuse" => "dials refused".to_owned(),
        "blackhole" => "dials unanswered".to_owned(),
        "reject" => "a dial rejected".to_owned(),
        "accept_silent" => "a dial accepted and never answered".to_owned(),
        "upgrade_reply" => match (number("status"), fault.word_of("kind")) {
            (Some(status), _) => format!("the handshake rejected with {status}"),
            (None, Some("wrong_accept")) => "the handshake answered with a wrong 101".to_owned(),
            _ => "the handshake answered with garbage".to_owned(),
        },
        "connect_delay" | "upgrade_delay" => "a slow way in".to_owned(),
        "latency" | "bandwidth" | "slice" => "a slow link".to_owned(),
        "close_frame" => match number("code") {
            Some(code) => format!("close code {code}"),
            None => "a close frame without a code".to_owned(),
        },
        "close" => "the connection ended".to_owned(),
        "reset" => "the connection reset".to_owned(),
        "cut" => "the connection cut".to_owned(),
        "stall" => "the connection silent".to_owned(),
        word => format!("`{word}`"),
    }
}

fn when(fault: &Fault) -> String {
    match &fault.trigger {
        Trigger::At { at, lasting, every } => {
            let mut text = format!(" at {}", shown(*at));
            if let Some(lasting) = lasting {
                text += &format!(" for {}", shown(*lasting));
            }
            if let Some((every, _)) = every {
                text += &format!(" every {}", shown(*every));
            }
            text
        }
        Trigger::On {
            attempts,
            phase,
            progress,
            ..
        } => {
            let which = match (attempts.alone(), attempts.last) {
                (Some(number), _) => format!(" on connection {number}"),
                (None, Some(last)) => format!(" on connections {} to {last}", attempts.first),
                (None, None) => format!(" from connection {} on", attempts.first),
            };
            let far = match (progress, phase) {
                (Some(Progress::Frame(frames)), _) => format!(" after {frames} messages"),
                (Some(Progress::Bytes(bytes)), _) => format!(" after {bytes} bytes"),
                (None, Some(Phase::Open)) => " when it is open".to_owned(),
                (None, Some(Phase::Upgrade)) => " in its handshake".to_owned(),
                (None, Some(Phase::Closing)) => " when it ends".to_owned(),
                (None, Some(Phase::Connect) | None) => String::new(),
            };
            which + &far
        }
    }
}

fn whom(target: Target) -> String {
    match target {
        Target::Everybody => String::new(),
        Target::Half => " for half of them".to_owned(),
        Target::Client(number) => format!(" for c{number}"),
    }
}
