//! A connection that is past its look at what has changed, and yet to read or to
//! write, when a rule is answered: what goes on from then on is under that rule.

use std::time::Duration;

use environment::{Environment, Feed, Seed, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::engine::bulk::Bulk;
use crate::engine::config::{Start, Tell};
use crate::engine::control::control;
use crate::engine::rules::AddedRule;
use crate::fault::{Fault, Latency, Way};
use crate::link::{Damage, UnderWay};
use crate::plan::Plan;
use crate::rule::{Rule, Target};

const DELAY: Duration = Duration::from_millis(100);

/// An open connection, between two peers, that moves only when it is pumped.
struct MidPoll {
    connection: Connection,
    feed: Feed<ActiveRules>,
    in_force: Follower<ActiveRules>,
    client: Stream,
    server: Stream,
}

impl MidPoll {
    async fn new(environment: Environment, frames: bool) -> Self {
        let (accepted, client) = pair(&environment).await;
        let (server, dialled) = pair(&environment).await;
        let plan = Plan::new(Vec::new(), None, Seed(7), DELAY);
        let feed = Feed::new(ActiveRules::new(Arc::new(plan)));
        let in_force = feed.follow();
        let rules = Arc::clone(&in_force.borrow().rules);
        let named = Named::known(Arc::from("c1"), 1);
        let shared = Arc::new(shared(environment, frames));
        let mut connection = Connection::new(accepted, named, shared, rules);
        assert!(connection.enter(&in_force.borrow(), 0));
        connection.dialled(Ok(dialled));
        Self {
            connection,
            feed,
            in_force,
            client,
            server,
        }
    }

    /// The client sends this, and the proxy could read it.
    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
        let Connection {
            toward_client,
            toward_server,
            ..
        } = &self.connection;
        let ready = toward_client.readiness(&toward_server.lane).await;
        assert!(ready.unwrap().is_readable());
    }

    /// The scheduler puts a rule in force, and answers.
    fn put(&self, fault: Fault) {
        let rule = Rule::by_hand("added", fault, Target::All);
        let added = AddedRule {
            rule: Arc::new(rule),
            owner: Arc::from("test"),
            until: None,
        };
        let now = self.connection.now();
        self.feed.change(|in_force| in_force.put(added, now));
    }

    /// The rest of the poll, without the look at its beginning.
    fn pump(&mut self) {
        self.connection.pump(&mut self.in_force);
    }

    fn upstream(&self) -> &Link {
        &self.connection.toward_server.lane.link
    }

    /// What the proxy has read went into its link, and nothing went out of it.
    fn expect_held_up(&self, count: usize, discarded: usize) {
        let damage = Damage {
            discarded: discarded as u64,
            corrupted: 0,
        };
        let link = self.upstream();
        assert_eq!(link.admitted(), count as u64, "was read");
        assert_eq!(link.written(), 0, "went on");
        assert_eq!(link.damage(), damage);
    }
}

/// Both ends of a connection: the accepted one first.
async fn pair(environment: &Environment) -> (Stream, Stream) {
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = environment.network.listen(loopback).unwrap();
    let address = listener.local_addr().to_string();
    let dialled = environment.network.dial(&address).await.unwrap();
    (listener.accept().await.unwrap().0, dialled)
}

fn shared(environment: Environment, frames: bool) -> Shared {
    let (control, _) = control();
    Shared {
        environment,
        upstream: String::new(),
        tls: Default::default(),
        dial_timeout: DELAY,
        on_dial_failure: How::Reset,
        data: Default::default(),
        frames,
        lists: false,
        apply: Apply::Faults,
        tell: Tell::nobody(),
        connections: TaskTracker::new(),
        stop: CancellationToken::new(),
        control,
        start: Start::OnCommand,
        under_way: UnderWay::default(),
        ends: Arc::new(Semaphore::new(1)),
    }
}

fn simulated(test: impl AsyncFnOnce(Environment)) {
    let simulation = Simulation::new().unwrap();
    simulation.run(test(simulation.environment())).unwrap();
}

#[test]
fn what_it_reads_after_a_change_is_under_it() {
    for frames in [false, true] {
        simulated(async |environment| {
            let mut poll = MidPoll::new(environment, frames).await;
            poll.send(b"\0\x01").await;
            poll.put(Fault::Discard(Way::Both));
            poll.pump();
            poll.expect_held_up(2, 2);
        });
    }
}

#[test]
fn what_it_had_read_before_a_change_is_held_by_it() {
    for frames in [false, true] {
        simulated(async |environment| {
            let clock = environment.clock.clone();
            let mut poll = MidPoll::new(environment, frames).await;
            poll.put(Latency::new(DELAY).into());
            poll.connection.take_up(&mut poll.in_force);
            poll.send(b"\0\x01").await;
            poll.pump();
            clock.sleep(DELAY).await;
            poll.put(Fault::Stall(Way::Both));
            poll.pump();
            poll.expect_held_up(2, 0);
        });
    }
}

/// Only the system has pipes.
#[tokio::test]
async fn what_a_pipe_takes_after_a_change_is_under_it() {
    let environment = Environment::real();
    let pipe = environment.network.pipe();
    let mut poll = MidPoll::new(environment, false).await;
    let now = poll.connection.now();
    poll.connection.toward_server.lane.bulk = pipe.map(|pipe| Bulk::new(pipe, now));
    poll.send(b"bulk").await;
    poll.put(Fault::Discard(Way::Both));
    poll.pump();
    poll.expect_held_up(4, 4);
}

#[tokio::test]
async fn without_a_change_all_of_it_goes_on() {
    for frames in [false, true] {
        let mut poll = MidPoll::new(Environment::real(), frames).await;
        poll.send(b"\0\x01").await;
        poll.pump();
        let mut got = [9; 2];
        poll.server.read_exact(&mut got).await.unwrap();
        assert_eq!(got, [0, 1]);
    }
}

fn size<F: Future>(_: fn(Box<Accepted>, Arc<Shared>, Follower<ActiveRules>) -> F) -> usize {
    std::mem::size_of::<F>()
}

/// Thousands are held at once: what is rare in one is boxed.
#[test]
fn a_connection_takes_little_room() {
    let (state, task) = (std::mem::size_of::<Connection>(), size(run));
    assert!(
        state <= 1328 && task <= 1776,
        "{state} bytes, {task} as a task"
    );
}
