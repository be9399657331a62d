//! WebSocket: cut anywhere, a socket gives the same events, and every byte once.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::websocket::fuzz::run(data));
