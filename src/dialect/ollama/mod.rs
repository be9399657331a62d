//! Ollama's own API, of a machine nearby or of ollama.com.
//!
//! Its paths are such as any app may have (`/api/chat`), and its host may be any: a request is
//! taken for Ollama's by the fields of its body, one without a body by the host or the app.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - the prompt of `generate` is a message of the user; `template`, `suffix` and `context` are
//!   parameters, the context as its length;
//! - durations, in nanoseconds, stand in the usage as it came; the input is not counted where
//!   all of it was in the cache;
//! - reasoning, words and tool calls each stand where they begin;
//! - of embeddings there are number and length;
//! - of the progress of a pull there is the last line of each status.

mod reply;
mod request;
mod wire;

use serde_json::Value;

use super::draft::Draft;
use super::handshake::header;
use super::operation::Operation;
use super::{Asked, Dialect, Reading, lossy, may_be_object, path_only};
use crate::observe::stream;
use reply::OllamaReading;
use wire::{ChatAsk, EmbedAsk, GenerateAsk};

/// The dialect.
pub(super) struct Ollama;

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let (_, last) = path_only(asked.path).rsplit_once("/api/")?;
        let is_post = asked.method == "POST" && may_be_object(asked.body);
        let says = |fields: &[&str]| is_post && fields.iter().all(|field| has(asked, field));
        let is_known = is_known(asked);
        let is_bare = is_post && asked.body.is_empty() && is_known;
        match last {
            "chat" if is_bare || says(&["model", "messages"]) && is_chat(asked) => Some("chat"),
            "generate" if is_bare || says(&["model"]) && is_generate(asked) => Some("generate"),
            "embed" if is_bare || says(&["model", "input"]) => Some("embeddings"),
            "embeddings" if is_bare || says(&["model", "prompt"]) => Some("embeddings"),
            _ if !is_known => None,
            "show" | "pull" | "push" | "create" | "copy" if is_post => management(last),
            "web_search" | "web_fetch" if is_post => management(last),
            "tags" | "ps" | "version" if asked.method == "GET" => management(last),
            "delete" if asked.method == "DELETE" => management(last),
            _ => None,
        }
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let (_, last) = path_only(asked.path).rsplit_once("/api/").unwrap_or_default();
        match last {
            "chat" => answering(Draft::read::<ChatAsk<'static>>(asked, request::chat)),
            "generate" => answering(Draft::read::<GenerateAsk<'static>>(asked, request::generate)),
            "embed" | "embeddings" => {
                let draft = Draft::read::<EmbedAsk<'static>>(asked, request::embed);
                Box::new(OllamaReading::new(draft, None))
            }
            "pull" | "push" | "create" => Box::new(Operation::of(asked).in_lines()),
            _ => Box::new(Operation::of(asked)),
        }
    }
}

/// Ollama streams unless it is told not to.
fn answering(draft: Draft) -> Box<dyn Reading> {
    let is_whole = draft.decoded.request.params.get("stream") == Some(&Value::Bool(false));
    let cut = (!is_whole).then_some(stream::Kind::Lines);
    Box::new(OllamaReading::new(draft, cut))
}

fn management(last: &str) -> Option<&'static str> {
    const ALL: [&str; 11] = [
        "show",
        "pull",
        "push",
        "create",
        "copy",
        "web_search",
        "web_fetch",
        "tags",
        "ps",
        "version",
        "delete",
    ];
    ALL.into_iter().find(|name| *name == last)
}

fn has(asked: &Asked<'_>, field: &str) -> bool {
    memchr::memmem::find(asked.body, format!("\"{field}\"").as_bytes()).is_some()
}

/// Whether the host or the app is known to be Ollama's, or the host is this machine, where
/// nobody else has an API of these paths that a recorder of models would be put before.
fn is_known(asked: &Asked<'_>) -> bool {
    let host = asked.host.trim_matches(['[', ']']).to_ascii_lowercase();
    let agent = header(asked.headers, "user-agent").unwrap_or_default().to_ascii_lowercase();
    matches!(host.as_str(), "localhost" | "::1" | "host.docker.internal")
        || host.starts_with("127.")
        || host.contains("ollama")
        || agent.starts_with("ollama")
}

