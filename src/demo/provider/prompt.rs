//! What the answer is made from, for both dialects.

use serde::Deserialize;
use serde_json::Value;

use super::words;

/// A request's body, as far as the answer depends on it. Apps send null for what they do not
/// set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Prompt {
    pub(super) model: String,
    pub(super) messages: Vec<Turn>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    thinking: Option<Thinking>,
    pub(super) n: Option<usize>,
    system: Value,
    tools: Value,
    response_format: Value,
    output_config: Value,
}

/// One message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Turn {
    role: String,
    content: Value,
}

/// OpenAI's `stream_options`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Anthropic's `thinking`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thinking {
    #[serde(rename = "type")]
    kind: String,
    display: Option<String>,
}

/// A tool that the app offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Value,
}

impl Prompt {
    /// Whether the answer is to come as events.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether the events are to end with the usage.
    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    /// Whether the model is to think.
    pub(super) fn is_thinking_on(&self) -> bool {
        let kind = self.thinking.as_ref().map(|thinking| thinking.kind.as_str());
        matches!(kind, Some("enabled" | "adaptive"))
    }

    /// Whether the app wants to see the signature of the thinking alone.
    pub(super) fn is_thinking_omitted(&self) -> bool {
        let display = self.thinking.as_ref().and_then(|thinking| thinking.display.as_deref());
        display == Some("omitted")
    }

    /// Words of all messages and the system prompt.
    pub(super) fn words(&self) -> usize {
        self.texts().map(|text| text.split_whitespace().count()).sum()
    }

    /// What the provider bills for the prompt.
    pub(super) fn tokens(&self) -> u64 {
        self.texts().map(words::tokens).sum()
    }

    /// The last text of the last message, if that is the user's: apps put reminders of their
    /// own before what was typed, and system messages after it.
    pub(super) fn asked(&self) -> Option<&str> {
        let is_system = |turn: &&Turn| matches!(turn.role.as_str(), "system" | "developer");
        let last = self.messages.iter().rev().find(|turn| !is_system(turn))?;
        if last.role == "user" { texts(&last.content).last() } else { None }
    }

    /// The app's own tools; a provider's tool has no schema and is left out.
    pub(super) fn tools(&self) -> impl Iterator<Item = Tool<'_>> {
        self.tools.as_array().into_iter().flatten().filter_map(|tool| {
            let tool = tool.get("function").unwrap_or(tool);
            Some(Tool {
                name: tool.get("name")?.as_str()?,
                schema: tool.get("parameters").or(tool.get("input_schema"))?,
            })
        })
    }

    /// The schema that the answer must fit.
    pub(super) fn schema(&self) -> Option<&Value> {
        let openai = self.response_format.pointer("/json_schema/schema");
        openai.or(self.output_config.pointer("/format/schema"))
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let messages = self.messages.iter().flat_map(|turn| texts(&turn.content));
        texts(&self.system).chain(messages)
    }
}

/// The texts of a content, be it a string or a list of parts.
fn texts(content: &Value) -> impl Iterator<Item = &str> {
    let parts = content.as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part.get("text")?.as_str());
    content.as_str().into_iter().chain(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_user_text_is_what_is_asked() {
        for (rule, messages, asked) in [
            ("a string", json!([{"role": "user", "content": "a"}]), Some("a")),
            (
                "the last of several parts",
                json!([{"role": "user", "content": [
                    {"type": "text", "text": "reminder"},
                    {"type": "image_url", "image_url": {"url": "data:"}},
                    {"type": "text", "text": "b"},
                ]}]),
                Some("b"),
            ),
            (
                "nothing after a tool's result",
                json!([{"role": "user", "content": "a"}, {"role": "tool", "content": "1"}]),
                None,
            ),
            (
                "nothing in Anthropic's form of it",
                json!([{"role": "user", "content": [{"type": "tool_result", "content": "1"}]}]),
                None,
            ),
            (
                "a system message after it",
                json!([{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]),
                Some("a"),
            ),
            ("no messages", json!([]), None),
        ] {
            let prompt: Prompt = serde_json::from_value(json!({"messages": messages})).unwrap();
            assert_eq!(prompt.asked(), asked, "{rule}");
        }
    }

    #[test]
    fn both_forms_of_a_tool_are_read() {
        let schema = json!({"type": "object"});
        let prompt: Prompt = serde_json::from_value(json!({"tools": [
            {"type": "function", "function": {"name": "a", "parameters": schema}},
            {"name": "b", "input_schema": schema},
            {"type": "web_search_20250305", "name": "web_search"},
        ]}))
        .unwrap();
        assert_eq!(prompt.tools().map(|tool| tool.name).collect::<Vec<_>>(), ["a", "b"]);
    }
}
