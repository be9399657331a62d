//! Gemini over gRPC, which Google's older SDKs and Vertex AI's speak: said in the words of
//! Gemini's JSON.

use serde_json::{Map, Value};

use super::{Foreign, Inner, Translate};
use crate::dialect::schema::{self, Schema, gemini, vertex};
use crate::dialect::{Asked, grpc};

/// `google.ai.generativelanguage.*.GenerativeService` and
/// `google.cloud.aiplatform.*.PredictionService`.
pub(in crate::dialect) const GEMINI_GRPC: Foreign = Foreign {
    name: "gemini.grpc",
    claim: |place| {
        let (_, method) = service(place.path)?;
        METHODS.iter().find(|had| had.name == method).map(|had| had.operation)
    },
    begin: |place| {
        let found = service(place.path);
        let is_vertex = found.is_some_and(|(is_vertex, _)| is_vertex);
        let method = METHODS.iter().find(|had| found.is_some_and(|(_, name)| name == had.name));
        Box::new(GeminiGrpc {
            method: method.unwrap_or(&METHODS[0]),
            family: if is_vertex { Family::Vertex } else { Family::Gemini },
            model: String::new(),
        })
    },
};

/// Whether it is Vertex AI's service, and the method.
fn service(path: &str) -> Option<(bool, &str)> {
    let (service, method) = path.trim_start_matches('/').split_once('/')?;
    let is_vertex = service.starts_with("google.cloud.aiplatform.")
        && (service.ends_with(".PredictionService") || service.ends_with(".LlmUtilityService"));
    let is_gemini = service.starts_with("google.ai.generativelanguage.")
        && service.ends_with(".GenerativeService");
    (is_vertex || is_gemini).then_some((is_vertex, method))
}

#[derive(Clone, Copy)]
enum Family {
    Gemini,
    Vertex,
}

/// A method, and where it is in the API of JSON.
struct Method {
    name: &'static str,
    operation: &'static str,
    at: &'static str,
    ask: [&'static Schema; 2],
    told: [&'static Schema; 2],
}

static METHODS: [Method; 5] = [
    Method {
        name: "GenerateContent",
        operation: "chat",
        at: "generateContent",
        ask: [&gemini::GENERATE_CONTENT_REQUEST, &vertex::GENERATE_CONTENT_REQUEST],
        told: [&gemini::GENERATE_CONTENT_RESPONSE, &vertex::GENERATE_CONTENT_RESPONSE],
    },
    Method {
        name: "StreamGenerateContent",
        operation: "chat",
        at: "streamGenerateContent?alt=sse",
        ask: [&gemini::GENERATE_CONTENT_REQUEST, &vertex::GENERATE_CONTENT_REQUEST],
        told: [&gemini::GENERATE_CONTENT_RESPONSE, &vertex::GENERATE_CONTENT_RESPONSE],
    },
    Method {
        name: "CountTokens",
        operation: "count_tokens",
        at: "countTokens",
        ask: [&gemini::COUNT_TOKENS_REQUEST, &vertex::COUNT_TOKENS_REQUEST],
        told: [&gemini::COUNT_TOKENS_RESPONSE, &vertex::COUNT_TOKENS_RESPONSE],
    },
    Method {
        name: "EmbedContent",
        operation: "embed",
        at: "embedContent",
        ask: [&gemini::EMBED_CONTENT_REQUEST, &schema::UNKNOWN],
        told: [&gemini::EMBED_CONTENT_RESPONSE, &schema::UNKNOWN],
    },
    Method {
        name: "BatchEmbedContents",
        operation: "embed",
        at: "batchEmbedContents",
        ask: [&gemini::BATCH_EMBED_CONTENTS_REQUEST, &schema::UNKNOWN],
        told: [&gemini::BATCH_EMBED_CONTENTS_RESPONSE, &schema::UNKNOWN],
    },
];

struct GeminiGrpc {
    method: &'static Method,
    family: Family,
    /// Such as `models/gemini-x`, or with the whole path of Vertex AI before it.
    model: String,
}

impl GeminiGrpc {
    fn of(&self, schemas: &[&'static Schema; 2]) -> &'static Schema {
        let [gemini, vertex] = schemas;
        match self.family {
            Family::Gemini => gemini,
            Family::Vertex => vertex,
        }
    }
}

impl Translate for GeminiGrpc {
    fn inner(&self) -> Inner {
        let version = match self.family {
            Family::Gemini => "v1beta",
            Family::Vertex => "v1beta1",
        };
        Inner::At(format!("/{version}/{}:{}", self.model, self.method.at))
    }

    fn decode(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let schema = self.of(&self.method.ask);
        let mut ask = None;
        grpc::messages(asked, &mut |message| ask = schema::json(message, schema));
        Some(ask.unwrap_or_default())
    }

    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        if let Some(Value::String(model)) = ask.remove("model") {
            self.model = model;
        }
        ask
    }

    fn message(&mut self, message: &[u8]) -> Option<Value> {
        let schema = self.of(&self.method.told);
        schema::json(message, schema)
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        Some(told)
    }

    fn is_streamed(&self) -> bool {
        self.method.name == "StreamGenerateContent"
    }
}
