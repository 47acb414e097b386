//! See `identity_fuzz::host`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::host(data);
});
