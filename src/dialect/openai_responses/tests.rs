//! What golden cases do not show: no panic, no stack overflow, bounds.

use jiff::Timestamp;
use proptest::prelude::*;

use super::OpenaiResponses;
use crate::dialect::openai_realtime::OpenaiRealtime;
use crate::dialect::{Asked, Conversation, Decoded, Dialect, Frame, Progress, Spoken, Turn};
use crate::model::Headers;
use crate::observe::sse;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn asked<'a>(path: &'a str, headers: &'a Headers, body: &'a [u8]) -> Asked<'a> {
    Asked { method: "POST", host: "api.example.test", path, headers, body }
}

fn stream(events: &[&str]) -> Decoded {
    let mut reading = OpenaiResponses.begin(&asked("/v1/responses", &vec![], b"{}"));
    for data in events {
        let event = sse::Event { name: "", data };
        reading.reply(Frame::Event(event), AT, &mut |_| {});
    }
    reading.finish()
}

fn socket(dialect: &dyn Dialect, path: &str) -> Box<dyn Conversation> {
    dialect.converse(&asked(path, &vec![], b"")).unwrap()
}

fn hear(socket: &mut dyn Conversation, text: &str) -> Turn {
    socket.received(Spoken::Text(text), AT, &mut |_| {})
}

