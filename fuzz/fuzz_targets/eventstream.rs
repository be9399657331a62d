//! Amazon event streams: cut anywhere, a stream gives the same messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::eventstream::fuzz::run(data));
