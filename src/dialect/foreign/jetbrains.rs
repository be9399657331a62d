//! JetBrains' AI Assistant, as others have read it off its traffic (2025–2026): messages whose
//! type is their role in, `{"type": "Content", "content": …}` out.

use serde_json::{Map, Value, json};

use super::reading::piece;
use super::values::{list, object, rename};
use super::{Foreign, Translate};

/// `/user/v5/llm/chat/stream/v8` and its older kin.
pub(in crate::dialect) const JETBRAINS: Foreign = Foreign {
    name: "jetbrains",
    claim: |place| {
        let asks = place.method == "POST" && place.path.contains("/llm/chat/stream/");
        asks.then_some("chat")
    },
    begin: |_| Box::new(JetBrains),
};

struct JetBrains;

impl Translate for JetBrains {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        rename(&mut ask, "profile", "model");
        // Names a prompt of JetBrains' own, such as `ij.chat.request.new-chat-on-start`.
        rename(&mut ask, "prompt", "prompt_id");
        let mut chat = object(ask.remove("chat"));
        let messages = list(chat.remove("messages")).into_iter().map(message);
        ask.insert("messages".to_owned(), messages.collect());
        ask.extend(chat);
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        let kind = told.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "Content" => {
                let words = told.get_mut("content").map_or(Value::Null, Value::take);
                Some(json!({"choices": piece(words, Value::Null)}))
            }
            "Reasoning" | "Thinking" => {
                let words = told.get("content").or_else(|| told.get("reasoning"));
                Some(json!({"choices": [{"index": 0, "delta": {"reasoning_content": words}}]}))
            }
            "FinishMetadata" => {
                let reason = told.get_mut("reason").map_or(Value::Null, Value::take);
                Some(json!({"choices": piece(Value::Null, reason)}))
            }
            "FunctionCall" | "ToolCall" => {
                let call = json!({"index": told.get("index"), "id": told.get("id"),
                    "function": {"name": told.get("name"), "arguments": told.get("content")}});
                Some(json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
            }
            _ if told.get("choices").is_some() || told.get("error").is_some() => Some(told),
            // How much of the quota is left, and what comes one day.
            _ => Some(json!({ kind: told })),
        }
    }
}

/// A message whose type is `user_message`, `assistant_message_tool` and so on.
fn message(message: Value) -> Value {
    let mut fields = object(Some(message));
    let kind = fields.remove("type").unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default();
    let role = kind.split("_message").next().unwrap_or(kind);
    fields.insert("role".to_owned(), role.into());
    if kind == "assistant_message_tool" {
        let call = json!({"id": fields.remove("id"), "function":
            {"name": fields.remove("toolName"), "arguments": fields.remove("content")}});
        fields.insert("tool_calls".to_owned(), json!([call]));
    } else if role == "tool" {
        rename(&mut fields, "id", "tool_call_id");
        rename(&mut fields, "toolName", "name");
        rename(&mut fields, "result", "content");
    }
    Value::Object(fields)
}
