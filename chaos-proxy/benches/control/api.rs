//! The program with its API, and calls to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// A running program; it ends when dropped.
pub(crate) struct Api {
    child: Child,
    address: SocketAddr,
}

impl Drop for Api {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Api {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chaos-proxy"))
            .args(["--api", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("API on http://");
        let address = address.context("no address")?.parse()?;
        Ok(Self { child, address })
    }

    /// Calls and gives the answer's body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let (mut stream, length) = (TcpStream::connect(self.address)?, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let is_good = head.starts_with("HTTP/1.1 20");
        ensure!(is_good, "{method} {path}: {answer}");
        Ok(body.to_owned())
    }

    /// Makes a proxy; gives its address.
    pub(crate) fn proxy(&self, name: &str, upstream: SocketAddr) -> anyhow::Result<SocketAddr> {
        let body =
            format!(r#"{{"name": "{name}", "listen": "127.0.0.1:0", "upstream": "{upstream}"}}"#);
        let made = self.call("POST", "/proxies", &body)?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        Ok(made["listen"].as_str().context("no listen")?.parse()?)
    }

    pub(crate) fn disable(&self, name: &str) -> anyhow::Result<()> {
        let path = format!("/proxies/{name}");
        self.call("POST", &path, r#"{"enabled": false}"#).map(drop)
    }
}
