//! Anthropic's completions, the format before the messages.

use serde_json::{Map, Value};

use super::form::{Form, said, take_text};
use super::found::Found;
use super::place::Place;
use super::{Family, Operation, Tell};
use crate::dialect::{Asked, handshake};
use crate::model::{Part, Request};

/// `/v1/complete`.
pub(in crate::dialect) const ANTHROPIC_COMPLETE: Family = Family {
    name: "anthropic.complete",
    claim: |place: &Place<'_>| place.posts("/v1/complete").then_some("completion"),
    begin: || Box::new(Complete { repeats: Repeats::No }),
};

struct Complete {
    repeats: Repeats,
}

/// Whether each event repeats what came before it: those of the first version did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Yes,
    No,
}

/// The version whose events repeat.
const FIRST_VERSION: &str = "2023-01-01";

/// The key of the words of the answer.
const ANSWER: &str = "completion";

impl Operation for Complete {
    fn ask(&mut self, form: &mut Form, request: &mut Request, asked: &Asked<'_>) {
        form.model(request);
        if handshake::header(asked.headers, "anthropic-version") == Some(FIRST_VERSION) {
            self.repeats = Repeats::Yes;
        }
        said(request, form.text("prompt").map(Part::text).into_iter().collect());
    }

    fn told(&mut self, fields: Map<String, Value>, found: &mut Found) {
        self.event("", fields, found, &mut |_| {});
        found.is_done = true;
    }

    fn event(
        &mut self,
        _: &str,
        mut fields: Map<String, Value>,
        found: &mut Found,
        tell: &mut Tell<'_>,
    ) {
        let kind = take_text(&mut fields, "type");
        if kind.as_deref() == Some("ping") {
            return;
        }
        found.common(&mut fields);
        let words = take_text(&mut fields, "completion").unwrap_or_default();
        match self.repeats {
            Repeats::Yes => found.settle(ANSWER, words, tell),
            Repeats::No => found.grow(ANSWER, &words, tell),
        }
        if let Some(reason) = take_text(&mut fields, "stop_reason") {
            found.finish_reason = Some(reason);
            found.is_done = true;
        }
        found.keep_all(fields);
    }
}
