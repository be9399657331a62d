//! Requests and replies inside others: the lines of a batch.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lean::lean;
use super::{form, values};
use crate::dialect::{Asked, Decoded, Frame, claim, json};
use crate::model::{Choice, Message, Part, Request};

/// Adds the prompt of `body`, which would be sent to `path`, to `request`: its messages to
/// the messages, its other fields to the parameter `requests`, with `about` it.
///
/// The model and the system prompt of the whole are those of all its prompts, if they agree.
pub(super) fn add_prompt(
    request: &mut Request,
    path: &str,
    body: &RawValue,
    mut about: Map<String, Value>,
) {
    let Some(prompt) = prompt(path, body) else {
        let body = json::value(body);
        plain(request, &body);
        about.insert("body".to_owned(), body);
        push(request, about);
        return;
    };
    let is_first = !request.params.contains_key(REQUESTS);
    if is_first {
        request.model.clone_from(&prompt.model);
        request.system.clone_from(&prompt.system);
    }
    if request.model != prompt.model {
        request.model = None;
    }
    if request.system != prompt.system {
        request.system = None;
    }
    if let Some(model) = &prompt.model {
        about.insert("model".to_owned(), model.as_str().into());
    }
    about.extend(prompt.params);
    let has_system = prompt.messages.iter().any(|said| is_system(&said.role));
    if let Some(system) = prompt.system.filter(|_| !has_system) {
        request
            .messages
            .push(Message { role: "system".to_owned(), parts: vec![Part::text(system)] });
    }
    request.messages.extend(prompt.messages);
    for tool in prompt.tools {
        if !request.tools.contains(&tool) {
            request.tools.push(tool);
        }
    }
    push(request, about);
}

/// The answers in `body`, which came with `status`; what tells them apart is `about` them.
pub(super) fn answers(body: &Value, status: u16, mut about: Map<String, Value>) -> Vec<Choice> {
    let answer = answer(body, status);
    let mut choices = Vec::new();
    if let Some(answer) = answer {
        if let Some(error) = &answer.error {
            about.insert(
                "error".to_owned(),
                serde_json::json!({"type": error.kind, "message": error.message}),
            );
        }
        for (name, value) in [
            ("id", answer.reply.id.map(Value::String)),
            ("model", answer.reply.model.map(Value::String)),
            ("usage", answer.usage.map(|usage| usage.raw)),
        ] {
            // The line of a batch has an id of its own.
            let name =
                if about.contains_key(name) { format!("reply_{name}") } else { name.to_owned() };
            if let Some(value) = value {
                about.insert(name, value);
            }
        }
        choices = answer.reply.choices;
    } else {
        about.insert("body".to_owned(), body.clone());
    }
    if choices.is_empty() {
        choices.push(Choice::default());
    }
    if let Some(first) = choices.first_mut() {
        let mut about = Value::Object(about);
        lean(&mut about);
        first.parts.push(Part::Other { value: about });
    }
    choices
}

/// The parameter with what is not a message of each request of a batch.
const REQUESTS: &str = "requests";

fn push(request: &mut Request, about: Map<String, Value>) {
    let mut about = Value::Object(about);
    lean(&mut about);
    match request.params.get_mut(REQUESTS) {
        Some(Value::Array(had)) => had.push(about),
        _ => _ = request.params.insert(REQUESTS.to_owned(), Value::Array(vec![about])),
    }
}

/// Adds the words of a request that no dialect claims.
fn plain(request: &mut Request, body: &Value) {
    for said in ["messages", "input", "prompt"].into_iter().filter_map(|name| body.get(name)) {
        match values::messages(said) {
            Some(messages) => request.messages.extend(messages),
            None => form::said(request, values::input(said.clone())),
        }
    }
}

fn is_system(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

/// As [`add_prompt`], of a body that was parsed.
pub(super) fn add_parsed(
    request: &mut Request,
    path: &str,
    body: &Value,
    about: Map<String, Value>,
) {
    if let Ok(raw) = serde_json::value::to_raw_value(body) {
        add_prompt(request, path, &raw, about);
    }
}

fn prompt(path: &str, body: &RawValue) -> Option<Request> {
    let headers = Vec::new();
    let body = body.get().as_bytes();
    let asked = Asked { method: "POST", host: "", path, headers: &headers, body };
    let (dialect, _) = claim(&asked)?;
    Some(dialect.begin(&asked).finish().request)
}

pub(super) fn answer(body: &Value, status: u16) -> Option<Decoded> {
    let path = path_of(body)?;
    let headers = Vec::new();
    let asked = Asked { method: "POST", host: "", path, headers: &headers, body: &[] };
    let (dialect, _) = claim(&asked)?;
    let mut reading = dialect.begin(&asked);
    let bytes = serde_json::to_vec(body).ok()?;
    let frame = Frame::Body { body: &bytes, status };
    reading.reply(frame, Timestamp::UNIX_EPOCH, &mut |_| {});
    Some(reading.finish())
}

/// Where a request would have been sent whose answer looks like `body`.
fn path_of(body: &Value) -> Option<&'static str> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    match (text("object"), text("type")) {
        (Some("response"), _) => Some("/v1/responses"),
        (Some("text_completion"), _) => Some("/v1/completions"),
        (Some("list"), _) if body.pointer("/data/0/embedding").is_some() => Some("/v1/embeddings"),
        (_, Some("message")) => Some("/v1/messages"),
        _ if body.get("choices").is_some() => Some("/v1/chat/completions"),
        _ if body.get("error").is_some() => Some("/v1/chat/completions"),
        _ => None,
    }
}
