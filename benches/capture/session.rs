//! Sessions as agents have them: each request carries the whole history, each answer streams.

use base64::Engine;
use serde_json::{Value, json};

use super::words::{Chance, Vocabulary};

/// What makes a session.
pub struct Plan {
    pub turns: usize,
    /// Bytes of the system prompt, of the tools, and of what a turn adds.
    pub system: usize,
    pub tools: usize,
    pub turn: usize,
    /// Every how many turns a picture comes.
    pub picture_every: usize,
    /// Pieces in which an answer comes.
    pub events: usize,
}

impl Plan {
    pub fn agent(turns: usize) -> Self {
        Self {
            turns,
            system: 28 << 10,
            tools: 40 << 10,
            turn: 10_500,
            picture_every: 20,
            events: 300,
        }
    }

    /// A long chat without tools.
    pub fn chat(turns: usize) -> Self {
        Self {
            turns,
            system: 4 << 10,
            tools: 0,
            turn: 4000,
            picture_every: usize::MAX,
            events: 300,
        }
    }
}

/// How an app writes JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    JavaScript,
    Python,
}

/// A conversation under way.
pub struct Session<'a> {
    words: &'a Vocabulary,
    plan: Plan,
    escapes: Escapes,
    is_anthropic: bool,
    chance: Chance,
    number: u64,
    system: String,
    tools: Vec<Value>,
    messages: Vec<Value>,
    turn: usize,
}

/// One request and its reply, as they go over the wire.
pub struct Turn {
    pub request: Vec<u8>,
    pub reply: Vec<Vec<u8>>,
}

impl<'a> Session<'a> {
    /// Sessions of one app have system prompt and tools in common, `number` for number.
    pub fn new(words: &'a Vocabulary, plan: Plan, number: u64) -> Self {
        let mut app = Chance::new(100 + number % 4);
        let system = words.prose(&mut app, plan.system);
        let mut tools = Vec::new();
        let mut length = 0;
        while length < plan.tools {
            let tool = tool(words, &mut app, tools.len());
            length += tool.to_string().len();
            tools.push(tool);
        }
        let escapes = if number % 4 == 3 { Escapes::Python } else { Escapes::JavaScript };
        Self {
            words,
            plan,
            escapes,
            is_anthropic: number.is_multiple_of(2),
            chance: Chance::new(1000 + number),
            number,
            system,
            tools,
            messages: Vec::new(),
            turn: 0,
        }
    }

    fn ask(&mut self) {
        let (chance, words) = (&mut self.chance, self.words);
        let length = self.plan.turn;
        let mut parts = Vec::new();
        if self.plan.tools == 0 || self.turn == 0 {
            let length = length / 4 + chance.below(length / 4);
            let text = words.prose(chance, length);
            self.messages
                .push(json!({"role": "user", "content": [{"type": "text", "text": text}]}));
            return;
        }
        let length = length / 4 + chance.below(length);
        let output = match chance.below(3) {
            0 => words.prose(chance, length),
            _ => words.code(chance, length),
        };
        let id = format!("toolu_{}_{}", self.number, self.turn - 1);
        if self.is_anthropic {
            parts.push(json!({"tool_use_id": id, "type": "tool_result", "content": output}));
            if self.turn % self.plan.picture_every == 7 {
                let picture =
                    base64::engine::general_purpose::STANDARD.encode(chance.bytes(30_000));
                parts.push(json!({"type": "image", "source":
                    {"type": "base64", "media_type": "image/png", "data": picture}}));
            }
            self.messages.push(json!({"role": "user", "content": parts}));
        } else {
            self.messages.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
        }
    }

    fn answer(&mut self) -> (String, Option<(String, Value)>) {
        let (chance, words) = (&mut self.chance, self.words);
        if self.plan.tools == 0 {
            return (words.prose(chance, self.plan.turn / 2), None);
        }
        let text = words.prose(chance, 500);
        let arguments = json!({
            "file_path": format!("/home/someone/src/{}.rs", chance.letters(8, b"abcdefgh")),
            "content": words.code(chance, 900),
        });
        (text, Some((format!("toolu_{}_{}", self.number, self.turn), arguments)))
    }

