//! JSON documents: cut anywhere, a stream gives the same ones.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::documents::fuzz::run(data));
