//! What the end of a connection or attempt means: whether it is final, whether
//! the server wants distance, and what is left of it.
//!
//! The one invariant: for the reference client no ending is final but the last of
//! `max_attempts`, and nothing of a connection outlives it. Part of the
//! [machine](super).

use super::{Session, State};
use crate::session::Ending;
use crate::{CloseReason, Flaw};

impl Session {
    /// What a flawed client does with the last bytes of a connection; a sound
    /// one forgets all of it.
    pub(super) fn keep_remains(&mut self, ending: Ending) {
        let State::Open(open) = self.state else {
            return;
        };
        self.has_ping_out = open.silence.is_pinged && self.has(Flaw::CarriesPingOver);
        self.has_piece = ending.is_cut && self.has(Flaw::KeepsParserState);
        if ending.is_cut && open.is_welcomed && self.has(Flaw::DeliversPieces) {
            self.applied(self.dial, self.feed.next());
        }
    }

    /// For the reference client no ending is final but the last of `max_attempts`.
    pub(super) fn is_final(&self, ending: Ending, was_open: bool) -> bool {
        let is_strange = ending
            .code
            .is_none_or(|code| !(1000..=1011).contains(&code));
        let given_up = match ending.why {
            CloseReason::Ended => self.has(Flaw::StopsOnCleanClose),
            CloseReason::CloseFrame => {
                self.has(Flaw::StopsOnCleanClose)
                    || self.has(Flaw::StopsOnUnknownCode) && is_strange
            }
            CloseReason::Reset => self.has(Flaw::StopsOnReset),
            CloseReason::Tls => self.has(Flaw::StopsOnTlsError),
            CloseReason::BadUpgrade => self.has(Flaw::StopsOnBadUpgrade),
            _ => false,
        };
        let failures = self.backoff.failures();
        let is_first = self.dial == 1 && !was_open;
        given_up
            || is_first && self.has(Flaw::GivesUpOnFirstConnect)
            || failures >= 3 && self.has(Flaw::GivesUpEarly)
            || self
                .behaviour
                .max_attempts
                .is_some_and(|max| failures >= max)
    }
}

/// Whether the server has refused what this client showed it: an application's own
/// 401. Then the session is asked for no more.
pub(super) fn is_refusal(ending: Ending) -> bool {
    ending.code == Some(4401)
}

/// Whether the server has said that coming back soon is unwelcome.
///
/// The declared table: 401 and 403, 1013 (try again later), and the codes that
/// blame this client (1002, 1003, 1007 to 1010, and an application's own 4000
/// to 4999) are retried near the cap of the policy. All others, 1000 included,
/// are retried as any loss is: this end did not want them.
pub(super) fn is_denial(ending: Ending) -> bool {
    let by_status = ending
        .refusal
        .is_some_and(|r| matches!(r.status, 401 | 403));
    let by_code = matches!(
        ending.code,
        Some(1002 | 1003 | 1007..=1010 | 1013 | 4000..=4999)
    );
    by_status || by_code
}
