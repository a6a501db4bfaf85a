//! Any interleaving of time, sockets, pauses and resumptions, against a model.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MAX_SESSIONS: usize = 4;
const BUFFER: u64 = 5;

fn rules() -> Rules {
    Rules {
        tick: Duration::from_millis(100),
        heartbeat: Duration::from_millis(130),
        buffer: BUFFER,
        expiry: Duration::from_secs(2),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Create,
    Resume { session: usize, behind: u64 },
    Detach(usize),
    SetPaused { session: usize, paused: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..700).prop_map(Step::Wait),
        2 => Just(Step::Create),
        3 => (any::<usize>(), 0_u64..12).prop_map(|(session, behind)| Step::Resume { session, behind }),
        3 => any::<usize>().prop_map(Step::Detach),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(session, paused)| Step::SetPaused { session, paused }),
    ]
}

/// What is known of a session from outside.
#[derive(Debug, Default)]
struct Model {
    head: u64,
    paused: bool,
    sockets: Vec<SocketId>,
}

struct World {
    registry: Registry,
    now: Moment,
    models: BTreeMap<SessionId, Model>,
    ids: u64,
    sockets: u64,
}

impl World {
    fn new() -> Self {
        Self {
            registry: Registry::new(rules(), MAX_SESSIONS),
            now: Moment::ORIGIN,
            models: BTreeMap::new(),
            ids: 0,
            sockets: 0,
        }
    }

    fn socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId(self.sockets)
    }

    fn pick(&self, index: usize) -> Option<SessionId> {
        let count = self.models.len();
        (count > 0).then(|| self.models.keys().nth(index % count).unwrap().clone())
    }

    fn wait(&mut self, millis: u64) -> Result<(), TestCaseError> {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.registry.deadline().filter(|due| *due <= end) {
            prop_assert!(due >= self.now, "a deadline in the past");
            self.now = due;
            let (id, happened) = self.registry.poll(due).expect("a deadline is never idle");
            self.check_happened(&id, happened)?;
        }
        self.now = end;
        prop_assert_eq!(self.registry.poll(self.now), None);
        Ok(())
    }

    fn check_happened(&mut self, id: &SessionId, happened: Happened) -> Result<(), TestCaseError> {
        let model = self.models.get_mut(id).expect("only living sessions act");
        match happened {
            Happened::Tick(seq) => {
                prop_assert!(!model.paused, "a paused session makes no ticks");
                prop_assert_eq!(seq, model.head + 1, "no gap");
                model.head = seq;
            }
            Happened::Heartbeat => prop_assert!(!model.sockets.is_empty()),
            Happened::Ended => {
                prop_assert!(model.sockets.is_empty());
                self.models.remove(id);
            }
        }
        Ok(())
    }

    fn create(&mut self) -> Result<(), TestCaseError> {
        self.ids += 1;
        let id = SessionId::new(&format!("s{}", self.ids));
        let socket = self.socket();
        match self.registry.create(self.now, socket, id.clone()) {
            Ok(dropped) => {
                let gone = dropped.and_then(|dropped| self.models.remove(&dropped));
                prop_assert!(gone.is_none_or(|gone| gone.sockets.is_empty()));
                self.models.entry(id).or_default().sockets.push(socket);
            }
            Err(Full) => {
                prop_assert_eq!(self.models.len(), MAX_SESSIONS);
                prop_assert!(self.models.values().all(|model| !model.sockets.is_empty()));
            }
        }
        Ok(())
    }

    fn resume(&mut self, id: &SessionId, behind: u64) -> Result<(), TestCaseError> {
        let socket = self.socket();
        let model = self.models.get_mut(id).unwrap();
        // One step beyond the head up to eleven behind it.
        let last_seq = (model.head + 1).saturating_sub(behind);
        let asked = Resume {
            session: id.secret().to_owned(),
            last_seq: Ok(last_seq),
        };
        match self.registry.resume(self.now, socket, &asked) {
            Ok((resumed, replay)) => {
                prop_assert_eq!(&resumed, id);
                prop_assert_eq!(last_seq + replay.lost + 1, replay.seqs.start);
                prop_assert_eq!(replay.seqs.end, model.head + 1);
                let replayed = replay.seqs.end - replay.seqs.start;
                prop_assert!(replayed <= BUFFER);
                prop_assert!(replay.lost == 0 || replayed == BUFFER);
                model.sockets.push(socket);
            }
            Err(why) => {
                let head = model.head;
                prop_assert_eq!(why, NotResumed::Beyond { last_seq, head });
                prop_assert!(last_seq > head);
            }
        }
        Ok(())
    }

    fn detach(&mut self, id: &SessionId) {
        if let Some(socket) = self.models.get_mut(id).unwrap().sockets.pop() {
            self.registry.detach(self.now, socket, id);
        }
    }

    fn set_paused(&mut self, id: &SessionId, paused: bool) -> Result<(), TestCaseError> {
        let model = self.models.get_mut(id).unwrap();
        let changed = self.registry.set_paused(self.now, id, paused);
        prop_assert_eq!(changed, model.paused != paused);
        model.paused = paused;
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Wait(millis) => self.wait(millis),
            Step::Create => self.create(),
            Step::Resume { session, behind } => match self.pick(session) {
                Some(id) => self.resume(&id, behind),
                None => Ok(()),
            },
            Step::Detach(session) => {
                if let Some(id) = self.pick(session) {
                    self.detach(&id);
                }
                Ok(())
            }
            Step::SetPaused { session, paused } => match self.pick(session) {
                Some(id) => self.set_paused(&id, paused),
                None => Ok(()),
            },
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let registry = &self.registry;
        prop_assert!(registry.sessions.len() <= MAX_SESSIONS);
        prop_assert_eq!(registry.sessions.len(), self.models.len());
        let indexed: BTreeSet<(Moment, SessionId)> = registry
            .sessions
            .iter()
            .map(|(id, session)| (session.deadline(), id.clone()))
            .collect();
        prop_assert_eq!(&registry.due, &indexed);
        for (id, model) in &self.models {
            let session = registry.get(id).unwrap();
            prop_assert_eq!(session.is_paused(), model.paused);
            prop_assert_eq!(session.replay(0).unwrap().seqs.end, model.head + 1);
            prop_assert_eq!(session.sockets().count(), model.sockets.len());
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn any_interleaving_keeps_sequences_whole_and_bounds_kept(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step)?;
            world.check()?;
        }
    }
}

