//! The Assistants' threads: messages, runs and their steps.

mod run;

use serde_json::{Map, Value, json};

use super::form::{Form, take_text};
use super::found::Found;
use super::place::Place;
use super::values::{content, input, message, messages, tools};
use super::{Family, Operation, Tell};
use crate::dialect::Asked;
use crate::model::{Choice, Message, NamedThread, Part, Request};
use run::Calls;

/// `/threads/…`.
pub(in crate::dialect) const THREADS: Family = Family {
    name: "openai.threads",
    claim: |place: &Place<'_>| {
        let rest = place.resource("threads")?;
        let has = |name: &str| rest.contains(&name);
        Some(match () {
            () if has("runs") => "run",
            () if has("messages") => "messages",
            () => "threads",
        })
    },
    begin: || Box::new(Threads::default()),
};

#[derive(Default)]
struct Threads {
    calls: Calls,
}

impl Operation for Threads {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        let system = [form.text("instructions"), form.text("additional_instructions")];
        let system: Vec<String> = system.into_iter().flatten().collect();
        request.system = (!system.is_empty()).then(|| system.join("\n\n"));
        if let Some(value) = form.take("tools") {
            request.tools = tools(&value);
        }
        if let Some(Value::Object(thread)) = form.fields.get_mut("thread") {
            let found = thread.shift_remove("messages");
            request.messages.extend(found.as_ref().and_then(messages).unwrap_or_default());
        }
        for name in ["messages", "additional_messages"] {
            let found = form.fields.get(name).and_then(messages);
            if let Some(found) = found {
                form.fields.shift_remove(name);
                request.messages.extend(found);
            }
        }
        if form.fields.contains_key("content")
            && let Some(role) = form.text("role")
        {
            let parts = input(form.take("content").unwrap_or_default());
            request.messages.push(Message { role, parts });
        }
        if let Some(Value::Array(outputs)) = form.take("tool_outputs") {
            let parts = outputs.into_iter().map(result).collect();
            request.messages.push(Message { role: "tool".to_owned(), parts });
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        match kind(&fields).as_str() {
            "list" => {
                if let Some(Value::Array(items)) = fields.shift_remove("data") {
                    items.into_iter().for_each(|item| self.listed(item, found));
                }
                found.keep_all(fields);
            }
            _ => self.event("", fields, found, &mut |_| {}),
        }
        found.is_done = true;
    }

    fn end(&mut self, found: &mut Found) {
        self.calls.give(found);
    }

    /// An event's data says by its `object` what it is; only errors and the end have no more
    /// than the event's name.
    fn event(
        &mut self,
        name: &str,
        mut fields: Map<String, Value>,
        found: &mut Found,
        tell: &mut Tell<'_>,
    ) {
        if let Some(thread) = fields.get("thread_id").and_then(Value::as_str) {
            found.decoded.thread = Some(NamedThread::field(thread));
        }
        match kind(&fields).as_str() {
            "thread" => {
                found.decoded.thread = take_text(&mut fields, "id").map(NamedThread::field);
                found.keep_all(fields);
            }
            "thread.message" => self.message(fields, found, tell),
            "thread.message.delta" => delta(&fields, found, tell),
            "thread.run" => self.run(fields, found),
            "thread.run.step" => {
                if let Some(details) = fields.get("step_details") {
                    self.calls.whole(details, found);
                }
                // The run's own count comes last and is that of all its steps.
                if let Some(usage) = fields.shift_remove("usage").filter(|usage| !usage.is_null()) {
                    found.count(usage);
                }
                found.fail(&mut fields, "last_error");
                if name.is_empty() {
                    found.keep_all(fields);
                }
            }
            "thread.run.step.delta" => {
                if let Some(details) =
                    fields.get("delta").and_then(|delta| delta.get("step_details"))
                {
                    let step = fields.get("id").and_then(Value::as_str).unwrap_or_default();
                    self.calls.grow(step, details, found, tell);
                    found.begins();
                }
            }
            _ => {
                found.common(&mut fields);
                found.keep_all(fields);
            }
        }
    }
}

