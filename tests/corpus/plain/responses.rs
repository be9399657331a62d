//! A plain reading of responses.

use serde_json::Value;

use super::{Plain, error_words, events, text_of};
use crate::golden::replay::Wire;

impl Plain {
    /// Reads a request for a response and its reply.
    pub fn of_responses(request: &[u8], reply: Option<&Wire>) -> Self {
        let mut plain = Self::default();
        match serde_json::from_slice::<Value>(request) {
            Ok(request) => plain.asked_for_response(&request),
            Err(_) => plain.is_request_broken = true,
        }
        let Some(reply) = reply else { return plain };
        let whole = serde_json::from_slice::<Value>(&reply.body);
        match whole {
            Ok(whole) if reply.status() >= 400 => plain.failed = Some(error_words(&whole)),
            Ok(whole) => plain.response(&whole, &[]),
            Err(_) => plain.response_events(&events(&reply.body)),
        }
        plain
    }

    fn asked_for_response(&mut self, request: &Value) {
        self.asked_model = request["model"].as_str().map(str::to_owned);
        let mut system: Vec<String> = text_of(&request["instructions"]).into_iter().collect();
        let system_is_head = system.is_empty();
        let mut is_head = true;
        if let Some(text) = request["input"].as_str() {
            self.messages.push(("user".to_owned(), text.to_owned()));
        }
        for item in request["input"].as_array().into_iter().flatten() {
            let kind = item["type"].as_str().unwrap_or("message");
            let role = match (item["role"].as_str(), kind) {
                (Some(role), _) => role,
                (None, kind) if kind.ends_with("_output") => "tool",
                (None, _) => "assistant",
            };
            let texts = match kind {
                "message" => texts(&item["content"]),
                kind if kind.ends_with("_output") => texts(&item["output"]),
                _ => Vec::new(),
            };
            is_head &= system_is_head && matches!(role, "system" | "developer");
            if is_head {
                system.extend(texts.iter().cloned());
            }
            self.messages.push((role.to_owned(), texts.concat()));
        }
        self.system = (!system.is_empty()).then(|| system.join("\n\n"));
        let tools = request["tools"].as_array().into_iter().flatten();
        self.tools = tools
            .filter_map(|tool| tool["name"].as_str().or(tool["type"].as_str()))
            .map(str::to_owned)
            .collect();
    }

    fn response_events(&mut self, events: &[Value]) {
        let items: Vec<Value> = events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done")
            .map(|event| event["item"].clone())
            .collect();
        for event in events {
            self.model = text_of(&event["response"]["model"]).or(self.model.take());
            match event["type"].as_str().unwrap_or_default() {
                "response.completed" | "response.incomplete" | "response.failed" => {
                    self.response(&event["response"], &items);
                }
                // The first one counts: the official client stops there.
                "error" => self.failed = Some(error_words(event)),
                _ => {}
            }
        }
    }

    fn response(&mut self, whole: &Value, items: &[Value]) {
        self.model = text_of(&whole["model"]).or(self.model.take());
        if self.failed.is_none() && !whole["error"].is_null() {
            self.failed = Some(error_words(whole));
        }
        self.input = whole["usage"]["input_tokens"].as_u64().or(whole["input_tokens"].as_u64());
        self.output = whole["usage"]["output_tokens"].as_u64();
        let Some(output) = whole["output"].as_array() else { return };
        let output = if output.is_empty() { items } else { output };
        if self.failed.is_some() && output.is_empty() {
            return;
        }
        let reason = text_of(&whole["incomplete_details"]["reason"]);
        self.finish_reasons.push(reason.or(text_of(&whole["status"])));
        let mut text = String::new();
        for item in output {
            match item["type"].as_str().unwrap_or_default() {
                "message" => text += &texts(&item["content"]).concat(),
                "reasoning" => {
                    self.reasoning += &texts(&item["summary"]).concat();
                    self.reasoning += &texts(&item["content"]).concat();
                }
                "function_call" => self.call(&item["name"], item["arguments"].as_str()),
                "custom_tool_call" => {
                    let name = item["name"].as_str().unwrap_or_default().to_owned();
                    self.calls.push((name, item["input"].clone()));
                }
                _ => {}
            }
        }
        self.text.push(text);
    }
}

/// The texts of a content, block by block.
fn texts(content: &Value) -> Vec<String> {
    if let Some(text) = content.as_str() {
        return vec![text.to_owned()];
    }
    let blocks = content.as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
}
