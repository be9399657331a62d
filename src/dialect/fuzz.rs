//! What a fuzzer does with the dialects; the tests do it too, with fewer inputs.

use jiff::Timestamp;

use super::{Asked, DIALECTS, Decoded, Frame};
use crate::observe::sse;

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
