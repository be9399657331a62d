//! `docs/exchange.md` says what an exchange is, and an exchange is what it says.

use std::collections::BTreeSet;

use overhear::model::{
    Annotations, App, Choice, Cost, Exchange, ExchangeError, Message, Part, Reply, Request, State,
    ThreadRule, Tool, Usage,
};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/exchange.md"));

/// Fields whose value is somebody else's JSON, or whose elements have no names.
const LEAVES: [&str; 10] = [
    "request.headers",
    "reply.headers",
    "request.params",
    "request.tools[].schema",
    "usage.raw",
    "tool_call.arguments",
    "other.value",
    "notes",
    "annotations.tags",
    "annotations.notes",
];

#[test]
fn every_field_is_documented_and_every_documented_field_is_there() {
    let mut fields = BTreeSet::new();
    collect("", &serde_json::to_value(full()).unwrap(), &mut fields);
    let documented: BTreeSet<String> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(field, _)| field.to_owned())
        .collect();
    let missing: Vec<_> = fields.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&fields).collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
    assert!(invented.is_empty(), "documented, but not there: {invented:?}");
}

#[test]
fn the_example_is_an_exchange() {
    let example = DOCUMENT.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let exchange: Exchange = serde_json::from_str(example).unwrap();
    let shown: Value = serde_json::from_str(example).unwrap();
    assert_eq!(serde_json::to_value(exchange).unwrap(), shown);
}

#[test]
fn every_state_is_documented() {
    for state in [State::Complete, State::Interrupted, State::Failed, State::Truncated] {
        assert!(DOCUMENT.contains(&format!("`{}`:", state.as_str())), "{state:?}");
    }
}

fn collect(path: &str, value: &Value, fields: &mut BTreeSet<String>) {
    if LEAVES.contains(&path) {
        fields.insert(path.to_owned());
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, value, fields);
            }
        }
        Value::Array(parts) if path.ends_with(".parts") => {
            fields.insert(path.to_owned());
            parts.iter().for_each(|part| collect_part(part, fields));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| collect(&format!("{path}[]"), value, fields));
        }
        _ => _ = fields.insert(path.to_owned()),
    }
}

/// Fields of a part are documented by its type, wherever it stands.
fn collect_part(part: &Value, fields: &mut BTreeSet<String>) {
    let mut part = part.clone();
    let kind = part.as_object_mut().and_then(|fields| fields.remove("type"));
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("a part without type");
    collect(kind, &part, fields);
}

/// An exchange in which nothing is missing. Written without `..`, so that a new field must be
/// added here.
fn full() -> Exchange {
    let some = |text: &str| Some(text.to_owned());
    let headers = vec![("name".to_owned(), "value".to_owned())];
    let message = Message { role: "user".into(), parts: parts() };
    let tool = Tool { name: "t".into(), description: some("d"), schema: json!({"a": 1}) };
    Exchange {
        id: uuid::Uuid::from_u128(1),
        flow: uuid::Uuid::from_u128(2),
        thread: some("thread"),
        thread_rule: Some(ThreadRule::Header),
        parent: Some(uuid::Uuid::from_u128(2)),
        inherited: Some(1),
        state: State::Complete,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        first_byte_ms: Some(1.0),
        first_token_ms: Some(2.0),
        duration_ms: Some(3.0),
        app: App { user_agent: some("a/1"), process: some("a"), pid: Some(1) },
        provider: some("p"),
        dialect: some("d"),
        operation: some("chat"),
        origin: "https://example.com".into(),
        method: "POST".into(),
        path: "/".into(),
        http_version: "HTTP/1.1".into(),
        status: Some(200),
        streamed: true,
        request: Request {
            headers: headers.clone(),
            model: some("m"),
            system: some("s"),
            messages: vec![message],
            tools: vec![tool],
            params: serde_json::Map::new(),
        },
        reply: Some(Reply {
            headers,
            id: some("r"),
            model: some("m"),
            choices: vec![Choice { parts: parts(), finish_reason: some("stop") }],
        }),
        usage: Some(Usage {
            input: Some(1),
            input_cached: Some(1),
            input_cache_written: Some(1),
            input_cache_written_1h: Some(1),
            input_audio: Some(1),
            input_image: Some(1),
            input_audio_cached: Some(1),
            input_image_cached: Some(1),
            output: Some(1),
            reasoning: Some(1),
            output_audio: Some(1),
            output_image: Some(1),
            source: "provider".into(),
            raw: json!({"a": 1}),
        }),
        cost_usd: Some(0.1),
        cost_source: Some(Cost::Reported),
        error: Some(ExchangeError { kind: "k".into(), message: "m".into() }),
        notes: vec!["n".into()],
        annotations: Annotations { pinned: true, tags: vec!["t".into()], notes: vec!["n".into()] },
    }
}

fn parts() -> Vec<Part> {
    let some = |text: &str| Some(text.to_owned());
    vec![
        Part::Text { text: "t".into() },
        Part::Image { mime_type: some("m"), url: some("u"), file_id: some("f"), bytes: Some(1) },
        Part::Audio { mime_type: some("m"), id: some("i"), transcript: some("t"), bytes: Some(1) },
        Part::File {
            name: some("n"),
            mime_type: some("m"),
            file_id: some("f"),
            url: some("u"),
            text: some("t"),
            bytes: Some(1),
        },
        Part::ToolCall { id: some("i"), name: "n".into(), arguments: json!({}) },
        Part::ToolResult {
            id: some("i"),
            name: some("n"),
            parts: vec![Part::text("t")],
            is_error: Some(true),
        },
        Part::Reasoning { text: "t".into(), signature: some("s") },
        Part::Other { value: json!(1) },
    ]
}
