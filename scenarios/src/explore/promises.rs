//! What every reference client keeps under a schedule, derived from its figures and
//! from what the entries may do. Each has its reason beside it.
//!
//! Pure. Invariant: a promise that is broken is the client's fault (or one of
//! judge, proxy or network); so where it cannot be told, nothing is promised.

use super::entry::{Entry, Fault, Trigger};
use super::setting::{Figures, Setting};

/// For what no timer says.
const MARGIN: u64 = 1000;

/// As [`MARGIN`], where nothing is slow.
const SHORT_MARGIN: u64 = 300;

/// Faults that only slow things down, as the judge has it.
const MILD: [&str; 11] = [
    "latency",
    "slice",
    "slow_close",
    "connect_delay",
    "upgrade_delay",
    "duplicate_frame",
    "delay_frame",
    "reorder_frame",
    "bandwidth",
    "send_message",
    "fragment_message",
];

/// Faults that take single messages from a connection that goes on.
const DESTROYING: [&str; 4] = ["discard", "drop_frame", "reorder_frame", "replace_message"];

/// Faults that strike what is there.
const ONCE: [&str; 4] = ["close", "reset", "close_frame", "cut"];

/// Close codes after which a client keeps its distance.
const DENIALS: [u64; 4] = [1008, 1013, 4001, 4999];

/// What the entries of a schedule may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promises<'a> {
    setting: &'a Setting,
    entries: &'a [Entry],
}

impl<'a> Promises<'a> {
    pub(super) fn of(setting: &'a Setting, entries: &'a [Entry]) -> Self {
        Self { setting, entries }
    }

    /// The keys and lines of `[expect]`.
    pub(super) fn lines(self) -> Vec<(String, String)> {
        match &self.setting.expect {
            Some(given) => {
                let given = given.iter().filter(|(key, _)| self.is_exercised(key));
                given.cloned().collect()
            }
            None => self.derived(),
        }
    }

    /// Whether anything in the schedule can break it: to expect it otherwise is a
    /// error in a file.
    fn is_exercised(self, key: &str) -> bool {
        match key {
            "recover_within" | "detect_within" | "close_code" => self.hurts(),
            "stale_flagged_within" => self.any_fault(silences),
            "quiet_after_stop" => self.tells("stop"),
            "state_equal" => self.tells("pause"),
            _ => true,
        }
    }

    fn derived(self) -> Vec<(String, String)> {
        let figures = &self.setting.figures;
        let mut lines = Vec::new();
        let mut add = |key: &str, value: String| {
            lines.push((key.to_owned(), format!("{key} = {value}")));
        };
        let ms = |millis: u64| format!("\"{millis}ms\"");
        if self.hurts() {
            // A silence is noticed at the latest when it has lasted so long. Flipped
            // bits are none: where they are slow as well, they come for as long as that
            // takes, and are signs of life until one is none of the protocol's.
            if !(self.any_word(&["corrupt"]) && self.is_late()) {
                add("detect_within", ms(figures.liveness + 500));
            }
            add("recover_within", ms(self.time_to_be_back()));
        }
        // Whoever dials has left the connection before.
        add("max_live", "1".to_owned());
        if self.setting.is_foreign {
            return lines;
        }
        // And every attempt.
        add("max_open", "1".to_owned());
        // The cheapest ways to fail cost a client so much time each.
        add("max_dials", self.most_dials().to_string());
        if let Some(gap) = self.least_gap() {
            add("min_dial_gap", ms(gap));
        }
        // Whoever is silenced sees its own clock; but what was late already still
        // comes, and is live then.
        if self.any_fault(silences) && !self.is_late() {
            add("stale_flagged_within", ms(figures.stale_after + 100));
        }
        // So many draws of one range are not as near to each other.
        if self.setting.clients >= 12 && figures.is_full_jitter && self.hurts() {
            add("first_delay_spread", ms(figures.first_delay() / 10));
        }
        // A server that pings finds out by itself.
        if !self.any(Self::leaves_server_open) || figures.pings {
            add("no_leak", "true".to_owned());
        }
        let damages = self.any_word(&["corrupt"]);
        let destroys = self.any_word(&DESTROYING);
        // Damaged numbers are other numbers.
        if !damages {
            add("duplicated", "0".to_owned());
            add("reordered", "0".to_owned());
        }
        // What is destroyed on a connection that goes on is not asked for again,
        // and what a session made that is forgotten cannot be. Whoever is told to stop
        // while it waits to come back never gets what it missed.
        let is_asked_for = figures.resumes && !figures.expires && !self.tells("stop");
        if is_asked_for && !damages && !destroys {
            add("lost", "0".to_owned());
        }
        if self.tells("stop") {
            add("quiet_after_stop", "true".to_owned());
        }
        // A wish that nobody heard is said again.
        if self.tells("pause") && !damages && !destroys {
            add("state_equal", "true".to_owned());
        }
        lines
    }

