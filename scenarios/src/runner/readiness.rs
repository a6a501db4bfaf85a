//! Whether a server is there: its port, its HTTP, and a port for it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use environment::{Environment, Moment};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(20);

/// How long one look may take.
const ANSWER: Duration = Duration::from_secs(1);

/// Ports that systems do not give to those who ask for any; so nobody but
/// another run, or a server of that very port, is there.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port on which nobody listens, another with each call.
///
/// # Errors
/// All are taken.
pub(super) fn free_port() -> io::Result<u16> {
    /// Of this program; from program to program the first one differs.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.len();
    let first = std::process::id() as usize * 97;
    for _ in 0..count {
        let next = usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from((first + next) % count).unwrap_or_default();
        let port = PORTS.start + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Whether somebody answers there.
///
/// # Errors
/// Why not.
pub(super) async fn answers(environment: &Environment, authority: &str) -> io::Result<()> {
    let dialled = environment.network.dial(authority);
    match environment.clock.timeout(ANSWER, dialled).await {
        Ok(dialled) => dialled.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Until the port answers; when it last did not.
pub(super) async fn port(environment: &Environment, authority: &str) -> Moment {
    let clock = environment.clock.clone();
    let mut last = clock.now();
    loop {
        let before = clock.now();
        if answers(environment, authority).await.is_ok() {
            return last;
        }
        last = before;
        clock.sleep(LOOK).await;
    }
}

/// Until a GET of this path is answered with 2xx.
pub(super) async fn http(environment: &Environment, authority: &str, path: &str) {
    let clock = environment.clock.clone();
    loop {
        let asked = clock.timeout(ANSWER, status(environment, authority, path));
        if let Ok(Ok(200..=299)) = asked.await {
            return;
        }
        clock.sleep(LOOK).await;
    }
}

async fn status(environment: &Environment, authority: &str, path: &str) -> io::Result<u16> {
    let mut stream = environment.network.dial(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    // "HTTP/1.1 200": all that is needed.
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    let is_http = head.starts_with(b"HTTP/1.");
    let digits = std::str::from_utf8(&head[9..]).unwrap_or_default();
    let status = digits.parse().ok().filter(|_| is_http);
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
