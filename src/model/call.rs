//! Which exchanges ask a model for something.

use super::{Exchange, Message, Part};

/// Operations that tell of tokens and use none: counts of a prompt, and what became of a batch.
const UNUSED: [&str; 2] = ["count_tokens", "batches"];

impl Exchange {
    /// Whether a model is asked for something: what `store::Calls::OfModels` selects, of an
    /// exchange that is not stored (yet).
    pub fn asks_a_model(&self) -> bool {
        let Some(dialect) = self.dialect.as_deref() else { return false };
        if self.operation.as_deref() == Some("connect") {
            return false;
        }
        let output = self.usage.as_ref().and_then(|usage| usage.output).unwrap_or_default();
        if output > 0 || has_words(&self.request.messages) {
            return true;
        }
        let is_guessed = dialect == "unknown";
        let names_no_model = self.model().is_none() && !is_guessed;
        let has_setting = self.request.system.is_some() || !self.request.tools.is_empty();
        let warms_up = self.error.is_none() && has_setting;
        let is_refused = is_guessed && self.status.is_none_or(|status| status >= 400);
        !(names_no_model || warms_up || is_refused)
    }

    /// Whether its tokens were used by it: a count of a prompt uses none, and what is fetched
    /// again was counted when it was made.
    pub fn uses_tokens(&self) -> bool {
        // A turn of a WebSocket has the method of its handshake.
        let is_fetched = self.method == "GET" && self.status != Some(101);
        !is_fetched && !UNUSED.contains(&self.operation.as_deref().unwrap_or_default())
    }

    /// The model asked for, else the one that answered.
    pub fn model(&self) -> Option<&str> {
        let answered = || self.reply.as_ref().and_then(|reply| reply.model.as_deref());
        self.request.model.as_deref().or_else(answered)
    }
}

/// Whether the user, or a tool, says anything.
fn has_words(messages: &[Message]) -> bool {
    messages.iter().any(|message| {
        let asks = message.role.eq_ignore_ascii_case("user") && has_text(&message.parts);
        asks || message.parts.iter().any(|part| match part {
            Part::ToolResult { parts, .. } => has_text(parts),
            _ => false,
        })
    })
}

fn has_text(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Text { text } if !text.trim().is_empty()))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Reply;

    /// A turn of a conversation, of OpenAI.
    pub(crate) fn sample() -> Exchange {
        let exchange = json!({
            "id": "019aa000-0000-7000-8000-000000000001",
            "flow": "019aa000-0000-7000-8000-000000000002",
            "state": "complete",
            "started_at": "2026-11-23T10:00:00Z",
            "first_token_ms": 250.0,
            "duration_ms": 1500.0,
            "app": {"user_agent": "aider/0.9 (linux)", "process": "python3", "pid": 7},
            "provider": "openai",
            "dialect": "openai.chat",
            "operation": "chat",
            "origin": "https://api.openai.com",
            "method": "POST",
            "path": "/v1/chat/completions",
            "http_version": "HTTP/1.1",
            "status": 200,
            "streamed": true,
            "request": {
                "headers": [], "model": "gpt-5", "tools": [], "params": {},
                "messages": [{"role": "user", "parts": [{"type": "text", "text": "hello"}]}],
            },
            "reply": {"headers": [], "model": "gpt-5-2026", "choices": []},
            "usage": {
                "input": 1000, "input_cached": 600, "output": 300, "reasoning": 200,
                "source": "provider", "raw": null,
            },
            "cost_usd": 0.25,
            "cost_source": "table",
            "notes": [],
        });
        serde_json::from_value(exchange).unwrap()
    }

    #[test]
    fn tokens_that_are_told_again_are_not_used_again() {
        for (rule, change, expected) in [
            ("a turn", (|_| {}) as fn(&mut Exchange), true),
            ("a count of a prompt", |e| e.operation = Some("count_tokens".into()), false),
            ("a batch", |e| e.operation = Some("batches".into()), false),
            ("an answer that is fetched again", |e| e.method = "GET".into(), false),
            (
                "a turn of a WebSocket",
                |e| {
                    e.method = "GET".into();
                    e.status = Some(101);
                },
                true,
            ),
        ] {
            let mut exchange = sample();
            change(&mut exchange);
            assert_eq!(exchange.uses_tokens(), expected, "{rule}");
        }
    }

    #[test]
    fn the_model_asked_for_goes_before_the_one_that_answered() {
        let mut exchange = sample();
        assert_eq!(exchange.model(), Some("gpt-5"));
        exchange.request.model = None;
        assert_eq!(exchange.model(), Some("gpt-5-2026"));
        exchange.reply = Some(Reply::default());
        assert_eq!(exchange.model(), None);
    }
}
