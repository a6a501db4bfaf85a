//! What a third-party client prints about itself, and how it stands in a
//! journal.
//!
//! Pure. Invariant: nothing stands in a journal that the client did not say: a
//! dial that it does not tell is not made up from its `open`. Sessions stand
//! there by their tag only.
//!
//! A tick does not say of which session it is. Where a client has several at
//! once, its number decides: see [`Sessions`].

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
    Open {
        /// By which of its dials, counted from 1, if it says so; else by the last.
        #[serde(default)]
        dial: Option<u64>,
    },
    /// Its application got a message.
    Message {
        /// The message's text, if it is one and the client passes it on.
        #[serde(default)]
        data: Option<String>,
        /// The message's number by the client's own count, in place of one that is
        /// read from `data`.
        #[serde(default)]
        seq: Option<u64>,
        /// What `seq` counts through, such as a session or a subscription; each
        /// client has its own.
        #[serde(default)]
        session: Option<String>,
        /// On which of its dials, likewise.
        #[serde(default)]
        dial: Option<u64>,
    },
    /// A dial failed, or its connection ended.
    Close {
        /// The close code as browsers have it (RFC 6455 §7.1.5), if the client
        /// knows it.
        #[serde(default)]
        code: Option<u16>,
        /// Of which of its dials, likewise.
        #[serde(default)]
        dial: Option<u64>,
    },
    /// It will not reconnect by itself.
    GaveUp,
    /// It has something to send that it holds, or has sent what it held.
    Queue {
        /// How many messages it holds now.
        held: u64,
    },
}

impl ClientReport {
    /// Reads one line of a client's stdout; `None` if it is no such report.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    fn report(&self) -> Report {
        match self {
            Self::Dial => Report::Dial,
            Self::Open { .. } => Report::Open,
            Self::Message { .. } => Report::Message,
            Self::Close { .. } => Report::Close,
            Self::GaveUp => Report::GaveUp,
            Self::Queue { .. } => Report::Queue,
        }
    }
}

/// Makes one client's reports into events of a journal.
#[derive(Debug)]
pub struct Interpreter {
    client: String,
    reports: BTreeSet<Report>,
    dial: u64,
    sessions: Sessions,
}

/// The sessions that a client was welcomed to, by which its ticks are told
/// apart: a tick belongs to the session of the latest dial, unless its number is
/// the next of an older one alone. From then on two of them go on, and a number
/// that is the next of none may be of either: it is nobody's.
#[derive(Debug, Default)]
struct Sessions {
    /// The session of the latest dial.
    latest: Option<Session>,
    /// Those before it, the latest last.
    older: Vec<Session>,
    /// Whether an older one has gone on since the latest dial.
    is_mixed: bool,
}

#[derive(Debug)]
struct Session {
    tag: String,
    dial: u64,
    /// The number that continues it.
    next: u64,
}

impl Sessions {
    /// So many older ones are remembered.
    const MOST: usize = 16;

    /// Another dial begins: it has none yet.
    fn dialled(&mut self) {
        self.is_mixed = false;
        self.older.extend(self.latest.take());
        let too_many = self.older.len().saturating_sub(Self::MOST);
        self.older.drain(..too_many);
    }

    fn welcomed(&mut self, tag: &str, dial: u64, next: u64) {
        // A client may tell of no dial.
        self.dialled();
        let known = self.older.iter().position(|session| session.tag == tag);
        let next = known.map_or(next, |known| self.older.remove(known).next);
        let tag = tag.to_owned();
        self.latest = Some(Session { tag, dial, next });
    }

    /// Whose tick that is, if anybody's.
    fn of_tick(&mut self, seq: u64) -> Option<&Session> {
        let is_next = |session: &Session| session.next == seq;
        let continues_latest = self.latest.as_ref().is_some_and(is_next);
        let older = self.older.iter().rposition(is_next);
        let session = match older.filter(|_| !continues_latest) {
            Some(older) => {
                self.is_mixed = true;
                &mut self.older[older]
            }
            None if self.is_mixed && !continues_latest => return None,
            None => self.latest.as_mut()?,
        };
        session.next = session.next.max(seq.saturating_add(1));
        Some(session)
    }
}

