//! The capture as tools of the Model Context Protocol, over stdin and stdout, for reading only.
//!
//! Who asks is a model, and what it reads was written by others to other models. So each result
//! says that captured text is data, keeps it inside JSON strings without characters that hide or
//! steer, and has an end: what is left out is counted, and `next` says how to go on.

mod answer;
mod changes;
mod piece;
mod row;
mod server;
mod tools;

#[cfg(test)]
mod tests;

pub use server::serve;
