//! HTTP/2: cut anywhere, a connection gives the same events, each stream in its order.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::http2::fuzz::run(data));
