//! How a body is cut: what is decided stays so, and cut anywhere it gives the same pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::stream::fuzz::run(data));
