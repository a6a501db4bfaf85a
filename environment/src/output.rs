//! The standard streams of a program, as they may be: closed, full, or with
//! nobody at the other end.
//!
//! Invariant: nothing here panics, and what kept data from being written is
//! told to whoever wrote it.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Writes data to stdout, and flushes. That its reader has gone, as `head` does,
/// is no error: there is nobody left who wants it.
///
/// # Errors
/// The system refuses, as where the disk is full.
pub fn print(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    wanted(write!(out, "{text}").and_then(|()| out.flush()))
}

/// Says something on stderr, on a line of its own.
pub fn complain(text: impl Display) {
    // At once, so that nobody else's words come between.
    let line = format!("{text}\n");
    // There is no second place to say that this one cannot be written.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// What a program ends with whose only job was to say this on stdout: `code`, or
/// `failed` with a sentence on stderr.
pub fn ended(program: &str, said: io::Result<()>, code: u8, failed: u8) -> ExitCode {
    ExitCode::from(match wanted(said) {
        Ok(()) => code,
        Err(error) => {
            complain(format_args!("{program}: stdout: {error}"));
            failed
        }
    })
}

fn wanted(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
