//! Wire formats of LLM APIs: frames in, an exchange's prompt and answer out.
//!
//! One file a dialect, one word in [`DIALECTS`], one line a provider in [`providers`].
//! Nothing else in the code branches on dialects.

mod answer;
mod anthropic_messages;
mod bedrock;
mod cohere;
mod counts;
mod draft;
mod failure;
mod foreign;
#[doc(hidden)]
pub mod fuzz;
mod gemini;
mod grpc;
mod handshake;
mod json;
mod media;
mod mend;
mod mistral;
mod notes;
mod ollama;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_realtime;
mod openai_responses;
mod operation;
mod operations;
mod path;
pub mod providers;
mod schema;
mod thread;
mod turns;
mod unknown;
mod vectors;
mod zed;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Cost, ExchangeError, Headers, NamedThread, Reply, Request, Usage};
use crate::observe::{envelope, eventstream, sse, stream};
use path::{lossy, may_be_object, path_only, path_segment_after};

/// The dialects, the more particular before the more general.
pub const DIALECTS: &[&dyn Dialect] = &[
    &zed::Zed,
    &foreign::XAI_GRPC,
    &foreign::GEMINI_GRPC,
    &foreign::CURSOR,
    &foreign::WINDSURF,
    &foreign::WATSONX,
    &foreign::CLOUDFLARE,
    &foreign::DASHSCOPE,
    &foreign::DATABRICKS,
    &foreign::SAGEMAKER,
    &foreign::SNOWFLAKE,
    &foreign::MINIMAX,
    &foreign::REPLICATE,
    &bedrock::Bedrock,
    &ollama::Ollama,
    &cohere::Cohere,
    &mistral::Mistral,
    &openai_chat::OpenaiChat,
    &openai_realtime::OpenaiRealtime,
    &openai_responses::OpenaiResponses,
    &anthropic_messages::AnthropicMessages,
    &gemini::Gemini,
    &openai_completions::OpenaiCompletions,
    &openai_embeddings::OpenaiEmbeddings,
    &operations::COPILOT,
    &operations::STORED,
    &operations::RERANK,
    &operations::IMAGES,
    &operations::AUDIO,
    &operations::MODERATIONS,
    &operations::VIDEOS,
    &operations::THREADS,
    &operations::ASSISTANTS,
    &operations::CONVERSATIONS,
    &operations::VECTOR_STORES,
    &operations::CONTAINERS,
    &operations::FINE_TUNING,
    &operations::EVALS,
    &operations::SKILLS,
    &operations::UPLOADS,
    &operations::BATCHES,
    &operations::FILES,
    &operations::MODELS,
    &operations::ANTHROPIC_COMPLETE,
    &operations::ANTHROPIC_BATCHES,
    &operations::ANTHROPIC_FILES,
    &operations::ANTHROPIC_MODELS,
    &operations::ANTHROPIC_OTHERS,
    &foreign::AI21,
    &foreign::ALEPH_ALPHA,
    &foreign::SPEECH,
    &foreign::RAYCAST,
    &foreign::JETBRAINS,
    &foreign::NOTION,
    &foreign::HUGGING_FACE,
    // The last: it claims what nobody else does.
    &unknown::Unknown,
];

/// The dialect that a request is in, and its operation; `None` if no dialect claims it.
pub fn claim(asked: &Asked<'_>) -> Option<(&'static dyn Dialect, &'static str)> {
    DIALECTS.iter().find_map(|dialect| dialect.claim(asked).map(|operation| (*dialect, operation)))
}

/// A request as a dialect sees it: parsed, its content coding undone.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The origin's host, without port.
    pub host: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header lines as sent.
    pub headers: &'a Headers,
    /// The body, content coding undone; empty if there is none.
    pub body: &'a [u8],
}

/// A wire format.
pub trait Dialect: Send + Sync {
    /// Such as `openai.chat`.
    fn name(&self) -> &'static str;

    /// The operation (`chat`, `count_tokens` …) if the request is in this format. Decides by
    /// path and body, not by host alone: one host speaks several formats. The handshake of a
    /// WebSocket that [`converse`](Dialect::converse) reads is the operation `connect`.
    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str>;

    /// Begins to read an exchange that [`claim`](Dialect::claim) claimed.
    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading>;

    /// Begins to read the WebSocket that was opened with `asked`; `None` if this format has
    /// none there.
    fn converse(&self, _asked: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        None
    }
}