/// Fields of a chat that are Ollama's; another app's `/api/chat` has others.
const CHAT_FIELDS: [&str; 13] = [
    "stream",
    "format",
    "options",
    "keep_alive",
    "think",
    "logprobs",
    "top_logprobs",
    "template",
    "truncate",
    "shift",
    "tool_choice",
    "images",
    "debug_render_only",
];

/// Fields of a completion that are Ollama's.
const GENERATE_FIELDS: [&str; 14] = [
    "stream",
    "format",
    "options",
    "keep_alive",
    "think",
    "logprobs",
    "top_logprobs",
    "template",
    "truncate",
    "shift",
    "context",
    "raw",
    "suffix",
    "debug_render_only",
];

fn is_chat(asked: &Asked<'_>) -> bool {
    if is_known(asked) {
        return true;
    }
    let (found, _) = super::json::read::<ChatAsk<'static>, _>(&lossy(asked.body), |ask| {
        let is_said = |said: &wire::Said<'_>| said.role.get().is_some() && said.rest.is_empty();
        ask.model.get().is_some()
            && ask.rest.iter().all(|(name, _)| CHAT_FIELDS.contains(&name.as_str()))
            && !ask.messages.0.is_empty()
            && ask.messages.0.iter().all(is_said)
    });
    found.unwrap_or(false)
}

fn is_generate(asked: &Asked<'_>) -> bool {
    let (found, _) = super::json::read::<GenerateAsk<'static>, _>(&lossy(asked.body), |ask| {
        let is_own = ask.rest.iter().all(|(name, _)| GENERATE_FIELDS.contains(&name.as_str()));
        // Without a prompt it loads or unloads a model.
        let names = |name: &str| ask.rest.iter().any(|(had, _)| had.as_str() == name);
        ask.model.get().is_some()
            && (is_known(asked) || is_own && (has(asked, "prompt") || names("keep_alive")))
    });
    found.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let chat = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":false}"#;
        let generate = r#"{"model":"m","prompt":"x","options":{}}"#;
        for (rule, host, method, path, body, expected) in [
            ("a chat", "127.0.0.1", "POST", "/api/chat", chat, Some("chat")),
            ("at any host", "gpu.example", "POST", "/api/chat", chat, Some("chat")),
            ("behind a path", "gpu.example", "POST", "/ollama/api/chat", chat, Some("chat")),
            ("ollama.com", "ollama.com", "POST", "/api/generate", generate, Some("generate")),
            ("at any host", "gpu.example", "POST", "/api/generate", generate, Some("generate")),
            (
                "a model is loaded",
                "gpu.example",
                "POST",
                "/api/generate",
                r#"{"model":"m","keep_alive":0}"#,
                Some("generate"),
            ),
            (
                "another app's chat",
                "app.example",
                "POST",
                "/api/chat",
                r#"{"id":"c","model":"m","messages":[{"role":"user","content":"x"}]}"#,
                None,
            ),
            (
                "another app's messages",
                "app.example",
                "POST",
                "/api/chat",
                r#"{"model":"m","messages":[{"role":"user","content":"x","parts":[]}]}"#,
                None,
            ),
            (
                "another app's generate",
                "app.example",
                "POST",
                "/api/generate",
                r#"{"model":"m","prompt":"x","style":"y"}"#,
                None,
            ),
            (
                "embed",
                "gpu.example",
                "POST",
                "/api/embed",
                r#"{"model":"m","input":"x"}"#,
                Some("embeddings"),
            ),
            ("no body, a known host", "localhost", "POST", "/api/chat", "", Some("chat")),
            ("no body", "app.example", "POST", "/api/chat", "", None),
            ("models", "localhost", "GET", "/api/tags", "", Some("tags")),
            ("another app's tags", "app.example", "GET", "/api/tags", "", None),
            ("another path", "localhost", "POST", "/api/chats", chat, None),
        ] {
            let body = body.as_bytes();
            let asked = Asked { method, host, path, headers: &vec![], body };
            assert_eq!(Ollama.claim(&asked), expected, "{rule}");
        }
    }
}
