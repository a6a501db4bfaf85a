//! The proxy inside a program, such as a test: started in one expression, with
//! faults that heal when their guard is dropped.

mod builder;
mod error;
mod guard;
mod names;

pub use builder::Builder;
pub use error::{InjectError, StartError};
pub use guard::Guard;

use std::net::SocketAddr;

use environment::text::Source;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use crate::engine::{Control, OpenConnection};
use crate::fault::{Fault, FaultKind};
use crate::file::read_live;
use crate::rule::{Rule, Target, When};
use guard::Injector;

/// A running proxy on a port of its own. It stops when dropped; [`stop`](Self::stop)
/// also waits for that.
///
/// # What `.await` promises
///
/// When [`inject`](Self::inject), [`inject_rule`](Self::inject_rule),
/// [`inject_rules`](Self::inject_rules), [`strike`](Self::strike) or
/// [`Guard::heal`] has returned, every connection obeys, whatever it was in the
/// middle of: what the proxy reads or accepts from then on is under the fault, or
/// free of it. What was under way before may have arrived, or be about to.
///
/// A future that is dropped before that (in a `select!`, by a timeout) leaves
/// nothing behind: the guard is there before the fault is.
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
///
/// use chaos_proxy::{Answer, ChaosProxy, Fault, Rule, Side, Way};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A server: yours.
/// let server = TcpListener::bind("127.0.0.1:0").await?;
///
/// let proxy = ChaosProxy::builder()
///     .upstream(server.local_addr()?)
///     .seed(7)
///     .rule(Rule::new("busy", Answer::new(503)).on_attempt(2)) // the second upgrade gets a 503
///     .start()
///     .await?;
///
/// // A client: yours. It dials the proxy instead of the server.
/// let mut client = TcpStream::connect(proxy.address()).await?;
/// let (mut served, _) = server.accept().await?;
///
/// // The network is cut for as long as the guard lives.
/// let pulled = proxy.inject("network cut", Fault::Stall(Way::Both)).await?;
/// served.write_all(b"price 42").await?;
/// let mut bytes = [0; 8];
/// let early = tokio::time::timeout(Duration::from_millis(100), client.read_exact(&mut bytes));
/// assert!(early.await.is_err(), "nothing passes");
/// pulled.heal().await;
/// client.read_exact(&mut bytes).await?;
/// assert_eq!(&bytes, b"price 42", "and nothing was lost");
///
/// // A reset hits once, idle connections as well as busy ones.
/// proxy.strike("reset", Fault::Reset(Side::Both)).await?;
/// let end = client.read(&mut bytes).await.unwrap_err();
/// assert_eq!(end.kind(), ErrorKind::ConnectionReset);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    control: Control,
    injector: Injector,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl ChaosProxy {
    /// A proxy without rules, on a free port of 127.0.0.1.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Where clients dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the programs direct a proxy by.
    #[doc(hidden)]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The open connections, with counters that move while they live.
    pub fn connections(&self) -> Vec<OpenConnection> {
        self.control.connections()
    }

    /// Puts every connection under a fault until the guard is dropped: those that
    /// are open and those that come. A fault that acts once, such as
    /// `Fault::Reset`, hits those that are open.
    ///
    /// # Errors
    /// A rule of that name is there, or the fault is impossible.
    pub async fn inject(&self, name: &str, fault: impl Into<Fault>) -> Result<Guard, InjectError> {
        self.inject_rule(Rule::new(name, fault)).await
    }

    /// As [`inject`](Self::inject), for a rule: with a probability, or about
    /// what connections do from now on.
    ///
    /// # Errors
    /// A rule of that name is there, or the rule is impossible; it is, too, if it has
    /// a time at which to begin, since one that is added begins at once.
    pub async fn inject_rule(&self, rule: Rule) -> Result<Guard, InjectError> {
        if let Some(mistake) = rule.mistake().or_else(|| about_time(&rule)) {
            return Err(InjectError::Rules(mistake));
        }
        self.injector.inject(vec![rule], &self.tasks).await
    }

    /// As [`inject`](Self::inject), for the `[[fault]]` tables of a text, all or
    /// none. A rule without `on` begins at once, and `at`, `every` and `until` are
    /// for the builder.
    ///
    /// # Errors
    /// A rule of one of the names is there, or every error in the text.
    pub async fn inject_rules(&self, toml: &str) -> Result<Guard, InjectError> {
        let source = Source::new("rules", toml.to_owned());
        let rules =
            read_live(&source).map_err(|mistakes| InjectError::Rules(mistakes.render(&source)))?;
        self.injector.inject(rules, &self.tasks).await
    }

    /// Applies a one-shot fault to every open connection: with `Fault::Close`, `Fault::Reset` or
    /// `Fault::CloseFrame`.
    ///
    /// # Errors
    /// The fault is a continuous one, or a rule has the name.
    pub async fn strike(&self, name: &str, fault: impl Into<Fault>) -> Result<(), InjectError> {
        self.strike_on(Rule::new(name, fault)).await
    }

    /// As [`strike`](Self::strike), on one connection alone, by its
    /// [number](OpenConnection::id); nothing happens to one that is gone.
    ///
    /// # Errors
    /// As those of [`strike`](Self::strike).
    pub async fn strike_one(
        &self,
        connection: u64,
        name: &str,
        fault: impl Into<Fault>,
    ) -> Result<(), InjectError> {
        let rule = Rule::by_hand(name, fault.into(), Target::Connection(connection));
        self.strike_on(rule).await
    }

    async fn strike_on(&self, rule: Rule) -> Result<(), InjectError> {
        if rule.fault.phase() != FaultKind::Strike {
            let fault = rule.fault.word();
            return Err(InjectError::NoStrike { fault });
        }
        match rule.mistake() {
            Some(mistake) => Err(InjectError::Rules(mistake)),
            None => self.injector.strike(rule).await,
        }
    }

    /// Closes the listener and every connection, and waits until that is done.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A rule that is added begins at once, or waits for a connection.
fn about_time(rule: &Rule) -> Option<String> {
    let When::Timed {
        at, every, until, ..
    } = rule.when
    else {
        return None;
    };
    let is_timed = !at.is_zero() || every.is_some() || until.is_some();
    is_timed.then(|| {
        let name = rule.name.escape_debug();
        format!("`{name}`: `at`, `every` and `until` are for the builder: a rule that is added acts now, or waits with `on`")
    })
}
