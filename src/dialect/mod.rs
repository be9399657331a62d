//! Wire formats of LLM APIs: frames in, an exchange's prompt and answer out.
//!
//! One file a dialect, one word in [`DIALECTS`], one line a provider in [`providers`].
//! Nothing else in the code branches on dialects.

mod anthropic_messages;
mod failure;
#[doc(hidden)]
pub mod fuzz;
mod json;
mod media;
mod mend;
mod notes;
mod openai_chat;
mod path;
pub mod providers;
mod thread;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Cost, ExchangeError, Headers, Reply, Request, Usage};
use crate::observe::sse;
use path::{lossy, may_be_object, path_only, path_segment_after};

/// The dialects, the more particular before the more general.
pub const DIALECTS: &[&dyn Dialect] =
    &[&openai_chat::OpenaiChat, &anthropic_messages::AnthropicMessages];

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
    /// path and body, not by host alone: one host speaks several formats.
    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str>;

    /// Begins to read an exchange that [`claim`](Dialect::claim) claimed.
    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading>;
}

/// One exchange being read.
pub trait Reading: Send {
    /// The prompt.
    fn prompt(&self) -> &Request;

    /// Takes the next piece of the reply; tells `grown` of what it adds to the answer.
    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>));

    /// Whether the answer has come to its semantic end (`[DONE]`, `message_stop`, a finish
    /// reason on every choice): apps hang up right there.
    fn is_complete(&self) -> bool;

    /// What was read. Never fails: what could not be read is a note.
    fn finish(self: Box<Self>) -> Decoded;
}

/// One piece of a reply.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// An event of a `text/event-stream`.
    Event(sse::Event<'a>),
    /// The whole body of a reply that is not a stream, or as much of it as came.
    Body {
        /// Content coding undone.
        body: &'a [u8],
        /// The reply's status.
        status: u16,
    },
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
    /// The conversation, as the app itself named it.
    pub thread: Option<String>,
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
