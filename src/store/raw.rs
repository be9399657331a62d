//! The bytes as they went over the wire.

use rusqlite::{Connection, params};

use super::codec::{self, Codec};
use super::exchange::saturated;
use super::{RawMessage, StoreError, marks};
use crate::flow::Side;

/// The word kept in the capture.
pub(super) fn word(side: Side) -> &'static str {
    match side {
        Side::Downstream => "downstream",
        Side::Upstream => "upstream",
    }
}

pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    seq: i64,
    side: Side,
    raw: &RawMessage,
) -> Result<(), StoreError> {
    let hash = codec.hash(&raw.bytes);
    let packed = codec.pack(&raw.bytes);
    conn.prepare_cached("INSERT INTO raw VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
        params![
            seq,
            word(side),
            saturated(raw.bytes.len() as u64),
            saturated(raw.cut),
            hash,
            packed.coding.as_str(),
            marks::pack(&raw.marks),
            packed.bytes,
        ],
    )?;
    Ok(())
}

/// The bytes of one side of the exchange that has place `seq`, checked against their hash.
pub(super) fn read(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
    side: Side,
) -> Result<Option<RawMessage>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT cut, hash, coding, marks, bytes FROM raw WHERE exchange = ?1 AND side = ?2",
    )?;
    let mut rows = statement.query((seq, word(side)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cut: i64 = row.get(0)?;
    let hash: [u8; 32] = row.get(1)?;
    let coding: String = row.get(2)?;
    let marks: Vec<u8> = row.get(3)?;
    let bytes = codec::unpack(&coding, row.get(4)?)?;
    if blake3::keyed_hash(key, &bytes) != hash {
        return Err(StoreError::corrupt("raw bytes do not have the hash they were stored with"));
    }
    let marks = marks::unpack(&marks);
    Ok(Some(RawMessage { bytes, marks, cut: cut.unsigned_abs() }))
}
