//! An answer in small pieces with small gaps.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;
use crate::table::{Times, row};
use crate::world::soon;

const ANSWER: usize = 64 * 1024;
const PIECE: usize = 64;
const GAP: Duration = Duration::from_micros(10);
const COUNT: usize = 50;

pub(crate) async fn measure(rig: &Rig) {
    let rule = format!(
        "[[fault]]\nat = \"0s\"\ninject.slice = {{ size = \"{PIECE}B\", gap = \"10us\", direction = \"downstream\" }}"
    );
    let proxy = rig.proxy(&rule).await;
    let (mut client, mut server) = proxy.connect().await;
    let clock = rig.world.clock.clone();
    let mut times = Times::new();
    let mut read = vec![0; ANSWER];
    for _ in 0..COUNT {
        let begun = clock.now();
        soon(server.write_all(&vec![0; ANSWER])).await.unwrap();
        soon(client.read_exact(&mut read)).await.unwrap();
        times.add(clock.now().since(begun));
    }
    drop((client, server));
    proxy.finish().await;
    let asked = GAP * u32::try_from(ANSWER / PIECE - 1).unwrap();
    row(
        "64 KiB in slices of 64 B, gaps of 10 µs: takes",
        times.show(),
        format!("asked: {} µs", asked.as_micros()),
        Some(times.median() <= asked + Duration::from_millis(1)),
    );
}