    fn faults(self) -> impl Iterator<Item = &'a Fault> {
        self.entries.iter().filter_map(Entry::fault)
    }

    fn any(self, is: fn(&Entry) -> bool) -> bool {
        self.entries.iter().any(is)
    }

    fn any_fault(self, is: fn(&Fault) -> bool) -> bool {
        self.faults().any(is)
    }

    fn any_word(self, words: &[&str]) -> bool {
        self.faults().any(|fault| words.contains(&&*fault.word))
    }

    fn has_server_event(self) -> bool {
        self.any(|entry| matches!(entry, Entry::Server(_)))
    }

    /// Whether something does more than slow things down.
    fn hurts(self) -> bool {
        self.has_server_event() || self.any_fault(|fault| !MILD.contains(&&*fault.word))
    }

    fn tells(self, word: &str) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Action(action) => action.word == word,
            Entry::Given(text) => text.contains(&format!("\"{word}\"")),
            _ => false,
        })
    }

    /// Whether bytes may be on their way for long.
    fn is_late(self) -> bool {
        self.any_word(&["latency", "bandwidth", "slice", "delay_frame"])
    }

    /// Whether the server may be left with a connection of which nobody knows.
    fn leaves_server_open(entry: &Entry) -> bool {
        entry.fault().is_some_and(|fault| {
            fault.word_of("side") == Some("client") || DESTROYING.contains(&&*fault.word)
        })
    }

    /// The longest that a reference client takes to be back once all is healed.
    ///
    /// In general: until it finds its connection dead, gives up a dial that hangs,
    /// has waited for the next, and is sent a tick. Where every loss is told at
    /// once and no dial hangs, only the wait is left; where dials are slow, those
    /// that are too short for them; and where losses are few and far between, the
    /// waits that so few of them come to.
    pub(super) fn time_to_be_back(self) -> u64 {
        let figures = &self.setting.figures;
        let mut wait = figures.longest_delay();
        // A session that is refused costs another connection.
        if figures.expires {
            wait += figures.longest_delay() + figures.connect_cap;
        }
        let asked = self
            .faults()
            .filter_map(|fault| match fault.value("headers") {
                Some(_) => fault.number_of("headers"),
                None => None,
            });
        // Kept in full, and the client's own wait on top.
        wait += asked.max().unwrap_or_default() * 1000;
        let tick = figures.tick.max(figures.heartbeat);
        if !self.entries.iter().all(Self::is_told) {
            // A way in that is slow besides takes as many dials as its bound must grow.
            let dials = self.widening(self.slow_dials()).max(figures.connect_cap);
            return figures.liveness + dials + wait + figures.tick + MARGIN;
        }
        match self.slow_dials() {
            0 => {
                let general = wait + tick + SHORT_MARGIN;
                self.after_few_losses()
                    .map_or(general, |few| few.min(general))
            }
            slow if slow < figures.connect_cap => self.widening(slow) + wait + tick + SHORT_MARGIN,
            // Some that are too slow only together may be left alone.
            _ => {
                let cap = figures.connect_cap;
                let alone = self.delays().filter(|delay| *delay < cap).sum::<u64>();
                let dials = match alone {
                    0 => cap,
                    alone => self.widening(alone.min(cap - 1)).max(cap),
                };
                dials + wait + tick + MARGIN
            }
        }
    }

    /// Whether whatever it does to a connection is told to the client at once, and
    /// dials that it makes fail, fail at once or are late by a known time.
    fn is_told(entry: &Entry) -> bool {
        let Entry::Fault(fault) = entry else {
            return true;
        };
        match &*fault.word {
            "refuse" | "reject" | "upgrade_reply" | "connect_delay" | "upgrade_delay" => true,
            "close" | "reset" | "close_frame" => fault.word_of("side") != Some("server"),
            _ => false,
        }
    }

    /// By how much dials are slow, by each fault.
    fn delays(self) -> impl Iterator<Item = u64> {
        let slow = self.faults();
        let slow = slow.filter(|fault| fault.word.ends_with("_delay"));
        slow.filter_map(|fault| fault.number_of("delay"))
    }

    /// By how much at most.
    fn slow_dials(self) -> u64 {
        self.delays().sum()
    }

    /// How long it takes to get through a way in that is so slow: the dials that
    /// are too short for it, the waits after them, and the one that gets through.
    fn widening(self, slow: u64) -> u64 {
        let figures = &self.setting.figures;
        let (mut bound, mut sum, mut failures) = (figures.connect_timeout, slow + 100, 0);
        while bound <= slow + 100 && bound < figures.connect_cap {
            sum += bound + figures.delay(failures);
            bound = (bound * 2).min(figures.connect_cap);
            failures += 1;
        }
        // After the last bound there may be one more that is hardly too short.
        if slow + 100 >= bound {
            sum += figures.connect_cap + figures.longest_delay();
        }
        sum
    }

    /// As [`Self::time_to_be_back`], if connections are only lost at known times and
    /// single dials fail: between losses that are far enough from each other the
    /// back-off is reset.
    fn after_few_losses(self) -> Option<u64> {
        let figures = &self.setting.figures;
        if figures.expires || self.has_server_event() || self.tells("reconnect") {
            return None;
        }
        let mut times = Vec::new();
        let mut failing = 0;
        for fault in self.faults() {
            match &fault.trigger {
                Trigger::At {
                    at,
                    lasting: None,
                    every,
                } if ONCE.contains(&&*fault.word) => {
                    let (every, until) = every.unwrap_or((u64::MAX, *at));
                    let end = until.min(self.setting.duration);
                    let mut at = *at;
                    while at <= end {
                        times.push(at);
                        at = at.saturating_add(every);
                    }
                }
                Trigger::On { attempts, .. }
                    if attempts.alone().is_some()
                        && ["reject", "upgrade_reply"].contains(&&*fault.word) =>
                {
                    failing += 1;
                }
                _ => return None,
            }
            if wants_distance(fault, figures).is_some() {
                return None;
            }
        }
        times.sort_unstable();
        let back = |losses: usize| {
            let waits: u64 = (0..losses + failing).map(|n| figures.delay(n)).sum();
            let each = figures.tick.max(figures.heartbeat) + 50;
            waits + each * (losses + failing) as u64 + SHORT_MARGIN
        };
        // Whatever fails before t = 0 is among those of the first connections.
        let (mut worst, mut losses, mut before) = (1, 0, 0_u64);
        for at in times {
            let is_apart = at >= before.saturating_add(back(losses) + figures.min_uptime + 100);
            losses = if is_apart { 1 } else { losses + 1 };
            worst = worst.max(losses);
            before = at;
        }
        Some(back(worst))
    }

    /// The most dials of one client in a run, beyond chance.
    ///
    /// A client that fails k times after each connection that lasted pays
    /// `min_uptime` and k waits, on the average half of their longest; the k that
    /// is cheapest gives the most dials a second. Half as many again, and ten, are
    /// beyond what draws come to. Where nothing can take a connection from a client
    /// there are none but the first.
    fn most_dials(self) -> u64 {
        let figures = &self.setting.figures;
        if !self.has_server_event()
            && !self.tells("reconnect")
            && !self.setting.from_first_dial
            && self.faults().all(|fault| is_gentle(fault, figures))
        {
            return 0;
        }
        let rate = |failures: u64| {
            let waits = (0..failures).map(|n| figures.delay(usize::try_from(n).unwrap_or(0)));
            let mean = if figures.is_full_jitter { 2 } else { 1 };
            let cost = figures.min_uptime + waits.sum::<u64>() / mean;
            // In thousandths of a dial per millisecond.
            failures * 1_000_000 / cost.max(1)
        };
        let fastest = (1..=12).map(rate).max().unwrap_or_default();
        let asked = self.entries.len() as u64;
        10 + asked + fastest * self.setting.duration * 3 / 2 / 1_000_000
    }

    /// The least time between two dials, where each dial that may fail is answered
    /// by somebody who wants distance: as long as Retry-After says, or from half
    /// the longest wait on.
    fn least_gap(self) -> Option<u64> {
        let figures = &self.setting.figures;
        if self.has_server_event() || self.tells("reconnect") || self.tells("stop") {
            return None;
        }
        let mut losses = 0;
        let mut gap: Option<u64> = None;
        for fault in self.faults() {
            let distance = wants_distance(fault, figures);
            match (distance, &fault.trigger) {
                (Some(distance), _) => gap = Some(gap.map_or(distance, |gap| gap.min(distance))),
                // The dial before it was before t = 0.
                (
                    None,
                    Trigger::At {
                        lasting: None,
                        every: None,
                        ..
                    },
                ) if ["close", "reset"].contains(&&*fault.word)
                    && fault.word_of("side") != Some("server")
                    && !self.setting.from_first_dial =>
                {
                    losses += 1;
                }
                _ => return None,
            }
        }
        gap.filter(|_| losses <= 1)
    }
}

