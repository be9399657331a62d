//! What statistics read of an exchange: a few columns of very many rows.

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};

use super::exchange::variant;
use super::open::timestamp;
use super::{Selection, StoreError};
use crate::model::{Cost, State, Usage};

/// The columns of an exchange that statistics add up. Names and fields as in
/// [`Listed`](super::Listed); texts are borrowed, for there are very many rows.
#[derive(Clone, Debug)]
pub struct Tally<'a> {
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended.
    pub state: State,
    /// What the app calls itself.
    pub user_agent: Option<&'a str>,
    /// The app's process.
    pub process: Option<&'a str>,
    /// The company.
    pub provider: Option<&'a str>,
    /// The host asked.
    pub host: &'a str,
    /// The wire format.
    pub dialect: Option<&'a str>,
    /// The model asked for, else the one that answered.
    pub model: Option<&'a str>,
    /// The fingerprint of the key.
    pub credential: Option<&'a str>,
    /// Whether the reply came as a stream.
    pub streamed: bool,
    /// To the first piece of answer or reasoning, in milliseconds.
    pub first_token_ms: Option<f64>,
    /// To the reply's last byte, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Tokens; `raw` is left empty, and `source` unless they are estimated.
    pub usage: Option<Usage>,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Where the cost is from.
    pub cost_source: Option<Cost>,
}

/// In the order in which [`read`] takes them.
const COLUMNS: &str = "started_at, state, user_agent, process, provider, host, dialect,
    coalesce(request_model, reply_model), credential, streamed, first_token_ms, duration_ms,
    usage_source, input, input_cached, input_cache_written, output, reasoning, cost_usd,
    cost_source";

/// Hands every exchange that `selection` means to `each`.
pub(super) fn for_each(
    conn: &Connection,
    selection: &Selection,
    mut each: impl FnMut(&Tally<'_>),
) -> Result<(), StoreError> {
    let conditions = selection.conditions();
    let sql = format!("SELECT {COLUMNS} FROM exchange WHERE {}", conditions.sql());
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    while let Some(row) = rows.next()? {
        each(&read(row)?);
    }
    Ok(())
}

/// When the first and the last of the exchanges that `selection` means began.
pub(super) fn began(
    conn: &Connection,
    selection: &Selection,
) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let conditions = selection.conditions();
    let sql =
        format!("SELECT min(started_at), max(started_at) FROM exchange WHERE {}", conditions.sql());
    let mut statement = conn.prepare_cached(&sql)?;
    let (first, last): (Option<i64>, Option<i64>) = statement
        .query_row(params_from_iter(conditions.values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last).map(|(first, last)| (timestamp(first), timestamp(last))))
}

fn read<'a>(row: &'a Row<'_>) -> Result<Tally<'a>, StoreError> {
    let text = |column: usize| -> Result<Option<&'a str>, StoreError> {
        match row.get_ref(column)? {
            ValueRef::Null => Ok(None),
            value => Ok(Some(value.as_str().map_err(|e: FromSqlError| StoreError::corrupt(e))?)),
        }
    };
    let tokens = |column: usize| -> Result<Option<u64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
    };
    let is_estimated = text(12)? == Some(Usage::ESTIMATED);
    let usage = Usage {
        input: tokens(13)?,
        input_cached: tokens(14)?,
        input_cache_written: tokens(15)?,
        output: tokens(16)?,
        reasoning: tokens(17)?,
        // Without an allocation for most rows.
        source: if is_estimated { Usage::ESTIMATED.to_owned() } else { String::new() },
        ..Usage::default()
    };
    let is_counted = usage.input.is_some() || usage.output.is_some();
    Ok(Tally {
        started_at: timestamp(row.get(0)?),
        state: variant(text(1)?.unwrap_or_default())?,
        user_agent: text(2)?,
        process: text(3)?,
        provider: text(4)?,
        host: text(5)?.unwrap_or_default(),
        dialect: text(6)?,
        model: text(7)?,
        credential: text(8)?,
        streamed: row.get(9)?,
        first_token_ms: row.get(10)?,
        duration_ms: row.get(11)?,
        usage: is_counted.then_some(usage),
        cost_usd: row.get(18)?,
        cost_source: text(19)?.map(variant).transpose()?,
    })
}
