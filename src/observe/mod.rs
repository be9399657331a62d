//! Sans-IO decoders: bytes in, frames out.
//!
//! They take bytes cut anywhere, never panic and bound their memory; none knows a socket, a
//! clock or a provider.

pub mod sse;
