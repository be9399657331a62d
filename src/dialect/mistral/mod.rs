//! Mistral where it differs from OpenAI: conversations that it keeps, texts of documents,
//! moderation, agents, files and jobs. Its chats are read as OpenAI's.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - the id of a reply, and the thread if nothing else names one, is the conversation's;
//! - a tool that Mistral runs is a tool call, what it says of it (`info`) an `other` part;
//! - handing over to another agent, references and files of tools are `other` parts;
//! - a conversation gives no finish reason; tokens of connectors are in the usage as it came,
//!   not in its totals;
//! - of a document each page's text is a text, all else an `other` part at the end.

mod conversation;
mod operations;
mod wire;

use super::{Asked, Dialect, Reading, may_be_object, path_only};
use conversation::ConversationReading;

/// The dialect.
pub(super) struct Mistral;

/// What is asked, by path and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Conversation,
    Ocr,
    Judgement(&'static str),
    Agent,
    Other(&'static str),
}

/// Operations that are Mistral's own at its hosts.
const OTHERS: [(&str, &str); 9] = [
    ("/v1/conversations", "conversations"),
    ("/v1/agents", "agents"),
    ("/v1/files", "files"),
    ("/v1/batch/jobs", "batch"),
    ("/v1/models", "models"),
    ("/v1/fine_tuning", "fine_tuning"),
    ("/v1/libraries", "libraries"),
    ("/v1/connectors", "connectors"),
    ("/v1/audio/voices", "voices"),
];

impl Dialect for Mistral {
    fn name(&self) -> &'static str {
        "mistral"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        Some(match call(asked)? {
            Call::Conversation => "chat",
            Call::Ocr => "ocr",
            Call::Agent => "agents",
            Call::Judgement(operation) | Call::Other(operation) => operation,
        })
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        match call(asked) {
            Some(Call::Conversation) | None => Box::new(ConversationReading::new(asked)),
            Some(Call::Ocr) => Box::new(operations::begin_ocr(asked)),
            Some(Call::Judgement(_)) => Box::new(operations::begin_judgement(asked)),
            Some(Call::Agent) => Box::new(operations::begin_agent(asked)),
            Some(Call::Other(_)) => Box::new(operations::begin(asked)),
        }
    }
}

fn call(asked: &Asked<'_>) -> Option<Call> {
    let path = path_only(asked.path);
    let is_mistral = asked.host.contains("mistral");
    let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
    if asked.method == "POST" && may_be_object(asked.body) {
        // OpenAI's conversations have `items`.
        let converses = path.ends_with("/v1/conversations") || path.contains("/v1/conversations/");
        if converses && (has("\"inputs\"") || is_mistral && has("\"tool_confirmations\"")) {
            return Some(Call::Conversation);
        } else if path.ends_with("/ocr") && has("\"document\"") {
            return Some(Call::Ocr);
        } else if is_mistral && path.ends_with("/moderations") {
            return Some(Call::Judgement("moderations"));
        } else if is_mistral && path.ends_with("/classifications") {
            return Some(Call::Judgement("classifications"));
        } else if is_mistral && path == "/v1/agents" {
            return Some(Call::Agent);
        }
    }
    // Chats with an agent are OpenAI's.
    let is_own = is_mistral && !path.ends_with("/completions");
    let (_, name) = OTHERS.iter().filter(|_| is_own).find(|(prefix, _)| {
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
        let inputs = r#"{"inputs":"x"}"#;
        let own = "api.mistral.ai";
        for (host, method, path, body, expected) in [
            (own, "POST", "/v1/conversations", inputs, Some("chat")),
            (own, "POST", "/v1/conversations/conv_1", inputs, Some("chat")),
            (own, "POST", "/v1/conversations/conv_1/restart", inputs, Some("chat")),
            ("gateway.example", "POST", "/mistral/v1/conversations", inputs, Some("chat")),
            ("api.openai.com", "POST", "/v1/conversations", r#"{"items":[]}"#, None),
            (own, "GET", "/v1/conversations/conv_1/history", "", Some("conversations")),
            (own, "POST", "/v1/ocr", r#"{"document":{}}"#, Some("ocr")),
            (own, "POST", "/v1/moderations", r#"{"input":"x"}"#, Some("moderations")),
            ("api.openai.com", "POST", "/v1/moderations", r#"{"input":"x"}"#, None),
            (own, "POST", "/v1/chat/moderations", r#"{"input":[]}"#, Some("moderations")),
            (own, "POST", "/v1/agents", r#"{"name":"x"}"#, Some("agents")),
            (own, "DELETE", "/v1/agents/ag_1", "", Some("agents")),
            (own, "POST", "/v1/agents/completions", r#"{"messages":[]}"#, None),
            (own, "POST", "/v1/chat/completions", r#"{"messages":[]}"#, None),
            (own, "POST", "/v1/files", "--form", Some("files")),
            (own, "GET", "/v1/batch/jobs/1?inline=true", "", Some("batch")),
            (own, "GET", "/v1/models", "", Some("models")),
            ("api.openai.com", "GET", "/v1/models", "", None),
        ] {
            let body = body.as_bytes();
            let asked = Asked { method, host, path, headers: &vec![], body };
            assert_eq!(Mistral.claim(&asked), expected, "{host} {method} {path}");
        }
    }
}
