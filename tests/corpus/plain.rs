//! A plain reading of recorded exchanges with `serde_json` alone, to compare with: slow,
//! simple, and without a line of the dialects' code.

mod gemini;
mod responses;

use overhear::dialect::Decoded;
use overhear::model::Part;
use serde_json::Value;

use super::Row;
use crate::golden::replay::Wire;

/// What both readings must agree on.
#[derive(Debug, Default, PartialEq)]
pub struct Plain {
    /// Then there is nothing to compare: the dialects read what they can.
    is_request_broken: bool,
    asked_model: Option<String>,
    /// Roles and words of the prompt.
    messages: Vec<(String, String)>,
    system: Option<String>,
    tools: Vec<String>,
    model: Option<String>,
    text: Vec<String>,
    reasoning: String,
    /// Names and arguments.
    calls: Vec<(String, Value)>,
    finish_reasons: Vec<Option<String>>,
    input: Option<u64>,
    output: Option<u64>,
    failed: Option<String>,
}

impl Plain {
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut compare = |what: &str, expected: String, found: String| {
            if expected != found {
                wrong.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        macro_rules! compare {
            ($($field:ident)*) => {
                $(compare(
                    stringify!($field),
                    format!("{:?}", self.$field),
                    format!("{:?}", found.$field),
                );)*
            };
        }
        if !self.is_request_broken {
            compare!(asked_model messages system tools);
        }
        compare!(model text reasoning calls finish_reasons input output failed);
        wrong
    }

    /// The reading of a row, if there is one of its format.
    pub fn of(row: &Row, request: &[u8], reply: Option<&Wire>) -> Option<Self> {
        match row.api.as_str() {
            "openai.chat" | "anthropic.messages" | "anthropic.count_tokens" => {
                Some(Self::of_wire(request, reply))
            }
            api if api.starts_with("openai.responses") => Some(Self::of_responses(request, reply)),
            "gemini.generateContent"
            | "gemini.streamGenerateContent"
            | "gemini.countTokens"
            | "gemini.interactions" => Some(Self::of_gemini(row.path(), request, reply)),
            _ => None,
        }
    }

    pub fn of_decoded(decoded: &Decoded) -> Self {
        let choices = &decoded.reply.choices;
        Self {
            is_request_broken: false,
            asked_model: decoded.request.model.clone(),
            messages: decoded
                .request
                .messages
                .iter()
                .map(|message| (message.role.clone(), deep_words(&message.parts)))
                .collect(),
            system: decoded.request.system.clone(),
            tools: decoded.request.tools.iter().map(|tool| tool.name.clone()).collect(),
            model: decoded.reply.model.clone(),
            text: choices.iter().map(|choice| words(&choice.parts)).collect(),
            reasoning: choices
                .iter()
                .flat_map(|choice| &choice.parts)
                .filter_map(|part| match part {
                    Part::Reasoning { text, .. } => Some(text.as_str()),
                    _ => None,
                })
                .collect(),
            calls: choices
                .iter()
                .flat_map(|choice| &choice.parts)
                .filter_map(|part| match part {
                    Part::ToolCall { name, arguments, .. } => {
                        Some((name.clone(), arguments.clone()))
                    }
                    _ => None,
                })
                .collect(),
            finish_reasons: choices.iter().map(|choice| choice.finish_reason.clone()).collect(),
            input: decoded.usage.as_ref().and_then(|usage| usage.input),
            output: decoded.usage.as_ref().and_then(|usage| usage.output),
            failed: decoded.error.as_ref().map(|error| error.message.clone()),
        }
    }

    pub fn of_wire(request: &[u8], reply: Option<&Wire>) -> Self {
        let mut plain = Self::default();
        if let Ok(request) = serde_json::from_slice::<Value>(request) {
            plain.asked(&request);
        } else {
            plain.is_request_broken = true;
        }
        let Some(reply) = reply else { return plain };
        let events = events(&reply.body);
        match serde_json::from_slice::<Value>(&reply.body) {
            Ok(whole) if reply.status() >= 400 => plain.failed = Some(error_words(&whole)),
            Ok(whole) => plain.answered(&whole),
            Err(_) if events.iter().any(|event| event["type"] == "message_start") => {
                plain.anthropic_stream(&events);
            }
            Err(_) if reply.status() >= 400 => {
                plain.failed = Some(String::from_utf8_lossy(&reply.body).trim().to_owned());
            }
            Err(_) => plain.openai_stream(&events),
        }
        plain
    }

    fn asked(&mut self, request: &Value) {
        self.asked_model = request["model"].as_str().map(str::to_owned);
        for message in request["messages"].as_array().into_iter().flatten() {
            let role = message["role"].as_str().unwrap_or_default().to_owned();
            self.messages.push((role, content_words(&message["content"])));
        }
        if let Some(prompt) = request["prompt"].as_str() {
            self.messages.push(("user".to_owned(), prompt.to_owned()));
        }
        let head =
            self.messages.iter().take_while(|(role, _)| role == "system" || role == "developer");
        let head: Vec<&str> = head.map(|(_, words)| words.as_str()).collect();
        self.system = (!head.is_empty()).then(|| head.join("\n\n"));
        match &request["system"] {
            Value::String(system) => self.system = Some(system.clone()),
            Value::Array(blocks) => {
                let texts: Vec<&str> =
                    blocks.iter().filter_map(|block| block["text"].as_str()).collect();
                self.system = Some(texts.join("\n\n"));
            }
            _ => {}
        }
        let tools = request["tools"].as_array().into_iter().flatten();
        self.tools = tools
            .chain(request["functions"].as_array().into_iter().flatten())
            .map(|tool| {
                let name = [&tool["function"]["name"], &tool["name"], &tool["type"]];
                let name = name.into_iter().find_map(Value::as_str);
                name.unwrap_or_default().to_owned()
            })
            .collect();
    }

    fn answered(&mut self, whole: &Value) {
        self.model = text_of(&whole["model"]);
        if let Some(input) = whole["input_tokens"].as_u64() {
            self.input = Some(input);
        }
        if whole["type"] == "message" {
            self.text.push(String::new());
            for block in whole["content"].as_array().into_iter().flatten() {
                self.block(block, block["input"].clone());
            }
            self.finish_reasons.push(text_of(&whole["stop_reason"]));
            self.anthropic_usage(&whole["usage"]);
            return;
        }
        for choice in whole["choices"].as_array().into_iter().flatten() {
            let message = &choice["message"];
            self.text.push(content_words(&message["content"]));
            self.finish_reasons.push(text_of(&choice["finish_reason"]));
            self.reasoning += &openai_reasoning(message);
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                self.call(&call["function"]["name"], call["function"]["arguments"].as_str());
            }
            if message["function_call"]["name"].is_string() {
                let function = &message["function_call"];
                self.call(&function["name"], function["arguments"].as_str());
            }
        }
        self.openai_usage(&whole["usage"]);
        if whole["error"].is_object() {
            self.failed = Some(error_words(whole));
        }
    }

