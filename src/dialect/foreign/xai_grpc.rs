//! xAI's gRPC, which its Python SDK speaks: `xai_api.Chat`.
//!
//! Said as a chat completion. Roles are in the small letters of all other formats (`user`, not
//! `ROLE_USER`); why the model stopped stands as in the SDK (`REASON_STOP`). An agent's answer
//! comes in several outputs, each a choice: what it asked of xAI's tools and what it said.

use serde_json::{Map, Value, json};

use super::values::{list, object, rename};
use super::{Foreign, Translate};
use crate::dialect::schema::{self, Schema, xai};
use crate::dialect::{Asked, Decoded, grpc};
use crate::model::{Cost, Usage};

/// `xai_api.Chat`.
pub(in crate::dialect) const XAI_GRPC: Foreign = Foreign {
    name: "xai.grpc",
    claim: |place| match method(place.path)? {
        "GetCompletion" | "GetCompletionChunk" | "StartDeferredCompletion" => Some("chat"),
        "GetDeferredCompletion" | "GetStoredCompletion" => Some("retrieve"),
        "CompactContext" => Some("compact"),
        _ => None,
    },
    begin: |place| {
        let method = method(place.path).unwrap_or_default().to_owned();
        Box::new(Xai { method, usage: None, calls: 0 })
    },
};

fn method(path: &str) -> Option<&str> {
    path.rsplit_once("xai_api.Chat/").map(|(_, method)| method)
}

/// USD in one tick, <https://docs.x.ai/developers/cost-tracking>.
const USD_PER_TICK: f64 = 1e-10;

struct Xai {
    method: String,
    /// As it came last: the pieces of a stream count what came so far.
    usage: Option<Value>,
    /// Tool calls that came. None comes in pieces: what comes twice are two, as in the SDK.
    calls: u64,
}

impl Translate for Xai {
    fn decode(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let schema: &Schema = match self.method.as_str() {
            "CompactContext" => &xai::COMPACT_CONTEXT_REQUEST,
            "GetDeferredCompletion" | "GetStoredCompletion" => &schema::UNKNOWN,
            _ => &xai::GET_COMPLETIONS_REQUEST,
        };
        let mut ask = None;
        grpc::messages(asked, &mut |message| ask = schema::json(message, schema));
        Some(ask.unwrap_or_default())
    }

    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        rename(&mut ask, "input", "messages");
        let messages = list(ask.remove("messages")).into_iter().map(message);
        let messages: Vec<Value> = messages.collect();
        let tools: Vec<Value> = list(ask.remove("tools")).into_iter().map(tool).collect();
        ask.insert("messages".to_owned(), messages.into());
        ask.insert("tools".to_owned(), tools.into());
        ask
    }

    fn message(&mut self, message: &[u8]) -> Option<Value> {
        let schema: &Schema = match self.method.as_str() {
            "GetCompletionChunk" => &xai::GET_CHAT_COMPLETION_CHUNK,
            "GetDeferredCompletion" => &xai::GET_DEFERRED_COMPLETION_RESPONSE,
            "CompactContext" => &xai::COMPACT_CONTEXT_RESPONSE,
            "StartDeferredCompletion" => &schema::UNKNOWN,
            _ => &xai::GET_CHAT_COMPLETION_RESPONSE,
        };
        let told = schema::json(message, schema)?;
        self.told("", told)
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        let mut told = object(Some(told));
        if let Some(Value::Object(mut inner)) = told.remove("response") {
            inner.extend(told);
            told = inner;
        }
        for name in ["created", "system_fingerprint", "settings", "debug_output"] {
            told.remove(name);
        }
        self.usage = told.get("usage").cloned().or(self.usage.take());
        let mut choices = list(told.remove("outputs"));
        for choice in &mut choices {
            let choice = match choice {
                Value::Object(choice) => choice,
                _ => continue,
            };
            if choice.get("finish_reason").is_some_and(|reason| reason == "REASON_INVALID") {
                choice.remove("finish_reason");
            }
            for place in ["message", "delta"] {
                if let Some(Value::Object(said)) = choice.get_mut(place) {
                    answer(said);
                    self.number(said);
                }
            }
        }
        if choices.is_empty() && self.method == "CompactContext" {
            let words = told.remove("encrypted_content");
            choices = vec![json!({"index": 0, "message": {"reasoning_opaque": words}})];
        }
        told.insert("choices".to_owned(), choices.into());
        Some(Value::Object(told))
    }

    fn is_streamed(&self) -> bool {
        self.method == "GetCompletionChunk"
    }

    fn finish(&mut self, decoded: &mut Decoded) {
        let Some(raw) = self.usage.take() else { return };
        let count = |name: &str| raw.get(name).and_then(Value::as_u64);
        let (input, answer) = (count("prompt_tokens"), count("completion_tokens"));
        // A message leaves zeros out.
        let reasoning = Some(count("reasoning_tokens").unwrap_or(0));
        let beside = reasoning.filter(|reasoning| {
            let sum = input.unwrap_or(0).saturating_add(answer.unwrap_or(0));
            count("total_tokens") == Some(sum.saturating_add(*reasoning))
        });
        let usage = Usage {
            input,
            input_cached: Some(count("cached_prompt_text_tokens").unwrap_or(0)),
            input_image: Some(count("prompt_image_tokens").unwrap_or(0)),
            output: answer.map(|answer| answer.saturating_add(beside.unwrap_or(0))).or(beside),
            reasoning,
            source: "provider".to_owned(),
            ..Usage::default()
        };
        if let Some(ticks) = raw.get("cost_in_usd_ticks").and_then(Value::as_f64) {
            decoded.cost_usd = Some(ticks * USD_PER_TICK);
            decoded.cost_source = Some(Cost::Reported);
        }
        decoded.usage = Some(Usage { raw, ..usage });
    }
}

