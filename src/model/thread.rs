//! What puts exchanges into a thread.

use serde::{Deserialize, Serialize};

/// What put an exchange into its thread, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadRule {
    /// A header in which the app names its session.
    Header,
    /// The session inside Anthropic's `metadata.user_id`.
    Metadata,
    /// A field of the request or of its path that names a session or a conversation.
    Field,
    /// `previous_response_id`: the provider keeps what was said before.
    Response,
    /// The messages begin with those of an earlier exchange and its answer.
    Chain,
    /// The prompt is one of an earlier exchange, which gave another answer or none.
    Again,
    /// The last answer in the messages is an earlier exchange's; what stands before it differs.
    Answer,
    /// The first message is an argument of a tool call: a sub-agent begins.
    Call,
    /// The first message has the answer of an earlier exchange in it: a summary goes on.
    Summary,
    /// The prompt is about the first message of a thread: a title, a topic, a suggestion.
    About,
    /// The trace id of `traceparent`.
    Trace,
    /// `prompt_cache_key`, where it looks like an id.
    CacheKey,
    /// The turns of one WebSocket, or a history that begins as that of an earlier exchange of
    /// the same process.
    Process,
    /// Nothing: the exchange begins a thread.
    First,
}

/// A thread as the app itself names it. Serialises as its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NamedThread {
    /// The name.
    pub name: String,
    /// Where it stood.
    #[serde(skip)]
    pub rule: ThreadRule,
}

impl NamedThread {
    /// A thread that a field of the body or of the path names.
    pub fn field(name: impl Into<String>) -> Self {
        Self { name: name.into(), rule: ThreadRule::Field }
    }
}
