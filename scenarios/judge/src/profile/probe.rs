//! The scenarios by which a client is measured.
//!
//! Each begins with connections that work, and does one thing to them; the first
//! connection is lost in all but [`Probe::Silent`] and [`Probe::Unheard`].

use std::time::Duration;

use environment::text::{Figures, format_duration};

/// When something is done to the first connection, after t = 0.
const AT: Duration = Duration::from_millis(500);

/// For what no figure says: a dial on a busy machine.
const MARGIN: Duration = Duration::from_secs(5);

/// So many ticks fit into the time that is watched, at most.
const MOST_TICKS: u32 = 500;

/// One thing to be done to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// FIN, as with close code 1006.
    Fin,
    /// RST.
    Reset,
    /// A close frame with this code, or with none.
    Code(Option<u16>),
    /// The next dial is answered with this status.
    Status(u16),
    /// Likewise with 503 and a Retry-After.
    RetryAfter,
    /// Every dial after the loss is accepted and reset.
    Rejected,
    /// Every connection after the loss is reset as soon as it is open.
    Dropped,
    /// Three dials are rejected, and one connection works for long before it is
    /// lost.
    Rested,
    /// The next dials are accepted and never answered.
    Unanswered,
    /// Every dial after the loss goes unanswered by the network.
    Unreachable,
    /// The first connection falls silent and stays.
    Silent,
    /// Nothing of what the client sends on its first connection arrives.
    Unheard,
}

/// What all probes of a client have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// How many clients take part in each.
    pub clients: u32,
    /// How long a reaction is waited for, at least.
    pub watch: Duration,
    /// What the client declares of itself; nothing where it is silent.
    pub figures: Figures,
    /// Likewise, how long it takes to notice that nobody hears it.
    pub upstream_liveness: Duration,
}

impl Setting {
    /// What Retry-After asks for: longer than the client waits by itself.
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(2 * self.figures.first_delay.as_secs() + 12)
    }
}

impl Probe {
    /// How long the connection of [`Probe::Rested`] works.
    pub const REST: Duration = Duration::from_secs(10);

    /// Every one, in the order in which they are told.
    pub fn all() -> Vec<Self> {
        let codes = [1000, 1001, 1008, 1011, 1012, 1013, 4000].map(Some);
        let codes = codes.into_iter().chain([None]).map(Self::Code);
        let statuses = [401, 403, 404, 429, 503].map(Self::Status);
        let first = [Self::Fin, Self::Reset].into_iter().chain(codes);
        let rest = [
            Self::RetryAfter,
            Self::Rejected,
            Self::Dropped,
            Self::Rested,
            Self::Unanswered,
            Self::Unreachable,
            Self::Silent,
            Self::Unheard,
        ];
        first.chain(statuses).chain(rest).collect()
    }

    /// The id of its scenario.
    pub fn id(self) -> String {
        let word = match self {
            Self::Fin => "fin".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Code(Some(code)) => format!("close-{code}"),
            Self::Code(None) => "close-none".to_owned(),
            Self::Status(status) => format!("status-{status}"),
            Self::RetryAfter => "retry-after".to_owned(),
            Self::Rejected => "rejected".to_owned(),
            Self::Dropped => "dropped".to_owned(),
            Self::Rested => "rested".to_owned(),
            Self::Unanswered => "unanswered".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Silent => "silent".to_owned(),
            Self::Unheard => "unheard".to_owned(),
        };
        format!("profile-{word}")
    }

    /// Whether what it does to a client is of WebSockets alone.
    pub fn is_of_web_sockets(self) -> bool {
        matches!(self, Self::Code(_) | Self::Status(_) | Self::RetryAfter)
    }

    /// Which of its dials shows what a client does, from 0: the one after what was
    /// done.
    pub(super) fn lost_dial(self) -> usize {
        match self {
            Self::Status(_) | Self::RetryAfter => 1,
            Self::Rested => 4,
            _ => 0,
        }
    }

    /// The text of its scenario.
    pub fn text(self, setting: &Setting) -> String {
        let watched = self.watched(setting);
        let tick = (watched / MOST_TICKS).max(match self {
            // Each dial leaves a session behind whose ticks go on.
            Self::Dropped => Duration::from_secs(1),
            _ => Duration::from_millis(50),
        });
        let (duration, tick) = (format_duration(AT + watched), format_duration(tick));
        let (id, count) = (self.id(), setting.clients);
        // A server that drops whom it does not hear would say it for the client.
        let patience = match self {
            Self::Unheard => format!("ping_every = \"{duration}\"\n"),
            _ => String::new(),
        };
        let faults: String = self.injected(setting).iter().map(fault).collect();
        format!(
            "id = \"{id}\"\ncase = \"profile\"\nduration = \"{duration}\"\nsettle = \"1s\"\n\n\
             [server]\ntick = \"{tick}\"\n{patience}\n[clients]\ncount = {count}\n\n\
             {faults}[expect]\nmax_live = 1\n"
        )
    }