impl Xai {
    /// Gives each call a number of its own.
    fn number(&mut self, said: &mut Map<String, Value>) {
        for call in said.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(call) = call {
                call.insert("index".to_owned(), self.calls.into());
                self.calls += 1;
            }
        }
    }
}

fn role(fields: &mut Map<String, Value>) {
    if let Some(Value::String(role)) = fields.get_mut("role") {
        *role = role.trim_start_matches("ROLE_").to_ascii_lowercase();
    }
}

/// A message of the prompt.
fn message(message: Value) -> Value {
    let mut fields = object(Some(message));
    role(&mut fields);
    rename(&mut fields, "encrypted_content", "reasoning_opaque");
    let blocks = list(fields.remove("content")).into_iter().map(block);
    let blocks: Vec<Value> = blocks.filter(|block| !block.is_null()).collect();
    fields.insert("content".to_owned(), blocks.into());
    calls(&mut fields);
    Value::Object(fields)
}

/// A block of content; `null` if it is an empty text, as stands beside tool calls.
fn block(block: Value) -> Value {
    let mut fields = object(Some(block));
    if let Some(words) = fields.remove("text") {
        return match words == "" {
            true => Value::Null,
            false => json!({"type": "text", "text": words}),
        };
    }
    if let Some(Value::Object(mut image)) = fields.remove("image_url") {
        return match image.remove("image_url") {
            Some(url) => json!({"type": "image_url", "image_url": {"url": url}}),
            None => Value::Object(image),
        };
    }
    if let Some(Value::Object(file)) = fields.remove("file") {
        let kind = file.get("mime_type").and_then(Value::as_str).unwrap_or_default();
        let data = file.get("data").and_then(Value::as_str);
        let data = data.map(|data| format!("data:{kind};base64,{data}"));
        let place = data.map(Value::from).or_else(|| file.get("url").cloned());
        return json!({"type": "file", "file": {"filename": file.get("filename"),
            "file_id": file.get("file_id"), "file_data": place}});
    }
    Value::Object(fields)
}

/// A message of the answer, or a piece of one.
fn answer(said: &mut Map<String, Value>) {
    role(said);
    rename(said, "encrypted_content", "reasoning_opaque");
    calls(said);
}

/// xAI's own tools are told apart by the call's type.
fn calls(said: &mut Map<String, Value>) {
    for call in said.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(call) = call {
            let kind = call.remove("type").unwrap_or_default();
            let is_own = kind.as_str().is_some_and(|kind| !kind.ends_with("CLIENT_SIDE_TOOL"));
            let status = call.remove("status");
            if is_own {
                call.insert("tool_type".to_owned(), kind);
                call.extend(status.map(|status| ("status".to_owned(), status)));
            }
        }
    }
}

/// A function, whose schema is a text; or one of xAI's own tools, whose name is its type.
fn tool(tool: Value) -> Value {
    let mut fields = object(Some(tool));
    if let Some(Value::Object(mut function)) = fields.remove("function") {
        if let Some(Value::String(text)) = function.get("parameters") {
            let schema = serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into());
            function.insert("parameters".to_owned(), schema);
        }
        return json!({"type": "function", "function": function});
    }
    let Some((name, settings)) = fields.into_iter().next() else { return json!({}) };
    let mut tool = object(Some(settings));
    tool.insert("type".to_owned(), name.into());
    Value::Object(tool)
}