impl Interpreter {
    /// Of a client of this name that tells of these, and of nothing else.
    pub fn new(client: &str, reports: BTreeSet<Report>) -> Self {
        Self {
            client: client.to_owned(),
            reports,
            dial: 0,
            sessions: Sessions::default(),
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
            ClientReport::Open { dial } => {
                if !tells_dials {
                    self.begin();
                }
                let dial = self.named(dial);
                EventKind::Opened { dial }
            }
            ClientReport::Message {
                seq: Some(seq),
                session,
                dial,
                ..
            } if self.reports.contains(&Report::Seq) => {
                self.numbered(seq, session.as_deref(), self.named(dial))
            }
            ClientReport::Message { data, dial, .. } => {
                self.message(data.as_deref(), self.named(dial))
            }
            ClientReport::Close { code, dial } => EventKind::Closed {
                dial: self.named(dial),
                why: CloseReason::Unknown,
                code,
            },
            ClientReport::GaveUp => EventKind::GaveUp,
            ClientReport::Queue { held } => EventKind::Held { held },
        })
    }

    fn begin(&mut self) {
        self.dial += 1;
        self.sessions.dialled();
    }

    /// The dial that the client names, if it is one of those that it told; else the
    /// last.
    fn named(&self, dial: Option<u64>) -> u64 {
        let own = dial.filter(|dial| (1..=self.dial).contains(dial));
        own.unwrap_or(self.dial)
    }

    /// A message that the client has numbered itself.
    fn numbered(&self, seq: u64, session: Option<&str>, dial: u64) -> EventKind {
        let session = session.unwrap_or_default();
        EventKind::Applied {
            dial,
            // Two clients may well name theirs alike.
            session: tag(&format!("{} {session}", self.client)),
            seq,
        }
    }

    fn message(&mut self, data: Option<&str>, dial: u64) -> EventKind {
        let received = EventKind::Received { dial };
        let Some(data) = data.filter(|_| self.reports.contains(&Report::Seq)) else {
            return received;
        };
        match ServerMessage::parse(data) {
            ServerMessage::Welcome(welcome) => {
                let session = tag(&welcome.session);
                self.sessions.welcomed(&session, dial, welcome.next_seq);
                EventKind::Welcomed {
                    dial,
                    session,
                    resumed: welcome.resumed,
                    lost: welcome.lost,
                    next_seq: welcome.next_seq,
                    paused: welcome.paused,
                }
            }
            ServerMessage::Tick { seq, .. } => match self.sessions.of_tick(seq) {
                Some(session) => EventKind::Applied {
                    dial: session.dial,
                    session: session.tag.clone(),
                    seq,
                },
                None => received,
            },
            ServerMessage::Paused => EventKind::PauseChanged { dial, paused: true },
            ServerMessage::Resumed => EventKind::PauseChanged {
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
        let mut interpreter = Interpreter::new("c1", reports.iter().copied().collect());
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
            r#"{"event":"queue","held":3}"#,
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
            EventKind::Held { held: 3 },
            EventKind::GaveUp,
        ];
        assert_eq!(events(&all, &lines), expected.map(Some));
    }

    #[test]
    fn what_is_said_of_an_older_dial_is_of_that_one() {
        let lines = [
            r#"{"event":"dial"}"#,
            r#"{"event":"dial"}"#,
            r#"{"event":"open","dial":1}"#,
            r#"{"event":"message","dial":1}"#,
            r#"{"event":"close","dial":1,"code":1001}"#,
            r#"{"event":"open","dial":3}"#,
        ];
        let told = events(&Report::ALL.map(|(_, report)| report), &lines);
        let closed = EventKind::Closed {
            dial: 1,
            why: CloseReason::Unknown,
            code: Some(1001),
        };
        let expected = [
            EventKind::Opened { dial: 1 },
            EventKind::Received { dial: 1 },
            closed,
            // There was no third one.
            EventKind::Opened { dial: 2 },
        ];
        assert_eq!(told[2..], expected.map(Some));
    }

    #[test]
    fn numbers_of_the_clients_own_are_of_its_own_session() {
        let line = r#"{"event":"message","seq":7,"session":"a"}"#;
        let of = |client: &str| {
            let mut interpreter = Interpreter::new(client, [Report::Seq].into());
            interpreter.interpret(ClientReport::parse(line.as_bytes()).unwrap())
        };
        let applied = |session: &str| EventKind::Applied {
            dial: 0,
            session: tag(session),
            seq: 7,
        };
        assert_eq!(of("c1"), Some(applied("c1 a")));
        assert_eq!(of("c2"), Some(applied("c2 a")));
        let undeclared = events(&[Report::Message], &[line]);
        assert_eq!(undeclared, [Some(EventKind::Received { dial: 0 })]);
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

    /// What becomes of these ticks, each as "session on dial: number", after such
    /// welcomes, each on a dial of its own; a dash where one is nobody's.
    fn ticks_of(lines: &[(&str, u64)]) -> Vec<String> {
        let mut interpreter = Interpreter::new("c1", [Report::Dial, Report::Seq].into());
        let mut told = Vec::new();
        for (session, number) in lines {
            let data = if session.is_empty() {
                format!(r#"{{"type":"tick","seq":{number},"value":1}}"#)
            } else {
                interpreter.interpret(ClientReport::Dial);
                format!(r#"{{"type":"welcome","session":"{session}","next_seq":{number}}}"#)
            };
            let data = Some(data);
            told.push(
                match interpreter.interpret(ClientReport::Message {
                    data,
                    seq: None,
                    session: None,
                    dial: None,
                }) {
                    Some(EventKind::Applied { dial, session, seq }) => {
                        let names = ["a", "b", "c"].into_iter();
                        let name = names.rev().find(|name| tag(name) == session).unwrap();
                        format!("{name} on {dial}: {seq}")
                    }
                    Some(EventKind::Received { .. }) => "-".to_owned(),
                    _ => continue,
                },
            );
        }
        told
    }

    #[test]
    fn ticks_of_two_sessions_are_told_apart_by_their_numbers() {
        let mixed = [
            ("a", 1),
            ("", 1),
            ("", 2),
            ("b", 1),
            ("", 3),
            ("", 1),
            ("", 4),
            ("", 2),
        ];
        let expected = [
            "a on 1: 1",
            "a on 1: 2",
            "a on 1: 3",
            "b on 2: 1",
            "a on 1: 4",
            "b on 2: 2",
        ];
        assert_eq!(ticks_of(&mixed), expected);
        // What is the next of neither may be of either.
        let stray = [&mixed[..], &[("", 2), ("", 9), ("", 3), ("", 5)]].concat();
        assert_eq!(ticks_of(&stray)[6..], ["-", "-", "b on 2: 3", "a on 1: 5"]);
        // While the first was being replaced it went on.
        let between = ticks_of(&[("a", 5), ("", 5), ("b", 1), ("", 6)]);
        assert_eq!(between, ["a on 1: 5", "a on 1: 6"]);
    }

    #[test]
    fn of_one_session_at_a_time_every_tick_is_its_own() {
        let again = [
            ("a", 1),
            ("", 1),
            ("b", 1),
            ("", 1),
            ("", 1),
            ("", 7),
            ("", 3),
        ];
        let expected = [
            "a on 1: 1",
            "b on 2: 1",
            "b on 2: 1",
            "b on 2: 7",
            "b on 2: 3",
        ];
        assert_eq!(ticks_of(&again), expected);
        let resumed = [("a", 1), ("", 1), ("a", 9), ("", 2), ("", 1)];
        let expected = ["a on 1: 1", "a on 2: 2", "a on 2: 1"];
        assert_eq!(ticks_of(&resumed), expected);
    }

    #[test]
    fn a_session_ends_with_its_dial() {
        let dial = r#"{"event":"dial"}"#;
        let report = events(&[Report::Dial, Report::Seq], &[dial, WELCOME, dial, TICK]);
        assert_eq!(report[3], Some(EventKind::Received { dial: 2 }));
    }
}
