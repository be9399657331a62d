//! Ways through a message and those within it.

use std::fmt;

use super::DEPTH_MAX;
use super::guess::{Guess, guess};
use super::wire::{Field, Fields, Value, fields};

/// Where a field is: the numbers of the fields that lead to it, outermost first. Shown as
/// `1.3.2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<u32>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{number}")?;
        }
        Ok(())
    }
}

/// A field that is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 5.
    Fixed32(u32),
    /// Wire type 2, and it looks like text.
    Text(&'a str),
    /// Wire type 2, and it does not; or a message deeper than [`DEPTH_MAX`].
    Bytes(&'a [u8]),
}

/// The tree of `message`: each leaf with its path, in the order of the wire, up to where the
/// fields make no sense.
pub fn walk(message: &[u8]) -> Walk<'_> {
    Walk { open: vec![fields(message)], path: Path::default() }
}

/// The texts of `message` of at least `bytes_min` bytes.
pub fn strings(message: &[u8], bytes_min: usize) -> impl Iterator<Item = (Path, &str)> {
    walk(message).filter_map(move |(path, leaf)| match leaf {
        Leaf::Text(text) if text.len() >= bytes_min => Some((path, text)),
        _ => None,
    })
}

/// The values of the field that the numbers of `path` lead to, in the order of the wire: one,
/// none, or several where a field on the way is repeated.
pub fn all<'a, 'p>(message: &'a [u8], path: &'p [u32]) -> Along<'a, 'p> {
    Along { open: vec![fields(message)], path }
}

/// The value of the field that the numbers of `path` lead to; of several the last, which is the
/// one that counts in protobuf.
pub fn field<'a>(message: &'a [u8], path: &[u32]) -> Option<Value<'a>> {
    all(message, path).last()
}

/// The same as a text; `None` if it is not UTF-8.
pub fn text<'a>(message: &'a [u8], path: &[u32]) -> Option<&'a str> {
    field(message, path)?.text()
}

/// Reads a tree leaf by leaf.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// The messages being read, outermost first; one more than `path` has numbers.
    open: Vec<Fields<'a>>,
    path: Path,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Path, Leaf<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(Field { number, value }) = self.open.last_mut()?.next() else {
                self.open.pop();
                self.path.0.pop();
                continue;
            };
            let leaf = match value {
                Value::Varint(number) => Leaf::Varint(number),
                Value::Fixed64(number) => Leaf::Fixed64(number),
                Value::Fixed32(number) => Leaf::Fixed32(number),
                Value::Bytes(bytes) => match guess(bytes) {
                    Guess::Message if self.open.len() < DEPTH_MAX => {
                        self.open.push(fields(bytes));
                        self.path.0.push(number);
                        continue;
                    }
                    Guess::Text(text) => Leaf::Text(text),
                    Guess::Message | Guess::Bytes => Leaf::Bytes(bytes),
                },
            };
            let mut path = self.path.clone();
            path.0.push(number);
            return Some((path, leaf));
        }
    }
}

/// Reads the values at one path.
#[derive(Clone, Debug)]
pub struct Along<'a, 'p> {
    /// The messages being read, outermost first.
    open: Vec<Fields<'a>>,
    path: &'p [u32],
}

impl<'a> Iterator for Along<'a, '_> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        loop {
            let wanted = *self.path.get(self.open.len().checked_sub(1)?)?;
            let Some(field) = self.open.last_mut()?.find(|field| field.number == wanted) else {
                self.open.pop();
                continue;
            };
            if self.open.len() == self.path.len() {
                return Some(field.value);
            }
            self.open.extend(field.value.bytes().map(fields));
        }
    }
}
