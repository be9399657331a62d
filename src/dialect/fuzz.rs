//! What a fuzzer does with the dialects; the tests do it too, with fewer inputs.

use jiff::Timestamp;

use super::{Asked, Conversation, DIALECTS, Decoded, Frame, Grown, Progress, Reading, Spoken};
use crate::observe::{envelope, eventstream, sse};

/// Requests of every kind of reading: method, host and path. What no dialect claims by its path
/// and body is read by the one whose number comes next.
const KINDS: &[(&str, &str, &str)] = &[
    ("POST", "h", "/v1/chat/completions"),
    ("POST", "h", "/v1/messages"),
    ("POST", "h", "/v1/responses"),
    ("GET", "h", "/v1/responses"),
    ("GET", "h", "/v1/realtime?model=m"),
    ("POST", "h", "/v1/completions"),
    ("POST", "h", "/v1/embeddings"),
    ("POST", "h", "/v1/rerank"),
    ("POST", "h", "/v1/images/generations"),
    ("POST", "h", "/v1/audio/transcriptions"),
    ("POST", "h", "/v1/threads/t/runs"),
    ("POST", "h", "/v1/batches"),
    ("GET", "h", "/v1/messages/batches/b/results"),
    ("POST", "h", "/v1/files"),
    ("POST", "h", "/v1/complete"),
    ("POST", "h", "/v1beta/models/m:generateContent"),
    ("POST", "h", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    ("POST", "h", "/v1beta/models/m:embedContent"),
    ("POST", "cloudcode-pa.googleapis.com", "/v1internal:streamGenerateContent"),
    ("POST", "h", "/v1beta/interactions"),
    ("GET", "h", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"),
    ("POST", "bedrock-runtime.x", "/model/m/converse-stream"),
    ("POST", "bedrock-runtime.x", "/model/anthropic.m/invoke-with-response-stream"),
    ("POST", "bedrock-runtime.x", "/model/meta.llama/invoke"),
    ("POST", "bedrock-runtime.x", "/model/m/invoke-with-bidirectional-stream"),
    ("POST", "bedrock-agent-runtime.x", "/agents/a/agentAliases/b/sessions/c/text"),
    ("POST", "localhost", "/api/chat"),
    ("POST", "localhost", "/api/generate"),
    ("POST", "api.cohere.com", "/v2/chat"),
    ("POST", "api.cohere.com", "/v1/chat"),
    ("POST", "api.cohere.com", "/v2/rerank"),
    ("POST", "api.mistral.ai", "/v1/conversations"),
    ("POST", "api.mistral.ai", "/v1/ocr"),
    ("POST", "llm.zed.dev", "/completions"),
    ("POST", "h", "/unheard/of"),
    ("GET", "h", "/unheard/of"),
];

/// What a fuzzer does: the first byte chooses a kind of request, the second how the reply
/// comes, the rest is lines: the request's body, then the reply's pieces.
pub fn run(data: &[u8]) {
    let [kind, framing, rest @ ..] = data else { return };
    let Some((method, host, path)) = KINDS.get(usize::from(*kind) % KINDS.len()) else { return };
    let mut lines = rest.split(|byte| *byte == b'\n');
    let body = lines.next().unwrap_or_default();
    let headers = vec![("upgrade".to_owned(), "websocket".to_owned())];
    let headers = if *method == "GET" { headers } else { Vec::new() };
    let asked = Asked { method, host, path, headers: &headers, body };
    let lines: Vec<&[u8]> = lines.collect();
    let claimed = super::claim(&asked).map(|(dialect, _)| dialect);
    let Some(dialect) =
        claimed.or_else(|| DIALECTS.get(usize::from(*kind) % DIALECTS.len()).copied())
    else {
        return;
    };
    if let Some(mut conversation) = dialect.converse(&asked) {
        converse(conversation.as_mut(), &lines);
    }
    reply(dialect.begin(&asked), *framing, &lines);
}

fn reply(mut reading: Box<dyn Reading>, framing: u8, lines: &[&[u8]]) {
    let at = Timestamp::UNIX_EPOCH;
    let grown = &mut |_: Grown<'_>| {};
    reading.cut();
    let (headers, status) = (Vec::new(), if framing & 16 == 0 { 200 } else { 429 });
    reading.reply(Frame::Head { status, headers: &headers }, at, grown);
    for line in lines {
        let text = String::from_utf8_lossy(line);
        let frame = match framing % 8 {
            0 | 1 => Frame::Event(sse::Event { name: "", data: &text }),
            2 => {
                let (name, data) = text.split_once(' ').unwrap_or(("", &text));
                Frame::Event(sse::Event { name, data })
            }
            3 => Frame::Document(&text),
            4 => Frame::Envelope(envelope::Message { is_end: framing & 32 != 0, bytes: line }),
            5 => {
                let (name, payload) = line.split_at(line.len().min(usize::from(framing >> 4)));
                let mut headers = vec![11];
                headers.extend_from_slice(b":event-type\x07\0");
                headers.push(name.len() as u8);
                headers.extend_from_slice(name);
                reading.reply(
                    Frame::Message(eventstream::Message { headers: &headers, payload }),
                    at,
                    grown,
                );
                continue;
            }
            _ => break,
        };
        reading.reply(frame, at, grown);
    }
    if framing % 8 > 5 {
        let body = lines.join(&b'\n');
        reading.reply(Frame::Body { body: &body, status }, at, grown);
    }
    reading.reply(Frame::Trailers(&headers), at, grown);
    reading.is_complete();
    reading.finish();
}

fn converse(conversation: &mut dyn Conversation, lines: &[&[u8]]) {
    let at = Timestamp::UNIX_EPOCH;
    let mut last = None;
    for line in lines {
        let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default());
        let turn = match line.first() {
            Some(b'>') => conversation.sent(Spoken::Text(&text), at),
            Some(b'<') => conversation.received(Spoken::Text(&text), at, &mut |_| {}),
            _ => conversation.received(Spoken::Binary(line), at, &mut |_| {}),
        };
        conversation.peek(turn);
        conversation.prompt(turn);
        last = Some(turn);
        if conversation.progress(turn) == Progress::Over {
            conversation.finish(turn);
            last = None;
        }
    }
    if let Some(turn) = last {
        conversation.finish(turn);
    }
}

/// Reads `data` with every dialect: its first line as the request's body, each further line
/// as an event, all of them as the body of a reply of `status`.
pub fn read(data: &[u8], status: u16) -> Vec<Decoded> {
    let text = String::from_utf8_lossy(data);
    let (body, reply) = text.split_once('\n').unwrap_or((&text, ""));
    let headers = Vec::new();
    let asked = Asked {
        method: "POST",
        host: "api.example.test",
        path: "/v1/models/m/messages",
        headers: &headers,
        body: body.as_bytes(),
    };
    let mut read = Vec::new();
    for dialect in DIALECTS {
        dialect.claim(&asked);
        let mut streamed = dialect.begin(&asked);
        for data in reply.split('\n') {
            let event = sse::Event { name: "", data };
            streamed.reply(Frame::Event(event), Timestamp::UNIX_EPOCH, &mut |_| {});
        }
        streamed.is_complete();
        read.push(streamed.finish());
        let mut whole = dialect.begin(&asked);
        let body = Frame::Body { body: reply.as_bytes(), status };
        whole.reply(body, Timestamp::UNIX_EPOCH, &mut |_| {});
        read.push(whole.finish());
    }
    read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;

    /// Words of many dialects, so that random JSON comes near to what they know.
    const WORDS: &[&str] = &[
        "messages",
        "content",
        "role",
        "tools",
        "choices",
        "delta",
        "message",
        "index",
        "id",
        "tool_calls",
        "function",
        "arguments",
        "name",
        "usage",
        "error",
        "type",
        "text",
        "content_block",
        "content_block_start",
        "content_block_delta",
        "message_start",
        "message_delta",
        "text_delta",
        "input_json_delta",
        "partial_json",
        "tool_use",
        "tool_result",
        "image_url",
        "source",
        "thinking",
        "reasoning_details",
        "finish_reason",
        "stop_reason",
        "logprobs",
        "audio",
        "data",
        "x_groq",
        "system",
        "prompt",
        "custom",
        "input",
        "output",
        "result",
        "response",
        "embedding",
        "object",
        "thread.message.delta",
        "thread.run",
        "thread.run.step.delta",
        "step_details",
        "value",
        "requests",
        "params",
        "body",
        "custom_id",
        "transcript.text.delta",
        "b64_json",
        "provider_request",
        "event",
    ];

    fn json() -> impl Strategy<Value = String> {
        let word = prop::sample::select(WORDS);
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            word.clone().prop_map(|word| format!("{word:?}")),
            Just("\"\\ud83d\"".to_owned()),
            "[a-z ]{0,8}".prop_map(|text| format!("{text:?}")),
        ];
        leaf.prop_recursive(6, 48, 6, move |inner| {
            let field = (word.clone(), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(field, 0..6).prop_map(|fields| {
                    let fields: Vec<String> = fields
                        .into_iter()
                        .map(|(name, value)| format!("{name:?}:{value}"))
                        .collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_kind_panics(
            kind in any::<u8>(),
            framing in any::<u8>(),
            lines in prop::collection::vec((prop::sample::select(&["", "", ">", "<"][..]), json()), 1..6),
        ) {
            let lines: Vec<String> =
                lines.into_iter().map(|(side, line)| format!("{side}{line}")).collect();
            let mut data = vec![kind, framing];
            data.extend(lines.join("\n").into_bytes());
            super::run(&data);
        }

        #[test]
        fn nothing_panics(lines in prop::collection::vec(json(), 1..6), cut in 0usize..400) {
            let text = lines.join("\n");
            read(text.as_bytes(), 200);
            read(text.as_bytes().get(..cut).unwrap_or_default(), 400);
        }

        #[test]
        fn noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes, 500);
        }
    }

    #[test]
    fn nesting_without_end_does_not_overflow() {
        // The longer ones are less deep, or every dialect reads megabytes of them.
        for (open, depth) in [
            ("[", 100_000),
            ("{\"content\":[", 20_000),
            ("{\"type\":\"tool_result\",\"content\":[", 20_000),
        ] {
            let deep = format!("{{\"messages\":[{{\"content\":{}", open.repeat(depth));
            read(format!("{deep}\n{deep}").as_bytes(), 200);
        }
    }
}
