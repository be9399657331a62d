//! Aleph Alpha, <https://docs.aleph-alpha.com/docs/reference/>: a `prompt` that is a text or a
//! list of items in, `completions` out. Its chat completions are OpenAI's.

use serde_json::{Map, Value, json};

use super::reading::piece;
use super::values::list;
use super::{Foreign, Translate};

/// `/complete`.
pub(in crate::dialect) const ALEPH_ALPHA: Foreign = Foreign {
    name: "aleph-alpha",
    claim: |place| {
        let asks = place.path == "/complete" || place.host.ends_with("aleph-alpha.com");
        (asks && place.posts("/complete") && place.has("\"prompt\"")).then_some("completion")
    },
    begin: |_| Box::new(AlephAlpha),
};

struct AlephAlpha;

impl Translate for AlephAlpha {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        if let Some(Value::Array(items)) = ask.get_mut("prompt") {
            for item in items {
                let words = item.get("data").filter(|_| item.get("type") == Some(&"text".into()));
                if let Some(words) = words {
                    *item = json!({"type": "text", "text": words});
                }
            }
        }
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        // A stream's pieces are `{"type": "stream_chunk", "index", "completion"}`.
        if let Some(words) = told.get("completion") {
            return Some(json!({"choices": piece(words.clone(), Value::Null)}));
        }
        let completions = list(told.get_mut("completions").map(Value::take));
        let counts = told.get("num_tokens_generated").is_some();
        let choices = completions.into_iter().enumerate().map(|(index, mut one)| {
            let text = one.get_mut("completion").map(Value::take);
            json!({"index": index, "finish_reason": one.get("finish_reason"),
                "logprobs": one.get("log_probs"), "message": {"content": text}})
        });
        let choices: Vec<Value> = choices.collect();
        let usage = counts.then(|| {
            json!({"num_tokens_prompt_total": told.get("num_tokens_prompt_total"),
                "num_tokens_generated": told.get("num_tokens_generated")})
        });
        Some(json!({"model": told.get("model_version"), "usage": usage, "choices": choices}))
    }
}
