//! The narrow row of an exchange, and pages of them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::exchange::{COLUMNS, variant};
use super::open::{nanoseconds, timestamp};
use super::select::Conditions;
use super::{Measure, Selection, StoreError};
use crate::model::{App, Cost, State, ThreadRule, Usage};

/// An exchange as a list shows it. Fields as in [`Exchange`](crate::model::Exchange).
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its place in the order of writing.
    pub seq: i64,
    /// The exchange.
    pub id: Uuid,
    /// Its flow.
    pub flow: Uuid,
    /// Its place in the flow, from 0.
    pub place: u32,
    /// The conversation.
    pub thread: Option<String>,
    /// What put the exchange into it.
    pub thread_rule: Option<ThreadRule>,
    /// The exchange that it continues.
    pub parent: Option<Uuid>,
    /// How many of its messages were said before in the thread.
    pub inherited: Option<u32>,
    /// How it ended.
    pub state: State,
    /// When it began.
    pub started_at: Timestamp,
    /// To the reply's first byte, in milliseconds.
    pub first_byte_ms: Option<f64>,
    /// To the first piece of answer or reasoning, in milliseconds.
    pub first_token_ms: Option<f64>,
    /// To the reply's last byte, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Who asked.
    pub app: App,
    /// The company.
    pub provider: Option<String>,
    /// The wire format.
    pub dialect: Option<String>,
    /// What was asked for.
    pub operation: Option<String>,
    /// Where the app wanted to go.
    pub origin: String,
    /// The request's method.
    pub method: String,
    /// The request's path and query.
    pub path: String,
    /// The protocol.
    pub http_version: String,
    /// The reply's status.
    pub status: Option<u16>,
    /// Whether the reply came as a stream.
    pub streamed: bool,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub reply_model: Option<String>,
    /// First words of the last user message that has any; at most 200 characters.
    pub first_words: Option<String>,
    /// Tokens; `raw` is left empty.
    pub usage: Usage,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Where the cost is from.
    pub cost_source: Option<Cost>,
    /// Type of the error, if there was one.
    pub error_type: Option<String>,
    /// Fingerprint of the key that the request was sent with.
    pub credential: Option<String>,
    /// `pin` and each tag as `#tag`, with a space between them.
    pub marks: Option<String>,
}

/// In which order a list is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
    /// That with the most of it first.
    MostOf(Measure),
}

/// Where a page ends and the next begins.
///
/// As text it can be kept by whoever asks for the pages one by one; it is of use for the order
/// that it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    at: At,
    seq: i64,
}

/// The value by which a page is ordered, where it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Time(i64),
    Measure(f64),
}

impl Cursor {
    /// The place behind an exchange, the newest first.
    pub(super) fn newest_first(nanoseconds: i64, seq: i64) -> Self {
        Self { at: At::Time(nanoseconds), seq }
    }

    /// Whether this place is behind `other`, the newest first.
    pub(super) fn is_behind(self, other: Self) -> bool {
        match (self.at, other.at) {
            (At::Time(this), At::Time(that)) => (this, self.seq) < (that, other.seq),
            _ => false,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::Time(nanoseconds) => write!(f, "t{nanoseconds}.{}", self.seq),
            // The bits: a number in digits might come back as another one.
            At::Measure(value) => write!(f, "m{}.{}", value.to_bits(), self.seq),
        }
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place in a list\nhint: take `next` of the page before as it is")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (at, seq) = text.split_once('.').ok_or(CursorError)?;
        let seq = seq.parse().map_err(|_| CursorError)?;
        let at = match (at.strip_prefix('t'), at.strip_prefix('m')) {
            (Some(time), _) => At::Time(time.parse().map_err(|_| CursorError)?),
            (_, Some(bits)) => At::Measure(f64::from_bits(bits.parse().map_err(|_| CursorError)?)),
            _ => return Err(CursorError),
        };
        Ok(Self { at, seq })
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// In the order asked for.
    pub exchanges: Vec<Listed>,
    /// Where to go on; `None` if this was the last page.
    pub next: Option<Cursor>,
}

/// What people gave it to be found by.
const MARKS: &str = "(SELECT group_concat(iif(kind = 'pin', 'pin', '#' || text), ' ')
     FROM annotation WHERE annotation.exchange = seq AND kind <> 'note') AS marks";

pub(super) fn page(
    conn: &Connection,
    selection: &Selection,
    order: Order,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut conditions = selection.conditions();
    let (key, direction, beyond) = match order {
        Order::NewestFirst => ("started_at", "DESC", "<"),
        Order::OldestFirst => ("started_at", "ASC", ">"),
        Order::MostOf(measure) => (measure.sql(), "DESC", "<"),
    };
    if let Some(Cursor { at, seq }) = after {
        let at = match at {
            At::Time(nanoseconds) => Value::Integer(nanoseconds),
            At::Measure(value) => Value::Real(value),
        };
        conditions.and(&format!("({key}, seq) {beyond} (?, ?)"), [at, Value::Integer(seq)]);
    }
    let sql = format!(
        "SELECT seq, {}, {MARKS} FROM exchange WHERE {} ORDER BY {key} {direction}, seq {direction} LIMIT ?",
        COLUMNS.join(", "),
        conditions.sql(),
    );
    let exchanges = rows(conn, &sql, conditions.values, limit)?;
    let next = exchanges
        .last()
        .filter(|_| exchanges.len() >= limit)
        .map(|last| Cursor { at: At::of(order, last), seq: last.seq });
    Ok(Page { exchanges, next })
}

