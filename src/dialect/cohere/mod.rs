//! Cohere's own API, both versions; its OpenAI-compatible paths are read as OpenAI's.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - the plan before a tool call (`tool_plan`) is reasoning;
//! - citations, found documents and searches stand in one `other` part at the end of the
//!   answer; the documents of a request are parameters;
//! - `message` and `prompt` of the first version are a message of the user, after the history;
//! - tokens are those that the model read and wrote; what is billed is in the usage as it came;
//! - of embeddings there are number and length, by type.

mod chat;
mod first;
mod operations;
mod usage;
mod wire;

use super::{Asked, Dialect, Reading, may_be_object, path_only};
use chat::ChatReading;
use first::FirstReading;

/// The dialect.
pub(super) struct Cohere;

/// What is asked, by path and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Chat,
    First(&'static str),
    Embeddings,
    Other(&'static str),
}

/// Where the first version chats.
pub(super) const FIRST_CHAT: &str = "/v1/chat";

/// Operations that only Cohere's own hosts are known for: version, path and name.
const OTHERS: [(&str, &str); 12] = [
    ("/v1/rerank", "rerank"),
    ("/v1/classify", "classify"),
    ("/v1/tokenize", "tokenize"),
    ("/v1/detokenize", "detokenize"),
    ("/v1/summarize", "summarize"),
    ("/v1/check-api-key", "check_api_key"),
    ("/v1/models", "models"),
    ("/v1/datasets", "datasets"),
    ("/v1/embed-jobs", "batch"),
    ("/v1/connectors", "connectors"),
    ("/v2/batches", "batch"),
    ("/v2/parse", "parse"),
];

impl Dialect for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        Some(match call(asked)? {
            Call::Chat => "chat",
            Call::Embeddings => "embeddings",
            Call::First(operation) | Call::Other(operation) => operation,
        })
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        match call(asked) {
            // Bedrock's models have no path of Cohere's.
            None if asked.path == FIRST_CHAT => Box::new(FirstReading::new(asked)),
            Some(Call::Chat) | None => Box::new(ChatReading::new(asked)),
            Some(Call::First(_)) => Box::new(FirstReading::new(asked)),
            Some(Call::Embeddings) => Box::new(operations::begin_embeddings(asked)),
            Some(Call::Other(_)) => Box::new(operations::begin(asked)),
        }
    }
}

fn call(asked: &Asked<'_>) -> Option<Call> {
    let path = path_only(asked.path);
    let is_cohere = asked.host.contains("cohere");
    let is_post = asked.method == "POST" && may_be_object(asked.body);
    let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
    if is_post {
        // `/v1/chat` with `messages` is Writer's, and with a `message` it may be any app's.
        let is_first = has("\"chat_history\"") || has("\"preamble\"") || has("\"command");
        let first = path.ends_with(FIRST_CHAT) && (is_cohere || has("\"message\"") && is_first);
        let embeds = is_cohere || has("\"input_type\"");
        if path.ends_with("/v2/chat") && (is_cohere || has("\"messages\"")) {
            return Some(Call::Chat);
        } else if first && (is_cohere || !has("\"messages\"")) {
            return Some(Call::First("chat"));
        } else if is_cohere && path.ends_with("/v1/generate") {
            return Some(Call::First("completion"));
        } else if embeds && (path.ends_with("/v1/embed") || path.ends_with("/v2/embed")) {
            return Some(Call::Embeddings);
        } else if path.ends_with("/v2/rerank") && has("\"documents\"") {
            return Some(Call::Other("rerank"));
        }
    }
    let is_plain = is_post || matches!(asked.method, "GET" | "DELETE" | "PATCH");
    let (_, name) = OTHERS.iter().filter(|_| is_cohere && is_plain).find(|(prefix, _)| {
        let rest = path.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    Some(Call::Other(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let messages = r#"{"messages":[]}"#;
        let own = "api.cohere.com";
        for (host, method, path, body, expected) in [
            (own, "POST", "/v2/chat", messages, Some("chat")),
            ("azure.example", "POST", "/v2/chat", messages, Some("chat")),
            ("azure.example", "POST", "/v2/chat", "{}", None),
            (own, "POST", "/v1/chat", r#"{"message":"x"}"#, Some("chat")),
            ("h", "POST", "/v1/chat", r#"{"message":"x","chat_history":[]}"#, Some("chat")),
            ("h", "POST", "/v1/chat", r#"{"message":"x"}"#, None),
            ("api.writer.com", "POST", "/v1/chat", messages, None),
            (own, "POST", "/v1/generate", r#"{"prompt":"x"}"#, Some("completion")),
            ("h", "POST", "/v1/generate", r#"{"prompt":"x"}"#, None),
            (own, "POST", "/v1/embed", r#"{"texts":["x"]}"#, Some("embeddings")),
            ("h", "POST", "/v2/embed", r#"{"input_type":"y"}"#, Some("embeddings")),
            ("h", "POST", "/v2/rerank", r#"{"documents":[]}"#, Some("rerank")),
            ("api.jina.ai", "POST", "/v1/rerank", r#"{"documents":[]}"#, None),
            (own, "POST", "/v1/rerank", r#"{"documents":[]}"#, Some("rerank")),
            (own, "POST", "/v1/tokenize", r#"{"text":"x"}"#, Some("tokenize")),
            (own, "GET", "/v1/models/m", "", Some("models")),
            (own, "GET", "/v1/modelsx", "", None),
            (own, "POST", "/compatibility/v1/chat/completions", messages, None),
        ] {
            let body = body.as_bytes();
            let asked = Asked { method, host, path, headers: &vec![], body };
            assert_eq!(Cohere.claim(&asked), expected, "{host} {path}");
        }
    }
}
