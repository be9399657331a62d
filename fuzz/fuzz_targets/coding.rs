//! Content codings: cut anywhere, a body decodes to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::coding::fuzz::run(data));
