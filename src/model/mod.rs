//! What an exchange with a model is, as plain data.
//!
//! Nothing here reads bytes or knows a provider: dialects fill these types, the store keeps
//! them, every reader shows them. Serialised, [`Exchange`] is the contract of
//! `docs/exchange.md`.

mod call;
mod exchange;
mod message;
mod secret;
mod thread;
mod usage;

pub use exchange::{Annotations, App, Exchange, ExchangeError, Headers, Reply, Request, State};
pub use message::{Choice, Message, Part, Tool};
pub use secret::{Fingerprint, Fingerprinter, Secret};
pub use thread::{NamedThread, ThreadRule};
pub use usage::{Buckets, Cost, Usage};

#[cfg(test)]
pub(crate) use call::tests::sample;
