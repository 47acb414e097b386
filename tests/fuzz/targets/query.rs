//! See `identity_fuzz::query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::query(data);
});
