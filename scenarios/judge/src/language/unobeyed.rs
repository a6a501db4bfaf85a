//! What a file wants of the ticker, where a client speaks to one server alone,
//! which takes the ticker's place and obeys nobody.
//!
//! A ticker that is asked to speak often makes a case short, and any server that
//! speaks at least once a second does as well; how much it keeps for a session that
//! is taken up again concerns nobody who has sessions with another. Everything else is asked for since
//! the case is about it.

use std::time::Duration;

use environment::text::{Table, format_duration};

use super::own_server::TICKER;
use super::server_event::ServerEvent;

/// A server is taken to speak at least so often.
const OFTEN: Duration = Duration::from_secs(1);

/// What of its `[server]` such a server does not obey, in words; `is_obeyed` says what
/// it does.
pub(super) fn of_server(
    table: &Table<'_>,
    config: &ticker_server::Config,
    is_obeyed: impl Fn(&str) -> bool,
) -> Vec<String> {
    let often = [("tick", config.tick), ("heartbeat", config.heartbeat)];
    let seldom = often
        .into_iter()
        .filter(|(key, every)| *every > OFTEN && !is_obeyed(key));
    let seldom = seldom.map(|(key, every)| format!("`{key} = \"{}\"`", format_duration(every)));
    let is_other = |key: &&str| !["tick", "heartbeat", "buffer"].contains(key);
    let others = TICKER.into_iter().filter(is_other);
    let others = others.filter(|key| table.has(key) && !is_obeyed(key));
    seldom.chain(others.map(|key| format!("`{key}`"))).collect()
}

/// And of what befalls it.
pub(super) fn of_events<'a>(
    events: impl Iterator<Item = &'a ServerEvent>,
    is_obeyed: impl Fn(&str) -> bool,
) -> impl Iterator<Item = String> {
    let others = events.filter(move |event| !is_obeyed(event.end.word()));
    others.map(|event| format!("a `{}`", event.end.word()))
}

/// All of it, if there is anything.
pub(super) fn listed(wanted: &[String]) -> Option<String> {
    match wanted {
        [] => None,
        [only] => Some(only.clone()),
        [others @ .., last] => Some(format!("{} and {last}", others.join(", "))),
    }
}
