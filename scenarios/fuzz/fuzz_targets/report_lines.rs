//! Any lines of an adapter: each is a report, or is passed over.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| scenarios::hostile::report_lines(bytes));
