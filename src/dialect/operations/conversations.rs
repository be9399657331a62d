//! Conversations that are kept for the responses API.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::found::Found;
use super::place::Place;
use super::values::{message, messages};
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::{Choice, NamedThread, Part, Request};

/// `/conversations/…`; Mistral's are another format.
pub(in crate::dialect) const CONVERSATIONS: Family = Family {
    name: "openai.conversations",
    claim: |place: &Place<'_>| {
        let rest = place.resource("conversations")?;
        let is_mistral = memchr::memmem::find(place.body, b"\"inputs\"").is_some();
        (!is_mistral).then_some(match rest.get(1) {
            Some(&"items") => "items",
            _ => "conversations",
        })
    },
    begin: || Box::new(Conversations),
};

struct Conversations;

impl Operation for Conversations {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        let items = form.fields.get("items").and_then(messages);
        if let Some(items) = items {
            form.fields.shift_remove("items");
            request.messages = items;
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        if fields.get("object").and_then(Value::as_str) == Some("conversation") {
            found.decoded.thread = fields.get("id").and_then(Value::as_str).map(NamedThread::field);
        }
        if fields.contains_key("role") {
            found.choose(choice(&Value::Object(std::mem::take(&mut fields))));
        }
        found.common(&mut fields);
        if let Some(Value::Array(items)) = fields.shift_remove("data") {
            items.iter().for_each(|item| found.choose(choice(item)));
        }
        found.keep_all(fields);
        found.is_done = true;
    }
}

/// An item as a choice of its own, with whose it is.
fn choice(item: &Value) -> Choice {
    let said = message(item);
    let mut parts = said.parts;
    if item.get("role").is_some() {
        let value = json!({"id": item.get("id"), "role": said.role});
        parts.push(Part::Other { value });
    }
    let status = item.get("status").and_then(Value::as_str).map(str::to_owned);
    Choice { parts, finish_reason: status }
}
