//! A message as a list of blocks that can be compared: texts and JSON values.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::{Message, Part};

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Block<'a> {
    /// What it is, such as `call shell`; empty for a text that the message's role says.
    pub(super) label: Cow<'a, str>,
    pub(super) body: Body<'a>,
}

/// What a block says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Body<'a> {
    Text(&'a str),
    Value(Cow<'a, Value>),
}

/// The blocks of a message, in order.
pub(super) fn blocks(message: &Message) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    push(&mut blocks, "", &message.parts);
    blocks
}

impl Block<'_> {
    /// Its words, for the sketch.
    pub(super) fn words(&self) -> Cow<'_, str> {
        match &self.body {
            Body::Text(text) => Cow::Borrowed(text),
            Body::Value(value) => Cow::Owned(value.to_string()),
        }
    }
}

fn push<'a>(blocks: &mut Vec<Block<'a>>, inside: &str, parts: &'a [Part]) {
    let label = |name: &str| match inside {
        "" => name.to_owned(),
        inside => format!("{inside} {name}").trim_end().to_owned(),
    };
    for part in parts {
        let (label, body) = match part {
            Part::Text { text } => (label(""), Body::Text(text)),
            Part::Reasoning { text, .. } => (label("reasoning"), Body::Text(text)),
            Part::ToolCall { name, arguments, .. } => {
                (label(&format!("call {name}")), Body::Value(Cow::Borrowed(arguments)))
            }
            Part::ToolResult { name, parts, is_error, .. } => {
                let name = name.as_deref().unwrap_or_default();
                let error = if *is_error == Some(true) { " (error)" } else { "" };
                push(blocks, &label(format!("result {name}{error}").trim_end()), parts);
                continue;
            }
            part => {
                let mut value = serde_json::to_value(part).unwrap_or_default();
                let kind = value.as_object_mut().and_then(|fields| fields.shift_remove("type"));
                let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("other");
                (label(kind), Body::Value(Cow::Owned(value)))
            }
        };
        blocks.push(Block { label: label.into(), body });
    }
}
