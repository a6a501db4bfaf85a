//! A program with its arguments, as files name one.

use environment::text::{FromToml, Mismatch, Value};

/// A program and what it is told, each a string of its own: no shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(pub Vec<String>);

impl FromToml for CommandLine {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let words = Vec::<String>::from_toml(value).map_err(|mismatch| {
            mismatch.with_help("a program and its arguments, such as [\"node\", \"client.js\"]")
        })?;
        let message = match words.first() {
            None => "an empty command starts nothing",
            Some(program) if program.is_empty() => "the program has no name",
            _ if words.iter().any(|word| word.contains('\0')) => "a word cannot hold a NUL",
            _ => return Ok(Self(words)),
        };
        Err(Mismatch::new(value.span(), message))
    }
}
