//! Exit statuses.
//!
//! An interrupt comes before everything else: a run cut short proves nothing.
//! Used by `main`.

use std::process::ExitCode;

use client_sim::Summary;

/// Some client is not connected at the end, or has given up.
pub(crate) const NOT_CONNECTED: u8 = 1;

/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;

/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit status of a run over `clients` clients.
pub(crate) fn code(summary: &Summary, clients: u32, was_interrupted: bool) -> ExitCode {
    ExitCode::from(match was_interrupted {
        true => INTERRUPTED,
        false if summary.connected < u64::from(clients) => NOT_CONNECTED,
        false => 0,
    })
}
