//! Protobuf without a schema: any bytes are walked to their end.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::observe::protobuf::fuzz::run(data));
