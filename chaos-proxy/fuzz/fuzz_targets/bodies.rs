//! Whatever a client of the control API sends as a body: it is read or refused,
//! in bounded time, without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    assert!(chaos_proxy::api::count_readings(body) <= 6);
});