    fn openai_stream(&mut self, events: &[Value]) {
        let mut calls: Vec<(Value, String, String, String)> = Vec::new();
        let mut choices: Vec<(u64, String, Option<String>)> = Vec::new();
        for event in events {
            self.model = self.model.take().or_else(|| text_of(&event["model"]));
            if event["error"].is_object() || event["error"].is_string() {
                self.failed = Some(error_words(event));
            }
            for choice in event["choices"].as_array().into_iter().flatten() {
                let index = choice["index"].as_u64().unwrap_or_default();
                if !choices.iter().any(|(had, ..)| *had == index) {
                    choices.push((index, String::new(), None));
                }
                let at = choices.iter().position(|(had, ..)| *had == index).unwrap();
                let delta = &choice["delta"];
                choices[at].1 += &content_words(&delta["content"]);
                if let Some(reason) = text_of(&choice["finish_reason"]) {
                    choices[at].2 = Some(reason);
                }
                self.reasoning += &openai_reasoning(delta);
                for call in delta["tool_calls"].as_array().into_iter().flatten() {
                    let id = call["id"].as_str().unwrap_or_default();
                    let begins = !id.is_empty() && !calls.iter().any(|(_, had, ..)| had == id);
                    if begins {
                        calls.push((
                            call["index"].clone(),
                            id.to_owned(),
                            String::new(),
                            String::new(),
                        ));
                    }
                    let at = match id {
                        "" => calls.iter().rposition(|(had, ..)| *had == call["index"]).unwrap(),
                        _ => calls.iter().position(|(_, had, ..)| had == id).unwrap(),
                    };
                    if calls[at].2.is_empty() {
                        calls[at].2 =
                            call["function"]["name"].as_str().unwrap_or_default().to_owned();
                    }
                    calls[at].3 += call["function"]["arguments"].as_str().unwrap_or_default();
                }
            }
            for usage in [&event["x_groq"]["usage"], &event["usage"]] {
                self.openai_usage(usage);
            }
        }
        for (_, _, name, arguments) in &calls {
            self.call(&Value::String(name.clone()), Some(arguments));
        }
        choices.sort_by_key(|(index, ..)| *index);
        for (_, text, reason) in choices {
            self.text.push(text);
            self.finish_reasons.push(reason);
        }
    }

