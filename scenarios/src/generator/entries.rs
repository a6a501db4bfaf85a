//! The entries of a random schedule: a fault, an action or a server event.

use std::fmt;

use environment::Draw;

use super::base::{Base, DURATION};
use super::one_of;

/// One table of a scenario file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The table's name, such as `fault`.
    table: &'static str,
    /// The fault's or the action's word.
    word: &'static str,
    /// Its lines.
    lines: Vec<String>,
}

/// Faults that act by the clock alone.
const ON_LISTENER: [&str; 2] = ["refuse", "blackhole"];

const FAULTS: [&str; 23] = [
    "refuse",
    "blackhole",
    "reject",
    "accept_silent",
    "connect_delay",
    "upgrade_reply",
    "upgrade_delay",
    "latency",
    "bandwidth",
    "slice",
    "stall",
    "discard",
    "corrupt",
    "close",
    "reset",
    "cut",
    "close_frame",
    "drop_frame",
    "duplicate_frame",
    "delay_frame",
    "reorder_frame",
    "slow_close",
    "idle_timeout",
];

/// Faults that do more than slow things down.
const HARMFUL: [&str; 13] = [
    "refuse",
    "blackhole",
    "reject",
    "accept_silent",
    "upgrade_reply",
    "stall",
    "discard",
    "corrupt",
    "close",
    "reset",
    "cut",
    "close_frame",
    "drop_frame",
];

/// Faults that strike what is there, and need no window.
const ONCE: [&str; 4] = ["close", "reset", "close_frame", "cut"];

impl Entry {
    pub(super) fn draw(index: u64, base: &Base, draw: &mut Draw) -> Self {
        match draw.below(10) {
            // The first one is to do some harm.
            _ if index == 1 => Self::fault(index, base, draw),
            0 => Self::action(base, draw),
            1 => Self::server_event(index, draw),
            _ => Self::fault(index, base, draw),
        }
    }

    fn fault(index: u64, base: &Base, draw: &mut Draw) -> Self {
        let faults = if index == 1 {
            &HARMFUL[..]
        } else {
            &FAULTS[..]
        };
        let word = one_of(draw, faults);
        let mut lines = vec![format!("name = \"f{index} {word}\"")];
        if ON_LISTENER.contains(&word) || draw.chance(0.5) {
            lines.extend(by_the_clock(word, draw));
        } else {
            lines.extend(on_connections(word, base, draw));
        }
        lines.push("must_fire = false".to_owned());
        lines.extend(target(base, draw));
        lines.push(format!("inject.{word} = {{ {} }}", parameters(word, draw)));
        Self {
            table: "fault",
            word,
            lines,
        }
    }

    fn action(base: &Base, draw: &mut Draw) -> Self {
        let word = one_of(draw, &["pause", "resume", "stop", "reconnect", "reconnect"]);
        let mut lines = vec![moment("at", 0, DURATION, draw)];
        lines.push(format!("do = \"{word}\""));
        lines.extend(target(base, draw));
        Self {
            table: "action",
            word,
            lines,
        }
    }

    fn server_event(index: u64, draw: &mut Draw) -> Self {
        let word = one_of(draw, &["restart", "kill"]);
        let lines = vec![
            format!("name = \"e{index} {word}\""),
            // Apart from each other: the server must be there when one comes.
            format!("at = \"{}ms\"", index * 2000 - 1500 + draw.below(900)),
            format!("do = \"{word}\""),
            moment("for", 0, 600, draw),
        ];
        Self {
            table: "server_event",
            word,
            lines,
        }
    }

    /// Whether bytes may arrive that were never sent.
    pub(super) fn damages(&self) -> bool {
        self.word == "corrupt"
    }

    /// Whether messages may be missing on a connection that goes on.
    pub(super) fn destroys(&self) -> bool {
        ["discard", "drop_frame", "reorder_frame"].contains(&self.word)
    }

    /// Whether the server may be left with a connection of which nobody knows.
    pub(super) fn leaves_server_open(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| line.contains("side = \"client\"")) || self.destroys()
    }

    pub(super) fn stops(&self) -> bool {
        self.word == "stop"
    }

    pub(super) fn pauses(&self) -> bool {
        self.word == "pause"
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[{}]]", self.table)?;
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

fn moment(key: &str, from: u64, until: u64, draw: &mut Draw) -> String {
    format!("{key} = \"{}ms\"", from + draw.below(until - from))
}

fn by_the_clock(word: &str, draw: &mut Draw) -> Vec<String> {
    let at = draw.below(DURATION - 1500);
    let mut lines = vec![format!("at = \"{at}ms\"")];
    let is_once = ONCE.contains(&word);
    if ON_LISTENER.contains(&word) || !is_once && draw.chance(0.9) || draw.chance(0.2) {
        let lasting = 50 + draw.below(4000);
        lines.push(format!("for = \"{lasting}ms\""));
        let every = lasting + 200 + draw.below(2000);
        if at + every < DURATION && draw.chance(0.3) {
            lines.push(format!("every = \"{every}ms\"\nuntil = \"{DURATION}ms\""));
        }
    }
    lines
}

