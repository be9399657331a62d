//! Server-sent events: cut anywhere, a stream gives the same events.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::sse::fuzz::run(data));
