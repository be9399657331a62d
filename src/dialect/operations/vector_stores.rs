//! Stores of documents, and what is sought in them.

use serde_json::{Map, Value};

use super::form::{Form, said};
use super::found::Found;
use super::place::Place;
use super::values::input;
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::{Part, Request};

/// `/vector_stores/…`.
pub(in crate::dialect) const VECTOR_STORES: Family = Family {
    name: "openai.vector_stores",
    claim: |place: &Place<'_>| {
        let rest = place.resource("vector_stores")?;
        Some(match rest.get(1) {
            Some(&"search") => "search",
            _ => "vector_stores",
        })
    },
    begin: || Box::new(Stores),
};

struct Stores;

impl Operation for Stores {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        if let Some(query) = form.take("query") {
            said(request, input(query));
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        if let Some(Value::Array(items)) = fields.shift_remove("data") {
            for mut item in items {
                let words = item.get("content").or_else(|| item.get("text")).cloned();
                let Some(words) = words.map(|content| joined(input(content))) else {
                    found.keep_one("data", item);
                    continue;
                };
                let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
                found.add(Part::File {
                    name: text("filename"),
                    mime_type: None,
                    file_id: text("file_id"),
                    url: None,
                    text: Some(words),
                    bytes: None,
                });
                if let Some(item) = item.as_object_mut() {
                    item.retain(|name, _| !["content", "text", "type"].contains(&name.as_str()));
                    found.keep_one("data", Value::Object(std::mem::take(item)));
                }
            }
        }
        found.keep_all(fields);
        found.is_done = true;
    }
}

fn joined(parts: Vec<Part>) -> String {
    let texts: Vec<String> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        })
        .collect();
    texts.join("\n")
}