fn on_connections(word: &str, base: &Base, draw: &mut Draw) -> Vec<String> {
    let attempts: &[&str] = if base.from_first_dial {
        &["1", "1", "2", "\"1..\"", "\"2..3\"", "\"..2\""]
    } else {
        &["2", "3", "\"1..\"", "\"2..\"", "\"2..3\""]
    };
    let mut on = vec![format!("attempt = {}", one_of(draw, attempts))];
    let is_of_entry = ["reject", "accept_silent", "connect_delay"].contains(&word);
    if !is_of_entry && draw.chance(0.5) {
        let phase = one_of(draw, &["connect", "upgrade", "open", "closing"]);
        on.push(format!("phase = \"{phase}\""));
    }
    if !is_of_entry && draw.chance(0.2) {
        on.push(format!("frame = {}", draw.below(12)));
    } else if !is_of_entry && draw.chance(0.2) {
        on.push(format!("bytes = {}", draw.below(3000)));
    }
    let mut lines = vec![format!("on = {{ {} }}", on.join(", "))];
    if !is_of_entry && draw.chance(0.4) {
        lines.push(moment("after", 0, 2500, draw));
    }
    if !ONCE.contains(&word) && !is_of_entry && draw.chance(0.7) {
        lines.push(moment("for", 50, 4000, draw));
    }
    lines
}

fn target(base: &Base, draw: &mut Draw) -> Option<String> {
    match draw.below(4) {
        0 => Some("target.share = 0.5".to_owned()),
        1 => Some(format!(
            "target.clients = [\"c{}\"]",
            1 + draw.below(base.clients)
        )),
        _ => None,
    }
}

fn direction(draw: &mut Draw) -> String {
    let word = one_of(draw, &["upstream", "downstream", "downstream", "both"]);
    format!("direction = \"{word}\"")
}

fn side(draw: &mut Draw) -> String {
    let word = one_of(draw, &["client", "server", "both", "both"]);
    format!("side = \"{word}\"")
}

fn how(draw: &mut Draw) -> String {
    format!("how = \"{}\"", one_of(draw, &["close", "reset"]))
}

fn frames(draw: &mut Draw) -> String {
    let opcodes = ["data", "data", "text", "ping", "pong", "control", "any"];
    let opcode = one_of(draw, &opcodes);
    let index = one_of(draw, &["1", "2", "\"1..\"", "\"2..5\"", "\"3..\""]);
    let direction = direction(draw);
    format!("opcode = \"{opcode}\", index = {index}, {direction}")
}

fn parameters(word: &str, draw: &mut Draw) -> String {
    match word {
        "connect_delay" | "upgrade_delay" => moment("delay", 50, 4000, draw),
        "upgrade_reply" => upgrade_reply(draw),
        "latency" => {
            let delay = 20 + draw.below(3000);
            let jitter = draw.below(delay / 2);
            let direction = direction(draw);
            format!("delay = \"{delay}ms\", jitter = \"{jitter}ms\", {direction}")
        }
        "bandwidth" => {
            let rate = one_of(draw, &["1B/s", "200B/s", "2KB/s", "50KB/s"]);
            format!("rate = \"{rate}\", {}", direction(draw))
        }
        "slice" => {
            let size = 1 + draw.below(40);
            let gap = moment("gap", 0, 80, draw);
            format!("size = \"{size}B\", {gap}, {}", direction(draw))
        }
        "stall" | "discard" => direction(draw),
        "corrupt" if draw.chance(0.5) => {
            let bytes = 1 + draw.below(20);
            format!("bytes = {bytes}, {}", direction(draw))
        }
        "corrupt" => {
            let kind = one_of(draw, &["opcode", "mask", "reserved", "utf8"]);
            format!("kind = \"{kind}\", {}", data_frames(draw))
        }
        "close" | "reset" => side(draw),
        "cut" => cut(draw),
        "close_frame" => {
            let code = one_of(draw, &["1000", "1001", "1006", "1011", "1012", "1013"]);
            format!("code = {code}, {}", side(draw))
        }
        "drop_frame" | "duplicate_frame" | "reorder_frame" => frames(draw),
        "delay_frame" => format!("{}, {}", moment("delay", 20, 2500, draw), frames(draw)),
        "slow_close" => format!("{}, {}", moment("delay", 20, 2500, draw), direction(draw)),
        "idle_timeout" => format!("{}, {}", moment("delay", 100, 2500, draw), how(draw)),
        _ => String::new(),
    }
}

fn data_frames(draw: &mut Draw) -> String {
    let index = one_of(draw, &["1", "2", "\"2..5\""]);
    format!("opcode = \"text\", index = {index}, {}", direction(draw))
}

fn upgrade_reply(draw: &mut Draw) -> String {
    match draw.below(4) {
        0 => "kind = \"garbage\"".to_owned(),
        1 => "kind = \"wrong_accept\"".to_owned(),
        _ => {
            let status = one_of(draw, &["301", "401", "404", "429", "500", "503"]);
            format!("status = {status}")
        }
    }
}

fn cut(draw: &mut Draw) -> String {
    let place = if draw.chance(0.5) {
        format!("bytes = {}", draw.below(2500))
    } else {
        let part = one_of(draw, &["header", "length", "payload", "between"]);
        format!("frame = {}, part = \"{part}\"", 1 + draw.below(8))
    };
    format!(
        "{place}, {}, {}, {}",
        how(draw),
        side(draw),
        direction(draw)
    )
}
