//! Amazon Bedrock.
//!
//! Converse has a format of its own. InvokeModel carries the format of the model's vendor:
//! Anthropic's and OpenAI's are read as anywhere else, Nova's is that of Converse. Agents,
//! flows, knowledge bases, guardrails and jobs are operations of their own.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - the model asked for is the one in the path; the id of an answer that has none is
//!   `x-amzn-requestid`;
//! - where the app asked for caching stands in the parameters, as `cache_breakpoints`:
//!   `[{"at": "system[1]", "cachePoint": {…}}]`; it is no part of what was said;
//! - citations and other fields of a block follow it as an `other` part, those of a stream and
//!   the traces of guardrails stand in one at the end of the answer;
//! - a video is a file; how long the model took is left to the raw exchange;
//! - tokens are those that the model counted; what it did not count is taken from Bedrock's
//!   headers and from `amazon-bedrock-invocationMetrics`;
//! - an agent's tokens are the sum over the model calls that its trace tells of;
//! - exceptions inside a stream are errors of the type that their header names.

mod agents;
mod completion;
mod content;
mod converse;
mod embeddings;
mod operations;
mod request;
mod runtime;
mod speech;
mod speech_wire;
mod usage;
mod wire;

use super::anthropic_messages::AnthropicMessages;
use super::cohere::{Cohere, FIRST_CHAT};
use super::openai_chat::OpenaiChat;
use super::operation::Operation;
use super::path::percent_decoded;
use super::{Asked, Dialect, Reading, lossy, may_be_object, path_only};
use agents::AgentReading;
use completion::CompletionReading;
use converse::ConverseReading;
use embeddings::EmbeddingsReading;
use operations::Counted;
use runtime::{Chunks, Runtime};
use speech::SpeechReading;

/// The dialect.
pub(super) struct Bedrock;

/// What is asked, by the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Converse,
    Invoke,
    CountTokens,
    Speech,
    Guardrail,
    Job,
    Agent(&'static str),
}

impl Dialect for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        Some(match call(asked)? {
            Call::Converse => "chat",
            Call::Invoke => family(asked, model(asked.path).as_deref()).operation(),
            Call::CountTokens => "count_tokens",
            Call::Speech => "speech",
            Call::Guardrail => "guardrail",
            Call::Job => "async_invoke",
            Call::Agent(operation) => operation,
        })
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let model = model(asked.path);
        let body = with_model(asked.body, model.as_deref());
        let asked = &Asked { body: &body, ..*asked };
        let (inner, chunks): (Box<dyn Reading>, _) = match call(asked) {
            Some(Call::Converse) => (Box::new(ConverseReading::new(asked)), Chunks::Own),
            Some(Call::CountTokens) => (Box::new(counting(asked, model.as_deref())), Chunks::Own),
            Some(Call::Speech) => (Box::new(SpeechReading::new(asked)), Chunks::Json),
            Some(Call::Guardrail) => (Box::new(operations::begin_guardrail(asked)), Chunks::Own),
            Some(Call::Job) => (Box::new(job(asked)), Chunks::Own),
            Some(Call::Agent(_)) => (Box::new(AgentReading::new(asked)), Chunks::Own),
            Some(Call::Invoke) | None => {
                (family(asked, model.as_deref()).begin(asked), Chunks::Json)
            }
        };
        Box::new(Runtime::new(inner, chunks, model))
    }
}

fn call(asked: &Asked<'_>) -> Option<Call> {
    let path = path_only(asked.path);
    let (before, last) = path.rsplit_once('/')?;
    let of_model = before.contains("/model/");
    let of_bedrock = asked.host.contains("bedrock");
    let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
    if asked.method == "POST" && of_model && last == "invoke-with-bidirectional-stream" {
        return Some(Call::Speech);
    }
    if asked.method == "GET" {
        let is_job = of_bedrock && (last == "async-invoke" || before.ends_with("/async-invoke"));
        return is_job.then_some(Call::Job);
    }
    if asked.method != "POST" || !may_be_object(asked.body) {
        return None;
    }
    match last {
        "converse" | "converse-stream" if of_model => Some(Call::Converse),
        "invoke" | "invoke-with-response-stream" if of_model => Some(Call::Invoke),
        "invoke" if has("\"anthropic_version\"") => Some(Call::Invoke),
        "count-tokens" if of_model => Some(Call::CountTokens),
        "apply" if before.contains("/guardrail/") => Some(Call::Guardrail),
        "invoke" if before.ends_with("/guardrail-checks") => Some(Call::Guardrail),
        "async-invoke" if has("\"modelInput\"") => Some(Call::Job),
        "text" if before.contains("/agents/") && before.contains("/sessions/") => {
            Some(Call::Agent("agent"))
        }
        _ if !of_bedrock => None,
        "retrieveAndGenerate" | "retrieveAndGenerateStream" => {
            Some(Call::Agent("retrieve_and_generate"))
        }
        "retrieve" if before.contains("/knowledgebases/") => Some(Call::Agent("retrieve")),
        _ if before.ends_with("/agents") => Some(Call::Agent("agent")),
        _ if before.contains("/flows/") && before.ends_with("/aliases") => {
            Some(Call::Agent("flow"))
        }
        _ => None,
    }
}

