//! Which exchanges are meant, as SQL.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::StoreError;
use super::open::nanoseconds;
use crate::model::State;

/// Which exchanges are meant: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// In the app's user agent or its process name, upper and lower case alike (ASCII).
    pub app: Option<String>,
    /// The origin's host, or a domain that it is in.
    pub host: Option<String>,
    /// In the name of the model asked for or of the one that answered.
    pub model: Option<String>,
    /// The provider's name.
    pub provider: Option<String>,
    /// The dialect's name, or its part before the dot.
    pub dialect: Option<String>,
    /// How the exchange ended.
    pub state: Option<State>,
    /// Began at this time or later.
    pub since: Option<Timestamp>,
    /// Began before this time.
    pub until: Option<Timestamp>,
    /// In the thread of this name, or in one below it: a sub-agent's.
    pub thread: Option<String>,
    /// The one exchange.
    pub id: Option<Uuid>,
    /// With this system prompt or set of tools: its row of `message`.
    pub prompt: Option<i64>,
    /// Has this tag.
    pub tag: Option<String>,
    /// Pinned ones only, or only others.
    pub pinned: Option<bool>,
    /// What was asked for, such as `chat`.
    pub operation: Option<String>,
    /// The reply's status.
    pub status: Option<u16>,
    /// Has at least so much of each.
    pub at_least: Vec<(Measure, f64)>,
    /// Whether only calls of a model are meant.
    pub calls: Calls,
    /// Which turns of a conversation are meant.
    pub turns: Turns,
}

/// What of an exchange can be more or less. One whose measure is not known has less than any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// To the reply's last byte, in milliseconds.
    Duration,
    /// To the first piece of answer, in milliseconds.
    FirstToken,
    /// US dollars.
    Cost,
    /// Tokens of prompt and answer.
    Tokens,
}

impl Measure {
    /// The measure as SQL; never null.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Duration => "coalesce(duration_ms, -1)",
            Self::FirstToken => "coalesce(first_token_ms, -1)",
            Self::Cost => "coalesce(cost_usd, -1)",
            Self::Tokens => "coalesce(input + coalesce(output, 0), output, -1)",
        }
    }
}

/// Which exchanges count: an app sends its provider much beside what it asks a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// Everything.
    #[default]
    All,
    /// What asks a model for something: what lists show, where nothing with words of a prompt
    /// may be missing.
    OfModels,
    /// What a model worked for: what statistics add up, where nothing may count that costs no
    /// answer.
    Worked,
}

impl Calls {
    /// Of `OfModels` left out is what no dialect reads (settings, metrics), the handshake of a
    /// WebSocket, and what came back without an answer's tokens though it had no words of a
    /// prompt: lists of models; a connection that was warmed up with the system prompt and the
    /// tools; and a refused request of which only the general reading makes something. Of `Worked`
    /// also what only the general reading makes something of, counts of tokens, and what is only
    /// fetched again.
    fn condition(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::OfModels => Some(
                "(dialect IS NOT NULL AND operation IS NOT 'connect' AND NOT (
                    first_words IS NULL AND coalesce(output, 0) = 0 AND (
                        coalesce(request_model, reply_model) IS NULL AND dialect <> 'unknown'
                        OR error_type IS NULL AND coalesce(system, tools) IS NOT NULL
                        OR dialect = 'unknown' AND status >= 400)))",
            ),
            Self::Worked => Some(
                "(dialect IS NOT NULL AND dialect <> 'unknown'
                  AND operation NOT IN ('connect', 'count_tokens', 'batches')
                  AND (method <> 'GET' OR status IS 101)
                  AND coalesce(request_model, reply_model, input, output) IS NOT NULL)",
            ),
        }
    }
}

/// Which turns of a conversation count: agents send with each what was said before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turns {
    /// All, and what is no conversation.
    #[default]
    All,
    /// Those that a model answered, whole.
    Answered,
    /// Of those the ones that no other answered one has in its prompt.
    Last,
}

impl Turns {
    const ANSWERED: &str = "(state = 'complete'
        AND operation IN ('chat', 'completion', 'generate', 'generation'))";

    /// A prompt that was sent again (`asked`) has not the answer that it got before. What goes
    /// on has more of the thread than what it goes on from; a title or a summary has not. The
    /// next turn is mostly the next row of the index on thread and time.
    const LAST: &str = "NOT EXISTS (SELECT 1 FROM exchange AS later
        WHERE later.thread_id = exchange.thread_id AND later.started_at >= exchange.started_at
          AND later.parent = exchange.id AND later.state = 'complete'
          AND later.operation = exchange.operation
          AND later.inherited > coalesce(exchange.inherited, 0)
          AND later.asked IS NOT exchange.asked)";

    fn conditions(self) -> &'static [&'static str] {
        match self {
            Self::All => &[],
            Self::Answered => &[Self::ANSWERED],
            Self::Last => &[Self::ANSWERED, Self::LAST],
        }
    }
}

