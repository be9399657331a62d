//! The prompt of a response.

use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::Ask;
use super::{blocks, items, tools};
use crate::dialect::json::{self, Content};
use crate::model::{Message, Part, Request};

/// Fills `request` from a request's body, or from the frame of a WebSocket.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    if let Some(nested) = ask.response {
        let (read, _) = json::read::<Ask<'static>, _>(nested.get(), |inner| {
            // Only one within the other, so that no depth of nesting can overflow the stack.
            fill(request, Ask { response: None, ..inner });
        });
        if read.is_none() {
            request.params.insert("response".to_owned(), json::value(nested));
        }
    }
    if let Some(model) = ask.model.own() {
        request.model = Some(model);
    }
    json::keep_all(&mut request.params, &ask.rest);
    if let Some(kind) = ask.kind.get().filter(|kind| *kind != "response.create") {
        request.params.insert("type".to_owned(), kind.into());
    }
    let mut found = tools::tools(ask.tools);
    if let Content::Blocks(raw_items) = &ask.input {
        raw_items
            .iter()
            .filter_map(|raw| items::brought_tools(raw))
            .for_each(|brought| found.extend(brought));
    }
    request.tools.extend(found.tools);
    if !found.namespaces.is_empty() {
        request.params.insert("tool_namespaces".to_owned(), found.namespaces.into());
    }
    request.messages.extend(messages(ask.input));
    let instructions = words(&blocks_of(ask.instructions));
    request.system = system(instructions, &request.messages).or(request.system.take());
}

/// The messages of an `input`: a text, or items.
pub(super) fn messages(input: Content<'_>) -> Vec<Message> {
    match input {
        Content::Absent => Vec::new(),
        Content::Text(text) => vec![items::user(text)],
        Content::Blocks(raw_items) => raw_items.into_iter().map(items::message).collect(),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => vec![items::message(&raw)],
            Err(_) => Vec::new(),
        },
    }
}

/// The messages of an `input` that stands alone.
pub(super) fn messages_of(input: &RawValue) -> Vec<Message> {
    struct Input;
    impl json::Shape for Input {
        type Of<'a> = Content<'a>;
    }
    json::read::<Input, _>(input.get(), messages).0.unwrap_or_default()
}

/// The instructions; without any, the words of the system and developer messages at the head of
/// the list. An app that sends both (Codex does) means the first for the model and the others
/// for this conversation, and those stand among the messages.
pub(in crate::dialect) fn system(
    instructions: Option<String>,
    messages: &[Message],
) -> Option<String> {
    let head = || {
        let head = messages
            .iter()
            .take_while(|message| matches!(message.role.as_str(), "system" | "developer"))
            .filter_map(|message| words(&message.parts));
        let texts: Vec<String> = head.collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    };
    instructions.or_else(head)
}

/// Fields that the query of a retrieval asks with.
pub(super) fn query(request: &mut Request, path: &str) {
    let Some((_, query)) = path.split_once('?') else { return };
    for field in query.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        request.params.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

/// Instructions are a text; a prompt kept at the provider makes them items.
fn blocks_of(instructions: Content<'_>) -> Vec<Part> {
    match instructions {
        Content::Blocks(raw_items) => {
            let read = raw_items.into_iter().map(items::message);
            read.flat_map(|message| message.parts).collect()
        }
        content => blocks::parts(content),
    }
}

fn words(parts: &[Part]) -> Option<String> {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}
