//! See `wattle_fuzz::action`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wattle_fuzz::action(bytes);
});
