//! The server and the clients of a random schedule.

use std::fmt;

use environment::Draw;

/// Times are milliseconds.
#[derive(Debug, Clone)]
pub struct Base {
    /// How many clients there are.
    pub clients: u64,
    /// Whether t = 0 is before the first dial, and not after the first message.
    pub from_first_dial: bool,
    /// From tick to tick.
    pub tick: u64,
    /// Whether the server pings, and drops who does not answer.
    pub pings: bool,
    /// Whether clients ask for their old session.
    pub resumes: bool,
    /// A connection of which nothing is heard for so long is dead.
    pub liveness: u64,
}

/// From t = 0 until everything is healed.
pub(super) const DURATION: u64 = 8000;

/// The longest bound of a dial.
const LONGEST_DIAL: u64 = 3000;

/// The longest delay before a dial.
const LONGEST_DELAY: u64 = 1000;

impl Base {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let ticks = [50, 100, 100, 250, 1000];
        let tick = ticks[usize::try_from(draw.below(5)).unwrap_or(0)];
        Self {
            clients: 1 + draw.below(3),
            from_first_dial: draw.chance(0.5),
            tick,
            pings: draw.chance(0.4),
            resumes: draw.chance(0.7),
            liveness: 1500,
        }
    }

    /// The longest that a sound client takes to be back once all is healed: until
    /// it finds its connection dead, gives up a dial that hangs, has waited for
    /// the next, and is sent a tick.
    pub(super) fn time_to_be_back(&self) -> u64 {
        self.liveness + LONGEST_DIAL + LONGEST_DELAY + self.tick + 1000
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "duration = \"{DURATION}ms\"\nsettle = \"12s\"")?;
        if self.from_first_dial {
            writeln!(f, "start = \"first_dial\"")?;
        }
        writeln!(f, "\n[server]\ntick = \"{}ms\"", self.tick)?;
        writeln!(f, "heartbeat = \"400ms\"\nbuffer = 1000")?;
        if self.pings {
            writeln!(f, "ping_every = \"3s\"\npong_within = \"3s\"")?;
        }
        writeln!(f, "\n[clients]\ncount = {}", self.clients)?;
        writeln!(f, "connect_timeout = \"1s\"")?;
        writeln!(f, "connect_timeout_cap = \"{LONGEST_DIAL}ms\"")?;
        writeln!(f, "liveness = \"{}ms\"", self.liveness)?;
        writeln!(f, "min_uptime = \"500ms\"\nresume = {}", self.resumes)?;
        writeln!(
            f,
            "reconnect = {{ full_jitter = {{ base = \"100ms\", cap = \"{LONGEST_DELAY}ms\" }} }}"
        )
    }
}
