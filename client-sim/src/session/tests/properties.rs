//! The machine's invariants, under random input, against what an observer of
//! its outputs alone can know.

use std::time::Duration;

use environment::{Moment, Seed};
use proptest::prelude::*;

use super::super::{Command, Ending, Input, Output, Phase, Refusal, Session};
use super::{Rig, behaviour, tick, welcome};
use crate::{Behaviour, CloseReason, EventKind, Flaw, Sending, ServerMessage};

#[derive(Debug, Clone)]
enum Step {
    Pass(Duration),
    Timer,
    /// About the dial so many before the last.
    Input(u64, Input),
    Command(Command),
    Shutdown,
}

fn ending() -> impl Strategy<Value = Ending> {
    let why = prop::sample::select(vec![
        CloseReason::Refused,
        CloseReason::BadUpgrade,
        CloseReason::Reset,
        CloseReason::Ended,
        CloseReason::CloseFrame,
        CloseReason::Protocol,
        CloseReason::Network,
    ]);
    let refusal =
        (any::<u16>(), prop::option::of(any::<u64>())).prop_map(|(status, seconds)| Refusal {
            status,
            retry_after: seconds.map(Duration::from_secs),
        });
    (
        why,
        prop::option::of(any::<u16>()),
        prop::option::of(refusal),
        any::<bool>(),
    )
        .prop_map(|(why, code, refusal, is_cut)| Ending {
            why,
            code,
            refusal,
            is_cut,
        })
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let seq = prop_oneof![0_u64..10, Just(u64::MAX)];
    prop_oneof![
        4 => ("s[12]?", seq.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(id, seq, resumed, paused)| welcome(&id, seq, resumed, paused)),
        4 => seq.prop_map(tick),
        1 => Just(ServerMessage::Paused),
        1 => Just(ServerMessage::Resumed),
        1 => Just(ServerMessage::Heartbeat),
        1 => Just(ServerMessage::Other),
        2 => (0_u64..20).prop_map(|number| ServerMessage::Ack { number }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let commands = [Command::Pause, Command::Resume, Command::Reconnect];
    let input = prop_oneof![
        4 => Just(Input::Opened),
        1 => Just(Input::Heard),
        4 => server_message().prop_map(Input::Message),
        2 => ending().prop_map(Input::Ended),
    ];
    let dial = prop_oneof![6 => Just(0_u64), 1 => 1_u64..4];
    prop_oneof![
        6 => (0_u64..12_000).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        2 => Just(Step::Timer),
        12 => (dial, input).prop_map(|(dial, input)| Step::Input(dial, input)),
        3 => prop::sample::select(commands.to_vec()).prop_map(Step::Command),
        1 => prop_oneof![Just(Step::Command(Command::Stop)), Just(Step::Shutdown)],
    ]
}

/// What an observer of the outputs alone knows of a client.
#[derive(Debug, Default)]
struct Reference {
    /// The dial that is an attempt or a connection, and whether it is open.
    current: Option<(u64, bool)>,
    dials: u64,
    is_stopped: bool,
    session: String,
    highest: u64,
    /// The last number said on the current connection, and whether it is welcomed.
    said: u64,
    is_welcomed: bool,
}

/// More often than steps pass, with a small queue.
fn sending() -> Option<Sending> {
    Some(Sending {
        at_most: AT_MOST,
        ..Sending::every(Duration::from_secs(2))
    })
}

const AT_MOST: u32 = 3;

impl Reference {
    fn input(&mut self, dial: u64, input: &Input) {
        match (self.current, input) {
            (Some((current, false)), Input::Opened) if current == dial => {
                (self.said, self.is_welcomed) = (0, false);
                self.current = Some((dial, true));
            }
            (Some((current, _)), Input::Ended(_)) if current == dial => self.current = None,
            _ => {}
        }
    }

    fn output(&mut self, output: &Output, was_stopped: bool) -> Result<(), TestCaseError> {
        prop_assert!(!was_stopped, "{output:?} after the stop");
        match output {
            Output::Dial { dial, .. } => {
                prop_assert_eq!(self.current, None, "two at a time");
                prop_assert!(!self.is_stopped, "a dial after the stop");
                prop_assert_eq!(*dial, self.dials + 1);
                self.dials = *dial;
                self.current = Some((*dial, false));
            }
            Output::Send { dial, .. } | Output::Say { dial, .. } | Output::Ping { dial } => {
                prop_assert_eq!(self.current, Some((*dial, true)), "{:?}", output);
            }
            Output::Close { dial, .. } => {
                prop_assert_eq!(self.current.take(), Some((*dial, true)));
            }
            Output::Abandon { dial } => {
                prop_assert_eq!(self.current.take().map(|(dial, _)| dial), Some(*dial));
            }
            Output::Tell(EventKind::Welcomed {
                session,
                resumed,
                next_seq,
                ..
            }) => {
                self.is_welcomed = true;
                if !resumed || *session != self.session {
                    self.session.clone_from(session);
                    self.highest = next_seq.saturating_sub(1);
                }
            }
            Output::Tell(EventKind::Applied { seq, .. }) => {
                prop_assert!(*seq > self.highest, "{seq} after {}", self.highest);
                self.highest = *seq;
            }
            Output::Tell(EventKind::Sent { number, .. }) => {
                prop_assert!(self.is_welcomed, "before the welcome");
                prop_assert!(*number > self.said, "{number} after {}", self.said);
                self.said = *number;
            }
            Output::Tell(
                EventKind::Offered { held, .. } | EventKind::Acknowledged { held, .. },
            ) => prop_assert!(*held <= AT_MOST.into(), "{held} held"),
            Output::Tell(EventKind::Stopped) => self.is_stopped = true,
            Output::Tell(_) => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_the_sound_client_keeps_its_manners(
        steps in prop::collection::vec(step(), 0..80),
        max_attempts in prop::option::of(1_u32..5),
    ) {
        let behaviour = Behaviour { max_attempts, sending: sending(), ..behaviour(&[]) };
        let mut session = Session::new("c1".into(), Seed(1), behaviour);
        let mut reference = Reference::default();
        let mut now = Moment::ORIGIN;
        session.start(now);
        for step in [Step::Timer].into_iter().chain(steps) {
            let was_stopped = session.phase() == Phase::Closed;
            match step.clone() {
                Step::Pass(time) => {
                    now = now + time;
                    session.timer(now);
                }
                Step::Timer => session.timer(now),
                Step::Input(back, input) => {
                    let dial = reference.dials.saturating_sub(back);
                    reference.input(dial, &input);
                    session.handle(now, dial, input);
                }
                Step::Command(command) => session.command(now, command),
                Step::Shutdown => session.shutdown(),
            }
            while let Some(output) = session.poll_output() {
                reference.output(&output, was_stopped)?;
            }
            let phase = match (session.phase(), reference.current) {
                (Phase::Connecting, Some((_, false))) | (Phase::Open, Some((_, true))) => true,
                (Phase::Backoff | Phase::GaveUp, None) => !reference.is_stopped,
                (Phase::Closed, None) => reference.is_stopped,
                _ => false,
            };
            prop_assert!(phase, "{:?} {:?} after {step:?}", session.phase(), reference);
            // Progress: whoever is not at an end has something to wait for.
            let is_over = matches!(session.phase(), Phase::Closed | Phase::GaveUp);
            prop_assert_eq!(session.deadline().is_none(), is_over);
            // A spurious timer changes nothing.
            if session.deadline().is_some_and(|deadline| now < deadline) {
                session.timer(now);
                prop_assert_eq!(session.poll_output(), None);
            }
        }
    }

    /// With any flaws at all: no panic, and time always moves on.
    #[test]
    fn no_flaw_hangs_or_breaks_the_machine(
        flaws in prop::collection::vec(prop::sample::select(Flaw::ALL.to_vec()), 0..5),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut rig = Rig::with(Behaviour { sending: sending(), ..behaviour(&flaws) });
        for step in steps {
            match step {
                Step::Pass(time) => rig.pass(time),
                Step::Timer => rig.pass(Duration::ZERO),
                Step::Input(back, input) => rig.input_of(rig.dial.saturating_sub(back), input),
                Step::Command(command) => rig.command(command),
                Step::Shutdown => rig.session.shutdown(),
            }
        }
    }
}
