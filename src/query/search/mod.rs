//! From a pattern to the messages that may have it, and through these to those that do.

mod candidates;
mod look;
mod need;
mod scan;

pub(super) use candidates::candidates;
pub(super) use look::{FoundText, Look, Looked};
pub(super) use need::need;
pub(super) use scan::scan;

#[cfg(test)]
pub(crate) use need::tests::pattern;
