//! Replicate, <https://replicate.com/docs/reference/http>: a prediction with the `input` that
//! the model likes; its `output` comes at once, in a later `GET`, or in a stream whose events
//! `output` are bare text.

use serde_json::{Map, Value, json};

use super::values::{object, say};
use super::{Foreign, Translate};

/// `/v1/predictions` of a version, a model or a deployment; a prediction asked for again; its
/// stream.
pub(in crate::dialect) const REPLICATE: Foreign = Foreign {
    name: "replicate",
    claim: |place| match place.method {
        "POST" if place.posts("/predictions") && place.has("\"input\"") => Some("prediction"),
        "GET" if place.path.contains("/v1/predictions/") => Some("prediction"),
        "GET" if place.path.contains("/streams/") && place.host.contains("replicate") => {
            Some("stream")
        }
        _ => None,
    },
    begin: |place| {
        let model = place.between("/v1/models/", "/predictions");
        let model = model.or_else(|| place.between("/v1/deployments/", "/predictions"));
        Box::new(Replicate { model: model.map(str::to_owned) })
    },
};

struct Replicate {
    model: Option<String>,
}

impl Translate for Replicate {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let mut input = object(ask.remove("input"));
        say(
            &mut input,
            &[
                ("system", "system_prompt"),
                ("system", "system"),
                ("user", "prompt"),
                ("user", "text"),
            ],
        );
        ask.extend(input);
        let model = self.model.clone().map(Value::from).or_else(|| ask.get("version").cloned());
        ask.extend(model.map(|model| ("model".to_owned(), model)));
        ask
    }

    fn told(&mut self, event: &str, mut told: Value) -> Option<Value> {
        if event == "done" {
            let reason = told.get_mut("reason").map_or("done".into(), Value::take);
            return Some(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
        }
        if event == "error" {
            return Some(json!({"error": told}));
        }
        if event == "output" {
            return self.plain(event, &told.to_string());
        }
        let mut told = object(Some(told));
        let status = told.remove("status").unwrap_or_default();
        let error = told.remove("error").filter(|error| !error.is_null());
        let output = told.remove("output").unwrap_or_default();
        let usage = told.get("metrics").cloned();
        let is_over = !matches!(status.as_str(), Some("starting" | "processing"));
        let finish_reason = if is_over { status.clone() } else { Value::Null };
        let choice = json!({"index": 0, "message": {"content": content(output)},
            "finish_reason": finish_reason, "status": (!is_over).then_some(&status)});
        let (id, model) = (told.remove("id"), told.remove("model"));
        // Links to the prediction itself, and the prompt once more.
        told.retain(|name, _| !matches!(name.as_str(), "urls" | "input" | "version"));
        told.extend([
            ("id".to_owned(), id.unwrap_or_default()),
            ("model".to_owned(), model.unwrap_or_default()),
            ("usage".to_owned(), usage.unwrap_or_default()),
            ("choices".to_owned(), json!([choice])),
        ]);
        let error = error.map(|words| json!({"type": status, "message": words}));
        told.extend(error.map(|error| ("error".to_owned(), error)));
        Some(Value::Object(told))
    }

    fn plain(&mut self, event: &str, data: &str) -> Option<Value> {
        let delta = match event {
            "output" => json!({"content": data}),
            "error" => return Some(json!({"error": data})),
            "done" => return self.told(event, json!({})),
            _ => return None,
        };
        Some(json!({"choices": [{"index": 0, "delta": delta}]}))
    }
}

/// The content that an output is: pieces of text are joined, links are files.
fn content(output: Value) -> Value {
    let block = |item: &Value| match item {
        Value::String(text) if text.starts_with("https://") || text.starts_with("data:") => {
            json!({"type": "image_url", "image_url": {"url": text}})
        }
        Value::String(text) => json!({"type": "text", "text": text}),
        item => item.clone(),
    };
    match output {
        Value::Array(items) => items.iter().map(block).collect(),
        Value::Null => Value::Null,
        output => json!([block(&output)]),
    }
}
