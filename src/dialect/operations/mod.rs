//! Operations beside the conversation: pictures, sound, files, batches, models and the rest.
//!
//! They differ in which fields are words and which are settings, so one reading serves all,
//! and a family is a file here: a claim, and an [`Operation`] that picks the words.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - what the app sends as the prompt, query or input of an operation is a message of the
//!   user; every other field is a parameter;
//! - what comes back and is neither words, picture, sound nor file is one `other` part at the
//!   end of the answer;
//! - a batch is many prompts in one request: their messages stand one after another, and the
//!   settings of each in the parameter `requests`; its results are one choice each;
//! - vectors, base64 and bytes are told by their size.

mod anthropic;
mod assistants;
mod audio;
mod batches;
mod complete;
mod conversations;
mod copilot;
mod files;
mod form;
mod found;
mod images;
mod inner;
mod lean;
mod models;
mod moderations;
mod place;
mod reading;
mod rerank;
mod settings;
mod stored;
mod threads;
mod values;
mod vector_stores;
mod videos;

pub(super) use anthropic::OTHERS as ANTHROPIC_OTHERS;
pub(super) use assistants::ASSISTANTS;
pub(super) use audio::AUDIO;
pub(super) use batches::{ANTHROPIC_BATCHES, BATCHES};
pub(super) use complete::ANTHROPIC_COMPLETE;
pub(super) use conversations::CONVERSATIONS;
pub(super) use copilot::COPILOT;
pub(super) use files::{ANTHROPIC_FILES, FILES};
pub(super) use images::IMAGES;
pub(super) use models::{ANTHROPIC_MODELS, MODELS};
pub(super) use moderations::MODERATIONS;
pub(super) use rerank::RERANK;
pub(super) use settings::{CONTAINERS, EVALS, FINE_TUNING, SKILLS, UPLOADS};
pub(super) use stored::STORED;
pub(super) use threads::THREADS;
pub(super) use vector_stores::VECTOR_STORES;
pub(super) use videos::VIDEOS;

use serde_json::{Map, Value};

use super::{Asked, Dialect, Grown, Reading};
use crate::model::Request;
use form::Form;
use found::Found;
use place::Place;
use reading::OperationReading;

/// Told of what a piece adds to the answer.
type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// A wire format of operations that belong together.
pub(super) struct Family {
    /// The dialect's name.
    name: &'static str,
    /// The operation, if the request is one of this family.
    claim: fn(&Place<'_>) -> Option<&'static str>,
    /// Begins one.
    begin: fn() -> Box<dyn Operation>,
}

/// What one operation makes of its request and its reply.
trait Operation: Send {
    /// Takes what it knows out of `form` into `request`; what is left becomes parameters.
    fn ask(&mut self, form: &mut Form, request: &mut Request, asked: &Asked<'_>);

    /// Takes a whole reply that is a JSON object.
    fn told(&mut self, fields: Map<String, Value>, found: &mut Found);

    /// Takes an event of a stream, or a line of a reply that has one object a line.
    fn event(
        &mut self,
        _name: &str,
        fields: Map<String, Value>,
        found: &mut Found,
        _tell: &mut Tell<'_>,
    ) {
        self.told(fields, found);
    }

    /// The reply is over: hands over what was held back.
    fn end(&mut self, _found: &mut Found) {}

    /// Takes a whole reply that is not JSON.
    fn bytes(&mut self, body: &[u8], content_type: Option<&str>, found: &mut Found) {
        found.bytes(body, content_type);
    }
}

impl Dialect for Family {
    fn name(&self) -> &'static str {
        self.name
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        (self.claim)(&Place::of(asked))
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(OperationReading::new((self.begin)(), asked))
    }
}
