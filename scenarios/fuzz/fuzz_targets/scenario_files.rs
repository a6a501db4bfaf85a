//! Any bytes as a scenario file: each has a plan, or errors that can be told.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| scenarios::hostile::scenario_files(bytes));
