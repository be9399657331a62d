//! Exchanges of the first schema into the second.
//!
//! The migration gave the first schema's tables other names; here what they hold is read as it
//! was written and written anew, some exchanges a transaction. A kill in between costs nothing:
//! what is moved is gone from the old tables, and the next start goes on. An exchange that
//! cannot be read any more keeps its row, with a note.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::assemble::{Wide, join};
use super::codec::{self, Codec, Coding};
use super::detail::from_json;
use super::list::Listed;
use super::thread::Linker;
use super::varint::{take, unzigzag};
use super::{RawMessage, StoreError, StoredExchange, Texts, exchange, list, raw};
use crate::flow::Side;
use crate::model::{Choice, Headers, Reply, Request, Usage};

/// Exchanges moved in one transaction: others that write wait as long.
const BATCH: usize = 8;

/// Pages given back to the disk in one transaction.
const PAGES: u32 = 500;

/// How many exchanges are still in the first schema's tables.
pub(super) fn left(conn: &Connection) -> Result<u64, StoreError> {
    if !has_first(conn)? {
        return Ok(0);
    }
    let left: i64 = conn.query_row("SELECT count(*) FROM first_detail", [], |row| row.get(0))?;
    Ok(left.unsigned_abs())
}

/// Moves all that is left, and drops the first schema's tables.
pub(super) fn run(
    conn: &mut Connection,
    codec: &mut Codec,
    linker: &mut Linker,
) -> Result<(), StoreError> {
    if !has_first(conn)? {
        return Ok(());
    }
    let key = super::open::key(conn)?;
    while step(conn, codec, linker, &key)? == Step::Moved {}
    shrink(conn)
}

/// What one transaction did.
#[derive(PartialEq, Eq)]
enum Step {
    Moved,
    /// Nothing was left to move.
    Done,
}

fn step(
    conn: &mut Connection,
    codec: &mut Codec,
    linker: &mut Linker,
    key: &[u8; 32],
) -> Result<Step, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !has_first(&tx)? {
        return Ok(Step::Done); // Another program did it meanwhile.
    }
    let moved = batch(&tx, codec, linker, key).inspect_err(|_| {
        codec.forget();
        linker.forget();
    })?;
    if moved == 0 {
        tx.execute_batch(
            "DROP TABLE first_exchange_message; DROP TABLE first_message;
             DROP TABLE first_detail; DROP TABLE first_raw;",
        )?;
    }
    tx.commit()?;
    Ok(if moved == 0 { Step::Done } else { Step::Moved })
}

fn has_first(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'first_detail')";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// Gives the room of what was moved back to the disk.
fn shrink(conn: &Connection) -> Result<(), StoreError> {
    loop {
        let free: i64 = conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        let mut statement = conn.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        let after: i64 = conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if after == 0 || after >= free {
            return Ok(());
        }
    }
}

