//! A simulated port that is ours.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Poll, Waker};

use super::fabric::{Fabric, Manner};
use super::socket::Socket;

/// Dropping it gives the port back.
#[derive(Debug)]
pub(in crate::net) struct Port {
    fabric: Fabric,
    address: SocketAddr,
}

impl Port {
    pub(super) fn new(fabric: Fabric, address: SocketAddr) -> Self {
        Self { fabric, address }
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub(in crate::net) async fn accept(&self) -> Socket {
        poll_fn(|cx| match self.next(Some(cx.waker())) {
            Some(socket) => Poll::Ready(socket),
            None => Poll::Pending,
        })
        .await
    }

    pub(in crate::net) fn try_accept(&self) -> Option<Socket> {
        self.next(None)
    }

    pub(in crate::net) fn fall_silent(&self) {
        self.set(Manner::Silent);
    }

    pub(in crate::net) fn refuse(&self) {
        self.set(Manner::Refusing);
    }

    pub(in crate::net) fn heal(&self) {
        self.set(Manner::Open);
    }

    pub(in crate::net) fn is_refusing(&self) -> bool {
        let manner = self.fabric.with(self.address, |taken| taken.manner);
        manner == Some(Manner::Refusing)
    }

    /// Whoever came first, unless the port is silent; else `waker` is to be told.
    fn next(&self, waker: Option<&Waker>) -> Option<Socket> {
        let found = self.fabric.with(self.address, |taken| {
            let next = match taken.manner {
                Manner::Open => taken.waiting.pop_front(),
                Manner::Refusing | Manner::Silent => None,
            };
            if next.is_none() {
                taken.wakers.extend(waker.cloned());
            }
            next
        });
        found.flatten()
    }

    fn set(&self, manner: Manner) {
        let changed = self.fabric.with(self.address, |taken| {
            taken.manner = manner;
            let gone = match manner {
                Manner::Refusing => std::mem::take(&mut taken.waiting),
                Manner::Open | Manner::Silent => [].into(),
            };
            (gone, std::mem::take(&mut taken.wakers))
        });
        // Without the fabric's lock.
        let (gone, wakers) = changed.unwrap_or_default();
        gone.iter().for_each(Socket::reset);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.fabric.give_back(self.address);
    }
}
