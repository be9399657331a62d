//! A node: bytes as they stand, and references to blobs, in order. Read one after the other they
//! are what was stored.

use super::escape::{self, Style};
use crate::store::StoreError;
use crate::store::varint::{push, take, unzigzag, zigzag};

/// What becomes of a blob's bytes where a reference to it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum Transform {
    /// They stand as they are.
    Same,
    /// They are escaped, as in a string of JSON.
    Escaped(Style),
    /// They stand in base64.
    Base64(Alphabet),
}

/// Which base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum Alphabet {
    /// `+/=`.
    Standard,
    /// `-_=`.
    Url,
    /// `-_`, the end not filled up.
    UrlBare,
}

/// A part of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Item<'a> {
    /// Bytes.
    Glue(&'a [u8]),
    /// A row of `blob`.
    Reference(Reference),
    /// A node whose bytes are a stream as columns.
    Columns(&'a [u8]),
}

/// Where a blob stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Reference {
    pub(in crate::store) id: i64,
    pub(in crate::store) transform: Transform,
}

impl Transform {
    /// Numbers from this on are styles of escaping.
    const ESCAPED: u64 = 8;

    /// Not a transform: columns follow.
    const COLUMNS: u64 = 4;

    fn number(self) -> u64 {
        match self {
            Self::Same => 0,
            Self::Base64(Alphabet::Standard) => 1,
            Self::Base64(Alphabet::Url) => 2,
            Self::Base64(Alphabet::UrlBare) => 3,
            Self::Escaped(style) => Self::ESCAPED + u64::from(style.bits()),
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Same,
            1 => Self::Base64(Alphabet::Standard),
            2 => Self::Base64(Alphabet::Url),
            3 => Self::Base64(Alphabet::UrlBare),
            _ => Self::Escaped(Style::from_bits(number.checked_sub(Self::ESCAPED)?)?),
        })
    }

    /// Appends `bytes` as they stand here.
    pub(super) fn apply(self, bytes: Vec<u8>, out: &mut Vec<u8>) {
        match self {
            Self::Same if out.is_empty() => *out = bytes,
            Self::Same => out.extend_from_slice(&bytes),
            Self::Escaped(style) => escape::escape(&bytes, style, out),
            Self::Base64(alphabet) => super::base64::encode(&bytes, alphabet, out),
        }
    }
}

/// A node that is being written.
#[derive(Default)]
pub(in crate::store) struct Builder {
    bytes: Vec<u8>,
    /// Glue since the last reference.
    glue: Vec<u8>,
    last_id: i64,
}

impl Builder {
    pub(in crate::store) fn glue(&mut self, glue: &[u8]) {
        self.glue.extend_from_slice(glue);
    }

    pub(in crate::store) fn reference(&mut self, reference: Reference) {
        self.flush();
        push(&mut self.bytes, reference.transform.number() << 1 | 1);
        push(&mut self.bytes, zigzag(reference.id.wrapping_sub(self.last_id)));
        self.last_id = reference.id;
    }

    /// A stream as columns, which are a node of their own.
    pub(super) fn columns(&mut self, node: &[u8]) {
        self.flush();
        push(&mut self.bytes, Transform::COLUMNS << 1 | 1);
        push(&mut self.bytes, node.len() as u64);
        self.bytes.extend_from_slice(node);
    }

    /// The node as it is stored.
    pub(in crate::store) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.bytes
    }

    fn flush(&mut self) {
        if !self.glue.is_empty() {
            push(&mut self.bytes, (self.glue.len() as u64) << 1);
            self.bytes.append(&mut self.glue);
        }
    }
}

/// The items of a node, in order; ends with an error where the node is damaged.
pub(in crate::store) fn items(node: &[u8]) -> impl Iterator<Item = Result<Item<'_>, StoreError>> {
    let mut rest = node;
    let mut last_id = 0_i64;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let item = next(&mut rest, &mut last_id);
        if item.is_none() {
            rest = &[];
        }
        Some(item.ok_or_else(|| StoreError::corrupt("a node of a body that cannot be read")))
    })
}

fn next<'a>(rest: &mut &'a [u8], last_id: &mut i64) -> Option<Item<'a>> {
    let head = take(rest)?;
    if head & 1 == 0 {
        let (glue, after) = rest.split_at_checked(usize::try_from(head >> 1).ok()?)?;
        *rest = after;
        return Some(Item::Glue(glue));
    }
    if head >> 1 == Transform::COLUMNS {
        let length = usize::try_from(take(rest)?).ok()?;
        let (columns, after) = rest.split_at_checked(length)?;
        *rest = after;
        return Some(Item::Columns(columns));
    }
    let transform = Transform::from_number(head >> 1)?;
    let id = last_id.wrapping_add(unzigzag(take(rest)?));
    *last_id = id;
    Some(Item::Reference(Reference { id, transform }))
}
