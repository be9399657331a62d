//! OpenAI's responses, over HTTP and over a WebSocket.
//!
//! Spoken by OpenAI, the backend of ChatGPT (Codex), Azure, OpenRouter, Copilot, xAI,
//! DeepSeek, Bedrock, vLLM, LM Studio and others.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - each item of `input` is a message; its role is its own, else that of whoever made it
//!   (`tool` for what a tool gave, else `assistant`); all items of an answer are one choice;
//! - each text of a reasoning item, of its summary as of its content, is a reasoning part; the
//!   encrypted form is the signature of the last, and on an empty one if there is no text;
//! - an item that names a tool and its arguments is a tool call, and so is one that the app
//!   has to answer (shell, patch, computer, tool search: the name is the type without `_call`);
//!   what the provider looks up by itself (web and file search, code interpreter, lists of MCP
//!   tools, approvals) and what is not known stay `other` parts, as sent;
//! - a call of an MCP tool is a tool call and its result; a picture that was made is an image
//!   part and an `other` part that says how;
//! - a refusal is an `other` part `{"type": "refusal", "refusal": …}`, as in a request;
//!   annotations, log probabilities, the phase and other fields of a block or an item follow
//!   it as an `other` part, those of the whole reply stand at the end of the choice; ids and
//!   states of single items are left to the raw exchange;
//! - tools inside an item (`additional_tools`, as Codex sends them) are tools of the request,
//!   and the item names them;
//! - the finish reason is the reason for which an answer is incomplete, else its status:
//!   `completed`, `max_output_tokens`, `content_filter`, `steered`, `cancelled` …;
//! - a reply that is `queued` or `in_progress` has no choice, and a note says so: the answer is
//!   another exchange, `retrieve`, whose reply has the same id;
//! - what a retrieval, a cancellation or a deletion is about is the parameter `response_id`;
//! - on a WebSocket each `response.create` begins a turn, also one that only warms up
//!   (`generate: false`); what steers a response is the prompt of the one that follows it.

pub(super) mod answer;
pub(super) mod blocks;
pub(super) mod items;
mod piece;
pub(super) mod reply;
pub(super) mod request;
mod slot;
pub(super) mod socket;
#[cfg(test)]
mod tests;
pub(super) mod tools;
pub(super) mod turns;
pub(super) mod wire;

use super::handshake::{CONNECT, Handshake, opens_socket};
use super::{Asked, Conversation, Dialect, Reading, may_be_object, path_only};
use reply::ResponsesReading;
use socket::Socket;

/// The dialect.
pub(super) struct OpenaiResponses;

impl Dialect for OpenaiResponses {
    fn name(&self) -> &'static str {
        "openai.responses"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        match connects(asked) {
            true => path_only(asked.path).ends_with("/responses").then_some(CONNECT),
            false => Operation::of(asked).map(Operation::name),
        }
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        if connects(asked) {
            return Box::new(Handshake::new(asked));
        }
        let operation = Operation::of(asked).unwrap_or(Operation::Chat);
        Box::new(ResponsesReading::new(asked, operation))
    }

    fn converse(&self, asked: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        let is_ours = path_only(asked.path).ends_with("/responses");
        is_ours.then(|| Box::new(Socket::new(asked)) as Box<dyn Conversation>)
    }
}

/// Whether `asked` opens a WebSocket, or tries to: nothing else is got from the endpoint itself,
/// and some proxies drop the header that says so.
fn connects(asked: &Asked<'_>) -> bool {
    let is_endpoint = || {
        let path = path_only(asked.path);
        ["/v1/responses", "/codex/responses"].into_iter().any(|end| path.ends_with(end))
    };
    opens_socket(asked) || asked.method == "GET" && is_endpoint()
}

/// What is asked for over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Chat,
    Compact,
    CountTokens,
    Retrieve,
    Cancel,
    InputItems,
    Delete,
}

