//! What was said, taken apart as most formats want it: a tool's result is a message of its own.

use serde_json::Value;

use super::attributes::json;
use super::names;
use crate::model::{Choice, Exchange, Message, Part};

/// A message, or one of the results that Anthropic and Gemini put into one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said<'a> {
    /// Words, pictures, calls of tools.
    Words {
        /// Who says it, in the conventions' word.
        role: &'a str,
        /// What is said.
        parts: Vec<&'a Part>,
        /// Why the model stopped, in the provider's word; only of an answer.
        finish_reason: Option<&'a str>,
    },
    /// What a tool gave.
    Result {
        /// The call that it answers.
        id: Option<&'a str>,
        /// The tool.
        name: Option<&'a str>,
        /// What it gave.
        parts: &'a [Part],
        /// Whether the app called that a failure.
        is_error: bool,
    },
}

/// The prompt, the system's words first where they do not stand among the messages.
pub(super) fn prompt<'a>(exchange: &'a Exchange, system: &'a [Part]) -> Vec<Said<'a>> {
    let first = (!system.is_empty()).then(|| Said::Words {
        role: "system",
        parts: system.iter().collect(),
        finish_reason: None,
    });
    first.into_iter().chain(exchange.request.messages.iter().flat_map(apart)).collect()
}

/// The answers.
pub(super) fn answers(exchange: &Exchange) -> impl Iterator<Item = Said<'_>> {
    let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
    choices.map(|choice| Said::Words {
        role: "assistant",
        parts: choice.parts.iter().collect(),
        finish_reason: choice.finish_reason.as_deref(),
    })
}

/// The system prompt, if it does not stand among the messages as well.
pub(super) fn system_apart(exchange: &Exchange) -> Vec<Part> {
    let Some(system) = exchange.request.system.as_deref().filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    let is_systems =
        |message: &&Message| matches!(names::role(&message.role), "system" | "developer");
    let head = exchange.request.messages.iter().filter(is_systems);
    let texts = head.flat_map(|message| &message.parts).filter_map(text_of);
    // Compared by their beginnings without spaces: joining and cutting may have changed the rest.
    let among = beginning(texts.flat_map(str::chars));
    let own = beginning(system.chars());
    match !among.is_empty() && (among.starts_with(&own) || own.starts_with(&among)) {
        true => Vec::new(),
        false => vec![Part::text(system)],
    }
}

/// The newest of the prompt: what stands behind the last answer in it.
pub(super) fn newest<'a, 'b>(said: &'b [Said<'a>]) -> &'b [Said<'a>] {
    let is_answer = |one: &Said<'_>| matches!(one, Said::Words { role: "assistant", .. });
    let at = said.iter().rposition(is_answer).map_or(0, |at| at + 1);
    let behind = said.get(at..).unwrap_or_default();
    let is_systems =
        |one: &Said<'_>| matches!(one, Said::Words { role: "system" | "developer", .. });
    let at = behind.iter().position(|one| !is_systems(one)).unwrap_or(0);
    behind.get(at..).unwrap_or_default()
}

/// The words of parts, one behind the other; a part without words is named in brackets.
pub(super) fn words<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let words: Vec<String> = parts.into_iter().filter_map(word).collect();
    words.join("\n")
}

fn word(part: &Part) -> Option<String> {
    match part {
        Part::Text { text } => Some(text.clone()),
        Part::ToolResult { parts, .. } => Some(words(parts)),
        Part::Reasoning { .. } | Part::ToolCall { .. } => None,
        Part::Other { value } => Some(super::attributes::json(value)),
        part => Some(stand_in(part)),
    }
}

