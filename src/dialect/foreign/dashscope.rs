//! Alibaba's DashScope, <https://www.alibabacloud.com/help/en/model-studio/dashscope>:
//! `{"input": {"messages"|"prompt"}, "parameters"}` in, `{"output": {"text"|"choices"}}` out.
//!
//! A stream repeats the whole answer so far in each event unless `incremental_output` is set, so
//! what came is cut off there.

use serde_json::{Map, Value, json};

use super::values::{list, object, vectors};
use super::{Foreign, Translate};

/// `/api/v1/services/…`.
pub(in crate::dialect) const DASHSCOPE: Foreign = Foreign {
    name: "dashscope",
    claim: |place| match place.between("/api/v1/services/", "").filter(|_| place.method == "POST") {
        Some(service) if service.ends_with("-generation/generation") => Some("chat"),
        Some(service) if service.starts_with("embeddings/") => Some("embeddings"),
        Some(service) if service.starts_with("rerank/") => Some("rerank"),
        Some(service) if service.starts_with("aigc/") => Some("generation"),
        _ => None,
    },
    begin: |_| Box::new(DashScope::default()),
};

#[derive(Default)]
struct DashScope {
    repeats: bool,
    text: String,
    reasoning: String,
}

impl DashScope {
    /// Cuts off what came before.
    fn new_of(repeats: bool, so_far: &mut String, text: Option<&mut Value>) {
        if let Some(Value::String(text)) = text
            && repeats
            && let Some(more) = text.strip_prefix(so_far.as_str())
        {
            let more = more.to_owned();
            so_far.push_str(&more);
            *text = more;
        }
    }

    fn choice(&mut self, (index, mut choice): (usize, Value), is_event: bool) -> Value {
        let mut said = object(choice.get_mut("message").map(Value::take));
        if let Some(Value::Array(blocks)) = said.get_mut("content") {
            blocks.iter_mut().for_each(block);
            if let [only] = blocks.as_mut_slice()
                && let Some(text) = only.get_mut("text")
            {
                let text = text.take();
                said.insert("content".to_owned(), text);
            }
        }
        Self::new_of(self.repeats, &mut self.text, said.get_mut("content"));
        Self::new_of(self.repeats, &mut self.reasoning, said.get_mut("reasoning_content"));
        let said = Value::Object(said);
        let finish_reason = choice.get("finish_reason").filter(|reason| *reason != "null");
        match is_event {
            true => json!({"index": index, "delta": said, "finish_reason": finish_reason}),
            false => json!({"index": index, "message": said, "finish_reason": finish_reason}),
        }
    }
}

/// Names a block's type: DashScope's field names are the types.
fn block(block: &mut Value) {
    let Value::Object(fields) = block else { return };
    if fields.contains_key("type") {
        return;
    }
    if fields.contains_key("text") {
        fields.insert("type".to_owned(), "text".into());
    } else if let Some(url) = fields.remove("image") {
        *block = json!({"type": "image_url", "image_url": {"url": url}});
    }
}

impl Translate for DashScope {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let mut input = object(ask.remove("input"));
        let parameters = object(ask.remove("parameters"));
        self.repeats = parameters.get("incremental_output") != Some(&true.into());
        for message in input.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if let Some(Value::Array(blocks)) = message.get_mut("content") {
                blocks.iter_mut().for_each(block);
            }
        }
        if let Some(Value::Array(texts)) = input.remove("texts") {
            input.insert("prompt".to_owned(), texts.into());
        }
        for (name, value) in input.into_iter().chain(parameters) {
            ask.insert(name, value);
        }
        ask
    }

    fn told(&mut self, event: &str, mut told: Value) -> Option<Value> {
        if event == "error" || told.get("output").is_none() {
            let error = json!({"code": told.get("code"), "message": told.get("message")});
            return Some(json!({"id": told.get("request_id"), "error": error}));
        }
        let mut output = object(told.get_mut("output").map(Value::take));
        let mut choices = list(output.remove("choices"));
        if let Some(text) = output.remove("text") {
            let finish_reason = output.remove("finish_reason");
            choices = vec![json!({"message": {"content": text}, "finish_reason": finish_reason})];
        }
        output.retain(|_, value| !value.is_null());
        if let Some(Value::Array(found)) = output.get("embeddings") {
            let found = vectors(found, "embedding");
            output.insert("embeddings".to_owned(), found);
        }
        if choices.is_empty() {
            choices = vec![json!({"message": output})];
        }
        let is_event = !event.is_empty();
        let choices = choices.into_iter().enumerate();
        let choices: Vec<Value> = choices.map(|choice| self.choice(choice, is_event)).collect();
        Some(json!({
            "id": told.get("request_id"),
            "usage": told.get("usage"),
            "choices": choices,
        }))
    }
}
