//! One request to a model and its reply.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Choice, Cost, Message, ThreadRule, Tool, Usage};

/// Header lines in the order and case in which they were sent, repeated names included.
pub type Headers = Vec<(String, String)>;

/// One request to a model and its reply, as every reader and every export sees it.
///
/// The field names are the contract of `docs/exchange.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// UUIDv7: its time is that of the request's first byte. Derived from the flow and the
    /// exchange's place in it, so that reading the same tape again gives the same id.
    pub id: Uuid,
    /// The pair of connections that carried the exchange.
    pub flow: Uuid,
    /// The conversation that this exchange belongs to: as the app names it, else the id of its
    /// first exchange. Before it is stored only what the app names; then `None` only for what
    /// is no conversation.
    pub thread: Option<String>,
    /// What put it there.
    pub thread_rule: Option<ThreadRule>,
    /// The exchange that this one continues; of a sub-agent's first one, that which called it.
    pub parent: Option<Uuid>,
    /// How many of the request's messages, from the first on, were said before in the thread.
    pub inherited: Option<u32>,
    /// How the exchange ended.
    pub state: State,
    /// When the request's first byte came from the app.
    pub started_at: Timestamp,
    /// From the request's first byte to the reply's, in milliseconds.
    pub first_byte_ms: Option<f64>,
    /// From the request's first byte to the first piece of answer or reasoning, in
    /// milliseconds. Keep-alives and empty deltas do not count.
    pub first_token_ms: Option<f64>,
    /// From the request's first byte to the reply's last, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Who asked.
    pub app: App,
    /// The company that serves the model, such as `openai`; `None` for a host in no table.
    pub provider: Option<String>,
    /// The wire format, such as `openai.chat`; `None` if no dialect claims the request.
    pub dialect: Option<String>,
    /// What was asked for, such as `chat` or `count_tokens`.
    pub operation: Option<String>,
    /// Where the app wanted to go: scheme, host and, if not the scheme's own, port.
    pub origin: String,
    /// The request's method.
    pub method: String,
    /// The request's path and query, credentials replaced.
    pub path: String,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub http_version: String,
    /// The reply's status; `None` if no reply came.
    pub status: Option<u16>,
    /// Whether the reply came as a stream of events.
    pub streamed: bool,
    /// The prompt.
    pub request: Request,
    /// The answer; `None` if no reply came.
    pub reply: Option<Reply>,
    /// Tokens; `None` if the provider sent no count.
    pub usage: Option<Usage>,
    /// US dollars; `None` is unknown, never free.
    pub cost_usd: Option<f64>,
    /// Where `cost_usd` is from.
    pub cost_source: Option<Cost>,
    /// What went wrong, in the provider's words where there are any.
    pub error: Option<ExchangeError>,
    /// What the reader should know: what could not be read, what was cut, what was replaced.
    pub notes: Vec<String>,
    /// What people said of it.
    #[serde(default)]
    pub annotations: Annotations,
}

/// What people said of an exchange, in the order in which they did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotations {
    /// It stays, whatever its age.
    pub pinned: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Sentences to remember.
    pub notes: Vec<String>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The reply came to its end: by its framing, or by the dialect's last event.
    Complete,
    /// The connection, the app or Overhear itself ended before the reply did.
    Interrupted,
    /// The provider answered with an error, or not at all.
    Failed,
    /// The exchange came to its end, but a limit of ours cut what was recorded of it.
    Truncated,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Interrupted, Self::Failed, Self::Truncated];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Truncated => "truncated",
        }
    }
}

/// The program we watch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// The request's `User-Agent`.
    pub user_agent: Option<String>,
    /// The name of the process that opened the connection, where the system tells.
    pub process: Option<String>,
    /// Its process id.
    pub pid: Option<u32>,
}

impl App {
    /// What people call it: see [`App::name_of`].
    pub fn name(&self) -> &str {
        Self::name_of(self.user_agent.as_deref(), self.process.as_deref())
    }

    /// The name of an app: the first product of its user agent, since a process is often just
    /// called `node`; but every browser calls itself `Mozilla`. Empty if nothing is known.
    pub fn name_of<'a>(user_agent: Option<&'a str>, process: Option<&'a str>) -> &'a str {
        let product = user_agent.unwrap_or_default().split(['/', ' ', '(']).next();
        match (product.unwrap_or_default(), process) {
            ("" | "Mozilla", Some(process)) => process,
            (product, _) => product,
        }
    }
}

/// The prompt: what the app sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Header lines, credentials replaced by their fingerprints.
    pub headers: Headers,
    /// The model asked for.
    pub model: Option<String>,
    /// The system prompt as one text, its blocks joined by an empty line. Where a dialect
    /// carries it among the messages (role `system` or `developer` at the head of the
    /// list), it stands in `messages` as well.
    pub system: Option<String>,
    /// The conversation so far, oldest first, as sent.
    pub messages: Vec<Message>,
    /// The tools the model may call.
    pub tools: Vec<Tool>,
    /// Every other field of the request, as sent.
    pub params: Map<String, Value>,
}

/// The answer: what the app got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Header lines, credentials replaced by their fingerprints.
    pub headers: Headers,
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The answers, in the order of their index.
    pub choices: Vec<Choice>,
}

/// What went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeError {
    /// The provider's type or code, such as `overloaded_error`, or `http_429`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In the provider's words.
    pub message: String,
}
