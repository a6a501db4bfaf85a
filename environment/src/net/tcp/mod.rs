//! The operating system's TCP.

mod listener;
mod stream;
mod unsent;

pub(super) use listener::TcpPort;
pub(super) use stream::TcpSocket;
