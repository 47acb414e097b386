//! See `identity_fuzz::body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::body(data);
});
