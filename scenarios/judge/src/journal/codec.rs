//! Entries as lines of JSON and back.
//!
//! `{"t_us":…,"from":"proxy","client":"c1","attempt":1,"event":"accepted"}`:
//! time and origin first, then the event with the parts that it has. Times are
//! whole microseconds; what is below a microsecond is not kept.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entry::{Body, Entry, Header};
use crate::plain;

/// A line that is no line of a journal.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    /// The first line is no header.
    #[error("this is not the header of a journal: {0}")]
    Header(#[source] serde_json::Error),
    /// The first line is the header of something else, or of a newer version.
    #[error(
        "format `{format}`, version {version}; this program reads `{}`, version {}",
        Header::FORMAT,
        Header::VERSION
    )]
    Version {
        /// What it says.
        format: String,
        /// What it says.
        version: u32,
    },
    /// The header names something that no run has.
    #[error("this is not the header of a journal: `{0}` is nothing that `{1}` may be")]
    Value(String, &'static str),
}

#[derive(Serialize)]
struct Line<'a, W> {
    t_us: u64,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u64>,
    #[serde(flatten)]
    what: &'a W,
}

/// Who and when, taken off a line before its event is read.
#[derive(Deserialize)]
struct Frame {
    t_us: u64,
    from: String,
    client: Option<String>,
    attempt: Option<u64>,
}

/// The header as a line, without the line end.
pub fn encode_header(header: &Header) -> String {
    written(header)
}

/// An entry as a line, without the line end.
pub fn encode_line(entry: &Entry) -> String {
    let t_us = entry.at.as_micros();
    match &entry.body {
        Body::Proxy {
            client,
            attempt,
            what,
        } => written(&Line {
            t_us,
            from: "proxy",
            client: Some(client),
            attempt: Some(*attempt),
            what,
        }),
        Body::Client { client, what } => written(&Line {
            t_us,
            from: "client",
            client: Some(client),
            attempt: None,
            what,
        }),
        Body::Server(what) => written(&plain(t_us, "server", what)),
        Body::Harness(what) => written(&plain(t_us, "harness", what)),
    }
}

fn plain<'a, W>(t_us: u64, from: &'static str, what: &'a W) -> Line<'a, W> {
    Line {
        t_us,
        from,
        client: None,
        attempt: None,
        what,
    }
}

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("names, numbers and plain enums always have a JSON form")
}

/// Reads one line after the header.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn decode_line(line: &str) -> Result<Entry, String> {
    let text = |error: serde_json::Error| error.to_string();
    let mut event: Map<String, Value> = serde_json::from_str(line).map_err(text)?;
    let mut frame = Map::new();
    for key in ["t_us", "from", "client", "attempt"] {
        frame.extend(event.remove_entry(key));
    }
    let frame: Frame = serde_json::from_value(Value::Object(frame)).map_err(text)?;
    let client = || {
        let client = frame.client.as_deref().map(Arc::from);
        client.ok_or_else(|| "missing field `client`".to_owned())
    };
    let body = match frame.from.as_str() {
        "proxy" => Body::Proxy {
            client: client()?,
            attempt: frame.attempt.ok_or("missing field `attempt`")?,
            what: read(event)?,
        },
        "client" => Body::Client {
            client: client()?,
            what: read(event)?,
        },
        "server" => Body::Server(read(event)?),
        "harness" => Body::Harness(read(event)?),
        other => {
            return Err(format!(
                "`from` is `{other}`, not proxy, client, server or harness"
            ));
        }
    };
    let at = Moment::after_origin(Duration::from_micros(frame.t_us));
    Ok(Entry { at, body })
}

fn read<T: DeserializeOwned>(event: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(event)).map_err(|error| error.to_string())
}

/// Reads the first line.
pub(super) fn decode_header(line: &str) -> Result<Header, HeaderError> {
    /// What every version's header has.
    #[derive(Deserialize)]
    struct Claim {
        format: String,
        version: u32,
    }
    let Claim { format, version } = serde_json::from_str(line).map_err(HeaderError::Header)?;
    let is_known = (Header::OLDEST..=Header::VERSION).contains(&version);
    if format != Header::FORMAT || !is_known {
        return Err(HeaderError::Version { format, version });
    }
    let header: Header = serde_json::from_str(line).map_err(HeaderError::Header)?;
    ensure_sound(&header)?;
    Ok(header)
}

