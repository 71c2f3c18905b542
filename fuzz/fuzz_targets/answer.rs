//! See `wattle_fuzz::answer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wattle_fuzz::answer(bytes);
});
