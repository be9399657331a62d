//! Any input is read, whatever it is.

use jiff::Timestamp;
use proptest::prelude::*;

use super::Gemini;
use crate::dialect::{Asked, Dialect, Frame, Progress, Spoken};
use crate::model::Part;
use crate::observe::sse;

/// One path for each way of reading.
const PATHS: [&str; 6] = [
    "/v1beta/models/m:streamGenerateContent?alt=sse",
    "/v1internal:streamGenerateContent?alt=sse",
    "/v1beta/interactions",
    "/v1beta/models/m:batchEmbedContents",
    "/v1beta/models/imagen-m:predict",
    "/v1alpha/auth_tokens",
];

const SOCKET: &str =
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

/// Words of the format, so that random JSON comes near to what is known.
const WORDS: &[&str] = &[
    "contents",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "mimeType",
    "image/png",
    "audio/pcm",
    "data",
    "functionCall",
    "functionResponse",
    "response",
    "name",
    "args",
    "partialArgs",
    "jsonPath",
    "$.a[0].b",
    "stringValue",
    "willContinue",
    "candidates",
    "content",
    "finishReason",
    "groundingMetadata",
    "usageMetadata",
    "promptTokenCount",
    "promptFeedback",
    "blockReason",
    "request",
    "requests",
    "instances",
    "predictions",
    "error",
    "event_type",
    "step.start",
    "step.delta",
    "interaction.completed",
    "interaction",
    "steps",
    "step",
    "delta",
    "type",
    "thought_summary",
    "arguments_delta",
    "function_call",
    "function_result",
    "model_output",
    "result",
    "summary",
    "input",
    "role",
    "setup",
    "clientContent",
    "turns",
    "turnComplete",
    "realtimeInput",
    "audio",
    "toolResponse",
    "functionResponses",
    "serverContent",
    "modelTurn",
    "outputTranscription",
    "inputTranscription",
    "interrupted",
    "toolCall",
    "functionCalls",
    "audioChunks",
    "weightedPrompts",
    "playbackControl",
    "STOP",
];

fn json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        word.clone().prop_map(|word| format!("{word:?}")),
        Just("\"\\ud83d\"".to_owned()),
    ];
    leaf.prop_recursive(8, 64, 5, move |inner| {
        let field = (word.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(field, 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.into_iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// Reads `lines` in every way: the first as the request's body, the others as events, as a
/// body and as the messages of a socket.
fn read(lines: &[&str], status: u16) {
    let headers = Vec::new();
    let (body, reply) = lines.split_first().map_or(("", &[][..]), |(body, reply)| (*body, reply));
    for path in PATHS {
        let body = body.as_bytes();
        let asked = Asked { method: "POST", host: "g.test", path, headers: &headers, body };
        Gemini.claim(&asked);
        let mut streamed = Gemini.begin(&asked);
        for data in reply {
            let event = Frame::Event(sse::Event { name: "", data });
            streamed.reply(event, Timestamp::UNIX_EPOCH, &mut |_| {});
            streamed.reply(Frame::Document(data), Timestamp::UNIX_EPOCH, &mut |_| {});
        }
        streamed.is_complete();
        streamed.finish();
        let mut whole = Gemini.begin(&asked);
        let body = reply.join("\n");
        let body = Frame::Body { body: body.as_bytes(), status };
        whole.reply(body, Timestamp::UNIX_EPOCH, &mut |_| {});
        whole.finish();
    }
    converse(lines);
}

/// Says `lines` over a socket, the app and the provider by turns.
fn converse(lines: &[&str]) {
    let headers = Vec::new();
    let asked = Asked { method: "GET", host: "g.test", path: SOCKET, headers: &headers, body: b"" };
    let mut session = Gemini.converse(&asked).unwrap();
    let mut last = 0;
    for (nth, line) in lines.iter().enumerate() {
        let turn = match nth % 2 {
            0 => session.sent(Spoken::Text(line), Timestamp::UNIX_EPOCH),
            _ => {
                let said = Spoken::Binary(line.as_bytes());
                session.received(said, Timestamp::UNIX_EPOCH, &mut |_| {})
            }
        };
        assert!(turn.0 <= last + 1, "turns rise without a hole");
        last = last.max(turn.0);
        session.prompt(turn);
        session.peek(turn);
        if session.progress(turn) == Progress::Over {
            session.finish(turn);
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics(lines in prop::collection::vec(json(), 1..8), cut in 0usize..400) {
        let whole: Vec<&str> = lines.iter().map(String::as_str).collect();
        read(&whole, 200);
        let cut: Vec<&str> =
            whole.iter().map(|line| line.get(..cut.min(line.len())).unwrap_or(line)).collect();
        read(&cut, 400);
    }

    #[test]
    fn noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        read(&text.split('\n').collect::<Vec<_>>(), 200);
    }
}

#[test]
fn nesting_without_end_does_not_overflow() {
    for open in [
        "[",
        "{\"response\":",
        "{\"request\":",
        "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"parts\":",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionResponse\":{\"parts\":",
        "{\"input\":[{\"type\":\"function_result\",\"result\":",
        "{\"step\":{\"type\":\"model_output\",\"content\":",
    ] {
        let deep = open.repeat(100_000 / open.len());
        read(&[&deep, &deep, &deep], 200);
    }
}

#[test]
fn an_endless_event_of_lines_does_not_overflow() {
    let lines = "{}\n".repeat(100_000);
    read(&["{}", &lines], 200);
}

#[test]
fn a_long_stream_is_one_part() {
    let headers = Vec::new();
    let asked =
        Asked { method: "POST", host: "g.test", path: PATHS[0], headers: &headers, body: b"{}" };
    let mut reading = Gemini.begin(&asked);
    let data = r#"{"candidates":[{"content":{"parts":[{"text":"word "}]},"index":0}]}"#;
    for _ in 0..50_000 {
        let event = Frame::Event(sse::Event { name: "", data });
        reading.reply(event, Timestamp::UNIX_EPOCH, &mut |_| {});
    }
    let decoded = reading.finish();
    let parts = &decoded.reply.choices[0].parts;
    assert_eq!(parts, &[Part::text("word ".repeat(50_000))]);
}
