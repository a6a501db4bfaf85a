//! `[server]` in a `client.toml`: the server that a client brings since its protocol is
//! not the ticker's.

use std::collections::BTreeSet;

use chaos_judge::language::{OwnKind, OwnServer, Scenario, ServerCommand, ServerEnd};
use chaos_proxy::Pattern;
use environment::text::Table;

/// A server that takes the ticker's place in every case of its client.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// What is started for each run, in the client's folder.
    pub command: ServerCommand,
    /// What of the ticker's keys it obeys; it is told them in its environment.
    pub obeys: BTreeSet<String>,
    /// What is data of its.
    pub data: Option<Pattern>,
}

impl Brought {
    /// Reads `[server]`; `None` without it, or if it is wrong and reported.
    pub(super) fn read(root: &mut Table<'_>) -> Option<Self> {
        let mut table = root.table("server")?;
        let data = table.table("data");
        let data = data.and_then(|mut table| Pattern::read(&mut table));
        let read = OwnServer::read_brought(&mut table);
        table.finish();
        let (command, obeys) = read?;
        Some(Self {
            command,
            obeys,
            data,
        })
    }

    /// Its URL, with some port.
    pub(super) fn url(&self) -> String {
        self.command.url(1)
    }

    /// What of a file's wishes it obeys: what it says, and that it is killed, which
    /// befalls any program that is started here.
    pub(super) fn obeys(&self) -> BTreeSet<String> {
        let kill = ServerEnd::Kill.word().to_owned();
        self.obeys.iter().cloned().chain([kill]).collect()
    }

    /// Takes the ticker's place, unless the file has a server of its own.
    pub(super) fn serve(&self, scenario: &mut Scenario) {
        if let Some(own) = &mut scenario.own_server
            && own.kind == OwnKind::External(self.command.address(1))
        {
            own.kind = OwnKind::Command(self.command.clone());
            scenario.data = scenario.data.take().or_else(|| self.data.clone());
        }
    }
}
