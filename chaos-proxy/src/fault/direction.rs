//! Which links, and which peers, a fault is about.

use environment::Direction;
use environment::text::{FromToml, Mismatch, Value, choice};

/// Which links a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Toward the server.
    Upstream,
    /// Toward the client.
    Downstream,
    /// Both.
    Both,
}

/// Which peer gets a close or a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client; the server's side stays open.
    Client,
    /// The server; the client's side stays open.
    Server,
    /// Both.
    Both,
}

impl Way {
    /// Whether this link is meant.
    #[doc(hidden)]
    pub fn covers(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::Upstream => direction == Direction::Upstream,
            Self::Downstream => direction == Direction::Downstream,
        }
    }
}

impl Side {
    /// Whether the client gets it.
    pub(crate) fn is_client(self) -> bool {
        self != Self::Server
    }

    /// Whether the server gets it.
    pub(crate) fn is_server(self) -> bool {
        self != Self::Client
    }
}

impl FromToml for Way {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(
            value,
            &[
                ("upstream", Self::Upstream),
                ("downstream", Self::Downstream),
                ("both", Self::Both),
            ],
        )
    }
}

impl FromToml for Side {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(
            value,
            &[
                ("client", Self::Client),
                ("server", Self::Server),
                ("both", Self::Both),
            ],
        )
    }
}
