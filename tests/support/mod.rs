#![cfg(test)]
//! What integration tests share: the built binary in folders of its own, certificates of test
//! origins, and ends of connections that do exactly what a test says.

pub mod certificates;
pub mod chance;
pub mod home;
pub mod server;
pub mod wire;

use std::time::Duration;

/// How long anything is waited for. Generous: it only ends tests that would hang.
pub const DEADLINE: Duration = Duration::from_secs(30);
