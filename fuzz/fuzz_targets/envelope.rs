//! Messages of gRPC and Connect: cut anywhere, a stream gives the same messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::envelope::fuzz::run(data));
