//! Ctrl-C and SIGTERM: the first breaks the runs off and keeps what was
//! written, the second ends the program at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::EXIT_INTERRUPTED;

/// Watches from now on, and says so when it has come to it; the task ends with
/// the set.
pub(super) fn watch(
    interrupt: CancellationToken,
    say: impl Fn(&str) + Send + 'static,
) -> io::Result<JoinSet<()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        either(&mut interrupted, &mut terminated).await;
        say("chaos: interrupted; what was written stays. Once more ends it at once");
        interrupt.cancel();
        either(&mut interrupted, &mut terminated).await;
        exit_at_once();
    });
    Ok(tasks)
}

async fn either(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        biased;
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for anything"
)]
fn exit_at_once() {
    std::process::exit(EXIT_INTERRUPTED.into());
}
