//! Operations whose fields are settings: nothing of them is a prompt, but the files they carry.

use serde_json::{Map, Value};

use super::form::{Form, said};
use super::found::Found;
use super::place::Place;
use super::{Family, Operation, files};
use crate::dialect::Asked;
use crate::model::Request;

/// Every field a parameter, every file a file, the whole reply one `other` part.
pub(super) struct Settings;

impl Operation for Settings {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        for upload in std::mem::take(&mut form.files) {
            said(request, vec![files::file(upload)]);
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }
}

/// `/fine_tuning/…`.
pub(in crate::dialect) const FINE_TUNING: Family = Family {
    name: "openai.fine_tuning",
    claim: |place: &Place<'_>| {
        place
            .resource("fine_tuning")
            .or_else(|| place.resource("fine-tunes"))
            .map(|_| "fine_tuning")
    },
    begin: || Box::new(Settings),
};

/// `/evals/…`.
pub(in crate::dialect) const EVALS: Family = Family {
    name: "openai.evals",
    claim: |place: &Place<'_>| place.resource("evals").map(|_| "evals"),
    begin: || Box::new(Settings),
};

/// `/containers/…`.
pub(in crate::dialect) const CONTAINERS: Family = Family {
    name: "openai.containers",
    claim: |place: &Place<'_>| place.resource("containers").map(|_| "containers"),
    begin: || Box::new(Settings),
};

/// `/uploads/…`.
pub(in crate::dialect) const UPLOADS: Family = Family {
    name: "openai.uploads",
    claim: |place: &Place<'_>| place.resource("uploads").map(|_| "uploads"),
    begin: || Box::new(Settings),
};

/// `/skills/…`.
pub(in crate::dialect) const SKILLS: Family = Family {
    name: "openai.skills",
    claim: |place: &Place<'_>| place.resource("skills").map(|_| "skills"),
    begin: || Box::new(Settings),
};
