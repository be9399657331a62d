//! Bodies in the capture: any bytes come back, and damaged ones are told.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overhear::store::fuzz::run(data));
