//! Any bytes as a file of proxies, and as one of faults: each is read, or its
//! errors can be told.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    chaos_proxy::read_as_files(bytes);
});
