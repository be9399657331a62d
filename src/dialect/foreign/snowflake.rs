//! Snowflake's Cortex, <https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api>:
//! a chat completion whose contents stand twice, whose tools are `tool_spec`s, and whose tool
//! calls are pieces of content.

use serde_json::{Map, Value, json};

use super::values::{list, object};
use super::{Foreign, Translate};

/// `/api/v2/cortex/inference:complete`.
pub(in crate::dialect) const SNOWFLAKE: Foreign = Foreign {
    name: "snowflake.cortex",
    claim: |place| place.posts("/cortex/inference:complete").then_some("chat"),
    begin: |_| Box::new(Snowflake::default()),
};

#[derive(Default)]
struct Snowflake {
    /// Tool calls that have begun; the pieces of arguments behind them bear no name.
    calls: u64,
}

impl Translate for Snowflake {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let tools = list(ask.remove("tools")).into_iter().map(|mut tool| {
            let mut spec = object(tool.get_mut("tool_spec").map(Value::take));
            if spec.is_empty() {
                return tool;
            }
            super::values::rename(&mut spec, "input_schema", "parameters");
            json!({"type": "function", "function": spec})
        });
        let tools: Vec<Value> = tools.collect();
        let messages = list(ask.remove("messages")).into_iter().flat_map(message);
        let messages: Vec<Value> = messages.collect();
        ask.insert("tools".to_owned(), tools.into());
        ask.insert("messages".to_owned(), messages.into());
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        for choice in told.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
            for place in ["delta", "message"] {
                if let Some(Value::Object(said)) = choice.get_mut(place) {
                    self.said(said);
                }
            }
        }
        Some(told)
    }
}

impl Snowflake {
    fn said(&mut self, said: &mut Map<String, Value>) {
        let blocks = list(said.remove("content_list"));
        // The same once more.
        said.remove("text");
        let mut calls = Vec::new();
        let kind = said.remove("type");
        if kind.as_ref().is_some_and(|kind| kind == "tool_use") {
            let (id, name) = (said.remove("tool_use_id"), said.remove("name"));
            calls.push(self.call(id, name, said.remove("input")));
        } else {
            for mut block in blocks {
                let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
                if kind != "tool_use" {
                    continue;
                }
                let mut call = object(Some(match block.get_mut("tool_use") {
                    Some(inner) => inner.take(),
                    None => block.take(),
                }));
                let (id, name) = (call.remove("tool_use_id"), call.remove("name"));
                calls.push(self.call(id, name, call.remove("input")));
            }
        }
        if !calls.is_empty() {
            said.insert("tool_calls".to_owned(), calls.into());
        }
    }

    fn call(&mut self, id: Option<Value>, name: Option<Value>, input: Option<Value>) -> Value {
        if id.is_some() {
            self.calls += 1;
        }
        let index = self.calls.saturating_sub(1);
        json!({"index": index, "id": id, "function": {"name": name, "arguments": input}})
    }
}

/// A message, its calls and their results where a chat completion has them.
fn message(message: Value) -> Vec<Value> {
    let mut fields = object(Some(message));
    let mut results = Vec::new();
    let mut calls = Vec::new();
    for mut block in list(fields.remove("content_list")) {
        if let Some(call) = block.get_mut("tool_use") {
            let call = call.take();
            calls.push(json!({"id": call.get("tool_use_id"), "function":
                {"name": call.get("name"), "arguments": call.get("input")}}));
        } else if let Some(result) = block.get_mut("tool_results") {
            let result = result.take();
            results.push(json!({"role": "tool", "tool_call_id": result.get("tool_use_id"),
                "name": result.get("name"), "content": result.get("content")}));
        }
    }
    if !calls.is_empty() {
        fields.insert("tool_calls".to_owned(), calls.into());
    }
    let says = fields.get("content").is_some_and(|content| content != "");
    let mut messages = Vec::new();
    if says || results.is_empty() {
        messages.push(Value::Object(fields));
    }
    messages.extend(results);
    messages
}
