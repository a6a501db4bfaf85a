//! Our own API, under `/chaos/v1`: what Toxiproxy's cannot say.
//!
//! `docs/reference/api.md` is its documentation, whose examples a test runs. Everything in and
//! out is JSON, but for events and metrics.

mod connections;
mod error;
mod events;
mod language;
mod plan;
pub(super) mod routes;
mod rules;

/// Whether these bytes are a rule.
pub(super) fn is_rule(body: &[u8]) -> bool {
    language::RuleBody::read(body, None).is_ok()
}