/// How long a client keeps away after it at least, if it is asked to.
fn wants_distance(fault: &Fault, figures: &Figures) -> Option<u64> {
    let seconds = fault.value("headers").and(fault.number_of("headers"));
    let is_denied = match &*fault.word {
        "upgrade_reply" => matches!(fault.number_of("status"), Some(401 | 403)),
        "close_frame" => {
            let is_denial = |code: &u64| DENIALS.contains(code);
            let is_told = fault.word_of("side") != Some("server");
            is_told && fault.number_of("code").as_ref().is_some_and(is_denial)
        }
        _ => false,
    };
    let late = is_denied.then(|| figures.longest_delay() / 2);
    seconds.map(|seconds| seconds * 1000).or(late)
}

/// Whether its client hears nothing any more on a connection that stays open.
fn silences(fault: &Fault) -> bool {
    match &*fault.word {
        "stall" | "discard" => fault.word_of("direction") != Some("upstream"),
        "close" | "reset" | "cut" | "close_frame" => fault.word_of("side") == Some("server"),
        _ => false,
    }
}

/// Whether it takes no connection from any client, however long it holds: what is
/// late by so little comes before anybody doubts of the connection.
fn is_gentle(fault: &Fault, figures: &Figures) -> bool {
    let most = figures.liveness / 5;
    let is_short = |key: &str| fault.number_of(key).unwrap_or_default() <= most;
    match &*fault.word {
        "latency" | "delay_frame" => is_short("delay") && is_short("jitter"),
        "duplicate_frame" => matches!(fault.word_of("opcode"), Some("data" | "text")),
        "send_message" | "fragment_message" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::entry::{Parameter, Span, Target, Value};
    use crate::explore::{Base, Setting};

    fn fault(word: &str, trigger: Trigger, parameters: &[(&str, Value)]) -> Entry {
        let parameters = parameters.iter().map(|(key, value)| Parameter {
            key: (*key).to_owned(),
            value: value.clone(),
        });
        Entry::Fault(Fault {
            name: format!("f {word}"),
            trigger,
            target: Target::Everybody,
            word: word.to_owned(),
            parameters: parameters.collect(),
        })
    }

    fn at(at: u64) -> Trigger {
        Trigger::At {
            at,
            lasting: None,
            every: None,
        }
    }

    fn on(attempt: u64) -> Trigger {
        Trigger::On {
            attempts: Span::one(attempt),
            phase: None,
            progress: None,
            after: None,
            lasting: None,
        }
    }

    fn three() -> Setting {
        Base::Three.plain()
    }

    fn promised(entries: &[Entry], key: &str) -> Option<String> {
        let setting = three();
        let lines = Promises::of(&setting, entries).lines();
        lines
            .into_iter()
            .find(|(name, _)| name == key)
            .map(|(_, line)| line)
    }

    #[test]
    fn whoever_is_told_of_each_loss_is_back_after_its_wait() {
        let reset = fault("reset", at(1000), &[]);
        let back = |entries: &[Entry]| Promises::of(&three(), entries).time_to_be_back();
        // One wait, a tick, and a little.
        assert_eq!(back(std::slice::from_ref(&reset)), 100 + 450 + 300);
        // Apart from each other, they come to no more; one after the other, they do.
        let far = fault("reset", at(5000), &[]);
        assert_eq!(back(&[reset.clone(), far]), 100 + 450 + 300);
        let near = fault("reset", at(1500), &[]);
        assert_eq!(back(&[reset.clone(), near]), 300 + 900 + 300);
        // A silence has to be found out, and a dial may hang.
        let stall = fault("stall", at(1000), &[]);
        assert_eq!(
            back(&[reset.clone(), stall]),
            1500 + 3000 + 1000 + 100 + 1000
        );
        // Too slow for the first bound of a second, and not for the next.
        let slow = fault("connect_delay", on(2), &[("delay", Value::Time(1200))]);
        assert_eq!(
            back(&[reset.clone(), slow]),
            1300 + 1000 + 100 + 1000 + 400 + 300
        );
        // Nobody gets through before it is healed.
        let way_in = |word, millis| fault(word, on(2), &[("delay", Value::Time(millis))]);
        let shut = way_in("upgrade_delay", 3000);
        assert_eq!(back(&[reset.clone(), shut]), 3000 + 1000 + 400 + 1000);
        // Nor through both of these; and one may be there without the other.
        let both = [
            reset,
            way_in("connect_delay", 500),
            way_in("upgrade_delay", 2500),
        ];
        let widened = 3099 + (1000 + 100) + (2000 + 200) + (3000 + 1000);
        assert_eq!(back(&both), widened + 1000 + 400 + 1000);
    }

    #[test]
    fn a_distance_is_promised_only_where_nobody_dials_sooner_for_another_reason() {
        let asked = fault(
            "upgrade_reply",
            on(2),
            &[
                ("status", Value::Number(503)),
                ("headers", Value::RetryAfter(2)),
            ],
        );
        let reset = fault("reset", at(1000), &[]);
        let gap = |entries: &[Entry]| promised(entries, "min_dial_gap");
        let two = Some("min_dial_gap = \"2000ms\"".to_owned());
        assert_eq!(gap(&[reset.clone(), asked.clone()]), two);
        assert_eq!(gap(std::slice::from_ref(&reset)), None);
        let again = fault("reset", at(4000), &[]);
        assert_eq!(gap(&[reset, asked, again]), None);
    }

    #[test]
    fn what_is_destroyed_is_not_asked_for_again() {
        let reset = fault("reset", at(1000), &[]);
        assert!(promised(std::slice::from_ref(&reset), "lost").is_some());
        let dropped = fault("drop_frame", at(1000), &[]);
        assert!(promised(&[reset.clone(), dropped], "lost").is_none());
        let flipped = fault("corrupt", at(1000), &[("bytes", Value::Number(1))]);
        assert!(promised(&[reset, flipped], "duplicated").is_none());
    }

    #[test]
    fn small_delays_cost_no_connection() {
        let late = |millis| fault("latency", at(1000), &[("delay", Value::Time(millis))]);
        let dials = |entry: Entry| promised(&[entry], "max_dials");
        assert_eq!(dials(late(200)).as_deref(), Some("max_dials = 0"));
        assert_ne!(dials(late(2000)).as_deref(), Some("max_dials = 0"));
        assert_eq!(promised(&[], "recover_within"), None);
    }
}