/// Moves some exchanges, the oldest first; gives how many.
fn batch(
    tx: &Transaction<'_>,
    codec: &mut Codec,
    linker: &mut Linker,
    key: &[u8; 32],
) -> Result<usize, StoreError> {
    let seqs: Vec<i64> = {
        let sql = "SELECT exchange FROM first_detail ORDER BY exchange LIMIT ?1";
        let mut statement = tx.prepare_cached(sql)?;
        statement.query_map([BATCH as i64], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for &seq in &seqs {
        if let Some(stored) = stored(tx, key, seq)? {
            exchange::write(tx, codec, linker, &stored, exchange::Linking::Found)?;
        }
        for sql in [
            "DELETE FROM first_detail WHERE exchange = ?1",
            "DELETE FROM first_exchange_message WHERE exchange = ?1",
            "DELETE FROM first_raw WHERE exchange = ?1",
        ] {
            tx.prepare_cached(sql)?.execute([seq])?;
        }
    }
    Ok(seqs.len())
}

/// An exchange as the first schema has it.
fn stored(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
) -> Result<Option<StoredExchange>, StoreError> {
    let Some(row) = list::by_seq(conn, seq)? else { return Ok(None) };
    let place = row.place;
    let (mut wide, texts) = match wide(conn, &row) {
        Ok(read) => read,
        Err(StoreError::Damaged { what }) => (unreadable(&what), Texts::default()),
        Err(error) => return Err(error),
    };
    let mut side = |side| match message(conn, key, seq, side) {
        Err(StoreError::Damaged { what }) => {
            wide.notes
                .push(format!("the bytes of the {} could not be read: {what}", raw::word(side)));
            Ok(None)
        }
        other => other,
    };
    let request = side(Side::Downstream)?.unwrap_or_default();
    let reply = side(Side::Upstream)?;
    let exchange = join(row, wide);
    let leaks = Vec::new();
    Ok(Some(StoredExchange { exchange, place, request, reply, texts, leaks, is_open: false }))
}

fn unreadable(what: &str) -> Wide {
    let note = format!("what was said could not be read from the capture's older form: {what}");
    Wide { notes: vec![note], ..Wide::default() }
}

/// What a row of `first_detail` says.
#[derive(Deserialize)]
struct FirstDetail {
    request_headers: Headers,
    params: Map<String, Value>,
    reply: Option<FirstReply>,
    usage: Option<FirstUsage>,
    error_message: Option<String>,
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct FirstReply {
    headers: Headers,
    id: Option<String>,
}

#[derive(Deserialize)]
struct FirstUsage {
    source: String,
    raw: Value,
    input_cache_written_1h: Option<u64>,
    input_audio: Option<u64>,
    input_image: Option<u64>,
    output_audio: Option<u64>,
    output_image: Option<u64>,
}

/// What was said: the detail, and the messages in their order.
fn wide(conn: &Connection, row: &Listed) -> Result<(Wide, Texts), StoreError> {
    let found = conn
        .prepare_cached("SELECT json FROM first_detail WHERE exchange = ?1")?
        .query_row([row.seq], |row| Ok(unpacked(row.get_ref(0)?)))?;
    let detail: FirstDetail = from_json(&found?)?;
    let mut request =
        Request { headers: detail.request_headers, params: detail.params, ..Request::default() };
    let mut choices: Vec<Choice> = Vec::new();
    let mut texts = Texts::default();
    let mut statement = conn.prepare_cached(
        "SELECT kind, json FROM first_exchange_message
         JOIN first_message ON first_message.id = message WHERE exchange = ?1 ORDER BY ordinal",
    )?;
    let mut rows = statement.query([row.seq])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let json = unpacked(row.get_ref(1)?)?;
        match kind.as_str() {
            "system" => request.system = from_json(&json)?,
            "tools" => request.tools = from_json(&json)?,
            "message" => request.messages.push(from_json(&json)?),
            "choice" => choices.push(from_json(&json)?),
            "request_text" => texts.request = from_json(&json)?,
            "reply_text" => texts.reply = from_json(&json)?,
            other => {
                return Err(StoreError::corrupt(format_args!("unknown kind of message `{other}`")));
            }
        }
    }
    let reply = detail.reply.map(|reply| Reply {
        headers: reply.headers,
        id: reply.id,
        model: None,
        choices,
    });
    let usage = detail.usage.map(|usage| Usage {
        source: usage.source,
        raw: usage.raw,
        input_cache_written_1h: usage.input_cache_written_1h,
        input_audio: usage.input_audio,
        input_image: usage.input_image,
        output_audio: usage.output_audio,
        output_image: usage.output_image,
        ..row.usage.clone()
    });
    let (error_message, notes) = (detail.error_message, detail.notes);
    Ok((Wide { request, reply, usage, error_message, notes }, texts))
}

/// JSON of a column that holds it plain or in zstd.
fn unpacked(column: ValueRef<'_>) -> Result<Vec<u8>, StoreError> {
    match column {
        ValueRef::Text(text) => Ok(text.to_vec()),
        ValueRef::Blob(packed) => codec::unpack(Coding::Zstd, packed.to_vec()),
        other => {
            Err(StoreError::corrupt(format_args!("{} where JSON should be", other.data_type())))
        }
    }
}

/// The bytes of one side, checked against their hash: the new one must not hide damage.
fn message(
    conn: &Connection,
    key: &[u8; 32],
    seq: i64,
    side: Side,
) -> Result<Option<RawMessage>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT cut, hash, coding, marks, bytes FROM first_raw WHERE exchange = ?1 AND side = ?2",
    )?;
    let mut rows = statement.query((seq, raw::word(side)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (cut, hash): (i64, [u8; 32]) = (row.get(0)?, row.get(1)?);
    let (coding, marks): (String, Vec<u8>) = (row.get(2)?, row.get(3)?);
    let packed = row.get(4)?;
    let bytes = codec::unpack(Coding::from_word(&coding)?, packed)?;
    if blake3::keyed_hash(key, &bytes) != hash {
        return Err(StoreError::corrupt("raw bytes do not have the hash they were stored with"));
    }
    Ok(Some(RawMessage { bytes, marks: first_marks(&marks), cut: cut.unsigned_abs() }))
}

/// Marks as the first schema had them: differences of offsets and nanoseconds.
fn first_marks(mut packed: &[u8]) -> Vec<(u64, i64)> {
    let mut marks = Vec::new();
    let (mut offset, mut ns) = (0_u64, 0_i64);
    while let (Some(by), Some(after)) = (take(&mut packed), take(&mut packed)) {
        offset = offset.wrapping_add(by);
        ns = ns.wrapping_add(unzigzag(after));
        marks.push((offset, ns));
    }
    marks
}

/// Stands for a program that is killed after some transactions.
#[cfg(test)]
pub(super) fn stop_after(path: &std::path::Path, steps: usize) {
    let mut conn = super::open::writer(path, None).unwrap();
    let key = super::open::key(&conn).unwrap();
    let (mut codec, mut linker) = (Codec::new(key).unwrap(), Linker::new(key));
    for _ in 0..steps {
        step(&mut conn, &mut codec, &mut linker, &key).unwrap();
    }
}
