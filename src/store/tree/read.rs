//! Pieces back into bytes. Nothing in a file is believed: a damaged or malicious one costs an
//! error, never the memory or the stack.

use rusqlite::{Connection, OptionalExtension};

use super::coding::decode;
use super::columns;
use super::node::{self, Item};
use crate::store::StoreError;
use crate::store::varint;

/// Nodes inside nodes, at most: what writing makes is about as deep as JSON is cut.
const DEPTH_MAX: usize = 200;

/// Longest body given back, in bytes; recording keeps less.
const BODY_BYTES_MAX: usize = 1 << 30;

/// Most references followed for one body.
const REFERENCES_MAX: usize = 1 << 21;

/// Dictionaries that reading a piece may need, each inside the one before: texts may have one,
/// and its own texts have none.
const DICTIONARIES_MAX: u8 = 2;

/// The bytes of a root.
pub(in crate::store) fn read(conn: &Connection, root: &[u8]) -> Result<Vec<u8>, StoreError> {
    read_dictionary(conn, root, DICTIONARIES_MAX)
}

/// As [`read()`], within a dictionary that is being read.
pub(super) fn read_dictionary(
    conn: &Connection,
    root: &[u8],
    dictionaries: u8,
) -> Result<Vec<u8>, StoreError> {
    let mut reading = Reading { conn, dictionaries, references: 0 };
    let node = decoded(conn, root, dictionaries)?;
    let mut bytes = Vec::new();
    reading.expand(&node, 0, &mut bytes)?;
    Ok(bytes)
}

/// Takes back what [`pack`](super::pack) made.
pub(in crate::store) fn unpack(conn: &Connection, packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    decoded(conn, packed, DICTIONARIES_MAX)
}

/// The blobs that a root refers to itself; what those refer to is [`references_of_blob`].
pub(in crate::store) fn references(conn: &Connection, root: &[u8]) -> Result<Vec<i64>, StoreError> {
    of_node(&decoded(conn, root, DICTIONARIES_MAX)?)
}

/// The blobs that a row of `blob` refers to, given its coding and data.
pub(in crate::store) fn references_of_blob(
    conn: &Connection,
    coding: i64,
    data: &[u8],
) -> Result<Vec<i64>, StoreError> {
    if coding & 1 == 0 {
        return Ok(Vec::new());
    }
    of_node(&decode(conn, coding >> 1, data, DICTIONARIES_MAX)?)
}

fn decoded(conn: &Connection, mut root: &[u8], dictionaries: u8) -> Result<Vec<u8>, StoreError> {
    let coding = varint::take(&mut root).and_then(|coding| i64::try_from(coding).ok());
    let coding = coding.ok_or_else(|| StoreError::corrupt("a root without a coding"))?;
    decode(conn, coding, root, dictionaries)
}

fn of_node(node: &[u8]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::new();
    let mut nodes = vec![node];
    while let Some(node) = nodes.pop() {
        for item in node::items(node) {
            match item? {
                Item::Glue(_) => {}
                Item::Reference(reference) => ids.push(reference.id),
                Item::Columns(inner) => nodes.push(inner),
            }
        }
    }
    Ok(ids)
}

struct Reading<'a> {
    conn: &'a Connection,
    dictionaries: u8,
    references: usize,
}

impl Reading<'_> {
    fn expand(&mut self, node: &[u8], depth: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        if depth > DEPTH_MAX {
            return Err(StoreError::corrupt("a body whose pieces hold each other"));
        }
        for item in node::items(node) {
            match item? {
                Item::Glue(glue) => out.extend_from_slice(glue),
                Item::Columns(inner) => {
                    let mut encoded = Vec::new();
                    self.expand(inner, depth + 1, &mut encoded)?;
                    let damaged = || StoreError::corrupt("a stream whose columns do not fit");
                    columns::decode(&encoded, BODY_BYTES_MAX, out).ok_or_else(damaged)?;
                }
                Item::Reference(reference) => {
                    self.references += 1;
                    if self.references > REFERENCES_MAX {
                        return Err(StoreError::corrupt("a body of too many pieces"));
                    }
                    let (coding, data) = self.blob(reference.id)?;
                    let held = decode(self.conn, coding >> 1, &data, self.dictionaries)?;
                    if coding & 1 == 0 {
                        reference.transform.apply(held, out);
                    } else if reference.transform == node::Transform::Same {
                        self.expand(&held, depth + 1, out)?;
                    } else {
                        let mut inside = Vec::new();
                        self.expand(&held, depth + 1, &mut inside)?;
                        reference.transform.apply(inside, out);
                    }
                }
            }
            if out.len() > BODY_BYTES_MAX {
                return Err(StoreError::corrupt("a body that is too long"));
            }
        }
        Ok(())
    }

    fn blob(&self, id: i64) -> Result<(i64, Vec<u8>), StoreError> {
        self.conn
            .prepare_cached("SELECT coding, data FROM blob WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| StoreError::corrupt(format_args!("piece {id} of a body is missing")))
    }
}
