//! Known bugs of reconnecting clients, to be enabled on demand.
//!
//! Each flaw changes exactly one behaviour of the reference client, so a check that
//! fails with a flaw and passes without it is known to look at that behaviour.
//! Used by the session machine, by scenario files (`flaws = [...]`) and by
//! `--flaw`.

use std::fmt;
use std::str::FromStr;

macro_rules! flaws {
    ($($variant:ident $word:literal $description:literal)*) => {
        /// One known bug: a client with it…
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Flaw {
            $(#[doc = concat!("… ", $description, ".")] $variant,)*
        }

        /// In the order of the enum.
        const TABLE: &[(Flaw, &str, &str)] = &[$((Flaw::$variant, $word, $description),)*];
    };
}

flaws! {
    NoLiveness "no_liveness"
        "never notices that a connection has gone silent"
    LivenessBySends "liveness_by_sends"
        "takes its own sends as a sign that the server is alive"
    LivenessByMessages "liveness_by_messages"
        "counts only complete data messages as a sign of life, not pings or the bytes of a slow message"
    CarriesPingOver "carries_ping_over"
        "waits on its new connection for the answer to a ping of the old one"
    NeverStale "never_stale"
        "shows old data as live until it gives up the silent connection"
    NoConnectTimeout "no_connect_timeout"
        "waits indefinitely for an attempt to connect"
    TimeoutFirstConnectOnly "timeout_first_connect_only"
        "has a timeout for the first attempt to connect and for no later one"
    KeepsShortTimeout "keeps_short_timeout"
        "never extends its connect timeout, so a slow handshake never succeeds"
    ResetsBackoffOnOpen "resets_backoff_on_open"
        "resets its backoff as soon as a connection opens"
    NeverResetsBackoff "never_resets_backoff"
        "keeps its longest delay even after a long good connection"
    NoBackoff "no_backoff"
        "always retries after 1 ms"
    NoJitter "no_jitter"
        "waits the full ceiling of its policy, in step with all other clients"
    IgnoresRetryAfter "ignores_retry_after"
        "ignores the Retry-After of a rejected handshake"
    HammersWhenDenied "hammers_when_denied"
        "retries as fast as usual after 401, 403, 1008 and the like"
    StopsOnCleanClose "stops_on_clean_close"
        "takes FIN and close frames as an intended end"
    StopsOnReset "stops_on_reset"
        "takes a reset as final"
    StopsOnBadUpgrade "stops_on_bad_upgrade"
        "takes a response other than 101 as final"
    StopsOnTlsError "stops_on_tls_error"
        "takes a failed TLS handshake as final"
    AcceptsAnyCertificate "accepts_any_certificate"
        "accepts any certificate"
    TakesAnyAnswer "takes_any_answer"
        "takes any response to its handshake for a WebSocket, and waits for data"
    StopsOnUnknownCode "stops_on_unknown_code"
        "breaks on a close frame with a code outside 1000 to 1011, or with none"
    GivesUpOnFirstConnect "gives_up_on_first_connect"
        "takes an error of its very first connection as final"
    GivesUpEarly "gives_up_early"
        "stops for good after three failed dials in a row"
    WaitsForCloseReply "waits_for_close_reply"
        "waits for the close of a silent connection to be answered before it reconnects"
    LeaksOldSocket "leaks_old_socket"
        "keeps an abandoned socket open beside the new one"
    LeaksAttempts "leaks_attempts"
        "leaves the socket of an attempt that timed out open, and retries"
    TrustsOldSocket "trusts_old_socket"
        "keeps an abandoned socket, whose late end takes down the new one"
    MixesOldData "mixes_old_data"
        "keeps an abandoned socket and applies what still arrives on it"
    DoubleDial "double_dial"
        "starts two dials after each loss, as if error and close were two"
    DialsAfterStop "dials_after_stop"
        "goes on when it is stopped while connecting or waiting"
    DialsTwiceOnReconnect "dials_twice_on_reconnect"
        "dials twice when asked to reconnect while it is about to anyway"
    DeliversPieces "delivers_pieces"
        "delivers the piece of a message that was cut as if it were complete"
    KeepsParserState "keeps_parser_state"
        "reads a new connection as if it continued a message that was cut"
    ForgetsPause "forgets_pause"
        "does not ask again for the pause that a new session has lost"
    IgnoresContradiction "ignores_contradiction"
        "does not repeat its wish when a late message of an old connection undoes it"
    ForgetsSession "forgets_session"
        "declares resume and reconnects without its session"
    KeepsRefusedSession "keeps_refused_session"
        "asks for its old session again and again, though the server has refused it"
    AppliesDuplicates "applies_duplicates"
        "applies a tick again that it has already applied"
    UnboundedQueue "unbounded_queue"
        "queues messages without a bound"
    ForgetsQueue "forgets_queue"
        "loses its queue of messages when it reconnects"
    ReplaysAcknowledged "replays_acknowledged"
        "repeats acknowledged messages after a reconnect"
    FlushesBackwards "flushes_backwards"
        "sends its queue in reverse order"
    FlushesOnOpen "flushes_on_open"
        "sends its queue as soon as it is connected, before the server's welcome"
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::NoLiveness; TABLE.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = TABLE[index].0;
            index += 1;
        }
        all
    };

    /// Its name in files and flags, such as `no_liveness`.
    pub const fn word(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// What a client with it does, in one line.
    pub const fn description(self) -> &'static str {
        TABLE[self as usize].2
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A word that names no [`Flaw`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no flaw is called {word:?}; {}", guess(word))]
pub struct UnknownFlaw {
    /// What was written.
    pub word: String,
}

fn guess(word: &str) -> String {
    let known = Flaw::ALL.map(Flaw::word);
    let nearest = environment::text::nearest(word, known);
    match nearest {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("there are {}", Flaw::ALL.map(Flaw::word).join(", ")),
    }
}

impl FromStr for Flaw {
    type Err = UnknownFlaw;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|flaw| flaw.word() == word);
        found.ok_or_else(|| UnknownFlaw { word: word.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_are_unique_and_parse_back() {
        for (index, flaw) in Flaw::ALL.into_iter().enumerate() {
            assert_eq!(flaw as usize, index, "{flaw} is out of order in TABLE");
            assert_eq!(flaw.word().parse(), Ok(flaw));
            assert_eq!(
                flaw.word().replace('_', ""),
                format!("{flaw:?}").to_lowercase()
            );
        }
        let words: BTreeSet<_> = Flaw::ALL.map(Flaw::word).into();
        assert_eq!(words.len(), Flaw::ALL.len());
    }

    #[test]
    fn an_unknown_word_is_told_what_there_is() {
        let error = "no_livenes".parse::<Flaw>().unwrap_err().to_string();
        assert!(
            error.ends_with("\"no_livenes\"; did you mean `no_liveness`?"),
            "{error}"
        );
    }
}
