//! `chaos schema`: what editors complete and check scenario files by.

use super::EXIT_PASSED;
use super::terminal::print;

/// The shipped copy; held to the decoder by a test, key by key.
const SCHEMA: &str = include_str!("../../schema/scenario.schema.json");

/// Prints it.
pub(super) fn schema() -> u8 {
    print(format_args!("{SCHEMA}"));
    EXIT_PASSED
}
