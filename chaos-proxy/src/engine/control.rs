//! Orders to a running proxy, and those who give them.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;
use tokio::sync::{mpsc, oneshot};

use super::registry::{OpenConnection, Registry, Traffic};
use super::rules::AddedRule;
use crate::fault::Fault;
use crate::rule::{Rule, Target};

/// Commands wait here; a sender waits when it is full.
const COMMANDS: usize = 16;

/// Directs a running proxy. Cheap to clone; useless, and harmless, once the
/// proxy has stopped.
///
/// When a call that orders something returns, that is in force: on the listeners,
/// on every connection that a client has already made, and on whatever comes. A
/// byte that is sent afterwards passes only as the rules let it. No call waits for
/// a connection, so thousands of them, or one that is stuck, hold up none.
#[derive(Debug, Clone)]
pub struct Control {
    commands: mpsc::Sender<Command>,
    registry: Arc<Registry>,
}

/// The proxy's end of a [`Control`].
#[derive(Debug)]
pub struct Commands {
    pub(super) receiver: mpsc::Receiver<Command>,
    control: Control,
}

/// A command, and whom to tell that every listener and every new connection is
/// under it.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) order: Order,
    /// Told whether it could be obeyed.
    pub(super) done: Option<oneshot::Sender<bool>>,
}

#[derive(Debug)]
pub(super) enum Order {
    Begin(Moment),
    Put(Box<Put>),
    /// What rules of this name hold is let go.
    Lift(String),
    /// The added rules of this name are no more.
    Remove(String),
    List(oneshot::Sender<Vec<AddedRule>>),
    /// A rule is over for a client.
    End(usize, Arc<str>),
    Heal,
}

/// A rule that is to be added, or changed.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) rule: Rule,
    pub(super) owner: Arc<str>,
    pub(super) lasting: Option<Duration>,
}

/// A planned rule has this name; an added one may not take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule of the scenario is called `{name}`")]
pub struct NameTaken {
    /// The name.
    pub name: String,
}

/// The name of a rule about one connection alone.
fn on_one(connection: u64) -> String {
    format!("connection {connection}")
}

/// The owner of what is injected manually.
const HAND: &str = "hand";

/// A control and the end that [`super::run`] takes.
pub fn control() -> (Control, Commands) {
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let control = Control {
        commands: sender,
        registry: Arc::default(),
    };
    (control.clone(), Commands { receiver, control })
}

impl Control {
    /// t = 0 is `now`: timed rules run, rules on attempts are armed. Only the
    /// first call counts. When it returns, what begins at t = 0 is in force on
    /// the listeners, and on whatever connects from now on.
    pub async fn begin(&self, now: Moment) {
        self.order(Order::Begin(now)).await;
    }

    /// Injects a fault now, on everybody, as a rule of this name; begins the run
    /// if it has not begun. Without `lasting` a fault that holds does so until it
    /// is lifted or healed. When it returns, the listeners are under it.
    pub async fn inject(&self, name: &str, fault: Fault, lasting: Option<Duration>) {
        let rule = Rule::by_hand(name, fault, Target::All);
        // Refused only if a planned rule has the name, and then that one acts.
        let _ = self.put(rule, HAND, lasting).await;
    }

    /// Adds a rule, or changes the added one of its name: a timed rule acts now,
    /// one on connections on what they do from now on. It is there until it is
    /// removed, or healed, or for `lasting`. A rule that is changed goes on
    /// counting from where it was. Begins the run if it has not begun. When it
    /// returns, the listeners are under it.
    ///
    /// # Errors
    /// When a rule of the plan has the name.
    pub async fn put(
        &self,
        rule: Rule,
        owner: &str,
        lasting: Option<Duration>,
    ) -> Result<(), NameTaken> {
        let name = rule.name.clone();
        let put = Put {
            rule,
            owner: Arc::from(owner),
            lasting,
        };
        let is_done = self.order(Order::Put(Box::new(put))).await;
        if is_done {
            Ok(())
        } else {
            Err(NameTaken { name })
        }
    }

    /// Removes the added rules of this name, and heals what they hold; whether
    /// there was one.
    pub async fn remove(&self, name: &str) -> bool {
        self.order(Order::Remove(name.to_owned())).await
    }

    /// The added rules, in the order in which they came.
    pub async fn added(&self) -> Vec<AddedRule> {
        let (told, list) = oneshot::channel();
        self.order(Order::List(told)).await;
        // A stopped proxy has no rules.
        list.await.unwrap_or_default()
    }

    /// The open connections, where the proxy lists them, in accept order.
    pub fn connections(&self) -> Vec<OpenConnection> {
        self.registry.open()
    }

    /// What the proxy has carried, where it lists its connections.
    pub fn traffic(&self) -> Traffic {
        self.registry.traffic()
    }

    /// Does this to one open connection, by its number; whether it is there. A
    /// fault that holds does so until [`Control::release`].
    pub async fn strike(&self, connection: u64, fault: Fault) -> bool {
        let rule = Rule::by_hand(&on_one(connection), fault, Target::Connection(connection));
        self.registry.has(connection) && self.put(rule, HAND, None).await.is_ok()
    }

    /// Lets go what [`Control::strike`] holds of this connection; whether there
    /// was anything.
    pub async fn release(&self, connection: u64) -> bool {
        self.remove(&on_one(connection)).await
    }

    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Lets go what rules of this name hold now; what is planned of them for
    /// later stays planned.
    pub async fn lift(&self, name: &str) {
        self.order(Order::Lift(name.to_owned())).await;
    }

    /// Heals everything, for good.
    pub async fn heal(&self) {
        self.order(Order::Heal).await;
    }

    /// As [`Control::begin`], for callers that must not wait: whether it could be
    /// said.
    pub(super) fn try_begin(&self, now: Moment) -> bool {
        let command = Command {
            order: Order::Begin(now),
            done: None,
        };
        self.commands.try_send(command).is_ok()
    }

    /// The rules about this connection alone are over.
    pub(super) async fn forget(&self, connection: u64) {
        // A stopped proxy has no rules.
        let _ = self
            .commands
            .send(Command {
                order: Order::Remove(on_one(connection)),
                done: None,
            })
            .await;
    }

    /// This rule is over for this client.
    pub(super) async fn end(&self, rule: usize, client: Arc<str>) {
        // A stopped proxy has no rules.
        let _ = self
            .commands
            .send(Command {
                order: Order::End(rule, client),
                done: None,
            })
            .await;
    }

    /// Whether it could be obeyed; a stopped proxy has nothing against anything.
    async fn order(&self, order: Order) -> bool {
        let (done, obeyed) = oneshot::channel();
        // Either fails only if the proxy has stopped: nothing is left to direct.
        let _ = self
            .commands
            .send(Command {
                order,
                done: Some(done),
            })
            .await;
        obeyed.await.unwrap_or(true)
    }
}

impl Commands {
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }
}
