//! Much data at once, which the kernel passes on by itself where it can: every
//! byte arrives once and in its place, whatever faults come and go meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use chaos_proxy::{EventKind, Fault, Side};
use environment::{Environment, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use tokio::task::JoinSet;

use super::program::start as start_program;
use crate::bench::{Bench, rules};
use crate::world::{World, soon};

const MEBIBYTE: usize = 1 << 20;
/// Longer than the longest of these tests takes on a starved machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is sent again and again. Its length is prime, so bytes that are lost or
/// out of place do not look like the right ones.
static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let next = |state: &u64| {
        Some(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1),
        )
    };
    let states = std::iter::successors(Some(7), next);
    states
        .map(|state| (state >> 56) as u8)
        .take(1_000_003)
        .collect()
});

async fn pour(sink: &mut (impl AsyncWrite + Unpin), total: usize) {
    let mut sent = 0;
    while sent < total {
        let rest = &BLOCK[sent % BLOCK.len()..];
        let count = rest.len().min(total - sent);
        sink.write_all(&rest[..count]).await.unwrap();
        sent += count;
    }
    sink.shutdown().await.unwrap();
}

/// How many bytes came before FIN, each of them in its place.
async fn check(source: &mut (impl AsyncRead + Unpin)) -> usize {
    let (mut buffer, mut read) = (vec![0; 256 * 1024], 0);
    loop {
        let most = buffer.len().min(BLOCK.len() - read % BLOCK.len());
        let count = source.read(&mut buffer[..most]).await.unwrap();
        if count == 0 {
            return read;
        }
        let start = read % BLOCK.len();
        assert!(
            buffer[..count] == BLOCK[start..start + count],
            "bytes {read}..{} are not what was sent",
            read + count
        );
        read += count;
    }
}

/// Both ways at once; each end is passed on for itself.
async fn exchange(client: Stream, server: Stream, up: usize, down: usize) {
    let (mut from_server, mut to_server) = tokio::io::split(client);
    let (mut from_client, mut to_client) = tokio::io::split(server);
    let ((), (), arrived_up, arrived_down) = tokio::join!(
        biased;
        pour(&mut to_server, up),
        pour(&mut to_client, down),
        check(&mut from_client),
        check(&mut from_server),
    );
    assert_eq!((arrived_up, arrived_down), (up, down));
}

