//! The tool calls of a run, from its steps and from what it asks of the app.

use serde_json::Value;

use super::super::Tell;
use super::super::found::Found;
use crate::dialect::{Grown, json, media};
use crate::model::Part;

/// Most calls of one run.
const CALLS_MAX: usize = 4096;

/// Tool calls, in the order in which they were first named.
#[derive(Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Default)]
struct Call {
    /// The step and the call's place in it.
    key: String,
    id: Option<String>,
    name: String,
    arguments: String,
    /// What the tool gave, where the provider runs it or repeats it.
    outputs: Vec<Value>,
}

impl Calls {
    /// Takes whole calls: they replace those with the same id.
    pub(super) fn whole(&mut self, details: &Value, found: &mut Found) {
        for told in details.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let id = told.get("id").and_then(Value::as_str);
            let mut call = Call { id: id.map(str::to_owned), ..Call::default() };
            call.take(told);
            let is_it = |had: &&mut Call| id.is_some() && had.id.as_deref() == id;
            if let Some(had) = self.0.iter_mut().find(is_it) {
                call.key = std::mem::take(&mut had.key);
                *had = call;
            } else if self.0.len() < CALLS_MAX {
                call.key = format!("call {}", id.unwrap_or_default());
                found.hold(&call.key);
                self.0.push(call);
            }
        }
    }

    /// Takes pieces of the calls of `step`.
    pub(super) fn grow(
        &mut self,
        step: &str,
        details: &Value,
        found: &mut Found,
        tell: &mut Tell<'_>,
    ) {
        for told in details.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = told.get("index").and_then(Value::as_u64).unwrap_or_default();
            let key = format!("{step}/{index}");
            let at = match self.0.iter().rposition(|call| call.key == key) {
                Some(at) => at,
                None if self.0.len() >= CALLS_MAX => continue,
                None => {
                    found.hold(&key);
                    self.0.push(Call { key, ..Call::default() });
                    self.0.len() - 1
                }
            };
            let Some(call) = self.0.get_mut(at) else { continue };
            let (named, had) = (!call.name.is_empty(), call.arguments.len());
            if let Some(id) = told.get("id").and_then(Value::as_str) {
                call.id = Some(id.to_owned());
            }
            call.take(told);
            if !named && !call.name.is_empty() {
                tell(Grown::ToolCall(&call.name));
            }
            match call.arguments.get(had..) {
                Some(more) if !more.is_empty() => tell(Grown::Arguments(more)),
                _ => {}
            }
        }
    }

    /// Hands the calls over as parts.
    pub(super) fn give(&mut self, found: &mut Found) {
        for call in self.0.drain(..) {
            let id = call.id.clone();
            let mut parts = vec![Part::ToolCall {
                id: call.id,
                name: call.name,
                arguments: json::arguments(call.arguments),
            }];
            if !call.outputs.is_empty() {
                let gave = call.outputs.into_iter().map(output).collect();
                parts.push(Part::ToolResult { id, name: None, parts: gave, is_error: None });
            }
            found.fill(&call.key, parts);
        }
    }
}

impl Call {
    fn take(&mut self, told: &Value) {
        let kind = told.get("type").and_then(Value::as_str).unwrap_or("function");
        let Some(inside) = told.get(kind) else { return };
        let text = |name: &str| inside.get(name).and_then(Value::as_str).unwrap_or_default();
        if self.name.is_empty() {
            self.name = match text("name") {
                "" if kind == "function" => String::new(),
                "" => kind.to_owned(),
                name => name.to_owned(),
            };
        }
        self.arguments.push_str(text("arguments"));
        self.arguments.push_str(text("input"));
        if !text("output").is_empty() {
            self.outputs.push(text("output").into());
        }
        for name in ["outputs", "results"] {
            let more = inside.get(name).and_then(Value::as_array).cloned();
            self.outputs.extend(more.unwrap_or_default());
        }
    }
}

/// What a tool gave: words, a log, a picture, or as it came.
fn output(value: Value) -> Part {
    let words = value.as_str().or_else(|| value.get("logs")?.as_str());
    if let Some(words) = words {
        return Part::text(words);
    }
    match value.pointer("/image/file_id").and_then(Value::as_str) {
        Some(id) => {
            Part::Image { mime_type: None, url: None, file_id: Some(id.to_owned()), bytes: None }
        }
        None => media::other(value),
    }
}
