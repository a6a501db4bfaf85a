//! Runs over TLS: who signs for the proxy, and how its clients are told to trust it.
//!
//! In virtual time all of them meet within this program, so the authority is in memory
//! and ends with the run; on sockets it is the user's, whom external programs can
//! be told of.

use std::path::PathBuf;

use chaos_proxy::TlsSides;
use client_sim::{Behaviour, Url};
use environment::tls::{Acceptor, Alpn, Authority, Connector, Leaf, Trust};

use super::context::RunContext;
use super::error::HarnessError;
use crate::language::Address;
use crate::trust::Trusted;

/// Who signs for one run.
#[derive(Debug)]
pub(super) struct Secured {
    authority: Authority,
    /// How client programs are told of it.
    trusted: Option<Trusted>,
}

impl Secured {
    /// Who signs for this run; `None` if its clients dial without TLS.
    pub(super) fn of(context: &RunContext<'_>) -> Result<Option<Self>, HarnessError> {
        let tls = &context.settings.tls;
        if !tls.is_for(context.scenario) {
            return Ok(None);
        }
        if context.environment.clock.is_virtual() {
            let authority = Authority::ephemeral();
            let authority = authority.map_err(|error| HarnessError::Tls(error.to_string()))?;
            return Ok(Some(Self {
                authority,
                trusted: None,
            }));
        }
        let trusted = tls.trusted().map_err(HarnessError::Tls)?;
        Ok(Some(Self {
            authority: trusted.authority().clone(),
            trusted: Some(trusted),
        }))
    }

    fn acceptor(&self) -> Acceptor {
        self.authority.acceptor(Leaf::Valid, Alpn::Http1)
    }

    /// How a simulated client asks for TLS that behaves so.
    pub(super) fn connector(
        &self,
        url: &Url,
        behaviour: &Behaviour,
    ) -> Result<Option<Connector>, HarnessError> {
        let trust = behaviour.trust(self.authority.trust());
        let connector = url.connector(&trust);
        connector.map_err(|error| HarnessError::Tls(error.to_string()))
    }

    /// The variables by which a program is told.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let trusted = self.trusted.iter().flat_map(Trusted::variables);
        let text = |(name, file): (&str, PathBuf)| (name.to_owned(), file.display().to_string());
        trusted.map(text).collect()
    }

    /// The authority's certificate, for a function of this process.
    pub(super) fn certificate(&self) -> Option<PathBuf> {
        self.trusted.as_ref().map(Trusted::certificate)
    }
}

/// On which sides the proxy speaks TLS.
pub(super) fn sides(
    secured: Option<&Secured>,
    server: Option<&Address>,
) -> Result<TlsSides, HarnessError> {
    let server = server.filter(|server| server.is_tls);
    let connector = server.map(|server| Connector::new(server.host(), &Trust::System));
    Ok(TlsSides {
        client: secured.map(Secured::acceptor),
        server: connector
            .transpose()
            .map_err(|error| HarnessError::Tls(error.to_string()))?,
    })
}
