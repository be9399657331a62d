//! The bytes as they went over the wire.

use rusqlite::{Connection, params};

use super::codec::{self, Codec, Coding};
use super::exchange::saturated;
use super::tree::{self, Class};
use super::{RawMessage, StoreError, marks};
use crate::flow::Side;

/// The word kept in the capture.
pub(super) fn word(side: Side) -> &'static str {
    match side {
        Side::Downstream => "downstream",
        Side::Upstream => "upstream",
    }
}

/// The row of one side of the exchange that has place `seq`.
pub(super) fn id(seq: i64, side: Side) -> i64 {
    seq * 2 + i64::from(side == Side::Upstream)
}

pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    seq: i64,
    side: Side,
    raw: &RawMessage,
    class: Class,
) -> Result<(), StoreError> {
    let hash = codec.hash(&raw.bytes);
    let body = tree::write_like(conn, codec, class, &raw.bytes)?;
    conn.prepare_cached("INSERT INTO raw VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        id(seq, side),
        saturated(raw.bytes.len() as u64),
        saturated(raw.cut),
        hash,
        tree::pack(codec, &marks::pack(&raw.marks, &raw.bytes)),
        body,
    ])?;
    Ok(())
}

/// The bytes of one side of the exchange that has place `seq`, checked against their hash; of
/// the frames that its flow keeps as chunks none.
pub(super) fn own(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
    side: Side,
) -> Result<Option<RawMessage>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT cut, hash, marks, body FROM raw WHERE id = ?1")?;
    let mut rows = statement.query([id(seq, side)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cut: i64 = row.get(0)?;
    let hash: codec::Hash = row.get(1)?;
    let marks: Vec<u8> = row.get(2)?;
    let body: Vec<u8> = row.get(3)?;
    let bytes = tree::read(conn, &body)?;
    if !codec::has_hash(key, &bytes, &hash) {
        return Err(StoreError::corrupt("raw bytes do not have the hash they were stored with"));
    }
    let marks = marks::unpack(&tree::unpack(conn, &marks)?, &bytes);
    Ok(Some(RawMessage { bytes, marks, cut: cut.unsigned_abs() }))
}

/// Reads the bytes of one side and checks them; gives how many there are.
pub(super) fn check(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
    side: Side,
) -> Result<Option<u64>, StoreError> {
    Ok(own(conn, key, seq, side)?.map(|raw| raw.bytes.len() as u64))
}

/// The bytes of one side of the exchange that has place `seq`, checked against their hash, with
/// the frames of the WebSocket that it opened.
pub(super) fn read(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
    side: Side,
) -> Result<Option<RawMessage>, StoreError> {
    let Some(mut raw) = own(conn, key, seq, side)? else { return chunks(conn, seq, side) };
    if raw.bytes.is_empty()
        && let Some(chunks) = chunks(conn, seq, side)?
    {
        return Ok(Some(chunks));
    }
    if opens_socket(conn, seq)?
        && let Some(frames) = chunks(conn, seq, side)?
    {
        let head = raw.bytes.len() as u64;
        raw.marks.extend(frames.marks.into_iter().map(|(offset, at)| (head + offset, at)));
        raw.bytes.extend(frames.bytes);
    }
    Ok(Some(raw))
}

/// Whether the exchange is the handshake after which the flow is a WebSocket: the frames are
/// what it opened. The turns that were had over them are exchanges of their own.
fn opens_socket(conn: &Connection, seq: i64) -> Result<bool, StoreError> {
    let sql = "SELECT status = 101 AND coalesce(operation, 'connect') = 'connect'
               FROM exchange WHERE seq = ?1";
    let opens: Option<bool> = conn.prepare_cached(sql)?.query_row([seq], |row| row.get(0))?;
    Ok(opens.unwrap_or_default())
}

/// The bytes of an exchange that stands for a whole flow which is kept raw; `None` if the flow
/// has none.
fn chunks(conn: &Connection, seq: i64, side: Side) -> Result<Option<RawMessage>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT at - started_at, coding, bytes
         FROM exchange JOIN raw_chunk ON raw_chunk.flow = exchange.flow
         WHERE exchange.seq = ?1 AND (exchange.place = 0 OR exchange.status = 101)
           AND raw_chunk.side = ?2
         ORDER BY raw_chunk.seq",
    )?;
    let mut rows = statement.query((seq, word(side)))?;
    let mut raw = RawMessage::default();
    while let Some(row) = rows.next()? {
        let coding: String = row.get(1)?;
        raw.marks.push((raw.bytes.len() as u64, row.get(0)?));
        let packed: Vec<u8> = row.get(2)?;
        raw.bytes.extend(codec::unpack(Coding::from_word(&coding)?, packed)?);
    }
    Ok((!raw.marks.is_empty()).then_some(raw))
}