async fn start() -> (Bench, Stream, Stream) {
    let world = World::new(Environment::real());
    let bench = Bench::of(&world, "");
    bench.begin().await;
    let (client, upstream) = bench.pair().await;
    (bench, client, upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_arrives_both_ways_at_once_and_each_way_ends_for_itself() {
    let (bench, client, server) = start().await;
    let (up, down) = (24 * MEBIBYTE, 64 * MEBIBYTE);
    soon(exchange(client, server, up, down)).await;
    let (events, _) = bench.finish().await;
    let count = |wanted: &EventKind| events.iter().filter(|event| event.what == *wanted).count();
    assert_eq!(count(&EventKind::FirstData), 1);
    let closed = EventKind::Closed {
        upstream_bytes: up as u64,
        downstream_bytes: down as u64,
    };
    assert_eq!(count(&closed), 1, "{events:?}");
}

fn fault(inject: &str) -> Fault {
    let rule = format!("[[fault]]\nat = \"0s\"\nfor = \"1s\"\ninject.{inject}");
    rules(&rule, None, true).remove(0).fault
}

fn faults() -> Vec<Fault> {
    let faults = [
        "stall = {}",
        "latency = { delay = \"1ms\" }",
        "slice = { size = \"20KB\" }",
        "latency = { delay = \"2ms\", jitter = \"1ms\" }",
        "bandwidth = { rate = \"300MB/s\" }",
    ];
    faults.map(fault).into()
}

/// Injects and lifts indefinitely, one fault after the other; `toggled` counts.
async fn toggle(bench: &mut Bench, toggled: &mut usize) {
    let faults = faults();
    loop {
        let fault = faults[*toggled % faults.len()].clone();
        bench.control.inject("toggled", fault, Some(PATIENCE)).await;
        bench.struck("toggled").await;
        bench.control.lift("toggled").await;
        let is_healed = |what: &EventKind| matches!(what, EventKind::Healed { .. });
        bench.until(is_healed).await;
        *toggled += 1;
    }
}

/// So many connections, each with so many bytes both ways: everything arrives
/// while faults come and go; `toggled` counts how often they did.
async fn exchange_under_faults(connections: usize, bytes: usize, toggled: &mut usize) {
    let world = World::new(Environment::real());
    let mut bench = Bench::of(&world, "");
    bench.begin().await;
    let mut exchanges = JoinSet::new();
    for _ in 0..connections {
        let (client, upstream) = bench.pair().await;
        exchanges.spawn(exchange(client, upstream, bytes, bytes));
    }
    tokio::select! {
        biased;
        _ = exchanges.join_all() => {}
        () = toggle(&mut bench, toggled) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_come_and_go_lose_and_reorder_nothing() {
    let mut toggled = 0;
    // Once may be too short for all of them, on a machine that is busy elsewhere.
    soon(async {
        while toggled <= faults().len() {
            exchange_under_faults(2, 12 * MEBIBYTE, &mut toggled).await;
        }
    })
    .await;
}

/// With `--release -- --ignored --nocapture`: some minutes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: 2 GiB under faults that come and go"]
async fn faults_that_come_and_go_lose_and_reorder_nothing_of_two_gibibytes() {
    let clock = Environment::real().clock;
    let mut toggled = 0;
    let exchange = exchange_under_faults(8, 128 * MEBIBYTE, &mut toggled);
    clock.timeout(PATIENCE, exchange).await.unwrap();
    println!("2 GiB arrived while faults came and went {toggled} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_in_the_midst_of_bulk_holds_it_and_lets_it_go() {
    let (mut bench, client, mut server) = start().await;
    let total = 32 * MEBIBYTE;
    let (mut from_server, _to_server) = tokio::io::split(client);
    let stalling = async {
        bench.until(|what| *what == EventKind::FirstData).await;
        let stall = fault("stall = {}");
        bench.control.inject("held", stall, Some(PATIENCE)).await;
        bench.struck("held").await;
        bench.control.lift("held").await;
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
        bench.until(|what| *what == EventKind::Resumed).await;
    };
    let all =
        async { tokio::join!(biased; pour(&mut server, total), check(&mut from_server), stalling) };
    let ((), arrived, ()) = soon(all).await;
    assert_eq!(arrived, total);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_in_the_midst_of_bulk_is_a_clean_end_behind_what_came_before() {
    let (mut bench, client, mut server) = start().await;
    let (mut from_server, _to_server) = tokio::io::split(client);
    let closing = async {
        bench.until(|what| *what == EventKind::FirstData).await;
        let close = Fault::Close(Side::Both);
        bench.control.inject("closed", close, None).await;
        bench.struck("closed").await;
    };
    let all = async {
        tokio::select! {
            biased;
            () = pour(&mut server, usize::MAX) => 0,
            (arrived, ()) = async { tokio::join!(biased; check(&mut from_server), closing) } => arrived,
        }
    };
    assert!(soon(all).await > 0);
}

/// Held back, 4 MB would take 300 ms for every 256 KiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_delay_does_not_limit_what_passes() {
    let (bench, client, mut server) = start().await;
    let latency = fault("latency = { delay = \"300ms\" }");
    bench.control.inject("late", latency, Some(PATIENCE)).await;
    let clock = Environment::real().clock;
    let (mut from_server, _to_server) = tokio::io::split(client);
    let (begun, total) = (clock.now(), 4 * MEBIBYTE);
    let all = async { tokio::join!(biased; pour(&mut server, total), check(&mut from_server)) };
    let ((), arrived) = soon(all).await;
    let took = clock.now().since(begun);
    assert_eq!(arrived, total);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// Bytes in the system's send and receive queue of the socket between these ends.
#[cfg(target_os = "linux")]
fn queues(local: SocketAddr, peer: SocketAddr) -> (usize, usize) {
    let end = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
    let ends = format!(": {} {} ", end(local), end(peer));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rest = table.lines().find_map(|line| line.split_once(&ends));
    let (sending, receiving) = rest
        .unwrap()
        .1
        .split_whitespace()
        .nth(1)
        .unwrap()
        .split_once(':')
        .unwrap();
    let bytes = |digits| usize::from_str_radix(digits, 16).unwrap();
    (bytes(sending), bytes(receiving))
}

/// The client reads nothing, so bytes stand everywhere, in the pipe too. Under a
/// stall the client gets those that the proxy had written, and no more.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_stall_holds_what_lies_in_the_pipe() {
    let (mut bench, mut client, mut server) = start().await;
    let clock = Environment::real().clock;
    let moment = Duration::from_millis(300);
    while let Ok(sent) = clock.timeout(moment, server.write(&BLOCK)).await {
        sent.unwrap();
    }
    let stall = fault("stall = {}");
    bench.control.inject("held", stall, Some(PATIENCE)).await;
    bench.struck("held").await;
    let (here, proxy) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let written = queues(proxy, here).0 + queues(here, proxy).1;
    let (mut buffer, mut read) = (vec![0; MEBIBYTE], 0);
    while let Ok(count) = clock.timeout(moment, client.read(&mut buffer)).await {
        read += count.unwrap();
    }
    assert_eq!(read, written);
    bench.control.lift("held").await;
    assert!(soon(client.read(&mut buffer)).await.unwrap() > 0);
}

/// Descriptors of a process: all, and those of pipes.
#[cfg(target_os = "linux")]
fn descriptors(pid: u32) -> (usize, usize) {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = folder.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let links: Vec<_> = links.collect();
    let is_pipe = |link: &&std::path::PathBuf| link.to_string_lossy().starts_with("pipe:");
    (links.len(), links.iter().filter(is_pipe).count())
}

/// Looks again until it is so.
#[cfg(target_os = "linux")]
fn eventually(is_so: impl Fn() -> bool) {
    let clock = Environment::real().clock;
    while !is_so() {
        assert!(clock.now().since_origin() < crate::world::SOON, "never");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn bulk_takes_a_pipe_an_idle_connection_gives_it_back_and_nothing_is_left() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = server.local_addr().unwrap().to_string();
    let (program, address, _) =
        start_program(&["--listen", "127.0.0.1:0", "--upstream", &upstream]);
    let pid = program.0.id();
    let before = descriptors(pid);
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = server.accept().unwrap();
    let (mut sent, mut piped) = (0, false);
    while !piped {
        assert!(sent < 1 << 30, "a gibibyte went by without a pipe");
        let bytes = vec![7; MEBIBYTE];
        std::thread::scope(|scope| {
            scope.spawn(|| server.write_all(&bytes).unwrap());
            client.read_exact(&mut vec![0; MEBIBYTE]).unwrap();
        });
        sent += MEBIBYTE;
        piped = descriptors(pid).1 > before.1;
    }
    eventually(|| descriptors(pid) == (before.0 + 2, before.1));
    server.write_all(b"still there").unwrap();
    let mut read = [0; 11];
    client.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"still there");
    drop((client, server));
    eventually(|| descriptors(pid) == before);
}
