//! The answer to `…/v1/messages` in one piece.

use serde_json::{Value, json};

use super::super::plan::Plan;
use super::super::prompt::Prompt;
use super::super::route::Asked;

/// A plan, in the terms of messages.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) plan: &'a Plan,
    id: String,
    model: &'a str,
    shown: Shown,
}

/// What the app may see of the thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Words,
    Signature,
}

impl<'a> Answer<'a> {
    pub(super) fn new(asked: &Asked<'_>, prompt: &'a Prompt, plan: &'a Plan) -> Self {
        Self {
            plan,
            id: format!("msg_fake{:08}", asked.number),
            model: &prompt.model,
            shown: if prompt.is_thinking_omitted() { Shown::Signature } else { Shown::Words },
        }
    }

    /// What the model thought, as the app may see it.
    pub(super) fn thinking(&self) -> Option<&'a str> {
        let thinking = self.plan.reasoning.as_deref()?;
        Some(match self.shown {
            Shown::Words => thinking,
            Shown::Signature => "",
        })
    }

    pub(super) fn call_id(&self, call: usize) -> String {
        format!("toolu_{}_{call}", self.id)
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        if self.plan.calls.is_empty() { "end_turn" } else { "tool_use" }
    }

    /// The message with this content and end.
    pub(super) fn message(&self, content: Value, stop_reason: Value, output: Output) -> Value {
        // Anthropic counts what came from the cache apart from the rest of the prompt.
        let cached = self.plan.cached_tokens();
        json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": null,
            "usage": {
                "input_tokens": self.plan.input_tokens - cached,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": cached,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": output.tokens,
                "output_tokens_details": {"thinking_tokens": output.thinking},
                "service_tier": "standard",
            },
        })
    }

    /// What the answer costs.
    pub(super) fn output(&self) -> Output {
        Output { tokens: self.plan.output_tokens, thinking: self.plan.reasoning_tokens }
    }
}

/// Tokens of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// All of them.
    pub(super) tokens: u64,
    /// Of these, thinking.
    pub(super) thinking: u64,
}

/// The answer as one object.
pub(super) fn whole(answer: &Answer<'_>) -> Value {
    let mut content = Vec::new();
    if let Some(thinking) = answer.thinking() {
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE}));
    }
    content.push(json!({"type": "text", "text": answer.plan.text, "citations": null}));
    for (at, call) in answer.plan.calls.iter().enumerate() {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let id = answer.call_id(at);
        content.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": input}));
    }
    answer.message(content.into(), json!(answer.stop_reason()), answer.output())
}

/// What proves to the provider that the thinking is its own.
pub(super) const SIGNATURE: &str = "ZmFrZSBzaWduYXR1cmU=";
