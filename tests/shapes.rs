#![cfg(test)]
//! Any JSON, in any framing, is read by every dialect without a panic, and the same however it
//! is cut.

use jiff::Timestamp;
use overhear::dialect::{self, Asked, Decoded, Frame};
use overhear::observe::{eventstream, sse};
use proptest::prelude::*;

/// Requests of every kind of reading: method, host and path.
const KINDS: &[(&str, &str, &str)] = &[
    ("POST", "bedrock-runtime.x", "/model/m/converse"),
    ("POST", "bedrock-runtime.x", "/model/m/converse-stream"),
    ("POST", "bedrock-runtime.x", "/model/anthropic.m/invoke"),
    ("POST", "bedrock-runtime.x", "/model/amazon.nova/invoke"),
    ("POST", "bedrock-runtime.x", "/model/meta.llama/invoke-with-response-stream"),
    ("POST", "bedrock-runtime.x", "/model/cohere.m/invoke"),
    ("POST", "bedrock-runtime.x", "/model/embed/invoke"),
    ("POST", "bedrock-runtime.x", "/model/m/count-tokens"),
    ("POST", "bedrock-runtime.x", "/model/m/invoke-with-bidirectional-stream"),
    ("POST", "bedrock-runtime.x", "/guardrail/g/version/1/apply"),
    ("POST", "bedrock-runtime.x", "/agents/s"),
    ("POST", "localhost", "/api/chat"),
    ("POST", "localhost", "/api/generate"),
    ("POST", "localhost", "/api/embed"),
    ("POST", "localhost", "/api/pull"),
    ("POST", "api.cohere.com", "/v2/chat"),
    ("POST", "api.cohere.com", "/v1/chat"),
    ("POST", "api.cohere.com", "/v1/generate"),
    ("POST", "api.cohere.com", "/v2/embed"),
    ("POST", "api.cohere.com", "/v1/rerank"),
    ("POST", "api.mistral.ai", "/v1/conversations/c"),
    ("POST", "api.mistral.ai", "/v1/ocr"),
    ("POST", "api.mistral.ai", "/v1/chat/moderations"),
    ("POST", "api.mistral.ai", "/v1/agents"),
];

/// Words that the dialects know, so that random JSON comes near to what they read.
const WORDS: &[&str] = &[
    "additionalModelResponseFields",
    "arguments",
    "billed_units",
    "bytes",
    "calls",
    "chat_history",
    "chunk",
    "citation",
    "citations",
    "content",
    "content-delta",
    "contentBlockDelta",
    "contentBlockIndex",
    "contentBlockStart",
    "conversation.response.done",
    "conversation_id",
    "converse",
    "data",
    "delta",
    "document",
    "documents",
    "done",
    "done_reason",
    "embeddings",
    "error",
    "event",
    "event_type",
    "finish_reason",
    "format",
    "function",
    "function.call.delta",
    "generations",
    "guardContent",
    "image",
    "index",
    "info",
    "input",
    "inputText",
    "inputs",
    "invokeModel",
    "json",
    "markdown",
    "message",
    "message-end",
    "message.output.delta",
    "messageStart",
    "messageStop",
    "messages",
    "meta",
    "metadata",
    "model",
    "name",
    "output",
    "outputs",
    "pages",
    "parameters",
    "prompt",
    "reasoningContent",
    "response",
    "results",
    "role",
    "source",
    "start",
    "status",
    "stopReason",
    "stream-end",
    "system",
    "text",
    "textOutput",
    "thinking",
    "tokens",
    "toolConfig",
    "toolResult",
    "toolUse",
    "tool_calls",
    "tool_plan",
    "tool_results",
    "tools",
    "trace",
    "type",
    "usage",
];

fn json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        word.clone().prop_map(|word| format!("{word:?}")),
        Just("\"\\ud83d\"".to_owned()),
        Just("\"eyJ0ZXh0IjoiYSJ9\"".to_owned()),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        let field = (word.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(field, 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// Headers of a message of an Amazon event stream, encoded.
fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in fields {
        encoded.push(u8::try_from(name.len()).unwrap());
        encoded.extend(name.as_bytes());
        encoded.push(7);
        encoded.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        encoded.extend(value.as_bytes());
    }
    encoded
}

/// Reads `request` and then `replies`, in each of `framings`: events, lines, messages, whole.
fn read(
    request: &str,
    replies: &[String],
    event: &str,
    framings: std::ops::Range<u8>,
) -> Vec<Decoded> {
    let no_headers = Vec::new();
    let mut all = Vec::new();
    for (method, host, path) in KINDS {
        let asked = Asked { method, host, path, headers: &no_headers, body: request.as_bytes() };
        let Some((dialect, _)) = dialect::claim(&asked) else { continue };
        for framing in framings.clone() {
            let mut reading = dialect.begin(&asked);
            let mut take = |frame: Frame<'_>| {
                reading.reply(frame, Timestamp::UNIX_EPOCH, &mut |_| {});
            };
            for reply in replies {
                let payload = reply.as_bytes();
                let named = headers(&[(":event-type", event), (":message-type", "event")]);
                match framing {
                    0 => take(Frame::Event(sse::Event { name: event, data: reply })),
                    1 => take(Frame::Document(reply)),
                    2 => take(Frame::Message(eventstream::Message { headers: &named, payload })),
                    _ => take(Frame::Body { body: payload, status: 200 }),
                }
            }
            reading.prompt();
            reading.cut();
            reading.is_complete();
            all.push(reading.finish());
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_panics(
        fields in prop::collection::vec((prop::sample::select(WORDS), json()), 0..6),
        replies in prop::collection::vec(json(), 1..4),
        event in prop::sample::select(WORDS),
        cut in 0usize..400,
    ) {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        let request = format!("{{{}}}", fields.join(","));
        read(&request, &replies, event, 0..4);
        read(request.get(..cut).unwrap_or_default(), &replies, event, 0..4);
    }
}

#[test]
fn nesting_without_end_does_not_overflow() {
    for (open, field) in [
        ("[", "messages"),
        ("{\"content\":[", "messages"),
        ("{\"toolResult\":{\"content\":[", "messages"),
        ("{\"response\":{", "input"),
        ("[", "inputs"),
    ] {
        let deep = open.repeat(20_000);
        let request =
            format!("{{\"model\":\"m\",\"prompt\":\"x\",\"{field}\":[{{\"content\":{deep}");
        read(&request, &[deep], "x", 3..4);
    }
}

#[test]
fn every_kind_is_claimed() {
    let body = br#"{"model":"m","messages":[],"inputs":[],"input":[],"prompt":"","document":{}}"#;
    for (method, host, path) in KINDS {
        let asked = Asked { method, host, path, headers: &Vec::new(), body };
        assert!(dialect::claim(&asked).is_some(), "{path}");
    }
}
