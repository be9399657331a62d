//! Chat completions that the provider keeps: listed, fetched, changed and removed.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::found::Found;
use super::place::Place;
use super::values::message;
use super::{Family, Operation, inner};
use crate::dialect::Asked;
use crate::model::{Choice, Part, Request};

/// `/chat/completions/…`, and `GET /chat/completions`.
pub(in crate::dialect) const STORED: Family = Family {
    name: "openai.chat",
    claim: |place: &Place<'_>| {
        let rest = place.resource("chat")?.strip_prefix(&["completions"])?;
        (place.method == "GET" || !rest.is_empty()).then_some("stored")
    },
    begin: || Box::new(Stored),
};

struct Stored;

impl Operation for Stored {
    fn ask(&mut self, _: &mut Form, _: &mut Request, _: &Asked<'_>) {}

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.is_done = true;
        if fields.contains_key("choices") {
            if let Some(answer) = inner::answer(&Value::Object(fields), 200) {
                found.decoded.reply = answer.reply;
                found.decoded.usage = answer.usage;
            }
            return;
        }
        found.common(&mut fields);
        if let Some(Value::Array(items)) = fields.shift_remove("data") {
            for item in items {
                let choices = match item.get("choices") {
                    Some(_) => inner::answers(&item, 200, Map::new()),
                    None => vec![said(&item)],
                };
                choices.into_iter().for_each(|choice| found.choose(choice));
            }
        }
        found.keep_all(fields);
    }
}

/// A message of the prompt, with whose it is.
fn said(item: &Value) -> Choice {
    let said = message(item);
    let mut parts = said.parts;
    let value = json!({"id": item.get("id"), "role": said.role});
    parts.push(Part::Other { value });
    Choice { parts, finish_reason: None }
}
