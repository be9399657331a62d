//! How a capture is: what it lost, what it could not read, how large it is.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::vacuum::pages;
use crate::store::StoreError;
use crate::store::open::{nanoseconds, timestamp};

/// Hosts named at most of those that were not read.
const HOSTS_MAX: u32 = 20;

/// How a capture is.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Version of the schema.
    pub schema: u32,
    /// Exchanges.
    pub exchanges: u64,
    /// When the first and the last of them began.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Exchanges that stay whatever their age.
    pub pinned: u64,
    /// Conversations.
    pub threads: u64,
    /// Distinct messages.
    pub messages: u64,
    /// Flows that are not over, as far as the capture knows.
    pub open_flows: u64,
    /// Exchanges that are not over.
    pub losses: [Losses; 3],
    /// Hosts that were not read in the last day, the most frequent first.
    pub unread: Vec<Unread>,
    /// Bytes of the file's pages.
    pub file_bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
    /// Bytes of pages that are free.
    pub free_bytes: u64,
    /// Messages that the index of words does not have yet.
    pub unindexed: u64,
    /// When what nothing refers to was swept last.
    pub swept_at: Option<Timestamp>,
    /// Exchanges deleted since.
    pub unswept: u64,
}

/// What went by and is not in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Gaps in flows.
    pub gaps: u64,
    /// Bytes missing there.
    pub bytes: u64,
    /// Anything else: entries that could not be stored, faults of ours.
    pub others: u64,
}

impl Losses {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Flows to an origin that were passed on unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where they went.
    pub origin: String,
    /// Why, in words.
    pub reason: String,
    /// How many.
    pub flows: u64,
}

/// How the bytes of the file are shared out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// A table or an index, and its bytes, the largest first.
    pub parts: Vec<(String, u64)>,
}

/// How the capture is at `now`.
pub(in crate::store) fn read(
    conn: &Connection,
    path: &Path,
    schema: u32,
    now: Timestamp,
) -> Result<Health, StoreError> {
    let count = |sql: &str| -> Result<u64, StoreError> {
        let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    let (page, pages, free) = pages(conn)?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let span: (Option<i64>, Option<i64>) =
        conn.query_row("SELECT min(started_at), max(started_at) FROM exchange", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let swept_at: Option<i64> =
        conn.query_row("SELECT swept_at FROM capture", [], |row| row.get(0))?;
    let ago = |hours: i64| {
        nanoseconds(now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(now))
    };
    Ok(Health {
        schema,
        exchanges: count("SELECT count(*) FROM exchange")?,
        span: span.0.zip(span.1).map(|(first, last)| (timestamp(first), timestamp(last))),
        pinned: count("SELECT count(*) FROM annotation WHERE kind = 'pin'")?,
        threads: count("SELECT count(*) FROM thread")?,
        messages: count("SELECT count(*) FROM message")?,
        open_flows: count("SELECT count(*) FROM flow WHERE closed_at IS NULL")?,
        losses: [losses(conn, ago(1))?, losses(conn, ago(24))?, losses(conn, i64::MIN)?],
        unread: unread(conn, ago(24))?,
        file_bytes: page * pages,
        log_bytes: std::fs::metadata(&log).map(|log| log.len()).unwrap_or_default(),
        free_bytes: page * free,
        unindexed: count("SELECT count(*) FROM message WHERE id > (SELECT indexed FROM capture)")?,
        swept_at: swept_at.map(timestamp),
        unswept: count("SELECT unswept FROM capture")?,
    })
}

fn losses(conn: &Connection, since: i64) -> Result<Losses, StoreError> {
    let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM gap WHERE at >= ?1";
    let (gaps, bytes): (i64, i64) =
        conn.prepare_cached(sql)?.query_row([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = "SELECT count(*) FROM loss WHERE at >= ?1";
    let others: i64 = conn.prepare_cached(sql)?.query_row([since], |row| row.get(0))?;
    Ok(Losses {
        gaps: gaps.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        others: others.unsigned_abs(),
    })
}

fn unread(conn: &Connection, since: i64) -> Result<Vec<Unread>, StoreError> {
    let sql = "SELECT origin, coalesce(reason, ''), count(*) AS flows FROM flow
               WHERE opened_at >= ?1 AND verdict = 'tunnel'
               GROUP BY origin, reason ORDER BY flows DESC, origin LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let hosts = statement.query_map((since, HOSTS_MAX), |row| {
        let flows: i64 = row.get(2)?;
        Ok(Unread { origin: row.get(0)?, reason: row.get(1)?, flows: flows.unsigned_abs() })
    })?;
    Ok(hosts.collect::<Result<_, _>>()?)
}

/// How the bytes of the file are shared out; reads all of it.
pub(in crate::store) fn parts(conn: &Connection) -> Result<Parts, StoreError> {
    // Indexes that SQLite makes of itself count for their table, those of the index of words
    // for it.
    let sql = "SELECT CASE WHEN tbl_name GLOB 'word_*' THEN 'word' ELSE coalesce(tbl_name, dbstat.name) END AS part,
                      sum(pgsize) AS bytes
               FROM dbstat LEFT JOIN sqlite_schema ON sqlite_schema.name = dbstat.name
               WHERE aggregate = TRUE GROUP BY part ORDER BY bytes DESC";
    let mut statement = conn.prepare(sql)?;
    let parts = statement.query_map([], |row| {
        let bytes: i64 = row.get(1)?;
        Ok((row.get(0)?, bytes.unsigned_abs()))
    })?;
    Ok(Parts { parts: parts.collect::<Result<_, _>>()? })
}
