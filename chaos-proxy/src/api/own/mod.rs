//! Our own API, under `/chaos/v1`: what Toxiproxy's cannot say.
//!
//! `API.md` is its documentation, whose examples a test runs. Everything in and
//! out is JSON, but for events and metrics; [`guard`] says who may ask.

mod connections;
mod events;
mod guard;
mod language;
mod plan;
pub(super) mod routes;
mod rules;
mod trouble;
