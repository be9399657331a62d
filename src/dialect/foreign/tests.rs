use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::dialect::Frame;
use crate::model::Headers;
use crate::observe::{envelope, eventstream, sse};

const ALL: &[&Foreign] = &[
    &AI21,
    &ALEPH_ALPHA,
    &CLOUDFLARE,
    &CURSOR,
    &DASHSCOPE,
    &DATABRICKS,
    &GEMINI_GRPC,
    &HUGGING_FACE,
    &JETBRAINS,
    &MINIMAX,
    &NOTION,
    &RAYCAST,
    &REPLICATE,
    &SAGEMAKER,
    &SNOWFLAKE,
    &SPEECH,
    &WATSONX,
    &WINDSURF,
    &XAI_GRPC,
];

#[test]
fn each_claims_its_own() {
    for (method, path, body, expected) in [
        ("POST", "/xai_api.Chat/GetCompletionChunk", "", Some(("xai.grpc", "chat"))),
        ("POST", "/xai_api.Chat/DeleteStoredCompletion", "", None),
        (
            "POST",
            "/google.ai.generativelanguage.v1beta.GenerativeService/CountTokens",
            "",
            Some(("gemini.grpc", "count_tokens")),
        ),
        (
            "POST",
            "/google.cloud.aiplatform.v1.PredictionService/StreamGenerateContent",
            "",
            Some(("gemini.grpc", "chat")),
        ),
        ("POST", "/google.cloud.aiplatform.v1.PredictionService/Explain", "", None),
        (
            "POST",
            "/aiserver.v1.ChatService/StreamUnifiedChatWithToolsSSE",
            "",
            Some(("cursor", "chat")),
        ),
        ("POST", "/aiserver.v1.AnalyticsService/Batch", "", None),
        ("POST", "/exa.api_server_pb.ApiServerService/Ping", "", None),
        ("POST", "/ml/v1/deployments/d/text/chat_stream?version=1", "", Some(("watsonx", "chat"))),
        ("GET", "/ml/v1/foundation_model_specs", "", None),
        ("POST", "/client/v4/accounts/a/ai/run/@cf/meta/llama", "", Some(("cloudflare", "run"))),
        ("POST", "/v1/a/g/workers-ai/v1/chat/completions", "", None),
        (
            "POST",
            "/api/v1/services/aigc/text-generation/generation",
            "",
            Some(("dashscope", "chat")),
        ),
        ("POST", "/serving-endpoints/m/invocations", "{}", Some(("databricks", "invoke"))),
        ("POST", "/endpoints/m/invocations", "{}", Some(("sagemaker", "invoke"))),
        ("POST", "/endpoints/m/invocations", "\u{1}", None),
        ("POST", "/api/v2/cortex/inference:complete", "", Some(("snowflake.cortex", "chat"))),
        ("POST", "/v1/text/chatcompletion_v2", "", Some(("minimax", "chat"))),
        ("POST", "/v1/models/a/b/predictions", "{\"input\":{}}", Some(("replicate", "prediction"))),
        ("GET", "/v1/predictions/p", "", Some(("replicate", "prediction"))),
        ("GET", "/v1/models/a/b", "", None),
        ("POST", "/complete", "{\"prompt\":\"x\"}", Some(("aleph-alpha", "completion"))),
        ("POST", "/studio/v1/j2-mid/complete", "{\"prompt\":\"x\"}", Some(("ai21", "completion"))),
        ("POST", "/v1/complete", "{\"prompt\":\"x\"}", None),
        ("POST", "/v1/listen?model=m", "", Some(("speech", "transcription"))),
        ("POST", "/api/v1/ai/chat_completions", "", Some(("raycast", "chat"))),
        ("POST", "/user/v5/llm/chat/stream/v7", "", Some(("jetbrains", "chat"))),
        ("POST", "/api/v3/runInferenceTranscript", "", Some(("notion", "chat"))),
        ("POST", "/generate_stream", "{\"inputs\":\"x\"}", Some(("huggingface", "generate"))),
        ("POST", "/", "{\"inputs\":\"x\"}", Some(("huggingface", "generate"))),
        ("POST", "/generate", "{\"prompt\":\"x\"}", None),
        ("POST", "/v1/chat/completions", "{\"messages\":[]}", None),
    ] {
        let headers = Headers::new();
        let body = body.as_bytes();
        let asked = Asked { method, host: "ai.example.test", path, headers: &headers, body };
        let claims = ALL.iter().filter_map(|one| Some((one.name(), one.claim(&asked)?)));
        assert_eq!(claims.collect::<Vec<_>>(), Vec::from_iter(expected), "{method} {path}");
    }
}

/// JSON of the words that these formats have.
fn json() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "messages",
        "content",
        "role",
        "input",
        "inputs",
        "output",
        "choices",
        "delta",
        "message",
        "result",
        "results",
        "response",
        "text",
        "type",
        "v",
        "p",
        "o",
        "value",
        "transcript",
        "tools",
        "function",
        "name",
        "tool_calls",
        "usage",
        "error",
        "status",
        "token",
        "details",
        "completions",
        "data",
        "author",
        "chat",
        "content_list",
        "tool_use",
        "embedding",
        "base_resp",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        "[a-z/]{0,8}".prop_map(|text| format!("{text:?}")),
        Just("\"/s/0/value/0/content\"".to_owned()),
        Just("\"patch\"".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let field = (names.clone(), inner.clone());
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

fn read(one: &Foreign, path: &str, content_type: &str, body: &[u8], replies: &[Vec<u8>]) {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let asked = Asked { method: "POST", host: "ai.example.test", path, headers: &headers, body };
    one.claim(&asked);
    let mut reading = one.begin(&asked);
    let at = Timestamp::UNIX_EPOCH;
    reading.reply(Frame::Head { status: 200, headers: &headers }, at, &mut |_| {});
    for bytes in replies {
        let data = String::from_utf8_lossy(bytes);
        let event = sse::Event { name: "result", data: &data };
        let message = eventstream::Message { headers: b"", payload: bytes };
        for frame in [
            Frame::Event(event),
            Frame::Document(&data),
            Frame::Message(message),
            Frame::Envelope(envelope::Message { is_end: false, bytes }),
            Frame::Envelope(envelope::Message { is_end: true, bytes }),
            Frame::Body { body: bytes, status: 200 },
        ] {
            reading.reply(frame, at, &mut |_| {});
        }
    }
    reading.is_complete();
    reading.finish();
}

const PATHS: [&str; 7] = [
    "/xai_api.Chat/GetCompletionChunk",
    "/google.ai.generativelanguage.v1beta.GenerativeService/StreamGenerateContent",
    "/google.cloud.aiplatform.v1beta1.PredictionService/GenerateContent",
    "/agent.v1.AgentService/Run",
    "/exa.api_server_pb.ApiServerService/GetChatMessage",
    "/v1/models/a/predictions",
    "/ml/v1/text/generation_stream",
];

proptest! {
    #[test]
    fn nothing_panics(texts in prop::collection::vec(json(), 1..4)) {
        let bytes: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        for one in ALL {
            read(one, "/x", "application/json", &bytes[0], &bytes);
        }
    }

    #[test]
    fn noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for one in [&XAI_GRPC, &GEMINI_GRPC, &CURSOR, &WINDSURF, &WATSONX, &SPEECH] {
            for path in PATHS {
                read(one, path, "application/proto", &bytes, std::slice::from_ref(&bytes));
            }
        }
    }
}
