//! Dialects: no reply and no socket makes one panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::dialect::fuzz::run(data));