    /// The next request and its reply.
    pub fn next(&mut self) -> Option<Turn> {
        if self.turn == self.plan.turns {
            return None;
        }
        self.ask();
        let request = self.request();
        let (text, call) = self.answer();
        let reply = match self.is_anthropic {
            true => self.anthropic_reply(&text, call.as_ref()),
            false => self.openai_reply(&text, call.as_ref()),
        };
        let mut parts = vec![json!({"type": "text", "text": text})];
        let message = match (self.is_anthropic, call) {
            (true, Some((id, input))) => {
                parts.push(json!({"type": "tool_use", "id": id, "name": "write", "input": input}));
                json!({"role": "assistant", "content": parts})
            }
            (true, None) => json!({"role": "assistant", "content": parts}),
            (false, Some((id, input))) => {
                json!({"role": "assistant", "content": text, "tool_calls": [
                {"id": id, "type": "function",
                 "function": {"name": "write", "arguments": input.to_string()}}]})
            }
            (false, None) => json!({"role": "assistant", "content": text}),
        };
        self.messages.push(message);
        self.turn += 1;
        Some(Turn { request, reply })
    }

    fn request(&self) -> Vec<u8> {
        let mut body = if self.is_anthropic {
            json!({"model": "claude-example-5", "max_tokens": 32000, "stream": true,
                "system": [{"type": "text", "text": self.system, "cache_control": {"type": "ephemeral"}}],
                "messages": self.messages, "tools": self.tools,
                "metadata": {"user_id": format!("user_account__session_{}", self.number)}})
        } else {
            let mut messages = vec![json!({"role": "system", "content": self.system})];
            messages.extend(self.messages.iter().cloned());
            json!({"model": "gpt-example-6", "messages": messages, "tools": self.tools, "stream": true,
                "stream_options": {"include_usage": true}})
        };
        if self.is_anthropic {
            mark_cached(&mut body);
        }
        let json = match self.escapes {
            Escapes::JavaScript => body.to_string(),
            Escapes::Python => escaped(&body.to_string()),
        };
        let (path, host) = match self.is_anthropic {
            true => ("/v1/messages?beta=true", "api.anthropic.com"),
            false => ("/v1/chat/completions", "api.openai.com"),
        };
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             user-agent: example-agent/2.{} (external, cli)\r\nx-stainless-lang: js\r\n\
             x-stainless-package-version: 0.70.0\r\nx-stainless-os: Linux\r\nx-app: cli\r\n\
             x-stainless-retry-count: 0\r\naccept: application/json\r\naccept-encoding: identity\r\n\
             authorization: Bearer sk-fake-{:032}\r\ncontent-length: {}\r\n\r\n{json}",
            self.number % 4,
            self.number % 4,
            json.len(),
        )
        .into_bytes()
    }

    fn head(&mut self) -> Vec<u8> {
        let chance = &mut self.chance;
        let hex = b"0123456789abcdef";
        format!(
            "HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 10:{:02}:{:02} GMT\r\n\
             content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\
             connection: keep-alive\r\ncache-control: no-cache\r\nserver: cloudflare\r\n\
             x-request-id: req_{}\r\nx-ratelimit-remaining-tokens: {}\r\ncf-ray: {}-AMS\r\n\r\n",
            chance.below(60),
            chance.below(60),
            chance.letters(24, b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            chance.below(1_000_000),
            chance.letters(16, hex),
        )
        .into_bytes()
    }

    fn anthropic_reply(&mut self, text: &str, call: Option<&(String, Value)>) -> Vec<Vec<u8>> {
        let mut reply = vec![self.head()];
        let mut event = |name: &str, mut fields: Value| {
            fields["type"] = json!(name);
            reply.push(chunk(&format!("event: {name}\ndata: {fields}\n\n")));
        };
        let input = 1000 * self.turn;
        event(
            "message_start",
            json!({"message": {"id": format!("msg_{}_{}", self.number, self.turn),
            "type": "message", "role": "assistant", "model": "claude-example-5", "content": [],
            "stop_reason": null, "usage": {"input_tokens": 4, "cache_read_input_tokens": input, "output_tokens": 1}}}),
        );
        event(
            "content_block_start",
            json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
        );
        let written = call.map(|(_, input)| input.to_string()).unwrap_or_default();
        let size = (text.len() + written.len()) / self.plan.events + 1;
        for delta in tokens(&mut self.chance, text, size) {
            event(
                "content_block_delta",
                json!({"index": 0, "delta": {"type": "text_delta", "text": delta}}),
            );
        }
        event("content_block_stop", json!({"index": 0}));
        if let Some((id, _)) = call {
            event(
                "content_block_start",
                json!({"index": 1, "content_block":
                {"type": "tool_use", "id": id, "name": "write", "input": {}}}),
            );
            for delta in tokens(&mut self.chance, &written, size) {
                event(
                    "content_block_delta",
                    json!({"index": 1, "delta":
                    {"type": "input_json_delta", "partial_json": delta}}),
                );
            }
            event("content_block_stop", json!({"index": 1}));
        }
        event(
            "message_delta",
            json!({"delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 300}}),
        );
        event("message_stop", json!({}));
        reply.push(b"0\r\n\r\n".to_vec());
        reply
    }

    fn openai_reply(&mut self, text: &str, call: Option<&(String, Value)>) -> Vec<Vec<u8>> {
        let mut reply = vec![self.head()];
        let id = format!("chatcmpl-{}{:06}", self.number, self.turn);
        let mut event = |delta: Value, finish: Value| {
            let data = json!({"id": id, "object": "chat.completion.chunk", "created": 1_795_000_000 + self.turn,
                "model": "gpt-example-6-2026-08-01", "service_tier": "default",
                "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}], "usage": null});
            reply.push(chunk(&format!("data: {data}\n\n")));
        };
        event(json!({"role": "assistant", "content": ""}), Value::Null);
        let written = call.map(|(_, input)| input.to_string()).unwrap_or_default();
        let size = (text.len() + written.len()) / self.plan.events + 1;
        for delta in tokens(&mut self.chance, text, size) {
            event(json!({"content": delta}), Value::Null);
        }
        if let Some((id, _)) = call {
            event(
                json!({"tool_calls": [{"index": 0, "id": id, "type": "function",
                "function": {"name": "write", "arguments": ""}}]}),
                Value::Null,
            );
            for delta in tokens(&mut self.chance, &written, size) {
                event(
                    json!({"tool_calls": [{"index": 0, "function": {"arguments": delta}}]}),
                    Value::Null,
                );
            }
        }
        event(json!({}), json!("tool_calls"));
        reply.push(chunk("data: [DONE]\n\n"));
        reply.push(b"0\r\n\r\n".to_vec());
        reply
    }
}

fn tool(words: &Vocabulary, chance: &mut Chance, number: usize) -> Value {
    let properties: serde_json::Map<String, Value> = (0..3 + chance.below(4))
        .map(|_| {
            let length = 40 + chance.below(200);
            let name = chance.letters(7, b"abcdefghijklmnopqrstuvwxyz");
            (name, json!({"type": "string", "description": words.prose(chance, length)}))
        })
        .collect();
    let length = 200 + chance.below(2500);
    json!({"name": format!("tool_{number}"), "description": words.prose(chance, length),
        "input_schema": {"type": "object", "properties": properties, "additionalProperties": false}})
}

/// Marks the last block of the last two messages of the user, as apps do that cache a prefix.
fn mark_cached(body: &mut Value) {
    let messages = body["messages"].as_array_mut().into_iter().flatten().rev();
    for message in messages.filter(|message| message["role"] == "user").take(2) {
        if let Some(block) = message["content"].as_array_mut().and_then(|blocks| blocks.last_mut())
        {
            block["cache_control"] = json!({"type": "ephemeral"});
        }
    }
}

/// As Python's `json.dumps` writes it: what is not ASCII by its numbers.
fn escaped(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// Pieces of about `size` bytes, of whole characters.
fn tokens<'t>(chance: &mut Chance, text: &'t str, size: usize) -> Vec<&'t str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = (1 + chance.below(size * 2)).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}
