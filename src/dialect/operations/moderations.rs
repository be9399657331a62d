//! Judgements of what is said.

use serde_json::{Map, Value};

use super::form::{Form, said};
use super::found::Found;
use super::place::Place;
use super::values::{input, messages};
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::Request;

/// `/moderations`, of OpenAI and Mistral; OpenAI's `/decisions` and checks of provenance.
pub(in crate::dialect) const MODERATIONS: Family = Family {
    name: "openai.moderations",
    claim: |place: &Place<'_>| match () {
        () if place.posts("/moderations") || place.posts("/classifications") => Some("moderation"),
        () if place.posts("/v1/decisions") => Some("decision"),
        () if place.posts("/v1/content_provenance_checks") => Some("provenance"),
        () => None,
    },
    begin: || Box::new(Moderations),
};

struct Moderations;

impl Operation for Moderations {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        if let Some(value) = form.take("input") {
            match messages(&value) {
                Some(found) => request.messages.extend(found),
                None => said(request, input(value)),
            }
        }
        let files: Vec<_> = form.files.drain(..).map(super::files::file).collect();
        said(request, files);
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }
}
