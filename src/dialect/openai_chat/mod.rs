//! OpenAI's chat completions, and everybody else's.
//!
//! OpenRouter, DeepSeek, DeepInfra, Groq, Mistral, xAI, Together, Azure, LiteLLM, vLLM,
//! llama.cpp, Ollama and many more answer in this format, each with fields of its own; some
//! put it into an envelope (Cloudflare, DashScope).
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - a refusal is an `other` part `{"type": "refusal", "refusal": …}`, as in a request;
//! - log probabilities, annotations and fields that are not known stand in one `other` part
//!   at the end of the choice, those of the whole reply at the end of the first choice;
//! - the prompt of a fill-in-the-middle request is a message of the user, its `suffix` a
//!   parameter.

mod answer;
mod envelopes;
mod reply;
mod request;
pub(in crate::dialect) mod usage;
mod wire;

pub(in crate::dialect) use reply::ChatReading;
pub(in crate::dialect) use request::{parts, raw_block};

use super::{Asked, Dialect, Reading, may_be_object, path_only};

/// The dialect.
pub(super) struct OpenaiChat;

impl Dialect for OpenaiChat {
    fn name(&self) -> &'static str {
        "openai.chat"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let path = path_only(asked.path);
        if asked.method != "POST" || !may_be_object(asked.body) {
            return None;
        }
        let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
        // Anthropic's models have their own format there, and Bedrock's dialect its own hosts.
        let is_raw = path.contains("/publishers/")
            && (path.ends_with(":rawPredict") || path.ends_with(":streamRawPredict"))
            && !path.contains("/publishers/anthropic/");
        // `/v1/chat` is Writer's; Cohere's has a `message`, not `messages`.
        let ends = |end: &str| path.ends_with(end);
        let may_chat = ends("/agents/completions") || ends("/v1/chat") || is_raw;
        let chats = ends("/chat/completions") || may_chat && has("\"messages\"");
        let fills = (ends("/fim/completions") || is_raw) && has("\"prompt\"");
        match (chats, fills) {
            (true, _) => Some("chat"),
            (false, true) => Some("fim"),
            (false, false) => None,
        }
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(ChatReading::new(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let messages = &br#" {"messages":[]}"#[..];
        for (method, path, body, expected) in [
            ("POST", "/v1/chat/completions", messages, Some("chat")),
            ("POST", "/api/v1/chat/completions?x=/y", messages, Some("chat")),
            (
                "POST",
                "/openai/deployments/d/chat/completions?api-version=1",
                messages,
                Some("chat"),
            ),
            ("POST", "/v1/chat/completions/", messages, Some("chat")),
            ("POST", "/v1/chat/completions", &[], Some("chat")),
            ("POST", "/v1/fim/completions", br#"{"prompt":"x"}"#, Some("fim")),
            ("POST", "/v1/agents/completions", messages, Some("chat")),
            ("POST", "/v1/x/publishers/mistralai/models/m:rawPredict", messages, Some("chat")),
            ("POST", "/v1/chat", messages, Some("chat")),
            ("POST", "/v1/chat", br#"{"message":"x"}"#, None),
            ("POST", "/v1/chat/completions", b"a=b", None),
            ("GET", "/v1/chat/completions", &[], None),
            ("POST", "/v1/completions", br#"{"prompt":"x"}"#, None),
            ("POST", "/v1/chat/completions/chatcmpl-1", messages, None),
            (
                "POST",
                "/v1/projects/p/locations/l/publishers/mistralai/models/m:streamRawPredict",
                messages,
                Some("chat"),
            ),
            (
                "POST",
                "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict",
                br#"{"prompt":"x"}"#,
                Some("fim"),
            ),
            (
                "POST",
                "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
                messages,
                None,
            ),
        ] {
            let asked = Asked { method, host: "h", path, headers: &vec![], body };
            assert_eq!(OpenaiChat.claim(&asked), expected, "{method} {path}");
        }
    }
}
