//! The store as a whole, on real files.

mod calls;
mod faults;
mod reading;
mod roundtrip;
pub(crate) mod sample;
mod upgrade;
