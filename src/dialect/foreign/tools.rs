//! Tools that write code and speak Connect with protobuf to servers of their own, as others have
//! read it out of them: Cursor and Windsurf.
//!
//! Only some fields are known by name, so what is read is a message with those names and the
//! numbers of the others, from which [`unknown`](crate::dialect::unknown) picks the words.

use serde_json::{Map, Value};

use super::values::object;
use super::{Foreign, Inner, Translate};
use crate::dialect::schema::{self, Schema, cursor, windsurf};
use crate::dialect::{Asked, Decoded, grpc, json};
use crate::model::Usage;

/// Cursor's chat and its agent.
pub(in crate::dialect) const CURSOR: Foreign = Foreign {
    name: "cursor",
    claim: |place| service(place.path, "cursor").map(|service| service.operation),
    begin: |place| tool(place.path),
};

/// Windsurf's and Devin's chat.
pub(in crate::dialect) const WINDSURF: Foreign = Foreign {
    name: "windsurf",
    claim: |place| service(place.path, "windsurf").map(|service| service.operation),
    begin: |place| tool(place.path),
};

/// A method and the schemas of its messages.
struct Service {
    tool: &'static str,
    /// How its path begins: some methods have a second form for HTTP/1.1 behind it.
    path: &'static str,
    operation: &'static str,
    ask: &'static Schema,
    told: &'static Schema,
}

static SERVICES: [Service; 4] = [
    Service {
        tool: "cursor",
        path: "/aiserver.v1.ChatService/StreamUnifiedChatWithTools",
        operation: "chat",
        ask: &cursor::CHAT_REQUEST,
        told: &cursor::CHAT_RESPONSE,
    },
    Service {
        tool: "cursor",
        path: "/agent.v1.AgentService/Run",
        operation: "agent",
        ask: &cursor::AGENT_REQUEST,
        told: &cursor::AGENT_RESPONSE,
    },
    Service {
        tool: "cursor",
        path: "/aiserver.v1.AgentService/Run",
        operation: "agent",
        ask: &cursor::AGENT_REQUEST,
        told: &cursor::AGENT_RESPONSE,
    },
    Service {
        tool: "windsurf",
        path: "/exa.api_server_pb.ApiServerService/GetChatMessage",
        operation: "chat",
        ask: &windsurf::REQUEST,
        told: &windsurf::RESPONSE,
    },
];

fn service(path: &str, tool: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.tool == tool && path.starts_with(service.path))
}

fn tool(path: &str) -> Box<dyn Translate> {
    let found = SERVICES.iter().find(|service| path.starts_with(service.path));
    let (ask, told) = found.map_or((&schema::UNKNOWN, &schema::UNKNOWN), |had| (had.ask, had.told));
    Box::new(Tool { ask, told, counts: Map::new() })
}

struct Tool {
    ask: &'static Schema,
    told: &'static Schema,
    /// Tokens as Windsurf counts them, by their names.
    counts: Map<String, Value>,
}

impl Translate for Tool {
    fn inner(&self) -> Inner {
        Inner::Unknown
    }

    fn decode(&mut self, asked: &Asked<'_>) -> Option<Value> {
        // The first message of a stream is the prompt; behind it come results of tools.
        let mut messages = Vec::new();
        grpc::messages(asked, &mut |message| messages.extend(schema::json(message, self.ask)));
        let mut messages = messages.into_iter();
        let mut first = object(messages.next());
        let rest: Vec<Value> = messages.filter(|message| !json::is_empty(message)).collect();
        if !rest.is_empty() {
            first.insert("later".to_owned(), rest.into());
        }
        Some(Value::Object(first))
    }

    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        for envelope in ["request", "run"] {
            let inside = object(ask.remove(envelope));
            ask.extend(inside);
        }
        let mut action = ask.remove("action").unwrap_or_default();
        let words = action.pointer_mut("/user_action/message/text").map(Value::take);
        ask.extend(words.map(|words| ("prompt".to_owned(), words)));
        if !json::is_empty(&action) {
            ask.insert("action".to_owned(), action);
        }
        ask
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        for count in told.pointer("/metrics/counts").and_then(Value::as_array).into_iter().flatten()
        {
            let name = count.get("name").and_then(Value::as_str).unwrap_or_default();
            let number = count.pointer("/value/float").and_then(Value::as_f64).unwrap_or_default();
            // Counts come one by one, and at the end zeros.
            if number > 0.0 && self.counts.len() < COUNTS_MAX {
                // Exact up to 2^53, far beyond any count of tokens.
                self.counts.insert(name.to_owned(), (number as u64).into());
            }
        }
        Some(told)
    }

    fn message(&mut self, message: &[u8]) -> Option<Value> {
        let told = schema::json(message, self.told)?;
        self.told("", told)
    }

    /// Windsurf counts what is read from the cache and written to it beside the input.
    fn finish(&mut self, decoded: &mut Decoded) {
        let count = |name: &str| self.counts.get(name).and_then(Value::as_u64);
        let (input, output) = (count("input_tokens"), count("output_tokens"));
        if input.is_none() && output.is_none() {
            return;
        }
        let cached = count("cached_input_tokens");
        let written = count("cache_creation_input_tokens");
        decoded.usage = Some(Usage {
            input: input.map(|input| input + cached.unwrap_or(0) + written.unwrap_or(0)),
            input_cached: cached,
            input_cache_written: written,
            output,
            source: "provider".to_owned(),
            raw: Value::Object(std::mem::take(&mut self.counts)),
            ..Usage::default()
        });
    }
}

/// Most different counts that are kept.
const COUNTS_MAX: usize = 64;
