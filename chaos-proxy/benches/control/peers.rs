//! Clients and servers on both sides of the proxy.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use socket2::{Domain, Protocol, Socket, Type};

use crate::api::Api;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections through a proxy of their own.
pub(crate) struct Held<'a> {
    api: &'a Api,
    name: String,
    clients: RefCell<Vec<TcpStream>>,
    servers: Vec<TcpStream>,
}

impl<'a> Held<'a> {
    pub(crate) fn new(api: &'a Api, name: &str, count: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = api.proxy(name, listener.local_addr()?)?;
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            clients.push(TcpStream::connect(address)?);
            servers.push(listener.accept()?.0);
        }
        let held = Self {
            api,
            name: name.to_owned(),
            clients: RefCell::new(clients),
            servers,
        };
        held.ensure_alive()?;
        Ok(held)
    }

    pub(crate) fn toxic(&self, kind: &str, attributes: &str) -> anyhow::Result<()> {
        let body = format!(r#"{{"name": "t", "type": "{kind}", "attributes": {attributes}}}"#);
        let path = format!("/proxies/{}/toxics", self.name);
        self.api.call("POST", &path, &body).map(drop)
    }

    pub(crate) fn remove_toxic(&self) -> anyhow::Result<()> {
        let path = format!("/proxies/{}/toxics/t", self.name);
        self.api.call("DELETE", &path, "").map(drop)
    }

    /// The servers send as much as is taken.
    pub(crate) fn flood(&self) -> anyhow::Result<()> {
        let chunk = vec![0; 64 * 1024];
        for mut server in &self.servers {
            server.set_write_timeout(Some(Duration::from_millis(200)))?;
            loop {
                match server.write(&chunk) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// The clients are gone, and nobody was told.
    pub(crate) fn leave(&self) {
        self.clients.borrow_mut().clear();
    }

    /// The last connection ends with RST.
    pub(crate) fn ensure_reset(&self) -> anyhow::Result<()> {
        let clients = self.clients.borrow();
        let mut client = clients.last().context("no client")?;
        match client.read(&mut [0; 1]) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            other => bail!("no RST: {other:?}"),
        }
    }

    /// A byte passes the last connection, and so all before it have been served.
    pub(crate) fn ensure_alive(&self) -> anyhow::Result<()> {
        let mut server = self.servers.last().context("no server")?;
        let clients = self.clients.borrow();
        let mut client = clients.last().context("no client")?;
        client.set_read_timeout(Some(PATIENCE))?;
        server.write_all(b"x")?;
        client.read_exact(&mut [0; 1])?;
        Ok(())
    }
}

/// A server that answers no SYN: its accept queue is full. The sockets keep it
/// so.
pub(crate) fn silent_server() -> anyhow::Result<(SocketAddr, Vec<Socket>)> {
    let stream = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
    let (listener, filler) = (stream()?, stream()?);
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    filler.connect(&address)?;
    let address = address.as_socket().context("no address")?;
    Ok((address, vec![listener, filler]))
}
