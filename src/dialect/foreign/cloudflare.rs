//! Cloudflare's Workers AI, <https://developers.cloudflare.com/workers-ai/models/>: what the
//! model takes in, `{"result": {"response": …}}` out; in a stream the response bare. Newer models
//! answer with a chat completion in the place of the result.

use serde_json::{Map, Value, json};

use super::reading::{answer, piece};
use super::values::{list, object, say};
use super::{Foreign, Translate};

/// `/ai/run/@cf/…`, also behind Cloudflare's gateway.
pub(in crate::dialect) const CLOUDFLARE: Foreign = Foreign {
    name: "cloudflare",
    claim: |place| {
        let is_run = model(place.path).is_some() && place.method == "POST";
        (is_run && !place.path.ends_with("/chat/completions")).then_some("run")
    },
    begin: |place| Box::new(Cloudflare { model: model(place.path).unwrap_or_default().to_owned() }),
};

fn model(path: &str) -> Option<&str> {
    let (_, model) = path.split_once("/ai/run/").or_else(|| path.split_once("/workers-ai/"))?;
    model.starts_with('@').then_some(model)
}

struct Cloudflare {
    model: String,
}

impl Translate for Cloudflare {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        ask.insert("model".to_owned(), self.model.as_str().into());
        // A function may stand without `{"type": "function", "function": …}` around it.
        let tools = list(ask.remove("tools")).into_iter().map(|tool| match tool.get("name") {
            Some(_) => json!({"type": "function", "function": tool}),
            None => tool,
        });
        ask.insert("tools".to_owned(), tools.collect());
        if let Some(Value::Array(texts)) = ask.get_mut("text") {
            let texts = std::mem::take(texts);
            ask.insert("text".to_owned(), texts.into_iter().map(text_block).collect());
        }
        let names = ["input_text", "text", "question", "input"];
        say(&mut ask, &names.map(|name| ("user", name)));
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        let is_whole = told.get("success").is_some();
        let mut result = match told.get_mut("result") {
            Some(result) => object(Some(result.take())),
            None => object(Some(told.take())),
        };
        if result.contains_key("choices") {
            return Some(Value::Object(result));
        }
        let usage = result.remove("usage");
        let calls =
            list(result.remove("tool_calls")).into_iter().map(|call| match call.get("name") {
                Some(name) => {
                    json!({"function": {"name": name, "arguments": call.get("arguments")}})
                }
                None => call,
            });
        let calls: Vec<Value> = calls.collect();
        let words = ["response", "translated_text", "summary", "description", "text"];
        let words = words.iter().find_map(|name| result.remove(*name)).unwrap_or(Value::Null);
        let mut choices = match is_whole {
            true => answer(words, Value::Null),
            false => piece(words, Value::Null),
        };
        let place = if is_whole { "/0/message" } else { "/0/delta" };
        if let Some(Value::Object(said)) = choices.pointer_mut(place) {
            said.insert("tool_calls".to_owned(), calls.into());
            result.remove("p");
            if let Some(Value::Array(data)) = result.get("data") {
                let data = super::values::vectors(data, "embedding");
                result.insert("data".to_owned(), data);
            }
            said.extend(result);
        }
        Some(json!({"usage": usage, "choices": choices}))
    }
}

fn text_block(text: Value) -> Value {
    json!({"type": "text", "text": text})
}
