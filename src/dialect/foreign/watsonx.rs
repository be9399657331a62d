//! IBM's watsonx.ai, <https://cloud.ibm.com/apidocs/watsonx-ai>: a chat that is a chat completion
//! but for the model's name, and a generation that takes `input` and gives `results`.

use serde_json::{Map, Value, json};

use super::reading::{answer, piece};
use super::values::{list, rename, vectors};
use super::{Foreign, Translate};

/// `/ml/v1/text/…`, `/ml/v1/deployments/ID/text/…` and the older `/ml/v1-beta/generation/…`.
pub(in crate::dialect) const WATSONX: Foreign = Foreign {
    name: "watsonx",
    claim: |place| {
        if place.method != "POST" || !place.path.contains("/ml/v1") {
            return None;
        }
        let ends = |ends: [&str; 2]| ends.iter().any(|end| place.path.ends_with(end));
        match () {
            () if ends(["/text/chat", "/text/chat_stream"]) => Some("chat"),
            () if ends(["/text/generation", "/text/generation_stream"]) => Some("generation"),
            () if ends(["/generation/text", "/generation/text_stream"]) => Some("generation"),
            () if place.posts("/text/embeddings") => Some("embeddings"),
            () if place.posts("/text/tokenization") => Some("tokenize"),
            () => None,
        }
    },
    begin: |place| {
        let deployment = place.between("/deployments/", "/").map(str::to_owned);
        let counts = Map::new();
        Box::new(Watsonx { deployment, is_stream: place.path.ends_with("_stream"), counts })
    },
};

struct Watsonx {
    deployment: Option<String>,
    is_stream: bool,
    /// What a stream counted so far: its first event counts the prompt, the last the answer.
    counts: Map<String, Value>,
}

impl Translate for Watsonx {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        rename(&mut ask, "model_id", "model");
        if let Some(deployment) = &self.deployment {
            ask.entry("model").or_insert_with(|| deployment.as_str().into());
        }
        rename(&mut ask, "inputs", "prompt");
        rename(&mut ask, "input", "prompt");
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        let fields = told.as_object_mut()?;
        rename(fields, "model_id", "model");
        fields.remove("created_at");
        let mut results = list(fields.remove("results"));
        if fields.contains_key("choices") || results.is_empty() {
            return Some(told);
        }
        if results.iter().any(|result| result.get("embedding").is_some()) {
            let found =
                json!([{"index": 0, "message": {"embeddings": vectors(&results, "embedding")}}]);
            fields.insert("choices".to_owned(), found);
            if let Some(count) = fields.remove("input_token_count") {
                fields.insert("usage".to_owned(), json!({"input_token_count": count}));
            }
            return Some(told);
        }
        let result = results.first_mut()?;
        for name in ["input_token_count", "generated_token_count"] {
            if let Some(count) = result.get(name).filter(|count| count.as_u64() != Some(0)) {
                self.counts.insert(name.to_owned(), count.clone());
            }
        }
        let words = result.get_mut("generated_text").map_or(Value::Null, Value::take);
        let reason = result.get_mut("stop_reason").map_or(Value::Null, Value::take);
        let reason = if reason == "not_finished" { Value::Null } else { reason };
        let choices = if self.is_stream { piece(words, reason) } else { answer(words, reason) };
        fields.insert("choices".to_owned(), choices);
        fields.insert("usage".to_owned(), Value::Object(self.counts.clone()));
        Some(told)
    }
}
