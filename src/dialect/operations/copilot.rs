//! Copilot's chat on github.com: one message to a thread that GitHub keeps.

use serde_json::{Map, Value};

use super::form::{Form, said, take_text};
use super::found::Found;
use super::place::Place;
use super::{Family, Operation, Tell};
use crate::dialect::{Asked, path_only};
use crate::model::{Part, Request};

/// `/github/chat/threads/…`.
pub(in crate::dialect) const COPILOT: Family = Family {
    name: "copilot.chat",
    claim: |place: &Place<'_>| match () {
        () if place.holds("/github/chat/threads") && place.posts("/messages") => Some("chat"),
        () if place.holds("/github/chat/threads") => Some("threads"),
        () => None,
    },
    begin: || Box::new(Copilot),
};

struct Copilot;

/// The key of the words of the answer.
const ANSWER: &str = "answer";

impl Operation for Copilot {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        said(request, form.text("content").map(Part::text).into_iter().collect());
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }

    fn event(
        &mut self,
        _: &str,
        mut fields: Map<String, Value>,
        found: &mut Found,
        tell: &mut Tell<'_>,
    ) {
        match take_text(&mut fields, "type").unwrap_or_default().as_str() {
            "content" => {
                let words = take_text(&mut fields, "body").unwrap_or_default();
                found.grow(ANSWER, &words, tell);
            }
            "complete" => {
                found.common(&mut fields);
                let words = take_text(&mut fields, "content").unwrap_or_default();
                found.settle(ANSWER, words, tell);
                found.keep_all(fields);
                found.is_done = true;
            }
            "error" => {
                let error = Value::Object(fields);
                let mut fields = Map::new();
                fields.insert("error".to_owned(), error);
                found.fail(&mut fields, "error");
            }
            kind => {
                let kind = kind.to_owned();
                found.keep_one(&kind, Value::Object(fields));
            }
        }
    }
}

/// The thread that a path of Copilot's names.
pub(super) fn thread(path: &str) -> Option<String> {
    let (_, rest) = path_only(path).split_once("/github/chat/threads/")?;
    Some(rest.split('/').next()?.to_owned())
}
