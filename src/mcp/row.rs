//! Exchanges and threads as lists show them.

use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;

use super::answer::{NAME_CHARS_MAX, name};
use crate::model::Usage;
use crate::query::Product;
use crate::store::{Listed, ListedThread};

/// An exchange, its fields as in `docs/exchange.md`; what is not known is left out.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Row {
    /// What other tools take as `id`.
    pub id: String,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The exchange that it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// When the request began, UTC.
    pub started_at: String,
    /// The program that asked, with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The company that serves the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model asked for, else the one that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was asked for, such as `chat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `complete`, `interrupted`, `failed` or `truncated`.
    pub state: String,
    /// The reply's HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Type of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// Tokens of the prompt, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Of `input`, read from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cached: Option<u64>,
    /// Tokens of the answer, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// US dollars; left out if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// To the reply's last byte, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// `pin` and each tag that people gave it, as `#tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marks: Option<String>,
    /// First words of the last user message (captured text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_words: Option<String>,
}

impl Row {
    /// As it is listed.
    pub fn of(listed: &Listed) -> Self {
        let model = listed.request_model.as_deref().or(listed.reply_model.as_deref());
        let Usage { input, input_cached, output, .. } = listed.usage;
        Self {
            id: listed.id.to_string(),
            thread: listed.thread.as_deref().map(beginning),
            parent: listed.parent.map(|id| id.to_string()),
            started_at: listed.started_at.to_string(),
            app: app(&listed.app),
            provider: listed.provider.clone(),
            model: model.map(name),
            operation: listed.operation.as_deref().map(name),
            state: listed.state.as_str().to_owned(),
            status: listed.status,
            error_type: listed.error_type.as_deref().map(name),
            input,
            input_cached,
            output,
            cost_usd: listed.cost_usd,
            duration_ms: listed.duration_ms,
            marks: listed.marks.as_deref().map(name),
            first_words: listed.first_words.as_deref().map(name),
        }
    }
}

/// A thread's name, or the beginning of it: tools take either.
fn beginning(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// What an app is called, with its version.
pub fn app(app: &crate::model::App) -> Option<String> {
    let Product { name: product, version } = Product::of(app);
    let words = if version.is_empty() { product } else { format!("{product}/{version}") };
    Some(name(&words)).filter(|words| !words.is_empty())
}

/// A conversation; its counts have those of the threads below it, such as sub-agents.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct ThreadRow {
    /// What other tools take as `thread:` or, with `thread: true`, as `id`.
    pub thread: String,
    /// The user's first words (captured text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_words: Option<String>,
    /// The program that leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The models asked for, at most ten.
    pub models: Vec<String>,
    /// Exchanges that are turns of it.
    pub turns: u64,
    /// Exchanges with those beside it, such as titles.
    pub exchanges: u64,
    /// Threads below it.
    pub below: u64,
    /// Exchanges that failed.
    pub failed: u64,
    /// Tokens of all prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Tokens of all answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// US dollars, as far as they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Exchanges of which the cost is not known.
    pub cost_unknown: u64,
    /// When the first exchange began, UTC.
    pub started_at: String,
    /// When the last one ended, UTC.
    pub ended_at: String,
}

/// Models of a thread that are named.
const MODELS_MAX: usize = 10;

impl ThreadRow {
    /// As it is listed.
    pub fn of(thread: &ListedThread) -> Self {
        Self {
            thread: beginning(&thread.name),
            first_words: thread.first_words.as_deref().map(name),
            app: app(&thread.app),
            models: thread.models.iter().take(MODELS_MAX).map(|model| name(model)).collect(),
            turns: thread.turns,
            exchanges: thread.exchanges,
            below: thread.below,
            failed: thread.failed,
            input: thread.input,
            output: thread.output,
            cost_usd: thread.cost_usd,
            cost_unknown: thread.cost_unknown,
            started_at: thread.started_at.to_string(),
            ended_at: thread.ended_at.to_string(),
        }
    }
}
