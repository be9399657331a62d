//! Embeddings: texts in, vectors out.
//!
//! Spoken by OpenAI, Azure, Mistral, Voyage, Jina, Together, OpenRouter, vLLM, llama.cpp,
//! Hugging Face and many more.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - each input is a message of the user; one that is token ids is an `other` part
//!   `{"tokens": 17}`;
//! - the vectors are an `other` part `{"embeddings": 2, "dimensions": 1536, …}`, never the
//!   numbers, with whatever fields the reply has besides.

mod reading;
mod request;
mod vectors;

use super::{Asked, Dialect, Reading, path_only};
use reading::EmbeddingsReading;

/// The dialect.
pub(super) struct OpenaiEmbeddings;

impl Dialect for OpenaiEmbeddings {
    fn name(&self) -> &'static str {
        "openai.embeddings"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let path = path_only(asked.path);
        let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
        // `/embeddings` and Voyage's `/multimodalembeddings`; Ollama's has a `prompt`.
        let is_named =
            path.ends_with("embeddings") && !(path == "/api/embeddings" && has("\"prompt\""));
        let is_local = path.ends_with("/embedding") && has("\"content\"")
            || path == "/embed" && has("\"inputs\"");
        let is_served = path.ends_with("/invocations") && has("\"input\"") && !has("\"messages\"")
            || path.ends_with("/pipeline/feature-extraction");
        (asked.method == "POST" && (is_named || is_local || is_served)).then_some("embeddings")
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(EmbeddingsReading::new(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        for (path, body, expected) in [
            ("/v1/embeddings", r#"{"input":"x"}"#, true),
            ("/openai/deployments/d/embeddings?api-version=1", r#"{"input":"x"}"#, true),
            ("/v1/multimodalembeddings", "{}", true),
            ("/embeddings", "", true),
            ("/api/embeddings", r#"{"prompt":"x"}"#, false),
            ("/embedding", r#"{"content":"x"}"#, true),
            ("/serving-endpoints/e/invocations", r#"{"input":["x"]}"#, true),
            ("/serving-endpoints/e/invocations", r#"{"messages":[],"input":1}"#, false),
            ("/hf-inference/models/a/b/pipeline/feature-extraction", r#"{"inputs":"x"}"#, true),
            ("/v1/chat/completions", r#"{"input":"x"}"#, false),
        ] {
            let headers = vec![];
            let asked =
                Asked { method: "POST", host: "h", path, headers: &headers, body: body.as_bytes() };
            assert_eq!(OpenaiEmbeddings.claim(&asked).is_some(), expected, "{path} {body}");
        }
    }
}