#[test]
fn at_the_limit_the_session_longest_without_a_socket_makes_room() {
    let mut registry = Registry::new(rules(), 2);
    let at = |millis| Moment::after_origin(Duration::from_millis(millis));
    let [a, b, c, d] = ["a", "b", "c", "d"].map(SessionId::new);
    assert_eq!(registry.create(at(0), SocketId(1), a.clone()), Ok(None));
    assert_eq!(registry.create(at(0), SocketId(2), b.clone()), Ok(None));
    registry.detach(at(10), SocketId(2), &b);
    registry.detach(at(20), SocketId(1), &a);
    assert_eq!(registry.create(at(30), SocketId(3), c), Ok(Some(b)));
    assert_eq!(registry.create(at(30), SocketId(4), d), Ok(Some(a)));
    let id = SessionId::new("e");
    assert_eq!(registry.create(at(30), SocketId(5), id), Err(Full));
}

#[test]
fn an_unknown_session_is_unknown_whatever_last_seq_says() {
    let mut registry = Registry::new(rules(), 2);
    for last_seq in [Ok(0), Ok(7), Err("x".to_owned())] {
        let session = "nobody".to_owned();
        let asked = Resume { session, last_seq };
        let result = registry.resume(Moment::ORIGIN, SocketId(1), &asked);
        assert_eq!(result, Err(NotResumed::Unknown));
    }
}

#[test]
fn a_session_is_shown_by_its_tag_and_never_by_its_secret() {
    let id = SessionId::new("very secret");
    let shown = format!("{id:?}");
    assert_eq!(shown, environment::tag("very secret"));
}
