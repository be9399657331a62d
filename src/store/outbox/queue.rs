//! Into the outbox.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};
use uuid::Uuid;

use crate::store::open::nanoseconds;
use crate::store::{Calls, Selection, StoreError};

/// Exchanges queued in one transaction: others that write wait as long.
const SLICE: i64 = 500;

/// Where exchanges are delivered, as the capture knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The user's name for it.
    pub name: String,
    /// What it is, such as `otlp/langfuse`.
    pub kind: String,
    /// Where it is, without credentials.
    pub target: String,
}

/// What came of queueing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Exchanges that are to be delivered now.
    pub new: u64,
    /// Those that were delivered already, or queued, or refused.
    pub known: u64,
}

/// Makes the sink known; gives its row.
pub(in crate::store) fn declare(conn: &Connection, sink: &Sink) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached(
            "INSERT INTO sink (name, kind, target) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, target = excluded.target
             RETURNING id",
        )?
        .query_row((&sink.name, &sink.kind, &sink.target), |row| row.get(0))?)
}

/// Queues an exchange for each of the sinks, unless it was already, and if it is a call of a
/// model: what an app sends its provider beside those is nobody's trace. A sink that was forgotten
/// meanwhile must not cost the exchange.
pub(in crate::store) fn enqueue(
    conn: &Connection,
    sinks: &[i64],
    exchange: Uuid,
) -> Result<(), StoreError> {
    let calls = Selection { calls: Calls::OfModels, ..Selection::default() };
    let sql = format!(
        "INSERT OR IGNORE INTO outbox (sink, exchange, state, at)
         SELECT ?1, seq, 'waiting', ?2 FROM exchange
         WHERE id = ?3 AND EXISTS (SELECT 1 FROM sink WHERE id = ?1) AND {}",
        calls.conditions().sql()
    );
    let now = nanoseconds(Timestamp::now());
    for sink in sinks {
        conn.prepare_cached(&sql)?.execute((sink, now, exchange))?;
    }
    Ok(())
}

/// Queues what `selection` means and is a call of a model, some at a time.
pub(super) fn fill(
    conn: &mut Connection,
    sink: i64,
    selection: &Selection,
    newest: Option<usize>,
) -> Result<Queued, StoreError> {
    let first = newest.map(|newest| first_of(conn, selection, newest)).transpose()?;
    let selection = Selection { calls: Calls::OfModels, ..selection.clone() };
    let mut queued = Queued::default();
    let mut after = 0;
    loop {
        let mut conditions = selection.conditions();
        conditions.and("seq > ?", [after]);
        if let Some((at, seq)) = first {
            conditions.and("(started_at, seq) >= (?, ?)", [at, seq]);
        }
        let sql =
            format!("SELECT seq FROM exchange WHERE {} ORDER BY seq LIMIT ?", conditions.sql());
        conditions.values.push(Value::Integer(SLICE));
        let seqs: Vec<i64> = conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(conditions.values), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some(last) = seqs.last() else { return Ok(queued) };
        after = *last;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT OR IGNORE INTO outbox (sink, exchange, state, at)
                 SELECT ?1, seq, 'waiting', 0 FROM exchange WHERE seq = ?2",
            )?;
            for seq in seqs {
                match insert.execute((sink, seq))? {
                    0 => queued.known += 1,
                    _ => queued.new += 1,
                }
            }
        }
        tx.commit()?;
    }
}

/// When the first of the newest ones began, and its place; the end of time if none is meant.
fn first_of(
    conn: &Connection,
    selection: &Selection,
    newest: usize,
) -> Result<(i64, i64), StoreError> {
    let calls = Selection { calls: Calls::OfModels, ..selection.clone() };
    let mut conditions = calls.conditions();
    let sql = format!(
        "SELECT started_at, seq FROM (
             SELECT started_at, seq FROM exchange WHERE {}
             ORDER BY started_at DESC, seq DESC LIMIT ?)
         ORDER BY started_at, seq LIMIT 1",
        conditions.sql()
    );
    conditions.values.push(Value::Integer(i64::try_from(newest).unwrap_or(i64::MAX)));
    let row = conn
        .prepare_cached(&sql)?
        .query_row(params_from_iter(conditions.values), |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(row.optional()?.unwrap_or((i64::MAX, i64::MAX)))
}
