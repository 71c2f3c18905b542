//! See `wattle_fuzz::events`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wattle_fuzz::events(bytes);
});
