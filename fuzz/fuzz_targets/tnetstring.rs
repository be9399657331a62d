//! Flows of mitmproxy: cut anywhere, a file has the same values, and each can be looked into.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::import::tnetstring::fuzz::run(data));
