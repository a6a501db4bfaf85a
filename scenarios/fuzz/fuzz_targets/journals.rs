//! Journals of a run, altered in any way, and any bytes: each is refused or judged.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| scenarios::hostile::journals(bytes));
