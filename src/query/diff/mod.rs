//! What changed between two prompts, section by section.

mod align;
mod blocks;
mod messages;
mod side;
mod sketch;
mod text;
mod tools;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use messages::{BlockStep, MessageStep, MessagesDiff};
pub use side::{PATIENCE, Side, SideError, Source};
pub use text::{Op, Piece, TextDiff};
pub use tools::{ToolChange, ToolsDiff};
pub use value::{Change, ValueChange};

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::model::{Message, Part, Request};

/// A section of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `request.model`.
    Model,
    /// `request.params`.
    Params,
    /// `request.system`.
    System,
    /// `request.tools`.
    Tools,
    /// `request.messages`.
    Messages,
}

impl Section {
    /// Every section, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::Model, Self::Params, Self::System, Self::Tools, Self::Messages];

    /// What the section is called where one is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Params => "params",
            Self::System => "system",
            Self::Tools => "tools",
            Self::Messages => "messages",
        }
    }
}

/// What changed between two prompts; a section that is alike on both sides is `None`, as is
/// one that was not to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// The model asked for.
    pub model: Option<ModelChange>,
    /// Parameters, by path.
    pub params: Option<Vec<ValueChange>>,
    /// The system prompt.
    pub system: Option<TextDiff>,
    /// The tools.
    pub tools: Option<ToolsDiff>,
    /// The messages, without the system prompt where it stands among them.
    pub messages: Option<MessagesDiff>,
}

/// Another model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelChange {
    /// `null`: the request named none.
    pub old: Option<String>,
    /// `null`: the request names none.
    pub new: Option<String>,
}

impl Difference {
    /// Compares those `sections` of two prompts. Past `deadline` what is left is compared more
    /// coarsely: as removed and added.
    pub fn between(old: &Request, new: &Request, sections: &[Section], deadline: Instant) -> Self {
        let mut diff = Self::default();
        for section in sections {
            match section {
                Section::Model => {
                    diff.model = (old.model != new.model)
                        .then(|| ModelChange { old: old.model.clone(), new: new.model.clone() });
                }
                Section::Params => {
                    let [old, new] = [old, new].map(|side| Value::Object(side.params.clone()));
                    let changes = value::changes(&old, &new, deadline);
                    diff.params = (!changes.is_empty()).then_some(changes);
                }
                Section::System => {
                    let [old, new] = [old, new].map(|side| side.system.as_deref());
                    diff.system = (old != new).then(|| {
                        TextDiff::new(old.unwrap_or_default(), new.unwrap_or_default(), deadline)
                    });
                }
                Section::Tools => {
                    let tools = ToolsDiff::new(&old.tools, &new.tools, deadline);
                    diff.tools = (!tools.is_alike()).then_some(tools);
                }
                Section::Messages => {
                    let messages = MessagesDiff::new(&listed(old), &listed(new), deadline);
                    diff.messages = (!messages.is_alike()).then_some(messages);
                }
            }
        }
        diff
    }

    /// Whether nothing changed.
    pub fn is_alike(&self) -> bool {
        *self == Self::default()
    }
}

/// The messages with their indexes, without those that are the system prompt again.
fn listed(request: &Request) -> Vec<(usize, &Message)> {
    let system = request.system.as_deref();
    request.messages.iter().enumerate().filter(|(_, m)| !is_repeated(m, system)).collect()
}

/// Whether a message is a piece of the system prompt, which is a section of its own.
pub fn is_repeated(message: &Message, system: Option<&str>) -> bool {
    let Some(system) = system else { return false };
    matches!(message.role.as_str(), "system" | "developer")
        && message.parts.iter().all(|part| match part {
            Part::Text { text } => system.contains(text.as_str()),
            _ => false,
        })
}
