//! Ctrl-C and SIGTERM: the first stops the server politely, the second ends the
//! program at once. Used by `main`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// 128 + SIGINT, as shells say it.
const EXIT_INTERRUPTED: i32 = 130;

/// Watches from now on; the task ends with the set.
pub(crate) fn watch(shutdown: CancellationToken) -> io::Result<JoinSet<()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        tracing::info!(
            "stopping: connections are closed with 1001; a second signal ends it at once"
        );
        shutdown.cancel();
        either(&mut interrupt, &mut terminate).await;
        exit_at_once();
    });
    Ok(tasks)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for anything"
)]
fn exit_at_once() {
    std::process::exit(EXIT_INTERRUPTED);
}
