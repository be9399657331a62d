//! The one integration-test binary.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on shall fail, and says on the terminal what it skips"
)]

mod authority;
mod bytes;
mod clients;
mod contract;
mod corpus;
mod documents;
mod faults;
mod fuzz;
mod golden;
mod mcp;
mod page;
mod replay;
mod secrets;
mod shapes;
mod sinks;
mod stage;
mod support;
mod threads;
mod tool;
mod truth;
