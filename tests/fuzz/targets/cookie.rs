//! See `identity_fuzz::cookie`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::cookie(data);
});
