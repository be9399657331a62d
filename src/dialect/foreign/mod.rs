//! Formats that say what another format says, in words of their own.
//!
//! Each is a file here: which requests are in it, and how its JSON (or protobuf) is said in the
//! words of a format that is read already, which is mostly the chat completion. What a file does
//! not name goes along unchanged and is kept where that format keeps what it does not know.

mod ai21;
mod aleph_alpha;
mod cloudflare;
mod dashscope;
mod databricks;
mod gemini_grpc;
mod hugging_face;
mod jetbrains;
mod minimax;
mod notion;
mod raycast;
mod reading;
mod replicate;
mod sagemaker;
mod snowflake;
mod speech;
#[cfg(test)]
mod tests;
mod tools;
mod values;
mod watsonx;
mod xai_grpc;

pub(super) use ai21::AI21;
pub(super) use aleph_alpha::ALEPH_ALPHA;
pub(super) use cloudflare::CLOUDFLARE;
pub(super) use dashscope::DASHSCOPE;
pub(super) use databricks::DATABRICKS;
pub(super) use gemini_grpc::GEMINI_GRPC;
pub(super) use hugging_face::HUGGING_FACE;
pub(super) use jetbrains::JETBRAINS;
pub(super) use minimax::MINIMAX;
pub(super) use notion::NOTION;
pub(super) use raycast::RAYCAST;
pub(super) use replicate::REPLICATE;
pub(super) use sagemaker::SAGEMAKER;
pub(super) use snowflake::SNOWFLAKE;
pub(super) use speech::SPEECH;
pub(super) use tools::{CURSOR, WINDSURF};
pub(super) use watsonx::WATSONX;
pub(super) use xai_grpc::XAI_GRPC;

use serde_json::{Map, Value};

use super::{Asked, Decoded, Dialect, Reading, path_only};
use crate::model::{Part, Request};
use crate::observe::stream;
use reading::ForeignReading;

/// A format in words of its own.
pub(super) struct Foreign {
    /// The dialect's name.
    name: &'static str,
    /// The operation, if the request is in this format.
    claim: fn(&Place<'_>) -> Option<&'static str>,
    /// Begins to translate an exchange.
    begin: fn(&Place<'_>) -> Box<dyn Translate>,
}

/// Where a request goes.
struct Place<'a> {
    method: &'a str,
    host: &'a str,
    /// The path alone.
    path: &'a str,
    asked: &'a Asked<'a>,
}

impl<'a> Place<'a> {
    fn of(asked: &'a Asked<'a>) -> Self {
        let path = path_only(asked.path);
        Self { method: asked.method, host: asked.host, path, asked }
    }

    /// Whether it posts to a path that ends so.
    fn posts(&self, end: &str) -> bool {
        self.method == "POST" && self.path.ends_with(end)
    }

    /// Whether the body has this text, such as a field's name in quotes.
    fn has(&self, text: &str) -> bool {
        memchr::memmem::find(self.asked.body, text.as_bytes()).is_some()
    }

    /// The value of `name` in the query, as it stands there.
    fn query(&self, name: &str) -> Option<&'a str> {
        let (_, query) = self.asked.path.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(had, value)| (had == name && !value.is_empty()).then_some(value))
    }

    /// What stands behind `mark` in the path, up to `end`.
    fn between(&self, mark: &str, end: &str) -> Option<&'a str> {
        let (_, rest) = self.path.split_once(mark)?;
        let found = if end.is_empty() { rest } else { rest.split(end).next().unwrap_or(rest) };
        (!found.is_empty()).then_some(found)
    }
}

/// In whose words an exchange is said.
enum Inner {
    /// A chat completion's.
    Chat,
    /// Those of the format of a request with this path.
    At(String),
    /// Nobody's: what is named like something known is taken for it.
    Unknown,
}

/// Says one exchange in other words.
trait Translate: Send {
    /// In whose words.
    fn inner(&self) -> Inner {
        Inner::Chat
    }

    /// How the reply is cut into pieces where its content type does not say.
    fn cut(&self) -> Option<stream::Kind> {
        None
    }

    /// The request's body as JSON; `None` if it is to be read as JSON.
    fn decode(&mut self, _asked: &Asked<'_>) -> Option<Value> {
        None
    }

    /// The request in those words.
    fn ask(&mut self, ask: Map<String, Value>) -> Map<String, Value>;

    /// What the words have no place for.
    fn complete(&self, _request: &mut Request) {}

    /// A whole reply or a piece of one in those words; `None` if it says nothing.
    fn told(&mut self, event: &str, told: Value) -> Option<Value>;

    /// The same of a piece that is no JSON.
    fn plain(&mut self, _event: &str, _data: &str) -> Option<Value> {
        None
    }

    /// The same of a message in protobuf.
    fn message(&mut self, _message: &[u8]) -> Option<Value> {
        None
    }

    /// Whether a message is a piece of the reply, not all of it.
    fn is_streamed(&self) -> bool {
        true
    }

    /// A whole reply that is no JSON, such as sound.
    fn bytes(&mut self, _body: &[u8], _content_type: Option<&str>) -> Option<Part> {
        None
    }

    /// The last word on what was read.
    fn finish(&mut self, _decoded: &mut Decoded) {}
}

impl Dialect for Foreign {
    fn name(&self) -> &'static str {
        self.name
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        (self.claim)(&Place::of(asked))
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(ForeignReading::new((self.begin)(&Place::of(asked)), asked))
    }
}
