//! The server behind every subject. The first byte of a connection says what it
//! is to do.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;

/// What a connection asks for. Lower case: no method of HTTP.
pub(crate) const ECHO: u8 = b'e';
/// Bytes without end.
pub(crate) const BULK: u8 = b'b';
/// One byte after the client's FIN.
pub(crate) const ANSWER: u8 = b'a';
/// RST.
pub(crate) const RESET: u8 = b'r';

/// See the module. It ends with the program.
pub(crate) struct Server {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let tasks = TaskTracker::new();
        let accepting = tasks.clone();
        tasks.spawn_on(
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    // What fails is seen, and told, at the client's end.
                    accepting.spawn(async move { drop(serve(stream).await) });
                }
            },
            runtime.handle(),
        );
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match stream.read_u8().await? {
        ECHO => echo(stream).await,
        BULK => {
            let stream = stream.into_std()?;
            stream.set_nonblocking(false)?;
            tokio::task::spawn_blocking(move || flood(stream)).await?
        }
        ANSWER => {
            stream.read_to_end(&mut Vec::new()).await?;
            stream.write_u8(ANSWER).await
        }
        _ => stream.set_zero_linger(),
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 256];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Writes until the client has gone.
fn flood(mut stream: std::net::TcpStream) -> io::Result<()> {
    let bytes = vec![7; 256 * 1024];
    loop {
        stream.write_all(&bytes)?;
    }
}
