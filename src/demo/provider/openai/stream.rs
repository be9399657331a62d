//! The answer to `…/chat/completions` as a stream of events.

use serde_json::{Map, Value, json};

use super::super::words;
use super::chat::{Answer, Flavour};

/// The whole stream.
pub(super) fn events(answer: &Answer<'_>) -> Vec<String> {
    let mut events = opening(answer);
    events.extend(deltas(answer).into_iter().map(|(choice, delta)| chunk(answer, choice, delta)));
    for choice in 0..answer.choices {
        events.push(finish(answer, choice));
    }
    if answer.include_usage {
        let mut last = answer.envelope("chat.completion.chunk");
        last.insert("choices".into(), json!([]));
        last.insert("usage".into(), answer.usage());
        events.push(event(&last.into()));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// What comes before a stream breaks.
pub(super) fn first_events(answer: &Answer<'_>) -> Vec<String> {
    let mut events = opening(answer);
    let deltas = deltas(answer).into_iter().take(BROKEN_AFTER);
    events.extend(deltas.map(|(choice, delta)| chunk(answer, choice, delta)));
    events
}

/// One event.
pub(super) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn opening(answer: &Answer<'_>) -> Vec<String> {
    match answer.flavour {
        Flavour::OpenAi => Vec::new(),
        Flavour::OpenRouter => vec![": OPENROUTER PROCESSING\n\n".to_owned(); 2],
    }
}

/// The pieces of all choices, each with its choice; those of several choices take turns.
fn deltas(answer: &Answer<'_>) -> Vec<(usize, Value)> {
    let mut choices: Vec<_> =
        (0..answer.choices).map(|choice| choice_deltas(answer, choice).into_iter()).collect();
    let mut deltas = Vec::new();
    loop {
        let before = deltas.len();
        for (choice, pieces) in choices.iter_mut().enumerate() {
            deltas.extend(pieces.next().map(|delta| (choice, delta)));
        }
        if deltas.len() == before {
            return deltas;
        }
    }
}

fn choice_deltas(answer: &Answer<'_>, choice: usize) -> Vec<Value> {
    let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
    if let Some(reasoning) = &answer.plan.reasoning {
        for piece in words::pieces(reasoning) {
            let mut delta = Map::new();
            delta.insert(answer.reasoning_field().into(), json!(piece));
            deltas.push(delta.into());
        }
    }
    let text = answer.text(choice);
    deltas.extend(words::pieces(&text).map(|piece| json!({ "content": piece })));
    for (at, call) in answer.plan.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let id = answer.call_id(choice, at);
        let opening = json!({"index": at, "id": id, "type": "function", "function": function});
        deltas.push(json!({ "tool_calls": [opening] }));
        deltas.extend(
            words::pieces(&call.arguments).map(
                |piece| json!({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}),
            ),
        );
    }
    deltas
}

fn chunk(answer: &Answer<'_>, choice: usize, delta: Value) -> String {
    choice_event(
        answer,
        json!({"index": choice, "delta": delta, "logprobs": null, "finish_reason": null}),
    )
}

fn finish(answer: &Answer<'_>, choice: usize) -> String {
    let reason = answer.finish_reason();
    choice_event(
        answer,
        json!({"index": choice, "delta": {}, "logprobs": null, "finish_reason": reason}),
    )
}

fn choice_event(answer: &Answer<'_>, choice: Value) -> String {
    let mut chunk = answer.envelope("chat.completion.chunk");
    chunk.insert("choices".into(), json!([choice]));
    if answer.include_usage && answer.flavour == Flavour::OpenAi {
        chunk.insert("usage".into(), Value::Null);
    }
    if answer.flavour == Flavour::OpenAi {
        // OpenAI pads its events so that their sizes do not tell the words; readers skip it.
        chunk.insert("obfuscation".into(), json!("fakepadding"));
    }
    event(&chunk.into())
}

/// Events before a stream breaks.
const BROKEN_AFTER: usize = 4;
