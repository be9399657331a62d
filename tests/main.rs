//! The one integration-test binary.

mod contract;
mod corpus;
mod golden;
