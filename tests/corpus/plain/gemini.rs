//! Google's API, read plainly.

use serde_json::{Value, json};

use super::{Plain, error_words, events, text_of};
use crate::golden::replay::Wire;

impl Plain {
    /// A row of the Gemini API: contents or an interaction.
    pub fn of_gemini(path: &str, request: &[u8], reply: Option<&Wire>) -> Self {
        let mut plain = Self::default();
        match serde_json::from_slice::<Value>(request) {
            Ok(asked) if path.contains("/interactions") => plain.interaction_asked(&asked),
            Ok(asked) => plain.contents_asked(&asked),
            Err(_) => plain.is_request_broken = true,
        }
        if let Some((_, model)) = path.rsplit_once("/models/") {
            plain.asked_model = model.split([':', '?']).next().map(str::to_owned);
        }
        let Some(reply) = reply else { return plain };
        let whole = serde_json::from_slice::<Value>(&reply.body);
        match whole {
            Ok(whole) if reply.status() >= 400 => plain.failed = Some(error_words(&whole)),
            Ok(whole) if path.contains("/interactions") => plain.interaction(&[
                json!({"event_type": "steps", "steps": whole["steps"]}),
                json!({"event_type": "interaction.completed", "interaction": whole}),
            ]),
            Ok(whole) if whole["totalTokens"].is_number() => {
                plain.input = whole["totalTokens"].as_u64();
            }
            Ok(whole) if whole["candidates"].is_array() => plain.candidates(&[whole]),
            Ok(_) => plain.answer(),
            Err(_) if path.contains("/interactions") => plain.interaction(&events(&reply.body)),
            Err(_) => plain.candidates(&documents(&reply.body)),
        }
        plain
    }

    fn answer(&mut self) {
        self.text.push(String::new());
        self.finish_reasons.push(None);
    }

    fn contents_asked(&mut self, asked: &Value) {
        let asked = match &asked["generateContentRequest"] {
            Value::Null => asked,
            inner => inner,
        };
        for content in asked["contents"].as_array().into_iter().flatten() {
            let words = list(&content["parts"]).iter().filter(|part| part["thought"] != true);
            let words = words.filter_map(|part| part["text"].as_str()).collect();
            let role = content["role"].as_str().unwrap_or("user").to_owned();
            self.messages.push((role, words));
        }
        let texts: Vec<&str> = list(&asked["systemInstruction"]["parts"])
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect();
        self.system = Some(texts.join("\n\n")).filter(|words| !words.is_empty());
        for tool in asked["tools"].as_array().into_iter().flatten() {
            for function in list(&tool["functionDeclarations"]) {
                self.tools.push(function["name"].as_str().unwrap_or_default().to_owned());
            }
            let own = tool.as_object().unwrap().iter();
            let own =
                own.filter(|(name, value)| *name != "functionDeclarations" && !value.is_null());
            self.tools.extend(own.map(|(name, _)| name.clone()));
        }
    }

    fn candidates(&mut self, chunks: &[Value]) {
        for chunk in chunks {
            self.model = self.model.take().or_else(|| text_of(&chunk["modelVersion"]));
            for candidate in list(&chunk["candidates"]) {
                let index = candidate["index"].as_u64().unwrap_or_default() as usize;
                while self.text.len() <= index {
                    self.answer();
                }
                for part in list(&candidate["content"]["parts"]) {
                    let words = part["text"].as_str().unwrap_or_default();
                    match part["thought"] == true {
                        true => self.reasoning += words,
                        false => self.text[index] += words,
                    }
                    if let Some(name) = part["functionCall"]["name"].as_str() {
                        self.calls.push((name.to_owned(), part["functionCall"]["args"].clone()));
                    }
                }
                if let Some(reason) = text_of(&candidate["finishReason"]) {
                    self.finish_reasons[index] = Some(reason);
                }
            }
            let usage = &chunk["usageMetadata"];
            if usage.is_object() {
                self.input = sum(usage, "promptTokenCount", "toolUsePromptTokenCount");
                self.output = sum(usage, "candidatesTokenCount", "thoughtsTokenCount");
            }
            if chunk["error"].is_object() {
                self.failed = Some(error_words(chunk));
            }
        }
    }

    fn interaction_asked(&mut self, asked: &Value) {
        self.asked_model = text_of(&asked["model"]);
        self.system = text_of(&asked["system_instruction"]);
        for step in list(&asked["input"]) {
            let words: String = match step["content"].as_array() {
                Some(contents) => {
                    let words = contents.iter().map(|one| one["text"].as_str());
                    let words =
                        words.zip(contents).map(|(text, one)| text.or(one["result"].as_str()));
                    words.flatten().collect()
                }
                None => step["text"].as_str().or(step.as_str()).unwrap_or_default().to_owned(),
            };
            let is_models = matches!(step["type"].as_str(), Some("model_output" | "function_call"));
            let role = if is_models { "model" } else { "user" };
            self.messages.push((role.to_owned(), words));
        }
        for tool in list(&asked["tools"]) {
            let name = tool["name"].as_str().or(tool["type"].as_str());
            self.tools.push(name.unwrap_or_default().to_owned());
        }
    }

    fn interaction(&mut self, events: &[Value]) {
        self.answer();
        let mut arguments: Vec<(Value, String)> = Vec::new();
        for event in events {
            for step in list(&event["steps"]).iter().chain([&event["step"]]) {
                let contents = list(&step["content"]).iter().chain(list(&step["summary"]));
                let words: String = contents.filter_map(|one| one["text"].as_str()).collect();
                match step["type"].as_str() {
                    Some("thought") => self.reasoning += &words,
                    Some("function_call") => {
                        let name = step["name"].as_str().unwrap().to_owned();
                        self.calls.push((name, step["arguments"].clone()));
                        arguments.push((event["index"].clone(), String::new()));
                    }
                    _ => self.text[0] += &words,
                }
            }
            let delta = &event["delta"];
            self.text[0] += delta["text"].as_str().unwrap_or_default();
            self.reasoning += delta["content"]["text"].as_str().unwrap_or_default();
            let more = delta["arguments"].as_str().unwrap_or_default();
            if let Some(at) = arguments.iter().position(|(index, _)| *index == event["index"]) {
                arguments[at].1 += more;
            }
            let interaction = &event["interaction"];
            self.model = text_of(&interaction["model"]).or(self.model.take());
            if interaction["usage"].is_object() {
                self.finish_reasons[0] = text_of(&interaction["status"]);
                let usage = &interaction["usage"];
                self.input = sum(usage, "total_input_tokens", "total_tool_use_tokens");
                self.output = sum(usage, "total_output_tokens", "total_thought_tokens");
            }
        }
        for ((_, json), call) in arguments.iter().zip(&mut self.calls) {
            if !json.is_empty() {
                call.1 = serde_json::from_str(json).unwrap();
            }
        }
    }
}

/// The documents of a stream: one an event, or one a line.
fn documents(body: &[u8]) -> Vec<Value> {
    match events(body) {
        events if events.is_empty() => String::from_utf8_lossy(body)
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .collect(),
        events => events,
    }
}

/// The items of a list; anything else but nothing is a list of its own.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn sum(usage: &Value, one: &str, other: &str) -> Option<u64> {
    let counts = [usage[one].as_u64(), usage[other].as_u64()];
    counts.iter().flatten().copied().reduce(|one, other| one + other)
}
