//! Which system prompts and tool sets were sent, by whom and when.

use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};

use super::open::timestamp;
use super::{Kind, Selection, StoreError};
use crate::model::App;

/// A distinct system prompt or set of tools, as one app sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptUse {
    /// Its row of `message`.
    pub message: i64,
    /// Who sent it; without the process's id.
    pub app: App,
    /// In how many exchanges.
    pub exchanges: u64,
    /// When the first of them began.
    pub first: Timestamp,
    /// When the last of them began.
    pub last: Timestamp,
}

/// Which column names messages of a kind; `None` for kinds that are no prompt.
fn column(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::System => Some("system"),
        Kind::Tools => Some("tools"),
        Kind::Message | Kind::RequestText | Kind::ReplyText => None,
    }
}

/// Every use in the exchanges that `selection` means, the one first seen first.
pub(super) fn uses(
    conn: &Connection,
    kind: Kind,
    selection: &Selection,
) -> Result<Vec<PromptUse>, StoreError> {
    let Some(column) = column(kind) else { return Ok(Vec::new()) };
    let conditions = selection.conditions();
    let sql = format!(
        "SELECT {column}, user_agent, process, count(*), min(started_at), max(started_at)
         FROM exchange WHERE {column} IS NOT NULL AND {}
         GROUP BY {column}, user_agent, process ORDER BY min(started_at), {column}",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut uses = Vec::new();
    while let Some(row) = rows.next()? {
        uses.push(PromptUse {
            message: row.get(0)?,
            app: App { user_agent: row.get(1)?, process: row.get(2)?, pid: None },
            exchanges: row.get::<_, i64>(3)?.unsigned_abs(),
            first: timestamp(row.get(4)?),
            last: timestamp(row.get(5)?),
        });
    }
    Ok(uses)
}

/// Prompts that took another's place while a conversation went on: the one before, and the
/// one that came.
pub(super) fn rewritten(conn: &Connection, kind: Kind) -> Result<Vec<(i64, i64)>, StoreError> {
    let Some(column) = column(kind) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT DISTINCT before.{column}, this.{column} FROM exchange AS this
         JOIN exchange AS before ON before.id = this.parent
         WHERE before.{column} <> this.{column}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(pairs.collect::<Result<_, _>>()?)
}
