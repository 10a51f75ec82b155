//! See `asked` in `tests/src/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz::targets::run("asked", octets));
