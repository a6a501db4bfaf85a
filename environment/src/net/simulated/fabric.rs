//! Who listens where.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::connection::LATENCY;
use super::port::Port;
use super::socket::Socket;
use super::tap::Tap;
use crate::clock::{Clock, Leap};

/// How many connections may wait to be accepted; Linux takes one more than it is
/// told.
const BACKLOG: usize = 1025;

/// When a SYN that goes unanswered is sent again, each after the one before: with
/// Linux's `tcp_syn_retries` of 6, and after the last the dial has failed.
const RETRIES: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_secs(64),
];

/// The first port that is given to whoever asks for any.
const FIRST_PORT: u16 = 32_768;

/// Clones are the same network.
#[derive(Debug, Clone)]
pub(in crate::net) struct Fabric {
    ports: Arc<Mutex<Ports>>,
    clock: Clock,
    leap: Arc<Leap>,
    tap: Tap,
}

#[derive(Debug)]
struct Ports {
    taken: BTreeMap<SocketAddr, Taken>,
    next: u16,
}

/// A port that is somebody's.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) manner: Manner,
    /// Who waits to be accepted.
    pub(super) waiting: VecDeque<Socket>,
    /// Who waits to accept.
    pub(super) wakers: Vec<Waker>,
}

/// How a port answers SYNs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Connections are made.
    Open,
    /// They are refused.
    Refusing,
    /// They are not answered.
    Silent,
}

impl Fabric {
    pub(in crate::net) fn new(leap: Arc<Leap>, tap: Tap) -> Self {
        let ports = Ports {
            taken: BTreeMap::new(),
            next: FIRST_PORT,
        };
        Self {
            ports: Arc::new(Mutex::new(ports)),
            clock: Clock::leaping(Arc::clone(&leap)),
            leap,
            tap,
        }
    }

    pub(in crate::net) fn listen(&self, address: SocketAddr) -> io::Result<Port> {
        let mut ports = self.lock();
        let address = match address.port() {
            0 => SocketAddr::new(address.ip(), ports.free_port()?),
            _ => address,
        };
        if ports.find(address).is_some() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let taken = Taken {
            manner: Manner::Open,
            waiting: VecDeque::new(),
            wakers: Vec::new(),
        };
        ports.taken.insert(address, taken);
        drop(ports);
        Ok(Port::new(self.clone(), address))
    }

    /// As the system dials: a SYN, and more of them while there is no answer. It
    /// comes from `source`, or else from the very address that it goes to.
    pub(in crate::net) async fn dial(
        &self,
        authority: &str,
        source: Option<IpAddr>,
    ) -> io::Result<Socket> {
        let address = resolve(authority)?;
        let is_ours =
            |source: IpAddr| source.is_loopback() && source.is_ipv4() == address.is_ipv4();
        if source.is_some_and(|source| !is_ours(source)) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let source = source.unwrap_or(address.ip());
        for wait in RETRIES {
            self.clock.sleep(LATENCY).await;
            if let Some(answer) = self.knock(source, address) {
                self.clock.sleep(LATENCY).await;
                return answer;
            }
            self.clock.sleep(wait).await;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The answer to one SYN, if there is one.
    fn knock(&self, source: IpAddr, address: SocketAddr) -> Option<io::Result<Socket>> {
        let refused = Some(Err(io::ErrorKind::ConnectionRefused.into()));
        let mut guard = self.lock();
        let ports = &mut *guard;
        let local = match ports.free_port() {
            Ok(port) => SocketAddr::new(source, port),
            Err(error) => return Some(Err(error)),
        };
        let Some(taken) = ports.find(address) else {
            return refused;
        };
        match taken.manner {
            Manner::Refusing => refused,
            Manner::Silent => None,
            Manner::Open if taken.waiting.len() >= BACKLOG => None,
            Manner::Open => {
                let (dialled, accepted) = Socket::pair(local, address, &self.leap, &self.tap);
                taken.waiting.push_back(accepted);
                let wakers = std::mem::take(&mut taken.wakers);
                drop(guard);
                wakers.into_iter().for_each(Waker::wake);
                Some(Ok(dialled))
            }
        }
    }

    /// Does something to a port that is taken.
    pub(super) fn with<T>(
        &self,
        address: SocketAddr,
        act: impl FnOnce(&mut Taken) -> T,
    ) -> Option<T> {
        self.lock().taken.get_mut(&address).map(act)
    }

    /// The port is nobody's any more.
    pub(super) fn give_back(&self, address: SocketAddr) {
        let taken = self.lock().taken.remove(&address);
        if let Some(taken) = taken {
            taken.waiting.iter().for_each(Socket::reset);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ports> {
        // No foreign code runs under the lock.
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ports {
    /// Whoever listens at an address, or at its port on all addresses.
    fn find(&mut self, address: SocketAddr) -> Option<&mut Taken> {
        let any = |ip: IpAddr| match ip {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let known = if self.taken.contains_key(&address) {
            address
        } else {
            SocketAddr::new(any(address.ip()), address.port())
        };
        self.taken.get_mut(&known)
    }

    /// A port that nobody listens on, in order. Round and round: that of a
    /// connection which has long ended may come again, as in any system.
    fn free_port(&mut self) -> io::Result<u16> {
        for _ in FIRST_PORT..=u16::MAX {
            let port = self.next;
            self.next = self.next.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.taken.keys().any(|taken| taken.port() == port) {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

/// An address and a port of it.
fn resolve(authority: &str) -> io::Result<SocketAddr> {
    if let Ok(address) = authority.parse() {
        return Ok(address);
    }
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "invalid socket address");
    let (host, port) = authority.rsplit_once(':').ok_or_else(invalid)?;
    let port = port.parse().map_err(|_| invalid())?;
    Ok(SocketAddr::new(look_up(host)?, port))
}

/// The address of a name: of this machine's, there is no other.
pub(in crate::net) fn look_up(host: &str) -> io::Result<IpAddr> {
    if host == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().map_err(|_| {
        let reason = format!("{host}: a simulated network knows no name but localhost");
        io::Error::new(io::ErrorKind::NotFound, reason)
    })
}
