//! See `identity_fuzz::redirect`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::redirect(data);
});
