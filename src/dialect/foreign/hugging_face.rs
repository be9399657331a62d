//! Hugging Face's own, <https://huggingface.co/docs/api-inference/tasks> and
//! text-generation-inference's `/generate`: `inputs` and `parameters` in; out `generated_text`,
//! in a stream a token an event.
//!
//! Special tokens, such as those that end an answer, are not of the text; the server's own
//! `generated_text` leaves them out too.

use serde_json::{Map, Value, json};

use super::reading::{answer, piece};
use super::values::{list, object, text, vectors};
use super::{Foreign, Translate};

/// `/generate`, `/generate_stream`, `/models/NAME`, `/pipeline/TASK/NAME`, or the root of an
/// endpoint of one's own.
pub(in crate::dialect) const HUGGING_FACE: Foreign = Foreign {
    name: "huggingface",
    claim: |place| {
        let is_its_path = place.path.is_empty()
            || place.posts("/generate")
            || place.posts("/generate_stream")
            || place.path.contains("/models/")
            || place.path.contains("/pipeline/");
        (is_its_path && place.method == "POST" && place.has("\"inputs\"")).then_some("generate")
    },
    begin: |place| {
        Box::new(HuggingFace { model: place.between("/models/", "/pipeline/").map(str::to_owned) })
    },
};

pub(super) struct HuggingFace {
    pub(super) model: Option<String>,
}

impl Translate for HuggingFace {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        if let Some(model) = &self.model {
            ask.insert("model".to_owned(), model.as_str().into());
        }
        let inputs = match ask.remove("inputs") {
            Some(Value::Object(fields)) => conversation(fields),
            Some(inputs) => inputs,
            None => Value::Null,
        };
        ask.insert("prompt".to_owned(), inputs);
        ask
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        let mut told = match told {
            Value::Array(mut items) => match items.first_mut() {
                Some(first @ Value::Object(_)) if first.get("generated_text").is_some() => {
                    first.take()
                }
                Some(Value::Number(_) | Value::Array(_)) => {
                    json!({"embeddings": vectors(&items, "embedding")})
                }
                _ => json!({"results": items}),
            },
            told => told,
        };
        if told.get("error").is_some() || told.get("choices").is_some() {
            return Some(told);
        }
        let mut details = object(told.get_mut("details").map(Value::take));
        let usage = details.get("generated_tokens").is_some().then(|| usage(&details));
        let finish_reason = details.remove("finish_reason").unwrap_or(Value::Null);
        if let Some(token) = told.get("token") {
            let is_special = token.get("special") == Some(&true.into());
            let words = token.get("text").filter(|_| !is_special).cloned();
            let choices = piece(words.unwrap_or(Value::Null), finish_reason);
            return Some(json!({"usage": usage, "choices": choices}));
        }
        let fields = object(Some(told));
        let names = ["generated_text", "translation_text", "summary_text", "answer", "text"];
        let words = names.iter().find_map(|name| text(&fields, name)).map(Value::from);
        let choices = match words {
            Some(words) => answer(words, finish_reason),
            None => json!([{"index": 0, "message": fields}]),
        };
        Some(json!({"usage": usage, "choices": choices}))
    }
}

fn usage(details: &Map<String, Value>) -> Value {
    let prefill = details.get("prefill").and_then(Value::as_array).filter(|list| !list.is_empty());
    let input = details.get("input_length").cloned();
    let input = input.or_else(|| prefill.map(|tokens| tokens.len().into()));
    json!({"prefill_tokens": input, "generated_tokens": details.get("generated_tokens")})
}

/// The inputs of other tasks: a question and its context, the turns of a conversation, a sentence
/// and those it is compared with.
fn conversation(fields: Map<String, Value>) -> Value {
    let mut said = Vec::new();
    for (_, value) in fields {
        match value {
            Value::String(words) => said.push(json!({"type": "text", "text": words})),
            value => {
                let texts = list(Some(value)).into_iter();
                said.extend(texts.map(|words| json!({"type": "text", "text": words})));
            }
        }
    }
    said.into()
}
