//! Raycast's AI, as others have read it off its traffic (2023–2026): messages with an `author`
//! in, `{"text": …}` out.

use serde_json::{Map, Value, json};

use super::values::{list, message, object};
use super::{Foreign, Translate};

/// `/api/v1/ai/chat_completions`.
pub(in crate::dialect) const RAYCAST: Foreign = Foreign {
    name: "raycast",
    claim: |place| place.posts("/ai/chat_completions").then_some("chat"),
    begin: |_| Box::new(Raycast),
};

struct Raycast;

/// Instructions of the system, in the request and in each message.
const INSTRUCTIONS: [&str; 3] =
    ["additional_system_instructions", "system_instructions", "command_instructions"];

impl Translate for Raycast {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let mut messages = Vec::new();
        let instruct = |fields: &mut Map<String, Value>, messages: &mut Vec<Value>| {
            let told = INSTRUCTIONS.iter().filter_map(|name| fields.remove(*name));
            let told = told.filter(|words| words.as_str().is_some_and(|words| !words.is_empty()));
            messages.extend(told.map(|words| message("system", words)));
        };
        instruct(&mut ask, &mut messages);
        for said in list(ask.remove("messages")) {
            let mut said = object(Some(said));
            let Some(author) = said.remove("author") else {
                messages.push(Value::Object(said));
                continue;
            };
            let content = match said.remove("content") {
                Some(Value::Object(mut content)) => {
                    instruct(&mut content, &mut messages);
                    let words = content.remove("text").unwrap_or_default();
                    said.extend(content);
                    words
                }
                content => content.unwrap_or_default(),
            };
            said.insert("role".to_owned(), author);
            said.insert("content".to_owned(), content);
            messages.push(Value::Object(said));
        }
        ask.insert("messages".to_owned(), messages.into());
        let tools = list(ask.remove("tools")).into_iter().map(|tool| match tool.get("type") {
            Some(Value::String(kind)) if kind == "local_tool" => {
                json!({"type": "function", "function": tool.get("function").unwrap_or(&tool)})
            }
            _ => tool,
        });
        ask.insert("tools".to_owned(), tools.collect());
        ask
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        let mut told = object(Some(told));
        if told.contains_key("error") || told.contains_key("choices") {
            return Some(Value::Object(told));
        }
        let delta = json!({
            "content": told.remove("text"),
            "reasoning_content": told.remove("reasoning"),
            "tool_calls": told.remove("tool_calls"),
        });
        let finish_reason = told.remove("finish_reason");
        told.insert(
            "choices".to_owned(),
            json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]),
        );
        Some(Value::Object(told))
    }
}
