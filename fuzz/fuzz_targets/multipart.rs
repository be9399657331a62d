//! Forms: cut anywhere, a body gives the same parts.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::multipart::fuzz::run(data));
