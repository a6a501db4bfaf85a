//! The flags of TLS.

use std::path::PathBuf;

use chaos_proxy::proxies::TlsSettings;
use clap::builder::FalseyValueParser;

/// What is asked for of TLS.
#[derive(Debug, clap::Args)]
pub(crate) struct TlsArgs {
    /// Speak TLS with clients, with certificates signed by an authority of your own;
    /// `chaos ca` shows how to make clients trust it.
    #[arg(long, env = "CHAOS_PROXY_TLS", value_parser = FalseyValueParser::new(), requires = "upstream")]
    pub(crate) tls: bool,
    /// Folder of the certificate authority; created if it does not exist [default:
    /// chaos-proxy/ca in XDG_DATA_HOME or ~/.local/share].
    #[arg(long, env = "CHAOS_PROXY_CA", value_name = "DIR")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust the certificate of a tls:// upstream if an authority in this PEM file has
    /// signed it, instead of the system's authorities.
    #[arg(
        long,
        env = "CHAOS_PROXY_UPSTREAM_CA",
        value_name = "FILE",
        requires = "upstream",
        conflicts_with = "upstream_insecure"
    )]
    pub(crate) upstream_ca: Option<PathBuf>,
    /// Accept any certificate of a tls:// upstream.
    #[arg(long, env = "CHAOS_PROXY_UPSTREAM_INSECURE", value_parser = FalseyValueParser::new(), requires = "upstream")]
    pub(crate) upstream_insecure: bool,
}

impl TlsArgs {
    /// What is asked for of TLS, beside what the upstream says.
    pub(crate) fn settings(&self) -> TlsSettings {
        TlsSettings {
            tls: self.tls,
            upstream_ca: self.upstream_ca.clone(),
            upstream_insecure: self.upstream_insecure,
        }
    }
}