impl Threads {
    fn message(&mut self, fields: Map<String, Value>, found: &mut Found, tell: &mut Tell<'_>) {
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let blocks = fields.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
        for (index, block) in blocks.iter().enumerate() {
            let key = format!("{id}/{index}");
            for part in content(block) {
                match part {
                    Part::Text { text } => found.settle(&key, text, tell),
                    part => {
                        if let Some(had) = found.named(&key, || part.clone()) {
                            *had = part;
                        }
                    }
                }
            }
            annotated(block, found);
        }
        if found.decoded.reply.id.is_none() {
            found.decoded.reply.id = Some(id);
        }
        let reason = fields.get("incomplete_details").and_then(|why| why.get("reason")?.as_str());
        if let Some(reason) = reason {
            found.finish_reason = Some(reason.to_owned());
        }
    }

    fn run(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        if let Some(id) = take_text(&mut fields, "id") {
            found.decoded.reply.id = Some(id);
        }
        found.decoded.reply.model =
            take_text(&mut fields, "model").or(found.decoded.reply.model.take());
        if let Some(usage) = fields.shift_remove("usage").filter(|usage| !usage.is_null()) {
            found.count(usage);
        }
        found.fail(&mut fields, "last_error");
        if let Some(action) =
            fields.get("required_action").and_then(|action| action.get("submit_tool_outputs"))
        {
            self.calls.whole(action, found);
        }
        let status = take_text(&mut fields, "status").unwrap_or_default();
        let reason = fields.get("incomplete_details").and_then(|why| why.get("reason")?.as_str());
        if !matches!(status.as_str(), "" | "queued" | "in_progress" | "cancelling") {
            found.finish_reason = Some(reason.map_or(status, str::to_owned));
        }
        fields.shift_remove("required_action");
        found.keep_all(fields);
    }

    /// An object of a list: messages are answers of their own, with whose they are.
    fn listed(&mut self, item: Value, found: &mut Found) {
        if let Some(thread) = item.get("thread_id").and_then(Value::as_str) {
            found.decoded.thread = Some(NamedThread::field(thread));
        }
        match item.get("object").and_then(Value::as_str) {
            Some("thread.message") => {
                let said = message(&item);
                let mut parts = said.parts;
                let value = json!({"id": item.get("id"), "role": said.role});
                parts.push(Part::Other { value });
                found.choose(Choice { parts, finish_reason: None });
            }
            Some("thread.run.step") => {
                if let Some(details) = item.get("step_details") {
                    self.calls.whole(details, found);
                }
                found.keep_one("data", item);
            }
            _ => found.keep_one("data", item),
        }
    }
}

fn kind(fields: &Map<String, Value>) -> String {
    fields.get("object").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A piece of a message: words grow, anything else is whole.
fn delta(fields: &Map<String, Value>, found: &mut Found, tell: &mut Tell<'_>) {
    let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
    let blocks = fields.get("delta").and_then(|delta| delta.get("content")?.as_array());
    for block in blocks.into_iter().flatten() {
        let index = block.get("index").and_then(Value::as_u64).unwrap_or_default();
        let key = format!("{id}/{index}");
        let words = block.pointer("/text/value").or_else(|| block.get("refusal"));
        match words.and_then(Value::as_str) {
            Some(words) => found.grow(&key, words, tell),
            None if block.get("text").is_some() => {}
            None => {
                for part in content(block) {
                    found.named(&key, || part);
                }
            }
        }
    }
}

/// Keeps what a text cites.
fn annotated(block: &Value, found: &mut Found) {
    let cited = block.pointer("/text/annotations").and_then(Value::as_array);
    for annotation in cited.into_iter().flatten() {
        found.keep_one("annotations", annotation.clone());
    }
}

/// What a tool gave.
fn result(output: Value) -> Part {
    let text = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
    Part::ToolResult {
        id: text("tool_call_id"),
        name: None,
        parts: text("output").map(Part::text).into_iter().collect(),
        is_error: None,
    }
}
