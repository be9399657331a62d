//! The answer to `…/chat/completions` in one piece.

use serde_json::{Map, Value, json};

use super::super::plan::Plan;
use super::super::prompt::Prompt;
use super::super::route::Asked;
use super::CREATED;

/// A plan, in the terms of chat completions.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) plan: &'a Plan,
    pub(super) choices: usize,
    pub(super) include_usage: bool,
    pub(super) flavour: Flavour,
}

/// Whose additions to the format are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// OpenAI's format, with the field for reasoning that DeepSeek brought in.
    OpenAi,
    /// Comments that keep the connection alive, `reasoning`, `provider`, the cost.
    OpenRouter,
}

impl<'a> Answer<'a> {
    pub(super) fn new(asked: &Asked<'_>, prompt: &Prompt, plan: &'a Plan) -> Self {
        let host = asked.received.sni.as_deref().or(asked.received.header("host"));
        let is_openrouter = host.is_some_and(|host| host.starts_with("openrouter.ai"));
        Self {
            id: format!("chatcmpl-fake{:08}", asked.number),
            model: format!("{}-2026-01-01", prompt.model),
            plan,
            choices: prompt.n.unwrap_or(1).clamp(1, CHOICES_MAX),
            include_usage: prompt.wants_usage() || is_openrouter,
            flavour: if is_openrouter { Flavour::OpenRouter } else { Flavour::OpenAi },
        }
    }

    /// The fields that open every object of the answer.
    pub(super) fn envelope(&self, object: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("id".into(), json!(self.id));
        if self.flavour == Flavour::OpenRouter {
            fields.insert("provider".into(), json!("Fake"));
        }
        fields.insert("object".into(), json!(object));
        fields.insert("created".into(), json!(CREATED));
        fields.insert("model".into(), json!(self.model));
        fields.insert("service_tier".into(), json!("default"));
        fields.insert("system_fingerprint".into(), json!("fp_fake"));
        fields
    }

    /// The text of one choice; those after the first say which they are.
    pub(super) fn text(&self, choice: usize) -> String {
        match choice {
            0 => self.plan.text.clone(),
            _ => format!("({}) {}", choice + 1, self.plan.text),
        }
    }

    pub(super) fn call_id(&self, choice: usize, call: usize) -> String {
        format!("call_{}_{choice}_{call}", self.id)
    }

    pub(super) fn finish_reason(&self) -> &'static str {
        if self.plan.calls.is_empty() { "stop" } else { "tool_calls" }
    }

    pub(super) fn reasoning_field(&self) -> &'static str {
        match self.flavour {
            Flavour::OpenAi => "reasoning_content",
            Flavour::OpenRouter => "reasoning",
        }
    }

    pub(super) fn usage(&self) -> Value {
        let plan = self.plan;
        let choices = self.choices as u64;
        let output = plan.output_tokens * choices;
        let mut usage = json!({
            "prompt_tokens": plan.input_tokens,
            "completion_tokens": output,
            "total_tokens": plan.input_tokens + output,
            "prompt_tokens_details": {"cached_tokens": plan.cached_tokens(), "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": plan.reasoning_tokens * choices,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        });
        if self.flavour == Flavour::OpenRouter
            && let Some(usage) = usage.as_object_mut()
        {
            usage.insert("cost".into(), json!(0.00123));
            usage.insert("is_byok".into(), json!(false));
        }
        usage
    }
}

/// The answer as one object.
pub(super) fn whole(answer: &Answer<'_>) -> Value {
    let mut object = answer.envelope("chat.completion");
    let choices = (0..answer.choices).map(|index| {
        json!({
            "index": index,
            "message": message(answer, index),
            "logprobs": null,
            "finish_reason": answer.finish_reason(),
        })
    });
    object.insert("choices".into(), choices.collect());
    object.insert("usage".into(), answer.usage());
    object.into()
}

fn message(answer: &Answer<'_>, choice: usize) -> Value {
    let mut message = Map::new();
    message.insert("role".into(), json!("assistant"));
    message.insert("content".into(), json!(answer.text(choice)));
    if let Some(reasoning) = &answer.plan.reasoning {
        message.insert(answer.reasoning_field().into(), json!(reasoning));
    }
    if !answer.plan.calls.is_empty() {
        let calls = answer.plan.calls.iter().enumerate().map(|(at, call)| {
            json!({
                "id": answer.call_id(choice, at),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })
        });
        message.insert("tool_calls".into(), calls.collect());
    }
    message.insert("refusal".into(), Value::Null);
    message.insert("annotations".into(), json!([]));
    message.into()
}

/// Most choices given: OpenAI's own limit is 128, and no test needs as many.
const CHOICES_MAX: usize = 8;
