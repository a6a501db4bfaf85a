//! What the user at the keyboard can do to the connection.

use std::time::Duration;

use chaos_proxy::{Control, Distribution, Fault, Latency, Side, Way};

/// One key's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayKey {
    /// Nothing passes for ten seconds.
    PullWire,
    /// Every connection is reset.
    Reset,
    /// Every connection is ended.
    Close,
    /// Nobody is at home for five seconds, and those inside are put out.
    Down,
    /// Everything is half a second late, for ten seconds.
    Late,
    /// What was done manually is undone.
    Heal,
    /// The end.
    Quit,
}

/// The names of the rules made here, so that they can be lifted.
const RULES: [&str; 3] = ["network cut", "server down", "late"];

impl PlayKey {
    /// Every action, with its key and what it does.
    pub const ALL: [(char, Self, &'static str); 7] = [
        ('w', Self::PullWire, "cut the network for 10 s"),
        ('r', Self::Reset, "reset every connection"),
        ('c', Self::Close, "close every connection"),
        (
            'd',
            Self::Down,
            "server down for 5 s: connections end, new ones are refused",
        ),
        ('l', Self::Late, "add 500 ms latency for 10 s"),
        ('h', Self::Heal, "heal what your keys did"),
        ('q', Self::Quit, "quit"),
    ];

    /// The action of a key.
    pub fn of(key: char) -> Option<Self> {
        let key = key.to_ascii_lowercase();
        Self::ALL
            .iter()
            .find(|(known, ..)| *known == key)
            .map(|(_, action, _)| *action)
    }

    pub(super) async fn perform(self, control: &Control) {
        if self == Self::Heal {
            for rule in RULES {
                control.lift(rule).await;
            }
        }
        for (rule, fault, seconds) in self.faults() {
            let lasting = seconds.map(Duration::from_secs);
            control.inject(rule, fault, lasting).await;
        }
    }

    /// What it injects, in order: rule, fault, and for how many seconds.
    fn faults(self) -> Vec<(&'static str, Fault, Option<u64>)> {
        let close = ("closed manually", Fault::Close(Side::Both), None);
        match self {
            Self::PullWire => vec![("network cut", Fault::Stall(Way::Both), Some(10))],
            Self::Reset => vec![("reset manually", Fault::Reset(Side::Both), None)],
            Self::Close => vec![close],
            // First nobody gets in, then everybody goes.
            Self::Down => vec![("server down", Fault::Refuse, Some(5)), close],
            Self::Late => vec![("late", half_a_second(), Some(10))],
            Self::Heal | Self::Quit => vec![],
        }
    }
}

fn half_a_second() -> Fault {
    Fault::Latency(Latency {
        way: Way::Both,
        delay: Duration::from_millis(500),
        jitter: Duration::ZERO,
        distribution: Distribution::Uniform,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_holds_can_be_healed() {
        let holds = PlayKey::ALL
            .iter()
            .flat_map(|(_, action, _)| action.faults())
            .filter(|(.., seconds)| seconds.is_some());
        let held: Vec<&str> = holds.map(|(rule, ..)| rule).collect();
        assert_eq!(held, ["network cut", "server down", "late"]);
        assert!(held.iter().all(|rule| RULES.contains(rule)));
    }

    #[test]
    fn every_key_has_its_own_action() {
        for (key, action, _) in PlayKey::ALL {
            assert_eq!(PlayKey::of(key), Some(action));
            assert_eq!(PlayKey::of(key.to_ascii_uppercase()), Some(action));
        }
        assert_eq!(PlayKey::of('x'), None);
    }
}