impl Operation {
    fn of(asked: &Asked<'_>) -> Option<Self> {
        let path = path_only(asked.path);
        let (before, after) = path.rsplit_once("/responses")?;
        let is_ours = ["/v1", "/openai", "/codex"].into_iter().any(|end| before.ends_with(end));
        let mut segments = after.split('/').skip(1);
        match (asked.method, segments.next(), segments.next(), segments.next()) {
            ("POST", None | Some(""), None, None) if after.is_empty() => {
                let has =
                    |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
                let asks = is_ours || has("\"input\"") && has("\"model\"");
                (asks && may_be_object(asked.body)).then_some(Self::Chat)
            }
            ("POST", Some("compact"), None, None) => Some(Self::Compact),
            ("POST", Some("input_tokens"), None, None) => Some(Self::CountTokens),
            (method, Some(id), more, None) if is_ours || id.starts_with("resp_") => {
                match (method, more) {
                    ("GET", None) => Some(Self::Retrieve),
                    ("DELETE", None) => Some(Self::Delete),
                    ("POST", Some("cancel")) => Some(Self::Cancel),
                    ("GET", Some("input_items")) => Some(Self::InputItems),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Compact => "compact",
            Self::CountTokens => "count_tokens",
            Self::Retrieve => "retrieve",
            Self::Cancel => "cancel",
            Self::InputItems => "input_items",
            Self::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod claims {
    use super::*;
    use crate::model::Headers;

    fn claimed(method: &str, path: &str, headers: &Headers, body: &str) -> Option<&'static str> {
        let asked = Asked { method, host: "h", path, headers, body: body.as_bytes() };
        OpenaiResponses.claim(&asked)
    }

    #[test]
    fn it_claims_by_path_and_body() {
        let body = r#"{"model":"m","input":"x"}"#;
        for (method, path, body, expected) in [
            ("POST", "/v1/responses", body, Some("chat")),
            ("POST", "/v1/responses/", body, Some("chat")),
            ("POST", "/v1/responses", "", Some("chat")),
            ("POST", "/v1/responses", r#"{"prompt":{"id":"p"}}"#, Some("chat")),
            ("POST", "/backend-api/codex/responses", body, Some("chat")),
            ("POST", "/openai/responses?api-version=1", body, Some("chat")),
            ("POST", "/openai/v1/responses", body, Some("chat")),
            ("POST", "/api/v1/responses", body, Some("chat")),
            ("POST", "/responses", body, Some("chat")),
            ("POST", "/responses", r#"{"answers":[]}"#, None),
            ("POST", "/responses", "", None),
            ("POST", "/v1/responses", "a=b", None),
            ("POST", "/v1/surveys/7/responses", r#"{"answers":[]}"#, None),
            ("POST", "/v1/responses/compact", body, Some("compact")),
            ("POST", "/backend-api/codex/responses/compact", body, Some("compact")),
            ("POST", "/v1/responses/input_tokens", body, Some("count_tokens")),
            ("GET", "/v1/responses/resp_1", "", Some("retrieve")),
            ("GET", "/v1/responses/resp_1?stream=true&starting_after=3", "", Some("retrieve")),
            ("GET", "/responses/resp_1", "", Some("retrieve")),
            ("GET", "/responses/7", "", None),
            ("POST", "/v1/responses/resp_1/cancel", "", Some("cancel")),
            ("GET", "/v1/responses/resp_1/input_items?limit=2", "", Some("input_items")),
            ("DELETE", "/v1/responses/resp_1", "", Some("delete")),
            ("GET", "/v1/responses", "", Some("connect")),
            ("GET", "/responses", "", None),
            ("GET", "/v1/models", "", None),
        ] {
            assert_eq!(claimed(method, path, &vec![], body), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_handshake_is_a_connection() {
        let upgrade = vec![("Upgrade".to_owned(), "websocket".to_owned())];
        assert_eq!(claimed("GET", "/v1/responses", &upgrade, ""), Some("connect"));
        assert_eq!(claimed("GET", "/backend-api/codex/responses", &upgrade, ""), Some("connect"));
        assert_eq!(claimed("GET", "/v1/realtime", &upgrade, ""), None);
    }
}
