//! OpenAI's chat completions, and everybody else's.
//!
//! OpenRouter, DeepSeek, DeepInfra, Groq, Mistral, xAI, Together, Azure, LiteLLM, vLLM,
//! llama.cpp, Ollama and many more answer in this format, each with fields of its own.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - a refusal is an `other` part `{"type": "refusal", "refusal": …}`, as in a request;
//! - log probabilities, annotations and fields that are not known stand in one `other` part
//!   at the end of the choice, those of the whole reply at the end of the first choice;
//! - the prompt of a fill-in-the-middle request is a message of the user, its `suffix` a
//!   parameter.

mod answer;
mod reply;
mod request;
mod usage;
mod wire;

use super::{Asked, Dialect, Reading, may_be_object, path_only};
use reply::ChatReading;

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
        // `/v1/chat` is Writer's; Cohere's has a `message`, not `messages`.
        let chats = path.ends_with("/chat/completions")
            || path.ends_with("/agents/completions") && has("\"messages\"")
            || path.ends_with("/v1/chat") && has("\"messages\"");
        let fills = path.ends_with("/fim/completions") && has("\"prompt\"");
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
            ("POST", "/v1/chat", messages, Some("chat")),
            ("POST", "/v1/chat", br#"{"message":"x"}"#, None),
            ("POST", "/v1/chat/completions", b"a=b", None),
            ("GET", "/v1/chat/completions", &[], None),
            ("POST", "/v1/completions", br#"{"prompt":"x"}"#, None),
            ("POST", "/v1/chat/completions/chatcmpl-1", messages, None),
        ] {
            let asked = Asked { method, host: "h", path, headers: &vec![], body };
            assert_eq!(OpenaiChat.claim(&asked), expected, "{method} {path}");
        }
    }
}
