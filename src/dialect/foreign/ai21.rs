//! AI21's Jurassic, <https://docs.ai21.com/reference/j2-complete-ref>: `prompt` in,
//! `completions` out. Its chat completions are OpenAI's.

use serde_json::{Map, Value, json};

use super::values::list;
use super::{Foreign, Translate};

/// `/studio/v1/MODEL/complete`.
pub(in crate::dialect) const AI21: Foreign = Foreign {
    name: "ai21",
    claim: |place| {
        let asks = place.posts("/complete") && place.path.contains("/studio/v1/");
        asks.then_some("completion")
    },
    begin: |place| {
        let model = place.between("/studio/v1/", "/").unwrap_or_default().to_owned();
        Box::new(Jurassic { model })
    },
};

struct Jurassic {
    model: String,
}

impl Translate for Jurassic {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        ask.insert("model".to_owned(), self.model.as_str().into());
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        let completions = list(told.get_mut("completions").map(Value::take));
        let choices = completions.iter().enumerate().map(|(index, one)| {
            json!({"index": index, "finish_reason": one.pointer("/finishReason/reason"),
                "message": {"content": one.pointer("/data/text")}})
        });
        Some(json!({"id": told.get("id"), "choices": choices.collect::<Value>()}))
    }
}
