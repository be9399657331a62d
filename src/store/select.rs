//! Which exchanges are meant, as SQL.

use jiff::Timestamp;
use rusqlite::types::Value;
use uuid::Uuid;

use super::open::nanoseconds;
use crate::model::State;

/// Which exchanges are meant: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The one exchange.
    pub id: Option<Uuid>,
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
        if let Some(id) = self.id {
            conditions.and("exchange.id = ?", [id.as_bytes().to_vec()]);
        }
        conditions
    }
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

    /// The conditions, or one that is always true.
    pub(super) fn sql(&self) -> &str {
        if self.sql.is_empty() { "TRUE" } else { &self.sql }
    }
}