/// Reads `lines` in every way there is.
fn read(lines: &[String]) {
    let body = lines.join("\n");
    for path in ["/v1/responses", "/v1/responses/resp_1/input_items", "/v1/responses/input_tokens"]
    {
        for status in [200, 400] {
            let mut reading = OpenaiResponses.begin(&asked(path, &vec![], body.as_bytes()));
            let frame = Frame::Body { body: body.as_bytes(), status };
            reading.reply(frame, AT, &mut |_| {});
            reading.finish();
        }
    }
    let mut secret =
        OpenaiRealtime.begin(&asked("/v1/realtime/sessions", &vec![], body.as_bytes()));
    secret.reply(Frame::Body { body: body.as_bytes(), status: 200 }, AT, &mut |_| {});
    secret.finish();
    stream(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    for (dialect, path) in
        [(&OpenaiResponses as &dyn Dialect, "/v1/responses"), (&OpenaiRealtime, "/v1/realtime")]
    {
        let mut socket = socket(dialect, path);
        for line in lines {
            for turn in [socket.sent(Spoken::Text(line), AT), hear(socket.as_mut(), line)] {
                socket.peek(turn);
                socket.prompt(turn);
                if socket.progress(turn) == Progress::Over {
                    socket.finish(turn);
                }
            }
        }
    }
}

/// Words of both formats, so that random JSON comes near to what they know.
const WORDS: &[&str] = &[
    "type",
    "response",
    "response_id",
    "id",
    "item",
    "item_id",
    "items",
    "output",
    "input",
    "output_index",
    "content_index",
    "delta",
    "text",
    "content",
    "role",
    "message",
    "reasoning",
    "summary",
    "encrypted_content",
    "function_call",
    "function_call_output",
    "call_id",
    "name",
    "arguments",
    "output_text",
    "input_image",
    "image_url",
    "input_audio",
    "audio",
    "transcript",
    "tools",
    "additional_tools",
    "namespace",
    "usage",
    "error",
    "status",
    "incomplete_details",
    "reason",
    "session",
    "instructions",
    "previous_item_id",
    "previous_response_id",
    "steer",
    "response.create",
    "response.created",
    "response.steer",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.function_call_arguments.delta",
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.completed",
    "response.done",
    "session.update",
    "session.updated",
    "conversation.item.create",
    "conversation.item.added",
    "conversation.item.deleted",
    "conversation.item.truncated",
    "input_audio_buffer.append",
    "input_audio_buffer.committed",
    "transcription",
    "session.output_transcript.delta",
    "conversation.item.input_audio_transcription.completed",
    "completed",
    "annotation",
];

fn json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        word.clone().prop_map(|word| format!("{word:?}")),
        "[a-z ]{0,8}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
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

/// An event of a known type with random fields.
fn event() -> impl Strategy<Value = String> {
    let field = (prop::sample::select(WORDS), json());
    (prop::sample::select(WORDS), prop::collection::vec(field, 0..5)).prop_map(|(kind, fields)| {
        let fields: String =
            fields.into_iter().map(|(name, value)| format!(",{name:?}:{value}")).collect();
        format!("{{\"type\":{kind:?}{fields}}}")
    })
}

proptest! {
    #[test]
    fn nothing_panics(lines in prop::collection::vec(prop_oneof![json(), event()], 1..12)) {
        read(&lines);
    }

    #[test]
    fn noise_does_not_panic(text in "\\PC{0,200}") {
        read(&[text]);
    }
}

#[test]
fn nesting_without_end_does_not_overflow() {
    for open in ["[", "{\"response\":", "{\"content\":[", "{\"tools\":[", "{\"session\":"] {
        for begin in ["", "{\"type\":\"response.create\",\"input\":[", "{\"item\":", "{\"tools\":["]
        {
            read(&[format!("{begin}{}", open.repeat(20_000))]);
        }
    }
}

#[test]
fn items_and_pieces_are_bounded_and_say_so() {
    let mut reading = OpenaiResponses.begin(&asked("/v1/responses", &vec![], b"{}"));
    for at in 0..5_000 {
        let added = format!(
            r#"{{"type":"response.output_item.added","output_index":{at},"item":{{"type":"message"}}}}"#
        );
        let delta = format!(
            r#"{{"type":"response.output_text.delta","output_index":0,"content_index":{at},"delta":"a"}}"#
        );
        for data in [&added, &delta] {
            reading.reply(Frame::Event(sse::Event { name: "", data }), AT, &mut |_| {});
        }
    }
    let decoded = reading.finish();
    assert_eq!(decoded.reply.choices[0].parts.len(), 4096);
    assert!(decoded.notes[0].contains("left out"), "{:?}", decoded.notes);
}

#[test]
fn questions_without_answers_are_bounded_and_say_so() {
    let mut socket = socket(&OpenaiResponses, "/v1/responses");
    for _ in 0..300 {
        socket.sent(Spoken::Text(r#"{"type":"response.create","input":"x"}"#), AT);
    }
    assert_eq!(socket.progress(Turn(0)), Progress::Over);
    assert_eq!(socket.progress(Turn(299)), Progress::Answering);
    assert!(socket.finish(Turn(0)).notes[0].contains("given up"));
}

#[test]
fn an_endless_conversation_is_bounded_and_says_so() {
    let mut socket = socket(&OpenaiRealtime, "/v1/realtime");
    let item = r#"{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#;
    for _ in 0..5000 {
        socket.sent(Spoken::Text(item), AT);
    }
    let turn = socket.sent(Spoken::Text(r#"{"type":"response.create"}"#), AT);
    hear(socket.as_mut(), r#"{"type":"response.created","response":{"id":"r"}}"#);
    let decoded = socket.finish(turn);
    assert_eq!(decoded.request.messages.len(), 4096);
    assert_eq!(decoded.notes, ["the oldest 904 items are left out"]);
}

#[test]
fn every_name_of_a_piece_is_known() {
    use super::piece::{Extent, Kind, classify};
    for (event, expected) in [
        ("response.output_text.delta", Some((Kind::Text, Extent::Delta))),
        ("response.text.done", Some((Kind::Text, Extent::All))),
        ("response.audio.transcript.delta", Some((Kind::Transcript, Extent::Delta))),
        ("response.audio_transcript.delta", Some((Kind::Transcript, Extent::Delta))),
        ("response.output_audio.delta", Some((Kind::Sound, Extent::Delta))),
        ("response.mcp_call_arguments.done", Some((Kind::Arguments, Extent::All))),
        ("response.mcp_call.arguments_delta", Some((Kind::Arguments, Extent::Delta))),
        ("response.reasoning_summary_text.delta", Some((Kind::Summary, Extent::Delta))),
        ("response.output_item.done", None),
        ("response.content_part.done", None),
        ("response.done", None),
        ("response.tomorrow.delta", None),
    ] {
        assert_eq!(classify(event), expected, "{event}");
    }
}
