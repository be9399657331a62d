//! Secrets in prompts, as they were told with their exchanges.

use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::open::timestamp;
use super::{Leak, Selection, StoreError};
use crate::model::App;

/// A secret that an exchange carried to a model in its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakedIn {
    /// The exchange's place in the order of writing.
    pub seq: i64,
    /// The exchange.
    pub id: Uuid,
    /// When it began.
    pub started_at: Timestamp,
    /// The conversation, a row of `thread`: one that goes on sends the same secret again.
    pub thread: Option<i64>,
    /// Who asked.
    pub app: App,
    /// The company, or the origin where no table has it.
    pub sent_to: String,
    /// The model asked for, or the one that answered.
    pub model: Option<String>,
    /// The secret.
    pub leak: Leak,
}

/// The secrets of the next exchanges, at least `limit` rows if there are as many, of those that
/// `selection` means and that were written after place `seq`; never a part of an exchange's.
pub(super) fn written_after(
    conn: &Connection,
    selection: &Selection,
    seq: i64,
    limit: usize,
) -> Result<Vec<LeakedIn>, StoreError> {
    let mut conditions = selection.conditions();
    conditions.and("seq > ?", [seq]);
    let sql = format!(
        "SELECT seq, id, started_at, thread_id, user_agent, process, pid,
                coalesce(provider, origin), coalesce(request_model, reply_model),
                leak.fingerprint, leak.kind, leak.place, leak.count
         FROM leak JOIN exchange ON exchange.seq = leak.exchange
         WHERE {} ORDER BY seq",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut leaks: Vec<LeakedIn> = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        if leaks.len() >= limit && leaks.last().is_some_and(|last| last.seq != seq) {
            break;
        }
        let count: i64 = row.get(12)?;
        leaks.push(LeakedIn {
            seq,
            id: row.get(1)?,
            started_at: timestamp(row.get(2)?),
            thread: row.get(3)?,
            app: App { user_agent: row.get(4)?, process: row.get(5)?, pid: row.get(6)? },
            sent_to: row.get(7)?,
            model: row.get(8)?,
            leak: Leak {
                fingerprint: row.get(9)?,
                kind: row.get(10)?,
                place: row.get(11)?,
                count: count.unsigned_abs(),
            },
        });
    }
    Ok(leaks)
}
