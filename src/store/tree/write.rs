//! Bytes into pieces.

use rusqlite::{Connection, OptionalExtension};

use super::coding::{Coded, Coder, root};
use super::columns::{self, Part};
use super::cut::{Form, Piece, cut};
use super::dictionary::Class;
use super::memory::{Known, Memory};
use super::node::{Builder, Reference, Transform};
use super::{base64, escape};
use crate::store::StoreError;
use crate::store::codec::{Codec, Hash, short};

/// A body of JSON begins at most so far behind a head, in bytes: the size of a first chunk may
/// stand before it.
const BODY_START_BYTES_MAX: usize = 16;

/// Strings of JSON inside strings of JSON, such as a tool's arguments, that are looked into.
const NESTED_MAX: usize = 2;

/// Bodies that are no JSON are cut by their content from this size on, in bytes.
const CHUNKED_BYTES_MIN: usize = 16 << 10;

/// Chunks of them, in bytes: at least, on average, at most.
const CHUNK_BYTES: [usize; 3] = [2 << 10, 8 << 10, 32 << 10];

/// Keeps what writing needs from one body to the next.
pub(in crate::store) struct Writer {
    keys: Keys,
    memory: Memory,
    coder: Coder,
}

/// A text and a node of the same bytes are two blobs.
struct Keys {
    leaf: [u8; 32],
    node: [u8; 32],
    /// Of strings as they came, for the memory only.
    escaped: [u8; 32],
}

impl Writer {
    pub(in crate::store) fn new(key: &[u8; 32]) -> Result<Self, StoreError> {
        let derived = |what: &[u8]| *blake3::keyed_hash(key, what).as_bytes();
        let keys =
            Keys { leaf: derived(b"leaf"), node: derived(b"node"), escaped: derived(b"escaped") };
        Ok(Self { keys, memory: Memory::default(), coder: Coder::new(*key)? })
    }

    /// An exchange begins, whose texts are of a class.
    pub(in crate::store) fn begin(&mut self, texts: Class) {
        self.coder.begin(texts);
    }

    /// Forgets what it knows of the file: a transaction failed, or blobs were swept.
    pub(in crate::store) fn forget(&mut self) {
        self.memory.forget();
        self.coder.forget();
    }
}

/// Writes `bytes`; gives the root by which [`read`](super::read) gives them back.
pub(in crate::store) fn write(
    conn: &Connection,
    codec: &mut Codec,
    bytes: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut placing = Placing { conn, writer: &mut codec.tree };
    let node = placing.body(bytes)?;
    Ok(root(&codec.tree.coder.code_seeded(&node)))
}

/// As [`write()`], for bytes of a class.
pub(in crate::store) fn write_like(
    conn: &Connection,
    codec: &mut Codec,
    class: Class,
    bytes: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut placing = Placing { conn, writer: &mut codec.tree };
    let node = placing.body(bytes)?;
    Ok(root(&codec.tree.coder.code_like(conn, class, &node)?))
}

/// Bytes for a column of their own that refer to nothing; [`unpack`](super::unpack) takes them
/// back.
pub(in crate::store) fn pack(codec: &mut Codec, bytes: &[u8]) -> Vec<u8> {
    root(&codec.tree.coder.code_seeded(bytes))
}

struct Placing<'a> {
    conn: &'a Connection,
    writer: &'a mut Writer,
}