/// The model in the path. Its colons and slashes are escaped by some clients only.
fn model(path: &str) -> Option<String> {
    let (_, rest) = path_only(path).split_once("/model/")?;
    let (model, _) = rest.rsplit_once('/')?;
    (!model.is_empty()).then(|| percent_decoded(model))
}

/// `body` with the model of the path as its first field: so each format finds it where it
/// looks for it. A model that the body names comes later and counts.
fn with_model(body: &[u8], model: Option<&str>) -> Vec<u8> {
    let object = body.trim_ascii_start().strip_prefix(b"{");
    let (Some(rest), Some(model)) = (object, model) else { return body.to_vec() };
    let separator = if rest.trim_ascii_start().starts_with(b"}") { "" } else { "," };
    let mut with = format!("{{\"model\":{}{separator}", serde_json::json!(model)).into_bytes();
    with.extend_from_slice(rest);
    with
}

/// The format of a model inside InvokeModel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Anthropic,
    Nova,
    OpenAi,
    Cohere,
    Embeddings,
    Images,
    Completion,
}

/// The format in which `body` speaks to `model`: by its fields, as an ARN may not name the
/// model; by the model where the fields do not tell.
fn family(asked: &Asked<'_>, model: Option<&str>) -> Family {
    let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
    let is = |name: &str| model.is_some_and(|model| model.contains(name));
    let converses =
        is("nova") || has("\"schemaVersion\"") || has("\"inferenceConfig\"") || has("\"toolSpec\"");
    if has("\"anthropic_version\"") || is("anthropic.") && has("\"messages\"") {
        Family::Anthropic
    } else if has("\"messages\"") {
        match (converses, is("cohere.")) {
            (true, _) => Family::Nova,
            (false, true) => Family::Cohere,
            (false, false) => Family::OpenAi,
        }
    } else if has("\"message\"") && (is("cohere.") || has("\"chat_history\"")) {
        Family::Cohere
    } else if is("embed") || has("\"input_type\"") || has("\"singleEmbeddingParams\"") {
        Family::Embeddings
    } else if is("stability.") || is("image-generator") || has("\"taskType\"") {
        Family::Images
    } else {
        Family::Completion
    }
}

impl Family {
    fn operation(self) -> &'static str {
        match self {
            Self::Anthropic | Self::Nova | Self::OpenAi | Self::Cohere => "chat",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Completion => "completion",
        }
    }

    fn begin(self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let as_if_at = |path| Asked { path, ..*asked };
        match self {
            Self::Anthropic => AnthropicMessages.begin(&as_if_at("/v1/messages")),
            Self::OpenAi => OpenaiChat.begin(&as_if_at("/v1/chat/completions")),
            Self::Cohere => {
                let has = memchr::memmem::find(asked.body, b"\"messages\"").is_some();
                Cohere.begin(&as_if_at(if has { "/v2/chat" } else { FIRST_CHAT }))
            }
            Self::Nova => Box::new(ConverseReading::new(asked)),
            Self::Embeddings => Box::new(EmbeddingsReading::new(asked)),
            Self::Images | Self::Completion => Box::new(CompletionReading::new(asked)),
        }
    }
}

/// Reads a request to count tokens, whose prompt is inside another request.
fn counting(asked: &Asked<'_>, model: Option<&str>) -> Operation {
    let prompt = match operations::counted(&lossy(asked.body)) {
        Counted::Converse(body) => {
            ConverseReading::new(&Asked { body: &body, ..*asked }).prompt().clone()
        }
        Counted::Model(body) => {
            let asked = Asked { body: &body, ..*asked };
            family(&asked, model).begin(&asked).prompt().clone()
        }
        Counted::Nothing => super::operation::request(asked).decoded.request,
    };
    let mut draft = super::draft::Draft::unread(asked);
    draft.decoded.request = prompt;
    if draft.decoded.request.model.is_none() {
        draft.decoded.request.model = model.map(str::to_owned);
    }
    Operation::new(draft, operations::count)
}

