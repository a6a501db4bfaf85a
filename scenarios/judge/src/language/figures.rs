//! The figures of which a scenario's times can be expressions: what the client
//! declares, and what the file's `[clients]` say where it is silent.

use std::time::Duration;

use client_sim::Behaviour;
use environment::text::Figures;

use crate::subject::Traits;

/// Of such a client under this file; without traits it is the simulated one.
pub fn figures(behaviour: &Behaviour, subject: Option<&Traits>) -> Figures {
    let own = of_file(behaviour);
    let declared = |figure: fn(&Traits) -> Option<Duration>| subject.and_then(figure);
    Figures {
        liveness: declared(Traits::liveness).unwrap_or(own.liveness),
        dial_bound: declared(Traits::dial_bound).unwrap_or(own.dial_bound),
        first_delay: declared(Traits::first_delay).unwrap_or(own.first_delay),
        longest_delay: declared(Traits::longest_delay).unwrap_or(own.longest_delay),
    }
}

fn of_file(behaviour: &Behaviour) -> Figures {
    let longest_delay = |attempt, before| behaviour.reconnect.bounds(attempt, before).1;
    Figures {
        liveness: behaviour.liveness,
        dial_bound: behaviour.connect_timeout_cap,
        first_delay: longest_delay(0, None),
        longest_delay: longest_delay(u32::MAX, Some(Duration::MAX)),
    }
}
