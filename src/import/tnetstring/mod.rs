//! Tagged netstrings, in which mitmproxy keeps its flows: `LENGTH:PAYLOADTYPE`.
//!
//! [`Decoder`] cuts a file into its values; [`Item`] looks into one, where it stands and no
//! deeper than it is asked to: nothing is built, so nothing can be made too deep or too large.

mod decoder;
#[doc(hidden)]
pub mod fuzz;
mod item;

pub use decoder::{Decoder, Ending, Event, VALUE_BYTES_MAX};
pub use item::Item;