impl Placing<'_> {
    /// The node of a whole body, with or without an HTTP head.
    fn body(&mut self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut node = Builder::default();
        match json_start(bytes) {
            Some(start) => {
                let (head, json) = bytes.split_at(start);
                node.glue(head);
                self.place(json, 0, json.len(), &cut(json), &mut node, 0)?;
            }
            None if is_reply(bytes) => self.reply(bytes, &mut node)?,
            None => self.chunks(bytes, &mut node)?,
        }
        Ok(node.finish())
    }

    /// Puts the bytes from `start` to `end` into `node`.
    fn place(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
        pieces: &[Piece],
        node: &mut Builder,
        nested: usize,
    ) -> Result<(), StoreError> {
        let mut at = start;
        for piece in pieces {
            node.glue(bytes.get(at..piece.range.start).unwrap_or_default());
            self.piece(bytes, piece, node, nested)?;
            at = piece.range.end;
        }
        node.glue(bytes.get(at..end).unwrap_or_default());
        Ok(())
    }

    fn piece(
        &mut self,
        bytes: &[u8],
        piece: &Piece,
        node: &mut Builder,
        nested: usize,
    ) -> Result<(), StoreError> {
        let held = bytes.get(piece.range.clone()).unwrap_or_default();
        let (inner, is_member) = match &piece.form {
            Form::Text => return self.text(held, node, nested),
            Form::Elements(inner) => (inner, false),
            Form::Member(inner) => (inner, true),
        };
        let hash = hash(&self.writer.keys.node, held);
        let known = match self.writer.memory.get(&hash) {
            None => self.find(&hash)?.map(|id| stored(id, Transform::Same)),
            known => known,
        };
        let (start, end) = (piece.range.start, piece.range.end);
        match known {
            Some(Known::Stored { reference, .. }) => {
                self.writer.memory.put(hash, stored(reference.id, Transform::Same));
                node.reference(reference);
            }
            None if is_member => {
                self.writer.memory.put(hash, Known::Seen);
                self.place(bytes, start, end, inner, node, nested)?;
            }
            None | Some(Known::Seen) => {
                let mut inside = Builder::default();
                self.place(bytes, start, end, inner, &mut inside, nested)?;
                let coded = self.writer.coder.code_seeded(&inside.finish());
                let id = insert(self.conn, &hash, Holds::Node, coded)?;
                self.writer.memory.put(hash, stored(id, Transform::Same));
                node.reference(Reference { id, transform: Transform::Same });
            }
        }
        Ok(())
    }

    /// Puts what a string holds into `node`.
    fn text(
        &mut self,
        escaped: &[u8],
        node: &mut Builder,
        nested: usize,
    ) -> Result<(), StoreError> {
        let hash = hash(&self.writer.keys.escaped, escaped);
        let known = match self.writer.memory.get(&hash) {
            Some(Known::Stored { reference, prefix }) => (reference, prefix),
            _ => {
                let (reference, prefix) = self.new_text(escaped, nested)?;
                self.writer.memory.put(hash, Known::Stored { reference, prefix });
                (reference, prefix)
            }
        };
        node.glue(escaped.get(..known.1).unwrap_or_default());
        node.reference(known.0);
        Ok(())
    }

    fn new_text(
        &mut self,
        escaped: &[u8],
        nested: usize,
    ) -> Result<(Reference, usize), StoreError> {
        if let Some((range, decoded, alphabet)) = base64::find(escaped) {
            let id = self.leaf(&decoded)?;
            return Ok((Reference { id, transform: Transform::Base64(alphabet) }, range.start));
        }
        let Some((text, style)) = escape::unescape(escaped) else {
            return Ok((Reference { id: self.leaf(escaped)?, transform: Transform::Same }, 0));
        };
        let transform = match text == escaped {
            true => Transform::Same,
            false => Transform::Escaped(style),
        };
        if nested < NESTED_MAX && begins_json(&text) {
            let pieces = cut(&text);
            if !pieces.is_empty() {
                let id = self.nested(&text, &pieces, nested + 1)?;
                return Ok((Reference { id, transform }, 0));
            }
        }
        Ok((Reference { id: self.leaf(&text)?, transform }, 0))
    }

    /// JSON inside a string.
    fn nested(&mut self, text: &[u8], pieces: &[Piece], nested: usize) -> Result<i64, StoreError> {
        let hash = hash(&self.writer.keys.node, text);
        if let Some(id) = self.find(&hash)? {
            return Ok(id);
        }
        let mut inside = Builder::default();
        self.place(text, 0, text.len(), pieces, &mut inside, nested)?;
        let coded = self.writer.coder.code_seeded(&inside.finish());
        insert(self.conn, &hash, Holds::Node, coded)
    }

    fn leaf(&mut self, bytes: &[u8]) -> Result<i64, StoreError> {
        let hash = hash(&self.writer.keys.leaf, bytes);
        if let Some(id) = self.find(&hash)? {
            return Ok(id);
        }
        let conn = self.conn;
        let insert_leaf = |coded| insert(conn, &hash, Holds::Bytes, coded);
        self.writer.coder.store_leaf(conn, bytes, insert_leaf)
    }

    /// A reply that is no JSON: a stream of events, most likely.
    fn reply(&mut self, bytes: &[u8], node: &mut Builder) -> Result<(), StoreError> {
        let (head, body) = bytes.split_at(head_end(bytes));
        node.glue(head);
        let Some(parts) = columns::encode(body) else {
            node.glue(body);
            return Ok(());
        };
        let mut inside = Builder::default();
        for part in parts {
            match part {
                Part::Bytes(bytes) => inside.glue(&bytes),
                Part::Short(bytes) => inside.glue(bytes),
                Part::Text(escaped) => self.text(&escaped, &mut inside, 0)?,
            }
        }
        node.columns(&inside.finish());
        Ok(())
    }

    /// A body that is no JSON: what is inserted into it changes the chunks around it only.
    fn chunks(&mut self, bytes: &[u8], node: &mut Builder) -> Result<(), StoreError> {
        if bytes.len() < CHUNKED_BYTES_MIN {
            node.glue(bytes);
            return Ok(());
        }
        let head = head_end(bytes);
        let (head, body) = bytes.split_at(head);
        node.glue(head);
        let [least, average, most] = CHUNK_BYTES;
        for chunk in fastcdc::v2020::FastCDC::new(body, least, average, most) {
            let held = body.get(chunk.offset..chunk.offset + chunk.length).unwrap_or_default();
            let id = self.leaf(held)?;
            node.reference(Reference { id, transform: Transform::Same });
        }
        Ok(())
    }

    fn find(&self, hash: &Hash) -> Result<Option<i64>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM blob WHERE hash = ?1")?
            .query_row([hash], |row| row.get(0))
            .optional()?)
    }
}

