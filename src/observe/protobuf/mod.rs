//! Protobuf without a schema.
//!
//! The wire tells a field's number and its length, not whether its bytes are a text, a message
//! or something else: [`guess`] says what they look like. So [`strings`] finds the prompts of
//! an API that nobody has described; who knows the numbers reads with [`field`] and [`all`].
//!
//! ```
//! use overhear::observe::protobuf;
//!
//! // { 1: { 2: "hello" }, 3: 7 }
//! let message = b"\x0a\x07\x12\x05hello\x18\x07";
//! assert_eq!(protobuf::text(message, &[1, 2]), Some("hello"));
//!
//! let strings: Vec<_> = protobuf::strings(message, 4).collect();
//! assert_eq!(strings.len(), 1);
//! assert_eq!((strings[0].0.to_string().as_str(), strings[0].1), ("1.2", "hello"));
//! ```

#[doc(hidden)]
pub mod fuzz;
mod guess;
#[cfg(test)]
mod tests;
mod walk;
mod wire;

pub use guess::{Guess, guess};
pub use walk::{Along, Leaf, Path, Walk, all, field, strings, text, walk};
pub use wire::{Field, Fields, Value, fields, is_message};

/// Deepest nesting that is looked into: the parsers of protobuf refuse more than a hundred
/// levels, and real messages have some ten. A message further down is bytes.
pub const DEPTH_MAX: usize = 64;