/// What stands in the place of bytes that are not sent: `[image/png, 1234 bytes]`.
pub(super) fn stand_in(part: &Part) -> String {
    let (what, name, bytes) = match part {
        Part::Image { mime_type, url, file_id, bytes } => {
            (mime_type.as_deref().unwrap_or("image"), url.as_ref().or(file_id.as_ref()), bytes)
        }
        Part::Audio { mime_type, id, transcript, bytes } => {
            (mime_type.as_deref().unwrap_or("audio"), transcript.as_ref().or(id.as_ref()), bytes)
        }
        Part::File { mime_type, name, file_id, url, text, bytes } => {
            if let Some(text) = text {
                return text.clone();
            }
            let known = name.as_ref().or(url.as_ref()).or(file_id.as_ref());
            (mime_type.as_deref().unwrap_or("file"), known, bytes)
        }
        _ => return String::new(),
    };
    let name = name.map(|name| format!(": {name}")).unwrap_or_default();
    let bytes = bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
    format!("[{what}{bytes}{name}]")
}

/// Arguments of a call as the JSON text that OpenAI's format has. A receiver parses it, so it has
/// no NUL either, nor is it too deep.
pub(super) fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => json(value),
    }
}

fn apart(message: &Message) -> Vec<Said<'_>> {
    let mut said: Vec<Said<'_>> = Vec::new();
    for part in &message.parts {
        if let Part::ToolResult { id, name, parts, is_error } = part {
            said.push(Said::Result {
                id: id.as_deref(),
                name: name.as_deref(),
                parts,
                is_error: is_error.unwrap_or_default(),
            });
        } else if let Some(Said::Words { parts, .. }) = said.last_mut() {
            parts.push(part);
        } else {
            let role = names::role(&message.role);
            said.push(Said::Words { role, parts: vec![part], finish_reason: None });
        }
    }
    said
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text } => Some(text),
        _ => None,
    }
}

fn beginning(text: impl Iterator<Item = char>) -> String {
    text.filter(|c| !c.is_whitespace()).take(64).collect()
}

/// Whether a choice says anything.
pub(super) fn is_empty(choice: &Choice) -> bool {
    choice.parts.is_empty() && choice.finish_reason.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    fn message(role: &str, parts: Vec<Part>) -> Message {
        Message { role: role.into(), parts }
    }

    fn result(id: &str) -> Part {
        Part::ToolResult {
            id: Some(id.into()),
            name: None,
            parts: vec![Part::text("fine")],
            is_error: Some(true),
        }
    }

    #[test]
    fn results_are_messages_of_their_own_in_their_order() {
        let message = message("user", vec![result("a"), result("b"), Part::text("go on")]);
        let ids: Vec<_> = apart(&message)
            .iter()
            .map(|said| match said {
                Said::Result { id, is_error: true, .. } => id.unwrap().to_owned(),
                Said::Words { role, parts, .. } => {
                    format!("{role} {}", words(parts.iter().copied()))
                }
                Said::Result { .. } => panic!("not an error"),
            })
            .collect();
        assert_eq!(ids, ["a", "b", "user go on"]);
    }

    #[test]
    fn the_system_prompt_stands_once() {
        for (rule, system, head, expected) in [
            ("apart", Some("be brief"), vec![], 1),
            ("among the messages", Some("be brief"), vec![("system", "be brief")], 0),
            ("joined from two", Some("a\n\nb"), vec![("system", "a"), ("developer", "b")], 0),
            ("cut shorter there", Some("be brief, always"), vec![("system", "be br")], 0),
            ("instructions, and another", Some("a"), vec![("developer", "other")], 1),
            ("none", None, vec![("system", "a")], 0),
        ] {
            let mut exchange = turn(0);
            exchange.request.system = system.map(str::to_owned);
            exchange.request.messages = head
                .into_iter()
                .chain([("user", "hello")])
                .map(|(role, text)| message(role, vec![Part::text(text)]))
                .collect();
            assert_eq!(system_apart(&exchange).len(), expected, "{rule}");
        }
    }

    #[test]
    fn the_newest_is_behind_the_last_answer() {
        let exchange = turn(2);
        let system = system_apart(&exchange);
        let said = prompt(&exchange, &system);
        assert_eq!(said.len(), 6);
        assert_eq!(newest(&said).len(), 1);
        assert_eq!(newest(said.get(..2).unwrap()).len(), 1, "not the system's words");
    }
}
