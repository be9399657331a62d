//! The texts of a message that are indexed and that a search looks into.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

use super::{Content, List};
use crate::model::{Part, Tool};

mod role;

pub use role::{Role, RoleError};

/// Which list of the exchange a text stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `request.system`.
    System,
    /// `request.tools`.
    Tools,
    /// `request.messages`.
    Messages,
    /// `reply.choices`.
    Choices,
    /// The request's body, of an exchange that no dialect reads.
    Request,
    /// The reply's body, of an exchange that no dialect reads.
    Reply,
}

impl Place {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Tools => "tools",
            Self::Messages => "messages",
            Self::Choices => "choices",
            Self::Request => "request",
            Self::Reply => "reply",
        }
    }

    /// The list's place.
    pub fn of(list: List) -> Self {
        match list {
            List::System => Self::System,
            List::Tools => Self::Tools,
            List::Messages => Self::Messages,
            List::Choices => Self::Choices,
            List::Request => Self::Request,
            List::Reply => Self::Reply,
        }
    }
}

/// A text, and who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Who says it.
    pub role: Role,
    /// The text. JSON is turned into lines of `name: value` with the values unescaped, so
    /// that a line of code inside a tool's argument is found as it was written.
    pub text: Cow<'a, str>,
}

/// The texts of a message, in order.
pub fn texts(content: &Content) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    let whole = |role, text| Text { role, text: Cow::Borrowed(text) };
    match content {
        Content::System(text) => texts.push(whole(Role::System, text)),
        Content::RequestText(text) => texts.push(whole(Role::Request, text)),
        Content::ReplyText(text) => texts.push(whole(Role::Reply, text)),
        Content::Tools(tools) => texts.extend(tools.iter().map(tool)),
        Content::Message(message) => {
            push_parts(&mut texts, &Role::of_message(&message.role), &message.parts);
        }
    }
    texts
}

fn tool(tool: &Tool) -> Text<'_> {
    let mut text = tool.name.clone();
    if let Some(description) = &tool.description {
        text.push_str(": ");
        text.push_str(description);
    }
    text.push('\n');
    push_leaves(&mut text, "", &tool.schema);
    Text { role: Role::Tools, text: text.into() }
}

fn push_parts<'a>(texts: &mut Vec<Text<'a>>, role: &Role, parts: &'a [Part]) {
    for part in parts {
        let text = match part {
            Part::Text { text } => Cow::Borrowed(text.as_str()),
            Part::Reasoning { text, .. } => {
                texts.push(Text { role: Role::Reasoning, text: text.as_str().into() });
                continue;
            }
            Part::ToolCall { name, arguments, .. } => {
                texts.push(Text { role: Role::Call, text: call(name, arguments).into() });
                continue;
            }
            Part::ToolResult { parts, .. } => {
                push_parts(texts, &Role::Tool, parts);
                continue;
            }
            Part::File { name, url, text, .. } => {
                let known = [name, url, text].into_iter().flatten();
                known.map(String::as_str).collect::<Vec<_>>().join("\n").into()
            }
            Part::Audio { transcript: Some(text), .. } => Cow::Borrowed(text.as_str()),
            Part::Image { url: Some(url), .. } => Cow::Borrowed(url.as_str()),
            Part::Other { value } => {
                let mut text = String::new();
                push_leaves(&mut text, "", value);
                text.into()
            }
            Part::Audio { .. } | Part::Image { .. } => continue,
        };
        texts.push(Text { role: role.clone(), text });
    }
}

fn call(name: &str, arguments: &Value) -> String {
    let mut text = format!("{name}\n");
    push_leaves(&mut text, "", arguments);
    text
}

/// A value's strings, numbers and words, one `path: value` each; text values as they read,
/// not as JSON escapes them.
fn push_leaves(text: &mut String, path: &str, value: &Value) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                push_leaves(text, &below(name), value);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                push_leaves(text, &below(&index.to_string()), value);
            }
        }
        leaf => {
            if !path.is_empty() {
                text.push_str(path);
                text.push_str(": ");
            }
            match leaf {
                Value::String(words) => text.push_str(words),
                // Writing to a `String` cannot fail.
                leaf => _ = write!(text, "{leaf}"),
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Message;

    #[test]
    fn a_message_says_what_its_parts_say() {
        let call = Part::ToolCall {
            id: None,
            name: "shell".into(),
            arguments: json!({"command": "echo \"a\"\nls", "in": [1, null]}),
        };
        let result = Part::ToolResult {
            id: None,
            name: None,
            parts: vec![Part::text("done")],
            is_error: None,
        };
        let thought = Part::Reasoning { text: "hm".into(), signature: Some("c2ln".into()) };
        let tool = Tool {
            name: "shell".into(),
            description: Some("Runs a command".into()),
            schema: json!({"properties": {"command": {"description": "What to run"}}}),
        };
        let message = |role: &str, parts| Content::Message(Message { role: role.into(), parts });
        for (rule, content, expected) in [
            ("a system prompt", Content::System("be".into()), vec![(Role::System, "be")]),
            (
                "a developer is the system",
                message("developer", vec![Part::text("be")]),
                vec![(Role::System, "be")],
            ),
            (
                "an answer with reasoning, its signature left out",
                message("assistant", vec![thought, Part::text("hi")]),
                vec![(Role::Reasoning, "hm"), (Role::Assistant, "hi")],
            ),
            (
                "a call's arguments are unescaped",
                message("assistant", vec![call]),
                vec![(Role::Call, "shell\ncommand: echo \"a\"\nls\nin.0: 1\nin.1: null\n")],
            ),
            (
                "a result in a user's message is the tool's",
                message("user", vec![result, Part::text("go on")]),
                vec![(Role::Tool, "done"), (Role::User, "go on")],
            ),
            (
                "a tool with what it says of its parameters",
                Content::Tools(vec![tool]),
                vec![(
                    Role::Tools,
                    "shell: Runs a command\nproperties.command.description: What to run\n",
                )],
            ),
            (
                "anything else",
                message("user", vec![Part::Other { value: json!({"weird": "thing"}) }]),
                vec![(Role::User, "weird: thing\n")],
            ),
        ] {
            let found = texts(&content);
            let found: Vec<_> = found.iter().map(|t| (t.role.clone(), &*t.text)).collect();
            assert_eq!(found, expected, "{rule}");
        }
    }
}
