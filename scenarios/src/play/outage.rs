//! What became of each outage of the one page that plays: a line when it is over.
//!
//! Pure: a fold over what happens on the connection. Every connection is the page's own,
//! so each that is accepted meanwhile is a dial.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{Event, EventKind, Peer};
use environment::Moment;
use environment::text::format_duration;

/// What is under way.
#[derive(Debug, Default)]
pub struct Outages {
    /// Connections that have data and that nothing was done to.
    sound: BTreeSet<Arc<str>>,
    /// Those that something was done to.
    struck: BTreeSet<Arc<str>>,
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    from: Moment,
    cause: String,
    noticed: Option<Moment>,
    dials: u32,
}

impl Outages {
    /// A line, if this ends an outage, or is a double.
    pub fn fold(&mut self, event: &Event) -> Option<String> {
        let (at, who) = (event.at, &event.client);
        match &event.what {
            // It affects no client.
            EventKind::Struck { fault, .. } if fault == "latency" => None,
            EventKind::Struck { rule, .. } if event.attempt > 0 => {
                self.hurt(at, who, rule);
                None
            }
            EventKind::Accepted => {
                if let Some(outage) = &mut self.outage {
                    outage.dials += 1;
                    outage.noticed.get_or_insert(at);
                }
                None
            }
            EventKind::PeerEnded {
                peer: Peer::Client, ..
            } => {
                if let Some(outage) = &mut self.outage {
                    outage.noticed.get_or_insert(at);
                }
                None
            }
            EventKind::FirstData => {
                self.sound.insert(Arc::clone(who));
                let over = self.over(at);
                over.or_else(|| self.doubled())
            }
            EventKind::Resumed => {
                self.struck.remove(who);
                self.sound.insert(Arc::clone(who));
                self.over(at)
            }
            EventKind::Closed { .. } => {
                self.sound.remove(who);
                self.struck.remove(who);
                None
            }
            _ => None,
        }
    }

    fn hurt(&mut self, from: Moment, who: &Arc<str>, rule: &str) {
        self.sound.remove(who);
        self.struck.insert(Arc::clone(who));
        self.outage.get_or_insert_with(|| Outage {
            from,
            cause: rule.to_owned(),
            noticed: None,
            dials: 0,
        });
    }

    fn over(&mut self, at: Moment) -> Option<String> {
        let Outage {
            from,
            cause,
            noticed,
            dials,
        } = self.outage.take()?;
        let noticed = match noticed {
            Some(noticed) => format!("noticed after {}", rounded(noticed.since(from))),
            None => "never noticed".to_owned(),
        };
        let back = rounded(at.since(from));
        let dials = match dials {
            1 => "1 dial".to_owned(),
            many => format!("{many} dials"),
        };
        let live = match self.sound.len() {
            0 | 1 => "no doubles".to_owned(),
            many => format!("{many} connections at once"),
        };
        Some(format!(
            "⇒ {cause}: {noticed}, back after {back}, {dials}, {live}"
        ))
    }

    fn doubled(&self) -> Option<String> {
        let live = self.sound.len();
        (live > 1).then(|| format!("⇒ {live} live connections at once"))
    }
}

/// To a tenth of a second, as somebody sees it.
fn rounded(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    format_duration(Duration::from_millis(tenths.saturating_mul(100)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::ms;

    fn told(story: &[(u64, &str, EventKind)]) -> Vec<String> {
        let mut outages = Outages::default();
        let lines = story.iter().filter_map(|(at, client, what)| {
            outages.fold(&Event {
                at: ms(*at),
                client: Arc::from(*client),
                attempt: 1,
                what: what.clone(),
            })
        });
        lines.collect()
    }

    fn struck(fault: &str) -> EventKind {
        EventKind::Struck {
            rule: "by hand".into(),
            fault: fault.into(),
            occurrence: 1,
            planned_us: None,
            actual_us: 0,
        }
    }

    #[test]
    fn an_outage_ends_with_a_line_and_what_only_slows_down_is_none() {
        use EventKind::{Accepted, FirstData, Resumed};
        let left = || EventKind::PeerEnded {
            peer: Peer::Client,
            how: chaos_proxy::Ending::Fin,
            code: None,
        };
        let noticed = [
            (0, "1", Accepted),
            (10, "1", FirstData),
            (1000, "1", struck("stall")),
            (4020, "1", left()),
            (4500, "2", Accepted),
            (4600, "2", FirstData),
        ];
        let line = "⇒ by hand: noticed after 3s, back after 3600ms, 1 dial, no doubles";
        assert_eq!(told(&noticed), [line]);
        let sat_out = [
            (10, "1", FirstData),
            (1000, "1", struck("stall")),
            (11_000, "1", Resumed),
        ];
        let line = "⇒ by hand: never noticed, back after 10s, 0 dials, no doubles";
        assert_eq!(told(&sat_out), [line]);
        let late = [(10, "1", FirstData), (1000, "1", struck("latency"))];
        assert_eq!(told(&late), [""; 0]);
        let doubled = [(10, "1", FirstData), (20, "2", FirstData)];
        assert_eq!(told(&doubled), ["⇒ 2 live connections at once"]);
    }
}
