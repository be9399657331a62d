//! Flows, and what hangs on them, read back.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::codec::{self, Coding};
use super::detail::from_json;
use super::exchange::variant;
use super::open::timestamp;
use super::{Entry, FlowRow, Gap, Leak, RawChunk, StoreError};
use crate::flow::{Ending, FlowId, Mode, Opened, Origin, Scheme, Side, TlsSeen, Verdict};
use crate::model::App;

/// The flow of an id, if it was read; `None` if there is none, or nothing was told of it.
pub(super) fn read(conn: &Connection, flow: Uuid) -> Result<Option<FlowRow>, StoreError> {
    let sql = "SELECT * FROM flow WHERE id = ?1 AND verdict = 'intercept'";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([flow])?;
    rows.next()?.map(row).transpose()
}

fn row(row: &Row<'_>) -> Result<FlowRow, StoreError> {
    let origin: String = row.get("origin")?;
    let (scheme, authority) = match origin.split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some((_, authority)) => (Scheme::Https, authority),
        None => (Scheme::Https, origin.as_str()),
    };
    let mode: String = row.get("mode")?;
    let sni: Option<String> = row.get("sni")?;
    let alpn: Option<String> = row.get("alpn")?;
    let downstream_version: Option<String> = row.get("downstream_tls")?;
    let upstream_version: Option<String> = row.get("upstream_tls")?;
    let has_tls = [&sni, &alpn, &downstream_version, &upstream_version].iter().any(|t| t.is_some());
    let tls = has_tls.then_some(TlsSeen { sni, alpn, downstream_version, upstream_version });
    let closed_at: Option<i64> = row.get("closed_at")?;
    let bytes: [i64; 2] = [row.get("downstream_bytes")?, row.get("upstream_bytes")?];
    let endings: [Option<String>; 2] = [row.get("downstream_end")?, row.get("upstream_end")?];
    let gap_bytes: i64 = row.get("gap_bytes")?;
    let notes: String = row.get("notes")?;
    Ok(FlowRow {
        opened: Opened {
            flow: FlowId(row.get("id")?),
            at: timestamp(row.get("opened_at")?),
            mode: variant::<Mode>(&mode)?,
            origin: Origin::parse(scheme, authority).map_err(StoreError::corrupt)?,
            verdict: Verdict::Intercept,
            tls,
            connect_user_agent: row.get("user_agent")?,
        },
        closed_at: closed_at.map(timestamp),
        app: App {
            user_agent: row.get("user_agent")?,
            process: row.get("process")?,
            pid: row.get("pid")?,
        },
        bytes: bytes.map(i64::unsigned_abs),
        endings: endings.map(|word| variant::<Ending>(&word?).ok()),
        gap_bytes: gap_bytes.unsigned_abs(),
        notes: from_json(notes.as_bytes())?,
    })
}

/// The bytes of a flow that are kept as chunks, those of each side in their order.
pub(super) fn chunks(conn: &Connection, flow: Uuid) -> Result<Vec<RawChunk>, StoreError> {
    let sql = "SELECT side, seq, at, coding, bytes FROM raw_chunk WHERE flow = ?1
               ORDER BY side, seq";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([flow])?;
    let mut chunks = Vec::new();
    while let Some(row) = rows.next()? {
        let coding: String = row.get(3)?;
        let packed: Vec<u8> = row.get(4)?;
        let seq: i64 = row.get(1)?;
        chunks.push(RawChunk {
            flow: FlowId(flow),
            side: side(row)?,
            seq: seq.unsigned_abs(),
            at: timestamp(row.get(2)?),
            bytes: codec::unpack(Coding::from_word(&coding)?, packed)?,
        });
    }
    Ok(chunks)
}

/// What is missing of a flow, as entries to write.
pub(super) fn gaps(conn: &Connection, flow: Uuid) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT side, at, bytes, reason FROM gap WHERE flow = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([flow])?;
    let mut gaps = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes: i64 = row.get(2)?;
        gaps.push(Entry::Gap(Gap {
            flow: FlowId(flow),
            side: side(row)?,
            at: timestamp(row.get(1)?),
            bytes: bytes.unsigned_abs(),
            reason: row.get(3)?,
        }));
    }
    Ok(gaps)
}

/// The secrets that the prompt of the exchange at place `seq` had.
pub(super) fn leaks(conn: &Connection, seq: i64) -> Result<Vec<Leak>, StoreError> {
    let sql = "SELECT fingerprint, kind, place, count FROM leak WHERE exchange = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let leaks = statement.query_map([seq], |row| {
        let count: i64 = row.get(3)?;
        Ok(Leak {
            fingerprint: row.get(0)?,
            kind: row.get(1)?,
            place: row.get(2)?,
            count: count.unsigned_abs(),
        })
    })?;
    Ok(leaks.collect::<Result<_, _>>()?)
}

fn side(row: &Row<'_>) -> Result<Side, StoreError> {
    let word: String = row.get("side")?;
    let side = Side::BOTH.into_iter().find(|side| super::raw::word(*side) == word);
    side.ok_or_else(|| StoreError::corrupt(format_args!("unknown side `{word}`")))
}
