//! See `wattle_fuzz::query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wattle_fuzz::query(bytes);
});