    fn anthropic_stream(&mut self, events: &[Value]) {
        self.text.push(String::new());
        let mut usage = serde_json::Map::new();
        let mut reason = None;
        for event in events {
            if event["type"] == "message_start" {
                self.model = text_of(&event["message"]["model"]);
                usage.extend(event["message"]["usage"].as_object().cloned().unwrap());
            }
            if event["type"] == "content_block_start" {
                let index = &event["index"];
                let mut block = event["content_block"].clone();
                let mut json = String::new();
                for delta in events
                    .iter()
                    .filter(|e| e["type"] == "content_block_delta" && e["index"] == *index)
                {
                    for field in ["text", "thinking"] {
                        if let Some(more) = delta["delta"][field].as_str() {
                            block[field] = Value::String(
                                block[field].as_str().unwrap_or_default().to_owned() + more,
                            );
                        }
                    }
                    json += delta["delta"]["partial_json"].as_str().unwrap_or_default();
                }
                let input = match json.as_str() {
                    "" => block["input"].clone(),
                    _ => serde_json::from_str(&json).unwrap_or(Value::String(json)),
                };
                self.block(&block, input);
            }
            if event["type"] == "message_delta" {
                reason = text_of(&event["delta"]["stop_reason"]);
                let later = event["usage"].as_object().cloned().unwrap_or_default();
                usage.extend(later.into_iter().filter(|(_, count)| !count.is_null()));
            }
            if event["type"] == "error" {
                self.failed = Some(error_words(event));
            }
        }
        self.finish_reasons.push(reason);
        self.anthropic_usage(&Value::Object(usage));
    }

    fn block(&mut self, block: &Value, input: Value) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => self.text[0] += block["text"].as_str().unwrap(),
            "thinking" => self.reasoning += block["thinking"].as_str().unwrap(),
            "tool_use" | "server_tool_use" => {
                let name = block["name"].as_str().unwrap().to_owned();
                self.calls.push((name, input));
            }
            _ => {}
        }
    }

    fn call(&mut self, name: &Value, arguments: Option<&str>) {
        let arguments = arguments.unwrap_or_default();
        self.calls.push((
            name.as_str().unwrap_or_default().to_owned(),
            serde_json::from_str(arguments).unwrap_or(Value::String(arguments.to_owned())),
        ));
    }

    fn openai_usage(&mut self, usage: &Value) {
        if let (Some(input), Some(output)) =
            (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64())
        {
            let total = usage["total_tokens"].as_u64().unwrap_or_default();
            let thought = usage["completion_tokens_details"]["reasoning_tokens"].as_u64();
            let thought = thought.or(usage["reasoning_tokens"].as_u64()).unwrap_or_default();
            let beside = if total == input + output + thought { thought } else { 0 };
            self.input = Some(input);
            self.output = Some(output + beside);
        }
    }

    fn anthropic_usage(&mut self, usage: &Value) {
        let count = |name: &str| usage[name].as_u64().unwrap_or_default();
        self.input = Some(
            count("input_tokens")
                + count("cache_read_input_tokens")
                + count("cache_creation_input_tokens"),
        );
        self.output = usage["output_tokens"].as_u64();
    }
}

/// The `data` of every event that is JSON.
fn events(body: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(body)
        .replace("\r\n", "\n")
        .split("\n\n")
        .map(|event| {
            let lines = event.split('\n').filter_map(|line| line.strip_prefix("data:"));
            lines.collect::<Vec<_>>().join("\n")
        })
        .filter_map(|data| serde_json::from_str(&data).ok())
        .collect()
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn content_words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .map(|block| match block["type"].as_str() {
                Some("text") => block["text"].as_str().unwrap().to_owned(),
                Some("tool_result") => content_words(&block["content"]),
                _ => String::new(),
            })
            .collect(),
        _ => String::new(),
    }
}

fn openai_reasoning(message: &Value) -> String {
    for field in ["reasoning_content", "reasoning"] {
        if let Some(text) = text_of(&message[field]) {
            return text;
        }
    }
    let details = message["reasoning_details"].as_array().into_iter().flatten();
    let details: String = details
        .filter_map(|detail| detail["text"].as_str().or(detail["summary"].as_str()))
        .collect();
    if !details.is_empty() {
        return details;
    }
    let blocks = message["content"].as_array().into_iter().flatten();
    blocks
        .filter_map(|block| block["thinking"].as_array())
        .flatten()
        .filter_map(|block| block["text"].as_str())
        .collect()
}

fn error_words(whole: &Value) -> String {
    let places = [&whole["error"]["message"], &whole["error"], &whole["detail"], &whole["message"]];
    places.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

fn words(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn deep_words(parts: &[Part]) -> String {
    let texts = parts.iter().map(|part| match part {
        Part::Text { text } => text.clone(),
        Part::ToolResult { parts, .. } => words(parts),
        _ => String::new(),
    });
    texts.collect()
}
