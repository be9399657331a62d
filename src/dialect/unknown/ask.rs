//! The prompt of a request that nobody knows.

use serde_json::{Map, Value, json};

use super::names::{Asks, asks};
use super::parts::{are_tools, is_conversation, message, parts, tool};
use super::words::{WORDS_BYTES_MIN, reads_as_words};
use crate::dialect::media;
use crate::dialect::notes::Notes;
use crate::model::{Message, Part, Request};

/// Deepest nesting that is looked into; what is deeper stays a parameter.
const DEPTH_MAX: usize = 48;

/// Down to here a field counts by its name alone; further down it must read as words too.
const NAMED_DEPTH_MAX: usize = 2;

/// Down to here a model is looked for.
const MODEL_DEPTH_MAX: usize = 4;

/// Most texts that nothing names, of one request: a list of some thousand texts is data.
const TEXTS_MAX: usize = 1000;

/// Longest fields that are kept as parameters once the texts are out, as JSON in bytes.
const PARAMS_BYTES_MAX: usize = 64 << 10;

/// Adds what `value` asks to `request`.
pub(super) fn fill(request: &mut Request, mut value: Value, notes: &mut Notes) {
    let mut picked = Picked { request, system: Vec::new(), user: Vec::new(), loose: Vec::new() };
    let is_taken = picked.take("", &mut value, "", 0);
    let Picked { system, user, loose, .. } = picked;
    if !system.is_empty() {
        let system = system.join("\n\n");
        request.system = Some(match request.system.take() {
            Some(had) => format!("{had}\n\n{system}"),
            None => system,
        });
    }
    if !user.is_empty() {
        request.messages.push(Message { role: "user".to_owned(), parts: user });
    }
    if !loose.is_empty() {
        if loose.len() >= TEXTS_MAX {
            notes.add("some texts of the request are left out: it has too many");
        }
        let (paths, texts): (Vec<String>, Vec<String>) = loose.into_iter().unzip();
        let mut parts: Vec<Part> = texts.into_iter().map(Part::text).collect();
        parts.push(Part::Other { value: json!({ "paths": paths }) });
        request.messages.push(Message { role: "unknown".to_owned(), parts });
    }
    if !is_taken {
        keep(request, value, notes);
    }
    if request.system.is_none() {
        request.system = spoken_system(&request.messages);
    }
}

/// What is left once the words are out.
fn keep(request: &mut Request, value: Value, notes: &mut Notes) {
    let mut rest = match value {
        Value::Object(fields) => fields,
        Value::Null => return,
        value => Map::from_iter([("body".to_owned(), value)]),
    };
    for (name, value) in &mut rest {
        media::shorten(value);
        // Also stops at what is long because it is many.
        let bytes = value.to_string().len();
        if bytes > PARAMS_BYTES_MAX {
            notes.add(format!("the field `{name}` of the request is left out: {bytes} bytes"));
            *value = format!("({bytes} bytes)").into();
        }
    }
    request.params.append(&mut rest);
}

/// The words of the system's messages at the head of the list.
fn spoken_system(messages: &[Message]) -> Option<String> {
    let heads =
        messages.iter().take_while(|had| matches!(had.role.as_str(), "system" | "developer"));
    let texts = heads.flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

struct Picked<'r> {
    request: &'r mut Request,
    system: Vec<String>,
    user: Vec<Part>,
    /// Texts that nothing names, each behind its path.
    loose: Vec<(String, String)>,
}

impl Picked<'_> {
    /// Takes the words out of `value`, which is named `name` and stands at `path`; gives whether
    /// nothing of it is left.
    fn take(&mut self, name: &str, value: &mut Value, path: &str, depth: usize) -> bool {
        if depth > DEPTH_MAX {
            return false;
        }
        let is_known = match asks(name) {
            Asks::Model => self.model(value, depth),
            Asks::System => self.system(value),
            Asks::Tools => self.tools(value),
            Asks::Prompt => self.prompt(value, depth),
            Asks::Nothing => false,
        };
        if is_known {
            return true;
        }
        match value {
            Value::String(text) => {
                let is_kept = self.loose.len() < TEXTS_MAX && reads_as_words(text, WORDS_BYTES_MIN);
                if is_kept {
                    self.loose.push((path.to_owned(), std::mem::take(text)));
                }
                is_kept
            }
            Value::Array(items) if is_conversation(items) => {
                self.request.messages.extend(items.drain(..).map(message));
                true
            }
            Value::Array(items) => {
                let mut index = 0;
                items.retain_mut(|item| {
                    let is_taken = self.take("", item, &format!("{path}[{index}]"), depth + 1);
                    index += 1;
                    !is_taken
                });
                // A list that was empty from the start says so.
                index > 0 && items.is_empty()
            }
            Value::Object(fields) => {
                let had = fields.len();
                fields.retain(|name, value| {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    !self.take(name, value, &path, depth + 1)
                });
                had > 0 && fields.is_empty()
            }
            _ => false,
        }
    }

    fn model(&mut self, value: &mut Value, depth: usize) -> bool {
        if self.request.model.is_some() || depth > MODEL_DEPTH_MAX {
            return false;
        }
        let names = ["name", "id", "model", "model_name", "modelName"];
        let name = match value {
            Value::String(name) => Some(name.clone()),
            Value::Object(fields) => names
                .iter()
                .find_map(|name| fields.remove(*name))
                .and_then(|name| name.as_str().map(str::to_owned)),
            _ => None,
        };
        self.request.model = name.filter(|name| !name.is_empty());
        let is_empty = value.as_object().is_none_or(Map::is_empty);
        self.request.model.is_some() && is_empty
    }

    fn system(&mut self, value: &mut Value) -> bool {
        let mut found = parts(value.clone());
        // Gemini's, and that of those who wrap it, is a content with parts.
        if let Some(inner) = value.get("parts").or_else(|| value.get("content")) {
            found = parts(inner.clone());
        }
        let texts = found.iter().map(|part| match part {
            Part::Text { text } => Some(text.clone()),
            _ => None,
        });
        let texts: Option<Vec<String>> = texts.collect();
        match texts {
            Some(texts) if !texts.is_empty() => {
                self.system.extend(texts);
                true
            }
            _ => false,
        }
    }

    fn tools(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Array(items) if are_tools(items) => {
                self.request.tools.extend(items.drain(..).map(tool));
                true
            }
            _ => false,
        }
    }

    fn prompt(&mut self, value: &mut Value, depth: usize) -> bool {
        let is_said = |value: &Value| match value {
            Value::String(text) if depth <= NAMED_DEPTH_MAX => !text.trim().is_empty(),
            Value::String(text) => reads_as_words(text, WORDS_BYTES_MIN),
            _ => false,
        };
        match value {
            Value::String(_) if is_said(value) => {
                self.user.extend(parts(value.take()));
                true
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(is_said) => {
                self.user.extend(parts(value.take()));
                true
            }
            _ => false,
        }
    }
}
