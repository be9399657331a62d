//! Many prompts at once, answered later.

use serde_json::{Map, Value};

use super::form::Form;
use super::found::Found;
use super::place::Place;
use super::{Family, Operation, Tell, inner};
use crate::dialect::Asked;
use crate::model::{Choice, Part, Request};

/// `/batches/…`, of OpenAI and xAI.
pub(in crate::dialect) const BATCHES: Family = Family {
    name: "openai.batches",
    claim: |place: &Place<'_>| place.resource("batches").map(|_| "batches"),
    begin: || Box::new(Batches),
};

/// Anthropic's `/v1/messages/batches/…`.
pub(in crate::dialect) const ANTHROPIC_BATCHES: Family = Family {
    name: "anthropic.batches",
    claim: |place: &Place<'_>| {
        let rest = place.anthropic("messages")?;
        (rest.first() == Some(&"batches")).then_some("batches")
    },
    begin: || Box::new(Batches),
};

struct Batches;

impl Operation for Batches {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        if let Some(Value::Array(requests)) = form.take("requests") {
            for mut one in requests.into_iter().filter_map(fields) {
                let params = one.shift_remove("params").unwrap_or_default();
                inner::add_parsed(request, "/v1/messages", &params, one);
            }
        }
        // xAI's name the API by the field that the request stands in.
        if let Some(Value::Array(requests)) = form.take("batch_requests") {
            for mut one in requests.into_iter().filter_map(fields) {
                let inside = one.shift_remove("batch_request").and_then(fields).unwrap_or_default();
                for (api, body) in inside {
                    inner::add_parsed(request, path_of(&api), &body, one.clone());
                }
            }
        }
        if request.model.is_none() {
            form.model(request);
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        if is_result(&fields) {
            result(fields, found);
            found.is_done = true;
            return;
        }
        found.common(&mut fields);
        if let Some(Value::Array(results)) = fields.shift_remove("results") {
            results.into_iter().filter_map(self::fields).for_each(|one| result(one, found));
        }
        found.keep_all(fields);
        found.is_done = true;
    }

    /// A line of the results.
    fn event(&mut self, _: &str, fields: Map<String, Value>, found: &mut Found, _: &mut Tell<'_>) {
        match is_result(&fields) {
            true => result(fields, found),
            false => found.keep_one("lines", Value::Object(fields)),
        }
    }
}

fn is_result(line: &Map<String, Value>) -> bool {
    line.contains_key("custom_id") && line.contains_key("result")
}

/// One result: Anthropic's `result.message`, xAI's `batch_result.response.API`.
fn result(mut one: Map<String, Value>, found: &mut Found) {
    let mut result =
        one.shift_remove("result").or_else(|| one.shift_remove("batch_result")).unwrap_or_default();
    let kind = result.get("type").cloned();
    if let Some(kind) = kind.filter(|kind| kind != "succeeded") {
        one.insert("type".to_owned(), kind);
    }
    let answer = ["message", "response"]
        .into_iter()
        .find_map(|name| result.get_mut(name).map(Value::take))
        .and_then(|answer| match answer {
            Value::Object(ref api) if api.len() == 1 => api.values().next().cloned(),
            answer => Some(answer),
        });
    match answer {
        Some(answer) => {
            inner::answers(&answer, 200, one).into_iter().for_each(|choice| found.choose(choice));
        }
        None => {
            one.insert("result".to_owned(), result);
            let parts = vec![Part::Other { value: Value::Object(one) }];
            found.choose(Choice { parts, finish_reason: None });
        }
    }
}

fn path_of(api: &str) -> &'static str {
    match api {
        "responses" => "/v1/responses",
        "image_generation" => "/v1/images/generations",
        "video_generation" => "/v1/videos/generations",
        _ => "/v1/chat/completions",
    }
}

fn fields(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
