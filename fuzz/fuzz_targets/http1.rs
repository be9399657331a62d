//! HTTP/1: cut anywhere, a connection gives the same events, and every byte once.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::http1::fuzz::run(data));
