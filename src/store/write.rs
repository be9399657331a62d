//! The one writer.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::codec::Codec;
use super::exchange::{self, saturated};
use super::open::{self, nanoseconds};
use super::{Entry, FlowRow, Gap, RawChunk, StoreError, detail, raw};
use crate::flow::Verdict;

/// The capture, open to write. One thread of a process has it.
pub struct Store {
    conn: Connection,
    codec: Codec,
    key: [u8; 32],
}

impl Store {
    /// Opens the capture at `path`; makes it, and its directory, if there is none; brings an
    /// older one up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let conn = open::writer(path)?;
        let key = open::key(&conn)?;
        Ok(Self { conn, codec: Codec::new(key)?, key })
    }

    /// The capture's own key, for [`Fingerprinter::new`](crate::model::Fingerprinter::new).
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// Writes all of `entries` or, after an error, none of them. When this returns, they
    /// outlive the process.
    pub fn write(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for entry in entries {
            match entry {
                Entry::Flow(flow) => write_flow(&tx, flow)?,
                Entry::Exchange(stored) => {
                    expect_flow(
                        &tx,
                        &stored.exchange.flow,
                        nanoseconds(stored.exchange.started_at),
                    )?;
                    exchange::write(&tx, &mut self.codec, stored)?;
                }
                Entry::RawChunk(chunk) => write_chunk(&tx, &mut self.codec, chunk)?,
                Entry::Gap(gap) => write_gap(&tx, gap)?,
            }
        }
        Ok(tx.commit()?)
    }
}

/// Makes a row for a flow of which nothing was told yet: an exchange must not be refused
/// because its flow comes late.
fn expect_flow(conn: &Connection, flow: &uuid::Uuid, at: i64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO flow (id, opened_at, origin, mode, verdict) VALUES (?1, ?2, '', '', '')
         ON CONFLICT DO NOTHING",
    )?
    .execute((flow, at))?;
    Ok(())
}

fn write_flow(conn: &Connection, flow: &FlowRow) -> Result<(), StoreError> {
    let opened = &flow.opened;
    let tls = opened.tls.as_ref();
    let (verdict, reason) = match &opened.verdict {
        Verdict::Intercept => ("intercept", None),
        Verdict::Tunnel(reason) => ("tunnel", Some(reason.to_string())),
    };
    let [downstream_bytes, upstream_bytes] = flow.bytes.map(saturated);
    let [downstream_end, upstream_end] = flow.endings.map(|ending| ending.map(|e| e.as_str()));
    let notes = String::from_utf8(detail::to_json(&flow.notes)).unwrap_or_default();
    // Not `REPLACE`: that deletes the row first, and its exchanges with it.
    conn.prepare_cached(
        "INSERT INTO flow VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                                  ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (id) DO UPDATE SET
             opened_at = excluded.opened_at, closed_at = excluded.closed_at,
             user_agent = excluded.user_agent, process = excluded.process, pid = excluded.pid,
             origin = excluded.origin, mode = excluded.mode, verdict = excluded.verdict,
             reason = excluded.reason, sni = excluded.sni, alpn = excluded.alpn,
             downstream_tls = excluded.downstream_tls, upstream_tls = excluded.upstream_tls,
             downstream_bytes = excluded.downstream_bytes,
             upstream_bytes = excluded.upstream_bytes,
             downstream_end = excluded.downstream_end, upstream_end = excluded.upstream_end,
             gap_bytes = excluded.gap_bytes, notes = excluded.notes",
    )?
    .execute(params![
        opened.flow.0,
        nanoseconds(opened.at),
        flow.closed_at.map(nanoseconds),
        flow.app.user_agent,
        flow.app.process,
        flow.app.pid,
        opened.origin.to_string(),
        opened.mode.as_str(),
        verdict,
        reason,
        tls.and_then(|t| t.sni.as_deref()),
        tls.and_then(|t| t.alpn.as_deref()),
        tls.and_then(|t| t.downstream_version.as_deref()),
        tls.and_then(|t| t.upstream_version.as_deref()),
        downstream_bytes,
        upstream_bytes,
        downstream_end,
        upstream_end,
        saturated(flow.gap_bytes),
        notes,
    ])?;
    if flow.app.process.is_some() {
        // The system may tell it only after an exchange was stored.
        conn.prepare_cached(
            "UPDATE exchange SET process = ?2, pid = ?3 WHERE flow = ?1 AND process IS NULL",
        )?
        .execute(params![opened.flow.0, flow.app.process, flow.app.pid])?;
    }
    Ok(())
}

fn write_chunk(conn: &Connection, codec: &mut Codec, chunk: &RawChunk) -> Result<(), StoreError> {
    expect_flow(conn, &chunk.flow.0, nanoseconds(chunk.at))?;
    let packed = codec.pack(&chunk.bytes);
    conn.prepare_cached("INSERT OR REPLACE INTO raw_chunk VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            chunk.flow.0,
            raw::word(chunk.side),
            saturated(chunk.seq),
            nanoseconds(chunk.at),
            saturated(chunk.bytes.len() as u64),
            packed.coding.as_str(),
            packed.bytes,
        ])?;
    Ok(())
}

fn write_gap(conn: &Connection, gap: &Gap) -> Result<(), StoreError> {
    expect_flow(conn, &gap.flow.0, nanoseconds(gap.at))?;
    conn.prepare_cached("INSERT OR REPLACE INTO gap VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            gap.flow.0,
            raw::word(gap.side),
            nanoseconds(gap.at),
            saturated(gap.bytes),
            gap.reason,
        ],
    )?;
    Ok(())
}

#[cfg(test)]
impl Store {
    /// Stands for a disk that is full.
    pub(super) fn limit_pages(&mut self, pages: i64) {
        self.conn.pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// So that a test need not wait as long as a program does.
    pub(super) fn wait_at_most(&mut self, time: std::time::Duration) {
        self.conn.busy_timeout(time).unwrap();
    }
}