/// What else a header has is known from the scenario that was run.
fn ensure_sound(header: &Header) -> Result<(), HeaderError> {
    let wrong = |value: &str, key| Err(HeaderError::Value(value.to_owned(), key));
    if !plain::is_folder_name(&header.client) {
        return wrong(&header.client, "client");
    }
    if !["real", "virtual"].contains(&header.time.as_str()) {
        return wrong(&header.time, "time");
    }
    match &header.control {
        Some(control) if control != Header::WIRE => wrong(control, "control"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::{Mark, ReadError};
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            format: Header::FORMAT.into(),
            version: Header::VERSION,
            id: "R01".into(),
            case: "R01".into(),
            seed: u64::MAX,
            time: "real".into(),
            client: "sim".into(),
            clients: vec!["c1".into()],
            flaws: vec!["no_liveness".into()],
            control: None,
            retried: 0,
            subject: None,
        }
    }

    fn body() -> impl Strategy<Value = Body> {
        use chaos_proxy::{Ending, EventKind as P, Peer};
        use client_sim::{CloseReason, EventKind as C};
        use ticker_server::EventKind as S;
        let name = "[a-z \"\\\\é]{1,8}";
        let proxy = prop_oneof![
            Just(P::Accepted),
            Just(P::FirstData),
            Just(P::Resumed),
            any::<u16>().prop_map(|status| P::Upgraded { status }),
            any::<u64>().prop_map(|number| P::RequestedAgain { number }),
            any::<Option<u16>>().prop_map(|code| P::PeerEnded {
                peer: Peer::Client,
                how: Ending::CloseFrame,
                code
            }),
            (name, any::<Option<u64>>(), any::<u64>()).prop_map(|(rule, planned_us, actual_us)| {
                P::Struck {
                    rule,
                    fault: "stall".into(),
                    occurrence: 1,
                    planned_us,
                    actual_us,
                }
            }),
        ];
        let client = prop_oneof![
            Just(C::GaveUp),
            (any::<u64>(), name).prop_map(|(seq, session)| C::Applied {
                dial: 1,
                session,
                seq
            }),
            any::<u32>().prop_map(|us| C::Waiting {
                delay: Duration::from_micros(us.into())
            }),
            any::<Option<u16>>().prop_map(|code| C::Closed {
                dial: 2,
                why: CloseReason::Silent,
                code
            }),
        ];
        let server = (name, any::<u64>()).prop_map(|(session, seq)| S::Ticked { session, seq });
        let harness = prop_oneof![
            Just(Mark::TZero),
            name.prop_map(|reason| Mark::Failed { reason }),
            proptest::collection::btree_set(name, 0..3).prop_map(|targets| Mark::Action {
                action: "pause".into(),
                targets
            }),
        ];
        prop_oneof![
            (name, any::<u64>(), proxy).prop_map(|(client, attempt, what)| Body::Proxy {
                client: client.into(),
                attempt,
                what
            }),
            (name, client).prop_map(|(client, what)| Body::Client {
                client: client.into(),
                what
            }),
            server.prop_map(Body::Server),
            harness.prop_map(Body::Harness),
        ]
    }

    fn decode(text: &str) -> Result<(Header, Vec<Entry>), ReadError> {
        crate::journal::read(Path::new("j"), text.as_bytes())
    }

    proptest! {
        #[test]
        fn a_journal_reads_back_as_it_was_written(
            mut bodies in proptest::collection::vec((0_u64..1 << 39, body()), 0..20)
        ) {
            bodies.sort_by_key(|(us, _)| *us);
            let entries: Vec<Entry> = bodies.into_iter().map(|(us, body)| Entry {
                at: Moment::after_origin(Duration::from_micros(us)),
                body,
            }).collect();
            let mut text = encode_header(&header()) + "\n";
            for entry in &entries {
                let line = encode_line(entry);
                prop_assert!(!line.contains('\n'));
                text += &(line + "\n");
            }
            let (read_header, read_entries) = decode(&text).unwrap();
            prop_assert_eq!(read_header, header());
            prop_assert_eq!(read_entries, entries);
        }

        #[test]
        fn any_line_is_an_entry_or_an_error(line in ".{0,60}") {
            let _ = decode_line(&line);
        }
    }

    #[test]
    fn a_line_begins_with_time_and_origin() {
        let entry = Entry {
            at: Moment::after_origin(Duration::from_micros(1500)),
            body: Body::Proxy {
                client: "c1".into(),
                attempt: 2,
                what: chaos_proxy::EventKind::Accepted,
            },
        };
        assert_eq!(
            encode_line(&entry),
            r#"{"t_us":1500,"from":"proxy","client":"c1","attempt":2,"event":"accepted"}"#
        );
    }

    #[test]
    fn what_is_no_journal_is_told_by_line() {
        let check = |text: &str, part: &str| {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let header = encode_header(&header());
        check("", "empty");
        check("{}", "j:1: this is not the header");
        check(
            r#"{"format":"chaos-journal","version":9}"#,
            "version 9; this program reads",
        );
        check(&format!("{header}\n{{}}\n"), "j:2: missing field `t_us`");
        let stranger = r#"{"t_us":1,"from":"moon","event":"rise"}"#;
        check(&format!("{header}\n{stranger}\n"), "j:2: `from` is `moon`");
        let nameless = r#"{"t_us":1,"from":"client","event":"gave_up"}"#;
        check(
            &format!("{header}\n{nameless}\n"),
            "j:2: missing field `client`",
        );
    }
}
