//! See `identity_fuzz::password_hash`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = identity_fuzz::password_hash(data);
});