/// Reads a job, whose prompt is inside the request.
fn job(asked: &Asked<'_>) -> Operation {
    let (model, input) = operations::job(&lossy(asked.body));
    if input.is_empty() {
        return operations::begin_job(asked, None);
    }
    let body = with_model(&input, model.as_deref());
    let inner = Asked { body: &body, ..*asked };
    let prompt = family(&inner, model.as_deref()).begin(&inner).prompt().clone();
    operations::begin_job(asked, Some(prompt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let aws = "bedrock-runtime.eu-west-1.amazonaws.com";
        for (host, method, path, body, expected) in [
            (aws, "POST", "/model/m/converse", r#"{"messages":[]}"#, Some("chat")),
            (aws, "POST", "/model/m%3A0/converse-stream", "{}", Some("chat")),
            ("h", "POST", "/bedrock/model/m:0/converse", "{}", Some("chat")),
            ("h", "POST", "/model/m/invoke", r#"{"anthropic_version":"b"}"#, Some("chat")),
            ("h", "POST", "/x/invoke", r#"{"anthropic_version":"b"}"#, Some("chat")),
            ("h", "POST", "/x/invoke", r#"{"messages":[]}"#, None),
            (aws, "POST", "/model/meta.llama3/invoke", r#"{"prompt":"x"}"#, Some("completion")),
            (aws, "POST", "/model/amazon.titan-embed/invoke", "{}", Some("embeddings")),
            (aws, "POST", "/model/a.titan-image-generator/invoke", "{}", Some("images")),
            (aws, "POST", "/model/m/count-tokens", "{}", Some("count_tokens")),
            (aws, "POST", "/model/m/invoke-with-bidirectional-stream", "\0", Some("speech")),
            (aws, "POST", "/guardrail/g/version/1/apply", "{}", Some("guardrail")),
            (aws, "POST", "/async-invoke", r#"{"modelInput":{}}"#, Some("async_invoke")),
            (aws, "GET", "/async-invoke/arn", "", Some("async_invoke")),
            (
                "bedrock-agent-runtime.eu-west-1.amazonaws.com",
                "POST",
                "/agents/a/agentAliases/b/sessions/c/text",
                "{}",
                Some("agent"),
            ),
            ("bedrock-agent-runtime.x", "POST", "/flows/f/aliases/a", "{}", Some("flow")),
            ("bedrock-agent-runtime.x", "POST", "/agents/s", "{}", Some("agent")),
            ("h", "POST", "/agents/s", "{}", None),
            ("h", "POST", "/flows/f/aliases/a", "{}", None),
            (aws, "GET", "/model/m/converse", "", None),
            (aws, "POST", "/model/m/converse", "a=b", None),
        ] {
            let body = body.as_bytes();
            let asked = Asked { method, host, path, headers: &vec![], body };
            assert_eq!(Bedrock.claim(&asked), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_body_tells_the_format_of_the_model() {
        for (model, body, expected) in [
            ("us.anthropic.claude", r#"{"messages":[]}"#, Family::Anthropic),
            ("arn:aws:x", r#"{"anthropic_version":"b","messages":[]}"#, Family::Anthropic),
            ("us.amazon.nova-lite-v1:0", r#"{"messages":[]}"#, Family::Nova),
            ("arn:aws:x", r#"{"messages":[],"inferenceConfig":{}}"#, Family::Nova),
            ("openai.gpt-oss-20b", r#"{"messages":[]}"#, Family::OpenAi),
            ("cohere.command-r-v1:0", r#"{"message":"x"}"#, Family::Cohere),
            ("cohere.embed-v4:0", r#"{"texts":["x"],"input_type":"y"}"#, Family::Embeddings),
            ("cohere.command-text-v14", r#"{"prompt":"x"}"#, Family::Completion),
            ("amazon.nova-canvas-v1:0", r#"{"taskType":"TEXT_IMAGE"}"#, Family::Images),
        ] {
            let asked = Asked {
                method: "POST",
                host: "h",
                path: "/",
                headers: &vec![],
                body: body.as_bytes(),
            };
            assert_eq!(family(&asked, Some(model)), expected, "{model} {body}");
        }
    }

    #[test]
    fn the_model_stands_in_the_path() {
        for (path, expected) in [
            ("/model/us.amazon.nova-2-lite-v1:0/converse", Some("us.amazon.nova-2-lite-v1:0")),
            ("/model/a.b-v1%3A0/invoke?x=/y", Some("a.b-v1:0")),
            (
                "/model/arn%3Aaws%3Abedrock%3Ax%3A1%3Ainference-profile%2Fus.a/converse",
                Some("arn:aws:bedrock:x:1:inference-profile/us.a"),
            ),
            ("/model/arn:aws:p/us.a/converse", Some("arn:aws:p/us.a")),
            ("/agents/a", None),
        ] {
            assert_eq!(model(path).as_deref(), expected, "{path}");
        }
    }
}
