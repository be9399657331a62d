//! The Assistants' assistants: instructions and tools that are kept.

use serde_json::{Map, Value};

use super::form::Form;
use super::found::Found;
use super::place::Place;
use super::values::tools;
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::Request;

/// `/assistants/…`.
pub(in crate::dialect) const ASSISTANTS: Family = Family {
    name: "openai.assistants",
    claim: |place: &Place<'_>| place.resource("assistants").map(|_| "assistants"),
    begin: || Box::new(Assistants),
};

struct Assistants;

impl Operation for Assistants {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        request.system = form.text("instructions");
        if let Some(value) = form.take("tools") {
            request.tools = tools(&value);
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }
}
