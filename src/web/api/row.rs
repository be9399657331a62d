//! An exchange as the page's lists show it.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::model::{App, Cost, State, ThreadRule};
use crate::query::Product;
use crate::store::{Listed, short_id};

/// Fields as in `docs/exchange.md`, those of a list alone.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) short_id: String,
    pub(super) flow: Uuid,
    pub(super) thread: Option<String>,
    pub(super) thread_rule: Option<ThreadRule>,
    pub(super) parent: Option<Uuid>,
    pub(super) inherited: Option<u32>,
    pub(super) state: State,
    pub(super) started_at: Timestamp,
    pub(super) first_byte_ms: Option<f64>,
    pub(super) first_token_ms: Option<f64>,
    pub(super) duration_ms: Option<f64>,
    pub(super) app: AppRow,
    pub(super) provider: Option<String>,
    pub(super) dialect: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) origin: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) http_version: String,
    pub(super) status: Option<u16>,
    pub(super) streamed: bool,
    /// The model asked for, else the one that answered.
    pub(super) model: Option<String>,
    pub(super) reply_model: Option<String>,
    pub(super) first_words: Option<String>,
    pub(super) usage: UsageRow,
    pub(super) cost_usd: Option<f64>,
    pub(super) cost_source: Option<Cost>,
    pub(super) error_type: Option<String>,
    /// Fingerprint of the key that the request was sent with.
    pub(super) credential: Option<String>,
    pub(super) pinned: bool,
    pub(super) tags: Vec<String>,
}

/// Who asked.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AppRow {
    /// The product that the user agent names, else the process.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) user_agent: Option<String>,
    pub(super) process: Option<String>,
    pub(super) pid: Option<u32>,
}

/// Tokens.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UsageRow {
    pub(super) input: Option<u64>,
    pub(super) input_cached: Option<u64>,
    pub(super) input_cache_written: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) source: Option<String>,
}

impl Row {
    pub(super) fn of(listed: Listed) -> Self {
        let marks = listed.marks.unwrap_or_default();
        let usage = listed.usage;
        Self {
            id: listed.id,
            short_id: short_id(listed.id),
            flow: listed.flow,
            thread: listed.thread,
            thread_rule: listed.thread_rule,
            parent: listed.parent,
            inherited: listed.inherited,
            state: listed.state,
            started_at: listed.started_at,
            first_byte_ms: listed.first_byte_ms,
            first_token_ms: listed.first_token_ms,
            duration_ms: listed.duration_ms,
            app: AppRow::of(listed.app),
            provider: listed.provider,
            dialect: listed.dialect,
            operation: listed.operation,
            origin: listed.origin,
            method: listed.method,
            path: listed.path,
            http_version: listed.http_version,
            status: listed.status,
            streamed: listed.streamed,
            model: listed.request_model.or_else(|| listed.reply_model.clone()),
            reply_model: listed.reply_model,
            first_words: listed.first_words,
            usage: UsageRow {
                input: usage.input,
                input_cached: usage.input_cached,
                input_cache_written: usage.input_cache_written,
                output: usage.output,
                reasoning: usage.reasoning,
                source: (!usage.source.is_empty()).then_some(usage.source),
            },
            cost_usd: listed.cost_usd,
            cost_source: listed.cost_source,
            error_type: listed.error_type,
            credential: listed.credential,
            pinned: marks.split(' ').any(|mark| mark == "pin"),
            tags: marks
                .split(' ')
                .filter_map(|mark| mark.strip_prefix('#'))
                .map(str::to_owned)
                .collect(),
        }
    }
}

impl AppRow {
    pub(super) fn of(app: App) -> Self {
        let product = Product::of(&app);
        Self {
            name: product.name,
            version: product.version,
            user_agent: app.user_agent,
            process: app.process,
            pid: app.pid,
        }
    }
}
