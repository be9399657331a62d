//! Overhear shows what closed tools say to LLM providers.
//!
//! A byte comes in on one socket, goes out unchanged on the other, and a copy falls onto a
//! tape; everything Overhear knows, it reads from the tape. ARCHITECTURE.md has the map.

pub mod ca;
pub mod cli;
pub mod demo;
pub mod dialect;
pub mod export;
pub mod flow;
pub mod import;
pub mod mcp;
pub mod metrics;
pub mod model;
pub mod observe;
pub mod price;
pub mod proxy;
pub mod query;
pub mod record;
pub mod run;
pub mod sink;
pub mod store;
pub mod tape;
pub mod tokens;
pub mod web;
