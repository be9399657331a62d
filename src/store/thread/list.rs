//! Threads as a list shows them.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::CONVERSATIONS;
use crate::model::App;
use crate::store::open::timestamp;
use crate::store::{Selection, StoreError};
use jiff::Timestamp;

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

/// The threads that have an exchange which `selection` means, that with the newest first. What
/// they count are those exchanges.
pub(in crate::store) fn newest(
    conn: &Connection,
    selection: &Selection,
    limit: usize,
) -> Result<Vec<ListedThread>, StoreError> {
    let mut conditions = selection.conditions();
    let operations = CONVERSATIONS.map(|operation| format!("'{operation}'")).join(", ");
    conditions.and::<Value>(&format!("operation IN ({operations})"), []);
    // A thread that began below another one stands there; but one whose own is asked for
    // stands for itself.
    let top = match &selection.thread {
        Some(_) => "name = ?",
        None => "parent IS NULL",
    };
    let sql = format!(
        "WITH RECURSIVE below (thread, top) AS (
             SELECT id, id FROM thread WHERE {top}
             UNION ALL SELECT id, top FROM thread JOIN below ON parent = below.thread)
         SELECT top, (SELECT name FROM thread WHERE id = top), count(*),
                sum(thread_rule <> 'about' AND operation <> 'count_tokens'),
                count(DISTINCT thread_id) - max(thread_id = top), sum(state = 'failed'),
                sum(input), sum(output), sum(cost_usd), sum(cost_usd IS NULL),
                min(started_at),
                max(started_at + CAST(coalesce(duration_ms, 0) * 1e6 AS INTEGER))
         FROM exchange JOIN below ON below.thread = thread_id
         WHERE {} GROUP BY top ORDER BY max(started_at) DESC, top DESC LIMIT ?",
        conditions.sql()
    );
    let mut values: Vec<Value> = selection.thread.iter().cloned().map(Value::from).collect();
    values.extend(conditions.values);
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        let thread = read(row)?;
        listed.push(with_words(conn, row.get(0)?, thread)?);
    }
    Ok(listed)
}

fn read(row: &Row<'_>) -> Result<ListedThread, StoreError> {
    let count = |column: usize| -> Result<u64, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.unwrap_or_default().unsigned_abs())
    };
    let tokens = |column: usize| -> Result<Option<u64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
    };
    Ok(ListedThread {
        name: row.get(1)?,
        first_words: None,
        app: App::default(),
        models: Vec::new(),
        exchanges: count(2)?,
        turns: count(3)?,
        below: count(4)?,
        failed: count(5)?,
        input: tokens(6)?,
        output: tokens(7)?,
        cost_usd: row.get(8)?,
        cost_unknown: count(9)?,
        started_at: timestamp(row.get(10)?),
        ended_at: timestamp(row.get(11)?),
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
