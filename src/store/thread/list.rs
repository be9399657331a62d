//! Threads as a list shows them.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::CONVERSATIONS;
use crate::model::App;
use crate::store::open::timestamp;
use crate::store::select::Conditions;
use crate::store::{Cursor, Selection, StoreError};

/// A conversation, its sub-agents' threads and branches with it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedThread {
    /// Its name: the app's, or the id of its first exchange.
    pub name: String,
    /// The user's first words.
    pub first_words: Option<String>,
    /// Who leads it.
    pub app: App,
    /// The models asked for.
    pub models: Vec<String>,
    /// Exchanges in it.
    pub exchanges: u64,
    /// Of these, those that are no count of tokens and nothing beside the conversation, such
    /// as its title.
    pub turns: u64,
    /// Threads below it.
    pub below: u64,
    /// Exchanges that failed.
    pub failed: u64,
    /// Tokens of all prompts.
    pub input: Option<u64>,
    /// Tokens of all answers.
    pub output: Option<u64>,
    /// US dollars, as far as they are known.
    pub cost_usd: Option<f64>,
    /// Exchanges of which the cost is not known.
    pub cost_unknown: u64,
    /// When the first exchange began.
    pub started_at: Timestamp,
    /// When the last one ended.
    pub ended_at: Timestamp,
}

/// A page of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadPage {
    /// That with the newest exchange first.
    pub threads: Vec<ListedThread>,
    /// Where to go on; `None` if this was the last page.
    pub next: Option<Cursor>,
}

/// Longest time of an exchange that is counted, in milliseconds: 31 days. SQLite makes a float of
/// a sum that is too large for an integer, or fails, and with it the whole list: one row that
/// cannot be must not take all the others along.
const MILLIS_MAX: u64 = 31 * 86_400_000;

/// Latest beginning to which that can be added, in nanoseconds since 1970: the end of 2261.
const STARTED_MAX: i64 = 9_214_646_400_000_000_000;

/// Most tokens of an exchange that are counted: a million such exchanges can be summed up.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// A page of the threads that have an exchange which `selection` means, that with the newest
/// first. What they count are those exchanges.
pub(in crate::store) fn newest(
    conn: &Connection,
    selection: &Selection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<ThreadPage, StoreError> {
    let mut conditions = selection.conditions();
    let operations = CONVERSATIONS.map(|operation| format!("'{operation}'")).join(", ");
    conditions.and::<Value>(&format!("operation IN ({operations})"), []);
    // A thread that began below another one stands there; but one whose own is asked for
    // stands for itself.
    let (tops, next) = match &selection.thread {
        Some(name) => {
            let sql = "SELECT id FROM thread WHERE name = ?1";
            let id = conn.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
            (id.into_iter().collect(), None)
        }
        None => newest_tops(conn, &conditions, after, limit)?,
    };
    let sql = format!(
        "WITH RECURSIVE below (thread) AS (
             SELECT ?
             UNION SELECT id FROM below CROSS JOIN thread ON parent = below.thread)
         SELECT (SELECT name FROM thread WHERE id = ?), count(*),
                sum(thread_rule <> 'about' AND operation <> 'count_tokens'),
                count(DISTINCT thread_id) - max(thread_id = ?), sum(state = 'failed'),
                sum(min(input, {TOKENS_MAX})), sum(min(output, {TOKENS_MAX})),
                sum(cost_usd), sum(cost_usd IS NULL), min(started_at),
                max(min(started_at, {STARTED_MAX})
                    + CAST(max(min(coalesce(duration_ms, 0), {MILLIS_MAX}), 0) * 1e6 AS INTEGER))
         FROM below CROSS JOIN exchange ON thread_id = below.thread
         WHERE {} HAVING count(*) > 0",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut threads = Vec::new();
    for top in tops {
        let mut values = vec![Value::Integer(top); 3];
        values.extend(conditions.values.iter().cloned());
        // Deleted meanwhile, if there is no row.
        let mut rows = statement.query(params_from_iter(values))?;
        let thread = rows.next()?.map(read).transpose()?;
        drop(rows);
        if let Some(thread) = thread {
            threads.push(with_words(conn, top, thread)?);
        }
    }
    Ok(ThreadPage { threads, next })
}

/// The threads that stand below no other, by their newest exchange that fits. Exchanges are
/// walked newest first, so that the first page does not wait for all that was ever said.
fn newest_tops(
    conn: &Connection,
    conditions: &Conditions,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<i64>, Option<Cursor>), StoreError> {
    let sql = format!(
        "SELECT thread_id, started_at, seq FROM exchange WHERE {} AND thread_id IS NOT NULL
         ORDER BY started_at DESC, seq DESC",
        conditions.sql()
    );
    let mut parent = conn.prepare_cached("SELECT parent FROM thread WHERE id = ?1")?;
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let (mut seen, mut tops, mut last) = (HashSet::new(), Vec::new(), None);
    while let Some(row) = rows.next()? {
        let thread: i64 = row.get(0)?;
        if !seen.insert(thread) {
            continue;
        }
        let (mut top, mut is_new) = (thread, true);
        while is_new
            && let Some(above) = parent.query_row([top], |row| row.get(0)).optional()?.flatten()
        {
            top = above;
            // One that was seen is told already, with the thread on top of it.
            is_new = seen.insert(top);
        }
        let at = Cursor::newest_first(row.get(1)?, row.get(2)?);
        if !is_new || after.is_some_and(|after| !at.is_behind(after)) {
            continue;
        }
        if tops.len() == limit {
            return Ok((tops, last));
        }
        tops.push(top);
        last = Some(at);
    }
    Ok((tops, None))
}

fn read(row: &Row<'_>) -> Result<ListedThread, StoreError> {
    let count = |column: usize| -> Result<u64, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.unwrap_or_default().unsigned_abs())
    };
    let tokens = |column: usize| -> Result<Option<u64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
    };
    Ok(ListedThread {
        name: row.get(0)?,
        first_words: None,
        app: App::default(),
        models: Vec::new(),
        exchanges: count(1)?,
        turns: count(2)?,
        below: count(3)?,
        failed: count(4)?,
        input: tokens(5)?,
        output: tokens(6)?,
        cost_usd: row.get(7)?,
        cost_unknown: count(8)?,
        started_at: timestamp(row.get(9)?),
        ended_at: timestamp(row.get(10)?),
    })
}

/// The words, the app and the models of a thread: of the exchange that begins it, not of one
/// that asks for its title.
fn with_words(
    conn: &Connection,
    thread: i64,
    listed: ListedThread,
) -> Result<ListedThread, StoreError> {
    let first = conn
        .prepare_cached(
            "SELECT first_words, user_agent, process, pid FROM exchange WHERE thread_id = ?1
             ORDER BY thread_rule = 'about', operation = 'count_tokens', first_words IS NULL,
                      started_at LIMIT 1",
        )?
        .query_row([thread], |row| {
            let app = App { user_agent: row.get(1)?, process: row.get(2)?, pid: row.get(3)? };
            Ok((row.get(0)?, app))
        })
        .optional()?;
    let (first_words, app) = first.unwrap_or_default();
    let mut models = conn.prepare_cached(
        "SELECT DISTINCT coalesce(request_model, reply_model) AS model FROM exchange
         WHERE thread_id = ?1 AND model IS NOT NULL AND thread_rule <> 'about'",
    )?;
    let models = models.query_map([thread], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ListedThread { first_words, app, models, ..listed })
}
