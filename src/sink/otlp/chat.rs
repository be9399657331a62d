//! Messages as OpenAI's chat format has them, which Langfuse and MLflow draw as a conversation.

use serde_json::{Map, Value, json};

use super::attributes::shallow;
use super::said::{Said, arguments, stand_in, words};
use crate::model::{Part, Tool};

/// Messages of a prompt, or answers.
pub(super) fn messages<'a>(said: impl IntoIterator<Item = Said<'a>>) -> Vec<Value> {
    said.into_iter().map(|said| message(&said)).collect()
}

/// A message.
pub(super) fn message(said: &Said<'_>) -> Value {
    let mut fields = Map::new();
    match said {
        Said::Words { role, parts, .. } => {
            fields.insert("role".into(), (*role).into());
            fields.insert("content".into(), content(parts));
            let thoughts = thoughts(parts);
            if !thoughts.is_empty() {
                fields.insert("reasoning_content".into(), thoughts.into());
            }
            let calls: Vec<Value> = parts.iter().filter_map(|part| call(part)).collect();
            if !calls.is_empty() {
                fields.insert("tool_calls".into(), calls.into());
            }
        }
        Said::Result { id, name, parts, is_error } => {
            fields.insert("role".into(), "tool".into());
            if let Some(id) = id {
                fields.insert("tool_call_id".into(), (*id).into());
            }
            if let Some(name) = name {
                fields.insert("name".into(), (*name).into());
            }
            fields.insert("content".into(), content(&parts.iter().collect::<Vec<_>>()));
            if *is_error {
                fields.insert("is_error".into(), true.into());
            }
        }
    }
    Value::Object(fields)
}

/// Tools.
pub(super) fn tools(tools: &[Tool]) -> Vec<Value> {
    tools.iter().map(tool).collect()
}

/// A tool: a function, whoever runs it.
pub(super) fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".into(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".into(), description.clone().into());
    }
    if tool.schema.is_object() {
        function.insert("parameters".into(), shallow(&tool.schema));
    }
    json!({"type": "function", "function": function})
}

/// What was thought before, if the provider told.
fn thoughts(parts: &[&Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Reasoning { text, .. } if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// A text, or a list where there is more than texts; `null` where there are calls alone.
fn content(parts: &[&Part]) -> Value {
    let shown: Vec<&Part> = parts
        .iter()
        .copied()
        .filter(|part| !matches!(part, Part::Reasoning { .. } | Part::ToolCall { .. }))
        .collect();
    if shown.is_empty() {
        return Value::Null;
    }
    let is_listed =
        |part: &&Part| matches!(part, Part::Image { .. } | Part::File { text: None, .. });
    match shown.iter().any(is_listed) {
        true => shown.into_iter().map(item).collect(),
        false => words(shown).into(),
    }
}

fn item(part: &Part) -> Value {
    match part {
        Part::Image { url: Some(url), .. } => {
            json!({"type": "image_url", "image_url": {"url": url}})
        }
        Part::File { file_id: Some(id), name, .. } => {
            json!({"type": "file", "file": {"file_id": id, "filename": name}})
        }
        part @ (Part::Image { .. } | Part::Audio { .. } | Part::File { .. }) => {
            json!({"type": "text", "text": stand_in(part)})
        }
        part => json!({"type": "text", "text": words([part])}),
    }
}

fn call(part: &Part) -> Option<Value> {
    let Part::ToolCall { id, name, arguments: given } = part else { return None };
    let function = json!({"name": name, "arguments": arguments(given)});
    Some(json!({"id": id, "type": "function", "function": function}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_openais_shape() {
        let call =
            Part::ToolCall { id: Some("c".into()), name: "f".into(), arguments: json!({"a": 1}) };
        let thought = Part::Reasoning { text: "hm".into(), signature: None };
        let (hello, there) = (Part::text("hello"), Part::text("there"));
        let picture = Part::Image {
            mime_type: Some("image/png".into()),
            url: None,
            file_id: None,
            bytes: Some(7),
        };
        for (rule, parts, expected) in [
            (
                "texts are one",
                vec![&hello, &there],
                json!({"role": "user", "content": "hello\nthere"}),
            ),
            (
                "a call and a thought",
                vec![&thought, &call],
                json!({"role": "user", "content": null, "reasoning_content": "hm", "tool_calls":
                    [{"id": "c", "type": "function",
                        "function": {"name": "f", "arguments": "{\"a\":1}"}}]}),
            ),
            (
                "a picture without its bytes",
                vec![&hello, &picture],
                json!({"role": "user", "content": [{"type": "text", "text": "hello"},
                    {"type": "text", "text": "[image/png, 7 bytes]"}]}),
            ),
        ] {
            let said = Said::Words { role: "user", parts, finish_reason: None };
            assert_eq!(message(&said), expected, "{rule}");
        }
        let result = Said::Result { id: Some("c"), name: None, parts: &[hello], is_error: true };
        let expected =
            json!({"role": "tool", "tool_call_id": "c", "content": "hello", "is_error": true});
        assert_eq!(message(&result), expected);
    }
}