fn insert(conn: &Connection, hash: &Hash, holds: Holds, coded: Coded) -> Result<i64, StoreError> {
    let coding = coded.coding << 1 | i64::from(holds == Holds::Node);
    Ok(conn
        .prepare_cached("INSERT INTO blob (hash, coding, data) VALUES (?1, ?2, ?3)")?
        .insert((hash, coding, coded.data))?)
}

/// What a blob holds: the lowest bit of its coding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Bytes,
    Node,
}

fn stored(id: i64, transform: Transform) -> Known {
    Known::Stored { reference: Reference { id, transform }, prefix: 0 }
}

fn hash(key: &[u8; 32], bytes: &[u8]) -> Hash {
    short(&blake3::keyed_hash(key, bytes))
}

fn begins_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['))
}

/// Where the head of an HTTP message ends; 0 if there is none.
fn head_end(bytes: &[u8]) -> usize {
    let has_head = bytes.first().is_some_and(u8::is_ascii_alphabetic);
    let end = memchr::memmem::find(bytes, b"\r\n\r\n").filter(|_| has_head);
    end.map_or(0, |end| end + 4)
}

/// Where JSON begins, if the body is JSON.
fn json_start(bytes: &[u8]) -> Option<usize> {
    if begins_json(bytes) || bytes.first() == Some(&b'"') {
        return Some(0);
    }
    let start = head_end(bytes);
    let body = bytes.get(start..).filter(|_| start > 0)?;
    let glance = body.get(..BODY_START_BYTES_MAX).unwrap_or(body);
    let at = glance.iter().position(|byte| matches!(byte, b'{' | b'['))?;
    let is_before = |byte: &u8| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace();
    glance.get(..at)?.iter().all(is_before).then_some(start + at)
}

fn is_reply(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/")
}