impl At {
    fn of(order: Order, listed: &Listed) -> Self {
        let usage = &listed.usage;
        let measure = match order {
            Order::NewestFirst | Order::OldestFirst => {
                return Self::Time(nanoseconds(listed.started_at));
            }
            Order::MostOf(Measure::Duration) => listed.duration_ms,
            Order::MostOf(Measure::FirstToken) => listed.first_token_ms,
            Order::MostOf(Measure::Cost) => listed.cost_usd,
            Order::MostOf(Measure::Tokens) => match (usage.input, usage.output) {
                (None, None) => None,
                // Counts of tokens are far below what a float holds exactly.
                (input, output) => {
                    Some(input.unwrap_or_default().saturating_add(output.unwrap_or_default()) as f64)
                }
            },
        };
        Self::Measure(measure.unwrap_or(-1.0))
    }
}

pub(super) fn count(conn: &Connection, conditions: Conditions) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM exchange WHERE {}", conditions.sql());
    let mut statement = conn.prepare_cached(&sql)?;
    let count: i64 = statement.query_row(params_from_iter(conditions.values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) fn written_after(
    conn: &Connection,
    selection: &Selection,
    seq: i64,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    after(conn, selection.conditions(), seq, limit)
}

pub(super) fn unread_after(
    conn: &Connection,
    selection: &Selection,
    seq: i64,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    let mut conditions = selection.conditions();
    conditions.and::<Value>("dialect IS NULL", []);
    after(conn, conditions, seq, limit)
}

fn after(
    conn: &Connection,
    mut conditions: Conditions,
    seq: i64,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    conditions.and("seq > ?", [seq]);
    let columns = COLUMNS.join(", ");
    let sql = format!(
        "SELECT seq, {columns}, {MARKS} FROM exchange WHERE {} ORDER BY seq LIMIT ?",
        conditions.sql()
    );
    rows(conn, &sql, conditions.values, limit)
}

pub(super) fn by_seq(conn: &Connection, seq: i64) -> Result<Option<Listed>, StoreError> {
    let sql =
        format!("SELECT seq, {}, {MARKS} FROM exchange WHERE seq = ? LIMIT ?", COLUMNS.join(", "));
    Ok(rows(conn, &sql, vec![Value::Integer(seq)], 1)?.pop())
}

/// The exchanges of the thread that the exchange with place `seq` is in, the oldest first; it
/// alone if it is in none.
pub(super) fn thread_of(conn: &Connection, seq: i64) -> Result<Vec<Listed>, StoreError> {
    let sql = format!(
        "SELECT seq, {}, {MARKS} FROM exchange
         WHERE seq = ?1 OR thread_id = (SELECT thread_id FROM exchange WHERE seq = ?1)
         ORDER BY started_at, seq LIMIT ?2",
        COLUMNS.join(", ")
    );
    rows(conn, &sql, vec![Value::Integer(seq)], usize::MAX)
}

fn rows(
    conn: &Connection,
    sql: &str,
    mut values: Vec<Value>,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        listed.push(read(row)?);
    }
    Ok(listed)
}

fn read(row: &Row<'_>) -> Result<Listed, StoreError> {
    let state: String = row.get("state")?;
    let thread_rule: Option<String> = row.get("thread_rule")?;
    let cost_source: Option<String> = row.get("cost_source")?;
    let tokens = |column: &str| -> Result<Option<u64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
    };
    Ok(Listed {
        seq: row.get("seq")?,
        id: row.get("id")?,
        flow: row.get("flow")?,
        place: row.get("place")?,
        thread: row.get("thread")?,
        thread_rule: thread_rule.as_deref().map(variant).transpose()?,
        parent: row.get("parent")?,
        inherited: row.get("inherited")?,
        state: variant(&state)?,
        started_at: timestamp(row.get("started_at")?),
        first_byte_ms: row.get("first_byte_ms")?,
        first_token_ms: row.get("first_token_ms")?,
        duration_ms: row.get("duration_ms")?,
        app: App {
            user_agent: row.get("user_agent")?,
            process: row.get("process")?,
            pid: row.get("pid")?,
        },
        provider: row.get("provider")?,
        dialect: row.get("dialect")?,
        operation: row.get("operation")?,
        origin: row.get("origin")?,
        method: row.get("method")?,
        path: row.get("path")?,
        http_version: row.get("http_version")?,
        status: row.get("status")?,
        streamed: row.get("streamed")?,
        request_model: row.get("request_model")?,
        reply_model: row.get("reply_model")?,
        first_words: row.get("first_words")?,
        usage: Usage {
            input: tokens("input")?,
            input_cached: tokens("input_cached")?,
            input_cache_written: tokens("input_cache_written")?,
            output: tokens("output")?,
            reasoning: tokens("reasoning")?,
            input_cache_written_1h: tokens("input_cache_written_1h")?,
            input_audio: tokens("input_audio")?,
            input_image: tokens("input_image")?,
            output_audio: tokens("output_audio")?,
            output_image: tokens("output_image")?,
            source: row.get::<_, Option<String>>("usage_source")?.unwrap_or_default(),
            ..Usage::default()
        },
        cost_usd: row.get("cost_usd")?,
        cost_source: cost_source.as_deref().map(variant).transpose()?,
        error_type: row.get("error_type")?,
        credential: row.get("credential")?,
        marks: row.get("marks")?,
    })
}
