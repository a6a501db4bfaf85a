//! How long a rule change takes to answer while 9,000 connections are held.
//!
//! Their 36,000 descriptors are more than one process may have, so this program
//! starts itself again as the proxy, which changes its own rules by the crate's
//! API and prints what it measured.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use chaos_proxy::{
    Apply, Config, Control, Data, Event, EventKind, Fault, Plan, Route, Start, Tell, UnderWay, Way,
    control, run,
};
use environment::{Environment, Feed, Follower, Listener, Observer, Seed};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::load::{dial_echo, round_trip};
use crate::server::Server;
use crate::subject::Subject;

/// The row's name on the command line.
pub(crate) const NAME: &str = "rule change";
/// The word that makes this program the proxy.
pub(crate) const CHILD: &str = "carry";
const HELD: usize = 9_000;
const CHANGES: usize = 10;
const SECOND: Duration = Duration::from_secs(1);

/// Holds the connections and asks the child to change its rules.
pub(crate) fn measure(server: &Server) -> anyhow::Result<String> {
    eprintln!("       {NAME}, {HELD} held connections");
    let program = Command::new(std::env::current_exe()?)
        .args([CHILD, &server.address().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut child = Ended(program);
    let mut lines = BufReader::new(child.0.stdout.take().context("no stdout")?).lines();
    let mut line = || anyhow::Ok(lines.next().context("the proxy ended")??);
    let subject = Subject::at(line()?.parse()?);
    let mut streams = (0..HELD)
        .map(|_| dial_echo(&subject))
        .collect::<anyhow::Result<Vec<TcpStream>>>()?;
    let mut stdin = child.0.stdin.take().context("no stdin")?;
    writeln!(stdin, "go")?;
    let said = line()?;
    streams.iter_mut().try_for_each(round_trip)?;
    Ok(said)
}

/// A child that does not outlive its measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The child: a proxy that changes its rules when it is told to.
pub(crate) fn carry(upstream: &str) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let tasks = TaskTracker::new();
    runtime.block_on(async {
        let environment = Environment::real();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = environment.network.listen(anywhere)?;
        println!("{}", listener.local_addr());
        let (control, commands) = control();
        let obeyed = Feed::new(0);
        let seen = obeyed.follow();
        let (config, tell) = (config(listener, upstream), counting(obeyed));
        let shutdown = CancellationToken::new();
        tasks.spawn(run(
            environment.clone(),
            config,
            commands,
            tell,
            shutdown.clone(),
        ));
        // On a thread of the runtime, as a request to an API would be.
        tasks.spawn(direct(environment, control, seen)).await??;
        shutdown.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
    })
}

fn config(listener: Listener, upstream: &str) -> Config {
    Config {
        routes: vec![Route {
            listener,
            client: None,
        }],
        upstream: upstream.to_owned(),
        tls: Default::default(),
        dial_timeout: 10 * SECOND,
        under_way: UnderWay::default(),
        on_dial_failure: chaos_proxy::How::Reset,
        plan: Plan::new(Vec::new(), None, Seed(1), SECOND),
        apply: Apply::Faults,
        frames: false,
        data: Data::default(),
        lists: false,
        start: Start::FirstConnection,
        repeat: false,
    }
}

/// Counts how often a connection was struck or healed.
fn counting(obeyed: Feed<usize>) -> Tell {
    let events = Observer::new(move |event: Event| {
        if matches!(
            event.what,
            EventKind::Struck { .. } | EventKind::Healed { .. }
        ) {
            obeyed.change(|count| *count += 1);
        }
    });
    Tell {
        events,
        decisions: Observer::none(),
    }
}

/// Changes rules once it is told to, and prints how long that took.
async fn direct(
    environment: Environment,
    control: Control,
    mut obeyed: Follower<usize>,
) -> anyhow::Result<()> {
    let said = tokio::task::spawn_blocking(|| io::stdin().lines().next()).await?;
    ensure!(said.is_some(), "nobody asks any more");
    let (mut answers, mut alls) = (Vec::new(), Vec::new());
    for change in 1..=CHANGES {
        let before = environment.clock.now();
        if change % 2 == 1 {
            let stall = Fault::Stall(Way::Both);
            control.inject("bench", stall, Some(3600 * SECOND)).await;
        } else {
            control.lift("bench").await;
        }
        answers.push(environment.clock.now().since(before));
        obeyed.wait_until(|count| *count >= change * HELD).await?;
        alls.push(environment.clock.now().since(before));
    }
    println!(
        "{NAME}, {HELD} held connections: answered after {}, obeyed by all after {}  (aim: answered in ≤ 20 ms)",
        spread(&mut answers),
        spread(&mut alls)
    );
    // Whoever asked sees first that no connection was harmed.
    tokio::task::spawn_blocking(|| io::stdin().lines().count()).await?;
    Ok(())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |index: usize| times[index].as_secs_f64() * 1e3;
    let (least, median, most) = (at(0), at(times.len() / 2), at(times.len() - 1));
    format!("{median:.1} [{least:.1}–{most:.1}] ms")
}