    /// How long a reaction is waited for: never shorter than declarations need to be
    /// refuted.
    pub fn watched(self, setting: &Setting) -> Duration {
        let Figures {
            liveness,
            dial_bound,
            longest_delay,
            ..
        } = setting.figures;
        let one_dial = dial_bound + longest_delay;
        let needed = match self {
            Self::Silent => liveness + liveness / 4,
            Self::Unheard => setting.upstream_liveness + setting.upstream_liveness / 4,
            Self::Rejected | Self::Dropped => 4 * longest_delay,
            Self::Unanswered | Self::Unreachable => 2 * one_dial,
            Self::RetryAfter => one_dial + setting.retry_after(),
            Self::Rested => 4 * one_dial + Self::REST,
            _ => one_dial,
        };
        setting.watch.max(needed + MARGIN)
    }

    /// Each fault's trigger, and what it does.
    fn injected(self, setting: &Setting) -> Vec<(&'static str, String)> {
        let now = |inject: &str| ("at = \"500ms\"", inject.to_owned());
        let lost = now("reset = {}");
        let on = |trigger, inject: &str| (trigger, inject.to_owned());
        match self {
            Self::Fin => vec![now("close = { side = \"client\" }")],
            Self::Reset => vec![lost],
            Self::Code(code) => {
                let code = code.map_or(String::new(), |code| format!("code = {code}, "));
                vec![now(&format!("close_frame = {{ {code}side = \"client\" }}"))]
            }
            Self::Status(status) => {
                let reply = format!("upgrade_reply = {{ status = {status} }}");
                vec![lost, on("on = { attempt = 2 }", &reply)]
            }
            Self::RetryAfter => {
                let seconds = setting.retry_after().as_secs();
                let reply = format!(
                    "upgrade_reply = {{ status = 503, headers = {{ Retry-After = \"{seconds}\" }} }}"
                );
                vec![lost, on("on = { attempt = 2 }", &reply)]
            }
            Self::Rejected => vec![lost, on("on = { attempt = \"2..\" }", "reject = {}")],
            Self::Dropped => {
                let opened = "on = { attempt = \"2..\", phase = \"open\" }\nafter = \"20ms\"";
                vec![lost, on(opened, "reset = {}")]
            }
            Self::Rested => {
                let opened = "on = { attempt = 5, phase = \"open\" }\nafter = \"10s\"";
                let rejected = on("on = { attempt = \"2..4\" }", "reject = {}");
                vec![lost, rejected, on(opened, "reset = {}")]
            }
            Self::Unanswered => {
                vec![lost, on("on = { attempt = \"2..\" }", "accept_silent = {}")]
            }
            Self::Unreachable => vec![lost, now("blackhole = {}")],
            Self::Silent => vec![now("stall = {}")],
            Self::Unheard => vec![now("stall = { direction = \"upstream\" }")],
        }
    }
}

fn fault((trigger, inject): &(&'static str, String)) -> String {
    // Two of one probe may be of one word.
    let name = format!("{} {inject}", trigger.replace('\n', " ")).replace('"', "'");
    format!("[[fault]]\nname = \"{name}\"\nmust_fire = false\n{trigger}\ninject.{inject}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::read;
    use environment::text::Source;

    #[test]
    fn every_probe_is_a_sound_scenario() {
        let seconds = Duration::from_secs;
        for (liveness, longest_delay) in [(10, 30), (3_600, 3_600)] {
            let setting = Setting {
                upstream_liveness: Duration::from_secs(2),
                clients: 8,
                watch: seconds(60),
                figures: Figures {
                    liveness: seconds(liveness),
                    dial_bound: seconds(5),
                    first_delay: Duration::ZERO,
                    longest_delay: seconds(longest_delay),
                },
            };
            for probe in Probe::all() {
                let source = Source::new(probe.id(), probe.text(&setting));
                let scenario = read(&source).unwrap_or_else(|wrong| panic!("{}", wrong.rendered));
                assert_eq!(scenario.id, probe.id());
            }
        }
    }
}
