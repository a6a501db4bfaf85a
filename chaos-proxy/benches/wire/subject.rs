//! What is measured: the bare loopback, our proxy, HAProxy.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use environment::Clock;
use tempfile::NamedTempFile;

const DIRECT: &str = "direct";
const OURS: &str = "chaos-proxy";
const HAPROXY: &str = "haproxy";

/// How long a program has to be there.
const START_WITHIN: Duration = Duration::from_secs(10);

/// A way to the server. Its program ends when this is dropped.
pub(crate) struct Subject {
    address: SocketAddr,
    program: Option<Child>,
    _configuration: Option<NamedTempFile>,
}

impl Subject {
    /// The subjects of this machine, the columns of the table.
    pub(crate) fn names() -> &'static [&'static str] {
        let asked = Command::new(HAPROXY)
            .arg("-v")
            .stdout(Stdio::null())
            .status();
        if asked.is_ok_and(|status| status.success()) {
            &[DIRECT, OURS, HAPROXY]
        } else {
            &[DIRECT, OURS]
        }
    }

    pub(crate) fn start(name: &str, server: SocketAddr) -> anyhow::Result<Self> {
        match name {
            OURS => start_ours(server),
            HAPROXY => start_haproxy(server),
            _ => Ok(Self::at(server)),
        }
    }

    /// Whoever listens there; it ends by itself.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            program: None,
            _configuration: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that carries the bytes; none carries them directly.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.program.as_ref().map(Child::id)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            // It may have ended by itself, which the measurement has said.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn start_ours(server: SocketAddr) -> anyhow::Result<Subject> {
    let server = server.to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--upstream", &server];
    let mut program = Command::new(env!("CARGO_BIN_EXE_chaos-proxy"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let address = announced(&mut program)?;
    Ok(Subject {
        address,
        program: Some(program),
        _configuration: None,
    })
}

/// Where a program of ours says that it listens.
fn announced(program: &mut Child) -> anyhow::Result<SocketAddr> {
    let stdout = program.stdout.take().context("no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.split([' ', ',']).nth(2).context("it said nothing")?;
    Ok(address.parse()?)
}

fn start_haproxy(server: SocketAddr) -> anyhow::Result<Subject> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut file = NamedTempFile::new()?;
    write!(
        file,
        "global\n maxconn 7000\ndefaults\n mode tcp\n option splice-auto\n maxconn 7000\n \
         timeout connect 10s\n timeout client 1h\n timeout server 1h\n\
         listen wire\n bind {free} backlog 4096\n server upstream {server}\n"
    )?;
    let program = Command::new(HAPROXY)
        .args([OsStr::new("-q"), OsStr::new("-f"), file.path().as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut subject = Subject {
        address: free,
        program: Some(program),
        _configuration: Some(file),
    };
    await_listening(&mut subject)?;
    Ok(subject)
}

/// HAProxy does not say when it listens.
fn await_listening(subject: &mut Subject) -> anyhow::Result<()> {
    let clock = Clock::start();
    while TcpStream::connect(subject.address).is_err() {
        let program = subject.program.as_mut().context("no program")?;
        if program.try_wait()?.is_some() || clock.now().since_origin() > START_WITHIN {
            bail!("HAProxy does not listen");
        }
        std::thread::yield_now();
    }
    Ok(())
}
