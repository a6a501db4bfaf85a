//! What somebody else's client prints about itself, and how it stands in a
//! journal.
//!
//! Pure. Invariant: nothing stands in a journal that the client did not say: a
//! dial that it does not tell is not made up from its `open`. Sessions stand
//! there by their tag only.

use std::collections::BTreeSet;

use client_sim::{CloseReason, EventKind, ServerMessage};
use environment::tag;
use serde::Deserialize;

use super::Report;

/// One thing that a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ClientReport {
    /// It begins to connect.
    Dial,
    /// It is connected.
    Open,
    /// Its application got a message.
    Message {
        /// The message's text, if it is one and the client passes it on.
        #[serde(default)]
        data: Option<String>,
    },
    /// A dial failed, or its connection ended.
    Close {
        /// The close code as browsers have it (RFC 6455 §7.1.5), if the client
        /// knows it.
        #[serde(default)]
        code: Option<u16>,
    },
    /// It will not dial again by itself.
    GaveUp,
}

impl ClientReport {
    /// Reads one line of a client's stdout; `None` if it is no such report.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    fn report(&self) -> Report {
        match self {
            Self::Dial => Report::Dial,
            Self::Open => Report::Open,
            Self::Message { .. } => Report::Message,
            Self::Close { .. } => Report::Close,
            Self::GaveUp => Report::GaveUp,
        }
    }
}

/// Makes one client's reports into events of a journal.
#[derive(Debug)]
pub struct Interpreter {
    reports: BTreeSet<Report>,
    dial: u64,
    session: Option<String>,
}

impl Interpreter {
    /// Of a client that tells of these, and of nothing else.
    pub fn new(reports: BTreeSet<Report>) -> Self {
        Self {
            reports,
            dial: 0,
            session: None,
        }
    }

    /// The event; `None` of what the client does not claim to tell.
    pub fn interpret(&mut self, report: ClientReport) -> Option<EventKind> {
        let is_message = matches!(report, ClientReport::Message { .. });
        let is_declared = self.reports.contains(&report.report())
            || (is_message && self.reports.contains(&Report::Seq));
        if !is_declared {
            return None;
        }
        let tells_dials = self.reports.contains(&Report::Dial);
        Some(match report {
            ClientReport::Dial => {
                self.begin();
                EventKind::Dialled { dial: self.dial }
            }
            ClientReport::Open => {
                if !tells_dials {
                    self.begin();
                }
                EventKind::Opened { dial: self.dial }
            }
            ClientReport::Message { data } => self.message(data.as_deref()),
            ClientReport::Close { code } => EventKind::Closed {
                dial: self.dial,
                why: CloseReason::Unknown,
                code,
            },
            ClientReport::GaveUp => EventKind::GaveUp,
        })
    }

    fn begin(&mut self) {
        self.dial += 1;
        self.session = None;
    }

    fn message(&mut self, data: Option<&str>) -> EventKind {
        let dial = self.dial;
        let received = EventKind::Received { dial };
        let Some(data) = data.filter(|_| self.reports.contains(&Report::Seq)) else {
            return received;
        };
        match (ServerMessage::parse(data), &self.session) {
            (ServerMessage::Welcome(welcome), _) => {
                let session = tag(&welcome.session);
                self.session = Some(session.clone());
                EventKind::Welcomed {
                    dial,
                    session,
                    resumed: welcome.resumed,
                    lost: welcome.lost,
                    next_seq: welcome.next_seq,
                    paused: welcome.paused,
                }
            }
            (ServerMessage::Tick { seq, .. }, Some(session)) => EventKind::Applied {
                dial,
                session: session.clone(),
                seq,
            },
            (ServerMessage::Paused, _) => EventKind::PauseChanged { dial, paused: true },
            (ServerMessage::Resumed, _) => EventKind::PauseChanged {
                dial,
                paused: false,
            },
            _ => received,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(reports: &[Report], lines: &[&str]) -> Vec<Option<EventKind>> {
        let mut interpreter = Interpreter::new(reports.iter().copied().collect());
        let reports = lines
            .iter()
            .map(|line| ClientReport::parse(line.as_bytes()));
        reports
            .map(|report| interpreter.interpret(report?))
            .collect()
    }

    const WELCOME: &str =
        r#"{"event":"message","data":"{\"type\":\"welcome\",\"session\":\"s\",\"next_seq\":1}"}"#;
    const TICK: &str = r#"{"event":"message","data":"{\"type\":\"tick\",\"seq\":4,\"value\":1}"}"#;

    #[test]
    fn a_client_that_tells_all_is_understood() {
        let all = Report::ALL.map(|(_, report)| report);
        let lines = [
            r#"{"event":"dial","more":1}"#,
            r#"{"event":"open"}"#,
            TICK,
            WELCOME,
            TICK,
            r#"{"event":"message"}"#,
            r#"{"event":"close","code":1006}"#,
            r#"{"event":"dial"}"#,
            r#"{"event":"close"}"#,
            r#"{"event":"gave_up"}"#,
        ];
        let closed = |dial, code| EventKind::Closed {
            dial,
            why: CloseReason::Unknown,
            code,
        };
        let expected = [
            EventKind::Dialled { dial: 1 },
            EventKind::Opened { dial: 1 },
            EventKind::Received { dial: 1 },
            EventKind::Welcomed {
                dial: 1,
                session: tag("s"),
                resumed: false,
                lost: None,
                next_seq: 1,
                paused: false,
            },
            EventKind::Applied {
                dial: 1,
                session: tag("s"),
                seq: 4,
            },
            EventKind::Received { dial: 1 },
            closed(1, Some(1006)),
            EventKind::Dialled { dial: 2 },
            closed(2, None),
            EventKind::GaveUp,
        ];
        assert_eq!(events(&all, &lines), expected.map(Some));
    }

    #[test]
    fn what_is_not_declared_or_no_report_is_nothing() {
        let lines = [
            "",
            "[]",
            "{}",
            "hello",
            r#"{"event":"rise"}"#,
            r#"{"event":"close","code":99999}"#,
            r#"{"event":"message","data":5}"#,
            r#"{"event":"dial"}"#,
            WELCOME,
        ];
        let none = events(&[], &lines);
        assert!(none.iter().all(Option::is_none), "{none:?}");
        let opens = events(&[Report::Open], &[r#"{"event":"open"}"#; 2]);
        assert_eq!(
            opens[1],
            Some(EventKind::Opened { dial: 2 }),
            "counted alone"
        );
        let plain = events(&[Report::Message], &[WELCOME, TICK]);
        assert_eq!(plain[1], Some(EventKind::Received { dial: 0 }));
    }

    #[test]
    fn a_session_ends_with_its_dial() {
        let dial = r#"{"event":"dial"}"#;
        let report = events(&[Report::Dial, Report::Seq], &[dial, WELCOME, dial, TICK]);
        assert_eq!(report[3], Some(EventKind::Received { dial: 2 }));
    }
}