impl Selection {
    /// Whether every exchange is meant.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Conditions on a row of `exchange`, as the end of a statement's `WHERE`.
    pub(super) fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(app) = &self.app {
            conditions.and(
                "(instr(lower(user_agent), lower(?)) > 0 OR instr(lower(process), lower(?)) > 0)",
                [app.clone(), app.clone()],
            );
        }
        if let Some(host) = &self.host {
            let host = host.to_ascii_lowercase();
            conditions.and(
                "(lower(host) = ? OR substr(lower(host), -1 - length(?)) = '.' || ?)",
                [host.clone(), host.clone(), host],
            );
        }
        if let Some(model) = &self.model {
            conditions.and(
                "(instr(lower(request_model), lower(?)) > 0
                  OR instr(lower(reply_model), lower(?)) > 0)",
                [model.clone(), model.clone()],
            );
        }
        if let Some(provider) = &self.provider {
            conditions.and("lower(provider) = lower(?)", [provider.clone()]);
        }
        if let Some(dialect) = &self.dialect {
            conditions.and(
                "(dialect = ? OR substr(dialect, 1, 1 + length(?)) = ? || '.')",
                [dialect.clone(), dialect.clone(), dialect.clone()],
            );
        }
        if let Some(state) = self.state {
            conditions.and("state = ?", [state.as_str().to_owned()]);
        }
        if let Some(since) = self.since {
            conditions.and("started_at >= ?", [nanoseconds(since)]);
        }
        if let Some(until) = self.until {
            conditions.and("started_at < ?", [nanoseconds(until)]);
        }
        if let Some(thread) = &self.thread {
            conditions.and(
                "thread_id IN (WITH RECURSIVE below (id) AS (
                     SELECT id FROM thread WHERE name = ?
                     UNION SELECT thread.id FROM thread JOIN below ON thread.parent = below.id)
                 SELECT id FROM below)",
                [thread.clone()],
            );
        }
        if let Some(id) = self.id {
            conditions.and("exchange.id = ?", [id.as_bytes().to_vec()]);
        }
        if let Some(prompt) = self.prompt {
            conditions.and("(system = ? OR tools = ?)", [prompt, prompt]);
        }
        if let Some(tag) = &self.tag {
            conditions.and(
                "seq IN (SELECT exchange FROM annotation WHERE kind = 'tag' AND text = ?)",
                [tag.clone()],
            );
        }
        if let Some(pinned) = self.pinned {
            conditions
                .and("(seq IN (SELECT exchange FROM annotation WHERE kind = 'pin')) = ?", [pinned]);
        }
        if let Some(operation) = &self.operation {
            conditions.and("operation = ?", [operation.clone()]);
        }
        if let Some(status) = self.status {
            conditions.and("status = ?", [status]);
        }
        for (measure, least) in &self.at_least {
            conditions.and(&format!("{} >= ?", measure.sql()), [*least]);
        }
        if let Some(condition) = self.calls.condition() {
            conditions.and::<Value>(condition, []);
        }
        for condition in self.turns.conditions() {
            conditions.and::<Value>(condition, []);
        }
        conditions
    }
}

/// The places of the exchanges that are meant, the oldest first, and the bytes that they had on
/// the wire.
pub(super) fn places(
    conn: &Connection,
    selection: &Selection,
) -> Result<(Vec<i64>, u64), StoreError> {
    let conditions = selection.conditions();
    let sql = format!(
        "SELECT seq, (SELECT coalesce(sum(length), 0) FROM raw WHERE raw.id BETWEEN seq * 2 AND seq * 2 + 1)
         FROM exchange WHERE {} ORDER BY started_at, seq",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let (mut places, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        places.push(row.get(0)?);
        bytes += row.get::<_, i64>(1)?.unsigned_abs();
    }
    Ok((places, bytes))
}

/// Conditions joined by `AND`, and the values of their `?`, in order.
#[derive(Default)]
pub(super) struct Conditions {
    sql: String,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition; `values` are those of its `?`.
    pub(super) fn and<V: Into<Value>>(
        &mut self,
        condition: &str,
        values: impl IntoIterator<Item = V>,
    ) {
        self.sql.push_str(if self.sql.is_empty() { "" } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values.into_iter().map(Into::into));
    }

    /// Adds all of `other`.
    pub(super) fn and_all(&mut self, other: Self) {
        if !other.sql.is_empty() {
            self.and(&other.sql, other.values);
        }
    }

    /// The conditions, or one that is always true.
    pub(super) fn sql(&self) -> &str {
        if self.sql.is_empty() { "TRUE" } else { &self.sql }
    }
}
