//! `/events`: the journal of all proxies as server-sent events.
//!
//! Each event's `id` is its number; a reader that comes back with
//! `Last-Event-ID` goes on behind it. What is no longer kept by then is told as
//! an event called `gap`, so nobody takes a part for the whole.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event as Message;
use futures_util::stream::{self, Stream};
use serde::Serialize;

use super::super::server::App;
use super::error::ApiError;
use crate::journal::Line;
use crate::proxies::{Entry, EventLog, Next};

/// How many events are taken at once.
const BATCH: usize = 64;
/// How often something is said when nothing happens, so that both ends know that
/// the other is there.
const PULSE: Duration = Duration::from_secs(15);
/// After what time a reader should come back.
const RETRY: Duration = Duration::from_secs(1);

/// `GET /events`
pub(super) async fn stream(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>> + use<>>, ApiError> {
    let event_log = app.state().await.proxies.event_log().clone();
    let seen = match headers.get("last-event-id") {
        Some(id) => id.to_str().ok().and_then(|id| id.parse().ok()),
        None => Some(event_log.last()),
    };
    let reader = Reader {
        seen: seen.ok_or_else(|| ApiError::mistake("`Last-Event-ID` must be a number"))?,
        app,
        event_log,
        ready: vec![Message::default().retry(RETRY).comment("events follow")],
    };
    let messages = stream::unfold(reader, |mut reader| async {
        let message = reader.next().await?;
        Some((Ok(message), reader))
    });
    Ok(Sse::new(messages))
}

struct Reader {
    app: App,
    event_log: EventLog,
    /// The number of the last event that was taken.
    seen: u64,
    /// What is to be said, the next one last.
    ready: Vec<Message>,
}

#[derive(Serialize)]
struct Gap {
    /// The first and the last of what is missing.
    from: u64,
    to: u64,
}

impl Reader {
    /// The next message; `None` when the API stops.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop() {
                return Some(message);
            }
            match self.event_log.after(self.seen, BATCH) {
                Some(next) => self.take(next),
                None => {
                    let clock = self.app.environment().clock.clone();
                    tokio::select! {
                        biased;
                        () = self.app.stopped() => return None,
                        () = self.event_log.wait_after(self.seen) => {}
                        () = clock.sleep(PULSE) => return Some(Message::default().comment("")),
                    }
                }
            }
        }
    }

    fn take(&mut self, next: Next) {
        match next {
            Next::Entries(entries) => {
                self.seen = entries.last().map_or(self.seen, |entry| entry.id);
                let messages = entries.iter().rev().map(message);
                self.ready = messages.collect();
            }
            Next::Gap(from, to) => {
                self.seen = to;
                self.ready = vec![gap(from, to)];
            }
            // Numbers of another run: everything that is kept is new.
            Next::Foreign => {
                self.seen = 0;
                self.ready = vec![gap(0, 0)];
            }
        }
    }
}

fn message(entry: &Arc<Entry>) -> Message {
    let line = Line::of(&entry.event, Some(&entry.proxy));
    with_json(Message::default().id(entry.id.to_string()), &line)
}

fn gap(from: u64, to: u64) -> Message {
    let message = Message::default().event("gap").id(to.to_string());
    with_json(message, &Gap { from, to })
}

/// JSON has no line breaks of its own, and nothing of ours fails to be JSON.
fn with_json(message: Message, data: &impl Serialize) -> Message {
    message.data(serde_json::to_string(data).unwrap_or_default())
}
