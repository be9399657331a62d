//! Documents put in order, and pairs of texts scored.

use serde_json::{Map, Value};

use super::form::{Form, said};
use super::found::Found;
use super::place::Place;
use super::values::input;
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::Request;

/// `/rerank`, of Voyage, Jina, OpenRouter, Together, vLLM, llama.cpp, text-embeddings-inference
/// and others; vLLM's `/score`.
pub(in crate::dialect) const RERANK: Family = Family {
    name: "openai.rerank",
    claim: |place: &Place<'_>| match () {
        () if place.posts("/rerank") || place.posts("/reranking") => Some("rerank"),
        () if place.posts("/score") && has_pair(place.body) => Some("score"),
        () => None,
    },
    begin: || Box::new(Rerank),
};

/// Fields of a request with what is sought, then those with where it is sought.
const QUERIES: [&str; 5] = ["query", "queries", "text_1", "data_1", "instruction"];
const DOCUMENTS: [&str; 6] = ["documents", "texts", "passages", "text_2", "data_2", "items"];

fn has_pair(body: &[u8]) -> bool {
    let has = |name: &str| memchr::memmem::find(body, name.as_bytes()).is_some();
    has("\"text_1\"") || has("\"queries\"") || has("\"data_1\"")
}

struct Rerank;

impl Operation for Rerank {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        for names in [&QUERIES[..], &DOCUMENTS[..]] {
            for name in names {
                if let Some(value) = form.take(name) {
                    said(request, input(value));
                }
            }
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        if let Some(usage) = fields.shift_remove("usage") {
            found.count_total(usage);
        }
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }
}
