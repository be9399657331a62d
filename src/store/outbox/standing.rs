//! How deliveries stand.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;
use crate::store::open::timestamp;

/// How deliveries to one sink stand.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkStanding {
    /// Its row.
    pub id: i64,
    /// The user's name for it.
    pub name: String,
    /// What it is, such as `otlp/langfuse`.
    pub kind: String,
    /// Where it is, without credentials.
    pub target: String,
    /// Exchanges that wait.
    pub waiting: u64,
    /// Since when the oldest of them could have been sent: the end of its writing.
    pub oldest: Option<Timestamp>,
    /// Exchanges of which it is not known whether the receiver has them.
    pub sending: u64,
    /// Exchanges that it has.
    pub sent: u64,
    /// Exchanges that it refused for good.
    pub refused: u64,
    /// Why the newest of them was.
    pub refusal: Option<String>,
    /// Exchanges that were deleted here before they were sent.
    pub dropped: u64,
    /// When something was sent last.
    pub last_sent_at: Option<Timestamp>,
    /// Why the last try failed.
    pub failing: Option<String>,
    /// Tries that failed in a row.
    pub failures: u64,
    /// When the next try comes.
    pub next_try_at: Option<Timestamp>,
    /// Why nothing is tried any more.
    pub stopped: Option<String>,
}

/// That of all sinks that the capture knows, by name.
pub(in crate::store) fn all(conn: &Connection) -> Result<Vec<SinkStanding>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, name, kind, target, sent, refused, dropped, last_sent_at, failing, failures,
             next_try_at, stopped,
             (SELECT count(*) FROM outbox WHERE sink = id AND outbox.state = 'waiting'),
             (SELECT count(*) FROM outbox WHERE sink = id AND outbox.state = 'sending'),
             (SELECT why FROM outbox WHERE sink = id AND outbox.state = 'refused'
              ORDER BY exchange DESC LIMIT 1)
         FROM sink ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |at: usize| Ok::<_, StoreError>(row.get::<_, i64>(at)?.max(0).unsigned_abs());
        let time = |at: usize| Ok::<_, StoreError>(row.get::<_, Option<i64>>(at)?.map(timestamp));
        all.push(SinkStanding {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            target: row.get(3)?,
            sent: count(4)?,
            refused: count(5)?,
            dropped: count(6)?,
            last_sent_at: time(7)?,
            failing: row.get(8)?,
            failures: count(9)?,
            next_try_at: time(10)?,
            stopped: row.get(11)?,
            waiting: count(12)?,
            sending: count(13)?,
            refusal: row.get(14)?,
            oldest: None,
        });
    }
    drop(rows);
    for sink in &mut all {
        sink.oldest = oldest(conn, sink.id)?;
    }
    Ok(all)
}

/// Since when the oldest exchange that waits could have been sent. One that was queued from
/// history is as old as itself.
pub(super) fn oldest(conn: &Connection, sink: i64) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT iif(at > 0, at, started_at) FROM outbox JOIN exchange ON seq = exchange
         WHERE sink = ?1 AND outbox.state = 'waiting' ORDER BY exchange LIMIT 1",
    )?;
    let oldest = statement.query_row([sink], |row| row.get(0)).optional()?;
    Ok(oldest.map(timestamp))
}
