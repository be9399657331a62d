//! Google's Gemini: content, the Live API and interactions.
//!
//! Spoken by the Gemini API, by Vertex AI, by Code Assist (for which Gemini's command line
//! logs in with an account) and by gateways that keep the paths.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - the signature of a part that is no thought (text, a function call) is a `reasoning` part
//!   without text right behind it; a signature that comes alone belongs to what came last;
//! - what a function gave is an object: it stands as it came in an `other` part of the result;
//! - code that Google runs itself, its result, and calls of Google's own tools are no calls to
//!   the app: they are `other` parts, as sent (`{"executableCode": …}`);
//! - grounding, citations, ratings, log probabilities and fields that are not known stand in
//!   one `other` part at the end of the choice, those of the whole reply at the end of the
//!   first choice;
//! - a prompt that was blocked is an error of the type `prompt_blocked`;
//! - a content without a role is the user's; Google's own tools have their field's name
//!   (`googleSearch`) and as schema their settings.

mod answer;
mod calls;
mod content;
mod enums;
mod fault;
mod fields;
mod interactions;
mod live;
mod plain;
mod reply;
mod request;
mod target;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

use super::handshake::Handshake;
use super::{Asked, Conversation, Dialect, Reading};
use enums::Family;
use interactions::InteractionReading;
use live::Live;
use plain::PlainReading;
use reply::GenerateReading;
use target::{Form, Target, target};

/// The dialect.
pub(super) struct Gemini;

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        target(asked).map(|target| target.operation)
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let target = target(asked).unwrap_or(Target {
            operation: "chat",
            form: Form::Generate,
            model: None,
            family: Family::default(),
        });
        match target.form {
            Form::Plain => Box::new(PlainReading::new(asked, &target)),
            Form::Interaction => Box::new(InteractionReading::new(asked)),
            Form::Live | Form::Music => Box::new(Handshake::new(asked)),
            Form::Generate => Box::new(GenerateReading::new(asked, &target)),
        }
    }

    fn converse(&self, asked: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        match target(asked)?.form {
            Form::Live | Form::Music => Some(Box::new(Live::new(asked))),
            _ => None,
        }
    }
}
