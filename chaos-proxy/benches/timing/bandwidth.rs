//! Rates: whether they are kept, how evenly, and what is held meanwhile.

use std::time::Duration;

use environment::{Clock, Moment, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;
use crate::table::row;
use crate::world::{accept, soon};

/// Bytes per second.
const RATES: [(u32, &str); 5] = [
    (10_000, "10KB/s"),
    (100_000, "100KB/s"),
    (1_000_000, "1000KB/s"),
    (10_000_000, "10MB/s"),
    (100_000_000, "100MB/s"),
];
const MEASURED: Duration = Duration::from_secs(4);
const WINDOW: Duration = Duration::from_millis(10);
const CHUNK: usize = 64 * 1024;

/// What came, and when.
#[derive(Default)]
struct Arrivals(Vec<(Moment, usize)>);

pub(crate) async fn measure(rig: &Rig) {
    let buffers = taken_by_nobody(rig).await;
    for (rate, name) in RATES {
        let (arrivals, gone) = run(rig, name).await;
        let achieved = arrivals.rate();
        let off = (achieved / f64::from(rate) - 1.0) * 100.0;
        row(
            format!("bandwidth {name}: achieved"),
            format!("{:.1} KB/s ({off:+.2} %)", achieved / 1000.0),
            "within 0.5 %",
            Some(off.abs() <= 0.5),
        );
        if rate == 1_000_000 {
            let empty = arrivals.empty_windows();
            let is_met = Some(empty == 0.0);
            row(
                "… 10 ms windows with nothing in them",
                format!("{empty:.1} %"),
                "0 %",
                is_met,
            );
        }
        if rate == 100_000 {
            let held = gone - arrivals.total();
            let most = buffers * 11 / 10;
            row(
                "… gone from the source and not arrived",
                format!("{} KiB", held / 1024),
                format!("≤ {} KiB: nobody reads, + 10 %", most / 1024),
                Some(held <= most),
            );
        }
    }
}

/// How much the system takes for a peer that reads nothing.
async fn taken_by_nobody(rig: &Rig) -> usize {
    let server = rig.world.listen();
    let address = server.local_addr().to_string();
    let mut source = soon(rig.world.network.dial(&address)).await.unwrap();
    let _silent = accept(&server).await;
    let mut taken = 0;
    let quiet = Duration::from_millis(500);
    while let Ok(written) = rig
        .world
        .clock
        .timeout(quiet, source.write(&[0; CHUNK]))
        .await
    {
        taken += written.unwrap();
    }
    taken
}

/// What arrived at a reader that reads at once, and how many bytes had left the
/// source by then.
async fn run(rig: &Rig, rate: &str) -> (Arrivals, usize) {
    let rule = format!(
        "[[fault]]\nat = \"0s\"\ninject.bandwidth = {{ rate = \"{rate}\", direction = \"upstream\" }}"
    );
    let proxy = rig.proxy(&rule).await;
    let (mut source, mut sink) = proxy.connect().await;
    let (mut arrivals, mut gone) = (Arrivals::default(), 0);
    tokio::select! {
        biased;
        () = arrivals.gather(&mut sink, rig.world.clock.clone()) => {}
        () = flood(&mut source, &mut gone) => {}
    }
    drop((source, sink));
    proxy.finish().await;
    (arrivals, gone)
}

async fn flood(source: &mut Stream, gone: &mut usize) {
    loop {
        *gone += source.write(&[0; CHUNK]).await.unwrap();
    }
}

impl Arrivals {
    /// Until the time is over.
    async fn gather(&mut self, sink: &mut Stream, clock: Clock) {
        let end = clock.now() + MEASURED;
        let mut buffer = vec![0; CHUNK];
        while clock.now() < end {
            let count = soon(sink.read(&mut buffer)).await.unwrap();
            self.0.push((clock.now(), count));
            // The source lives in the same thread.
            tokio::task::consume_budget().await;
        }
    }

    fn total(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Bytes per second, from the first arrival to the last.
    fn rate(&self) -> f64 {
        let (first, last) = (self.0[0], self.0[self.0.len() - 1]);
        (self.total() - first.1) as f64 / last.0.since(first.0).as_secs_f64()
    }

    /// In percent of the windows from the first arrival to the last.
    fn empty_windows(&self) -> f64 {
        let window = |moment: Moment| moment.since(self.0[0].0).as_nanos() / WINDOW.as_nanos();
        let mut taken: Vec<_> = self.0.iter().map(|(moment, _)| window(*moment)).collect();
        taken.dedup();
        let all = window(self.0[self.0.len() - 1].0) + 1;
        (all as f64 - taken.len() as f64) / all as f64 * 100.0
    }
}
