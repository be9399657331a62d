//! The certificate authority: who may speak for a host, and how apps learn to trust it.
//!
//! [`Authority`] signs leaves for the hosts of one [`Scope`] and nothing else; [`bundle`] puts
//! our root beside the system's, [`environment()`] names the variables by which each runtime
//! reads them, [`trust`] installs the root and removes it again.

mod authority;
pub mod bundle;
mod chain;
mod environment;
mod error;
mod files;
mod import;
mod leaf;
mod pattern;
mod pem;
mod scope;
pub mod trust;

#[cfg(test)]
mod verify;

pub use authority::{Authority, Issued, Reissue};
pub use environment::{Files, Variable, environment};
pub use error::Error;
pub use pattern::Pattern;
pub use scope::Scope;
