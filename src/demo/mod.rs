//! What `overhear demo` needs: a provider that is not there, and an app that calls it.

pub mod app;
pub mod provider;
