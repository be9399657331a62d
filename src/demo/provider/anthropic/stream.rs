//! The answer to `…/v1/messages` as a stream of events.

use serde_json::{Value, json};

use super::super::words;
use super::messages::{Answer, Output, SIGNATURE};

/// The whole stream.
pub(super) fn events(answer: &Answer<'_>) -> Vec<String> {
    let mut events = opening(answer);
    events.extend(blocks(answer));
    let end = json!({"stop_reason": answer.stop_reason(), "stop_sequence": null});
    let Output { tokens, thinking } = answer.output();
    let usage = json!({
        "output_tokens": tokens,
        "output_tokens_details": {"thinking_tokens": thinking},
    });
    events.push(event(&json!({"type": "message_delta", "delta": end, "usage": usage})));
    events.push(event(&json!({"type": "message_stop"})));
    events
}

/// What comes before a stream breaks.
pub(super) fn first_events(answer: &Answer<'_>) -> Vec<String> {
    let mut events = opening(answer);
    events.extend(blocks(answer).into_iter().take(BROKEN_AFTER));
    events
}

/// One event; its name is its type.
pub(super) fn event(data: &Value) -> String {
    let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}

/// The output tokens told at the start are an estimate that the end replaces.
fn opening(answer: &Answer<'_>) -> Vec<String> {
    let message = answer.message(json!([]), Value::Null, Output { tokens: 1, thinking: 0 });
    vec![
        event(&json!({"type": "message_start", "message": message})),
        event(&json!({"type": "ping"})),
    ]
}

fn blocks(answer: &Answer<'_>) -> Vec<String> {
    let mut events = Vec::new();
    let mut index = 0;
    if let Some(thinking) = answer.thinking() {
        let mut deltas: Vec<_> = words::pieces(thinking)
            .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
            .collect();
        deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
        let start = json!({"type": "thinking", "thinking": "", "signature": ""});
        events.extend(block(index, &start, deltas));
        index += 1;
    }
    let text = words::pieces(&answer.plan.text);
    let deltas = text.map(|piece| json!({"type": "text_delta", "text": piece})).collect();
    events.extend(block(index, &json!({"type": "text", "text": ""}), deltas));
    for (at, call) in answer.plan.calls.iter().enumerate() {
        index += 1;
        // The first piece is empty, as it is with the real one.
        let pieces = std::iter::once("").chain(words::pieces(&call.arguments));
        let deltas = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        let id = answer.call_id(at);
        let start = json!({"type": "tool_use", "id": id, "name": call.name, "input": {}});
        events.extend(block(index, &start, deltas.collect()));
    }
    events
}

fn block(index: usize, start: &Value, deltas: Vec<Value>) -> Vec<String> {
    let mut events = vec![event(
        &json!({"type": "content_block_start", "index": index, "content_block": start}),
    )];
    events.extend(deltas.into_iter().map(|delta| {
        event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
    }));
    events.push(event(&json!({"type": "content_block_stop", "index": index})));
    events
}

/// Events before a stream breaks.
const BROKEN_AFTER: usize = 5;
