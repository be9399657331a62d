//! How many vectors there are, and how long: counted, not read.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::dialect::json::Text;
use crate::dialect::media;

/// Bytes of one dimension in base64: a 32-bit float.
const FLOAT_BYTES: u64 = 4;

/// Vectors of a reply.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Vectors {
    count: u64,
    /// Of the first one.
    dimensions: Option<u64>,
    /// Whether they came as base64.
    is_base64: bool,
    /// Of the first input, where each has one vector a token.
    tokens: Option<u64>,
}

impl Vectors {
    /// Counts what stands in the place of one vector: numbers, base64, a vector for each
    /// token, or an object with several forms of it.
    pub(super) fn add(&mut self, raw: &RawValue) {
        self.count += 1;
        if self.count > 1 {
            return;
        }
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => {
                let base64 = serde_json::from_str::<Text<'_>>(text).unwrap_or_default();
                self.is_base64 = true;
                self.dimensions = Some(media::base64_bytes(base64.as_str()) / FLOAT_BYTES);
            }
            Some(b'[') => {
                self.dimensions = Some(innermost(text));
                self.tokens = rows(text);
            }
            _ => {}
        }
    }

    /// Counts the vectors of a list; one that is itself a vector counts as one.
    pub(super) fn add_list(&mut self, raw: &RawValue) {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        match items.first() {
            Some(first) if first.get().starts_with('[') => {
                items.into_iter().for_each(|item| self.add(item));
            }
            Some(_) => self.add(raw),
            None => {}
        }
    }

    /// What is told of them; `None` if there were none.
    pub(super) fn finish(self) -> Option<Map<String, Value>> {
        let mut about = Map::new();
        if self.count > 0 {
            about.insert("embeddings".to_owned(), self.count.into());
        }
        if let Some(dimensions) = self.dimensions {
            about.insert("dimensions".to_owned(), dimensions.into());
        }
        if let Some(tokens) = self.tokens {
            about.insert("vectors_of_the_first".to_owned(), tokens.into());
        }
        if self.is_base64 {
            about.insert("encoding".to_owned(), json!("base64"));
        }
        (!about.is_empty()).then_some(about)
    }
}

/// How many numbers the first innermost list of `text` has.
fn innermost(text: &str) -> u64 {
    let inside = text.trim_start_matches(['[', ' ', '\n', '\r', '\t']);
    let inside = inside.split(']').next().unwrap_or_default();
    match inside.trim().is_empty() {
        true => 0,
        false => 1 + memchr::memchr_iter(b',', inside.as_bytes()).count() as u64,
    }
}

/// How many lists `text` is made of; `None` if it is a list of numbers, or of one list.
fn rows(text: &str) -> Option<u64> {
    let is_nested = text.get(1..)?.trim_start().starts_with('[');
    let rows = (memchr::memchr_iter(b'[', text.as_bytes()).count() as u64).saturating_sub(1);
    (is_nested && rows > 1).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_counted() {
        for (rule, text, expected) in [
            ("numbers", "[1, -2.5e3 ,3]", json!({"embeddings": 1, "dimensions": 3})),
            (
                "base64",
                "\"AAAAAAAAAAA=\"",
                json!({"embeddings": 1, "dimensions": 2, "encoding": "base64"}),
            ),
            (
                "one for each token",
                "[[1,2],[3,4],[5,6]]",
                json!({"embeddings": 1, "dimensions": 2, "vectors_of_the_first": 3}),
            ),
            ("an empty one", "[]", json!({"embeddings": 1, "dimensions": 0})),
        ] {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            let mut vectors = Vectors::default();
            vectors.add(raw);
            assert_eq!(Value::Object(vectors.finish().unwrap()), expected, "{rule}");
        }
    }
}
