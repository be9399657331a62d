//! Protobuf with a schema, as JSON.
//!
//! A schema is a table, a row a field: number, name in JSON, kind. What no row names is not
//! dropped: it is guessed at and has its number as its name. So a service that nobody has
//! described is a schema without rows, and one of which three numbers are known has three.

pub(super) mod cursor;
pub(super) mod gemini;
mod read;
pub(super) mod vertex;
pub(super) mod windsurf;
pub(super) mod xai;

pub(super) use read::json;

/// The fields of a message.
pub(super) struct Schema(pub(super) &'static [(u32, &'static str, Kind)]);

/// The words for the numbers of an enumeration.
pub(super) type Names = &'static [(u64, &'static str)];

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// `string`.
    Text,
    /// `bytes`; in JSON base64.
    Bytes,
    /// An integer of any type but `sint`.
    Whole,
    /// `bool`.
    Flag,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// An `enum`; a number that no word is known for stays a number.
    Name(Names),
    /// A message.
    Of(&'static Schema),
    /// A `repeated` field.
    Many(&'static Kind),
    /// A `map` from texts.
    Map(&'static Kind),
    /// `google.protobuf.Value`: JSON in protobuf.
    Json,
    /// `google.protobuf.Struct`: a JSON object in protobuf.
    Struct,
    /// Nobody knows: what it looks like.
    Guess,
}

/// A message of which nothing is known.
pub(super) static UNKNOWN: Schema = Schema(&[]);

/// `google.protobuf.Timestamp` and `Duration`.
static TIME: Schema = Schema(&[(1, "seconds", Kind::Whole), (2, "nanos", Kind::Whole)]);
