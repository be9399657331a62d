//! Out of a damaged capture into another.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::queue::{Sink, declare};
use crate::store::StoreError;

/// What the outbox says of one exchange and one sink.
#[derive(Clone, Debug)]
pub(in crate::store) struct Row {
    sink: Sink,
    state: String,
    at: i64,
    batch: Option<Vec<u8>>,
    turn: Option<Vec<u8>>,
    trace: Option<Vec<u8>>,
    why: Option<String>,
}

/// All that the outbox says of the exchange at place `seq`.
pub(in crate::store) fn rows_of(conn: &Connection, seq: i64) -> Result<Vec<Row>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT name, kind, target, state, at, batch, turn, trace, why
         FROM outbox JOIN sink ON sink.id = outbox.sink WHERE exchange = ?1",
    )?;
    let rows = statement.query_map([seq], |row| {
        Ok(Row {
            sink: Sink { name: row.get(0)?, kind: row.get(1)?, target: row.get(2)? },
            state: row.get(3)?,
            at: row.get(4)?,
            batch: row.get(5)?,
            turn: row.get(6)?,
            trace: row.get(7)?,
            why: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says the same of the exchange with the id, in the capture that it was brought to.
pub(in crate::store) fn bring_over(
    conn: &Connection,
    exchange: Uuid,
    rows: &[Row],
) -> Result<(), StoreError> {
    for row in rows {
        let sink = declare(conn, &row.sink)?;
        let Row { state, at, batch, turn, trace, why, .. } = row;
        conn.prepare_cached(
            "INSERT OR IGNORE INTO outbox (sink, exchange, state, at, batch, turn, trace, why)
             SELECT ?1, seq, ?3, ?4, ?5, ?6, ?7, ?8 FROM exchange WHERE id = ?2",
        )?
        .execute(params![sink, exchange, state, at, batch, turn, trace, why])?;
    }
    Ok(())
}