/// One exchange being read.
pub trait Reading: Send {
    /// The prompt.
    fn prompt(&self) -> &Request;

    /// How the reply is cut into pieces where its content type does not say.
    fn cut(&self) -> Option<stream::Kind> {
        None
    }

    /// Takes the next piece of the reply; tells `grown` of what it adds to the answer.
    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>));

    /// Whether the answer has come to its semantic end (`[DONE]`, `message_stop`, a finish
    /// reason on every choice): apps hang up right there.
    fn is_complete(&self) -> bool;

    /// What was read. Never fails: what could not be read is a note.
    fn finish(self: Box<Self>) -> Decoded;
}

/// One piece of a reply. The head comes first, then either the pieces of a stream or the
/// whole body, then the trailers if there are any.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// Status and header lines of the reply.
    Head {
        /// The status.
        status: u16,
        /// Header lines, credentials replaced.
        headers: &'a Headers,
    },
    /// An event of a `text/event-stream`.
    Event(sse::Event<'a>),
    /// One JSON document of a stream: a line of NDJSON, or an element of an array that comes
    /// in pieces.
    Document(&'a str),
    /// A message of an Amazon event stream.
    Message(eventstream::Message<'a>),
    /// A message of a gRPC or Connect stream, decompressed.
    Envelope(envelope::Message<'a>),
    /// The whole body of a reply that is not a stream, or as much of it as came.
    Body {
        /// Content coding undone.
        body: &'a [u8],
        /// The reply's status.
        status: u16,
    },
    /// Header lines after the body, such as gRPC's status.
    Trailers(&'a Headers),
}

/// A WebSocket that carries exchanges, one after another or several at once.
///
/// Every message belongs to a turn, which becomes an exchange of its own; what the app sends
/// before it asks for an answer belongs to the turn that the next answer ends.
pub trait Conversation: Send {
    /// Takes the app's next message; gives the turn it belongs to.
    fn sent(&mut self, message: Spoken<'_>, at: Timestamp) -> Turn;

    /// Takes the provider's next message; tells `grown` of what it adds to the answer; gives
    /// the turn it belongs to.
    fn received(
        &mut self,
        message: Spoken<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn;

    /// The prompt of a turn, once the app has asked for an answer.
    fn prompt(&self, turn: Turn) -> Option<&Request>;

    /// How far a turn has come.
    fn progress(&self, turn: Turn) -> Progress;

    /// A turn as far as it has come. After this it is still under way.
    fn peek(&self, turn: Turn) -> Decoded;

    /// A turn that is over, or whose socket is. It is forgotten; what still comes for it is a
    /// turn of its own or belongs to the next one.
    fn finish(&mut self, turn: Turn) -> Decoded;
}

/// A message of a WebSocket, whole and decompressed. Gemini sends JSON in binary ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken<'a> {
    /// A text message; what was not UTF-8 is replaced.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// The number of a turn in its conversation. Those of one conversation rise from 0 without a
/// hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn(pub u32);

/// How far a turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The app has not asked for an answer yet.
    Preparing,
    /// The answer is on its way.
    Answering,
    /// The answer has come to its end.
    Over,
}

/// What a piece of the reply adds to the answer, for whoever follows live; of the first
/// answer, if the app asked for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grown<'a> {
    /// Words of the answer.
    Text(&'a str),
    /// Words of the reasoning.
    Reasoning(&'a str),
    /// A tool call begins.
    ToolCall(&'a str),
    /// A piece of a tool call's arguments, as JSON text.
    Arguments(&'a str),
}

/// What a dialect makes of one exchange. `headers` are left empty: they are the recorder's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Decoded {
    /// The conversation, as the app itself names it.
    pub thread: Option<NamedThread>,
    /// The prompt.
    pub request: Request,
    /// The answer.
    pub reply: Reply,
    /// Tokens, if the provider counted them.
    pub usage: Option<Usage>,
    /// US dollars, if the provider said so.
    pub cost_usd: Option<f64>,
    /// Where the cost is from.
    pub cost_source: Option<Cost>,
    /// When the first piece of answer or reasoning came, in a stream.
    pub first_token_at: Option<Timestamp>,
    /// An error in the reply or inside the stream.
    pub error: Option<ExchangeError>,
    /// What could not be read.
    pub notes: Vec<String>,
}
