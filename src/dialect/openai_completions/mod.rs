//! OpenAI's completions, the format before the chat, and everybody else's.
//!
//! Spoken by OpenAI, Azure, DeepSeek's beta, Together, Fireworks, DeepInfra, Writer, vLLM,
//! llama.cpp (also in its own format, `/completion` and `/infill`), Copilot's engines and
//! Cloudflare's models.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - each prompt is a message of the user; one that is token ids is an `other` part
//!   `{"tokens": 17}`; a `suffix` is a parameter;
//! - log probabilities and fields that are not known are kept as by the chat completions,
//!   whose reply this is but for the name of a field.

mod request;

use super::{Asked, Dialect, Reading, may_be_object, path_only};
use crate::dialect::openai_chat::ChatReading;

/// The dialect.
pub(super) struct OpenaiCompletions;

impl Dialect for OpenaiCompletions {
    fn name(&self) -> &'static str {
        "openai.completions"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let path = path_only(asked.path);
        if asked.method != "POST" || !may_be_object(asked.body) {
            return None;
        }
        let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
        let prompts = has("\"prompt\"");
        if path.ends_with("/infill") && (prompts || has("\"input_prefix\"")) {
            return Some("fim");
        }
        // Zed's `/completions` has its provider's request inside.
        let completes = path.ends_with("/v1/completions")
            || path.ends_with("/completions") && prompts && !has("\"messages\"")
            || path.ends_with("/completion") && prompts
            || path.ends_with("/invocations") && prompts && !has("\"messages\"")
            || path.contains("/ai/run/@") && prompts && !has("\"messages\"");
        completes.then_some("completion")
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let fill = |request: &mut crate::model::Request, ask: request::Ask<'_>| {
            request::fill(request, ask, asked.path)
        };
        Box::new(ChatReading::asked::<request::Ask<'static>>(asked, fill))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let prompt = r#"{"prompt":"x"}"#;
        for (path, body, expected) in [
            ("/v1/completions", prompt, Some("completion")),
            ("/v1/completions", "", Some("completion")),
            ("/beta/completions", prompt, Some("completion")),
            ("/openai/deployments/d/completions?api-version=1", prompt, Some("completion")),
            ("/v1/engines/copilot-codex/completions", prompt, Some("completion")),
            ("/completion", prompt, Some("completion")),
            ("/infill", r#"{"input_prefix":"x"}"#, Some("fim")),
            ("/serving-endpoints/e/invocations", prompt, Some("completion")),
            ("/client/v4/accounts/a/ai/run/@cf/m/n", prompt, Some("completion")),
            ("/completions", r#"{"provider_request":{"prompt":1,"messages":[]}}"#, None),
            ("/v1/images/generations", prompt, None),
        ] {
            let headers = vec![];
            let asked =
                Asked { method: "POST", host: "h", path, headers: &headers, body: body.as_bytes() };
            assert_eq!(OpenaiCompletions.claim(&asked), expected, "{path} {body}");
        }
    }
}
