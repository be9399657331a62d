//! How much of what was said is delivered.

use serde_json::Value;

use crate::model::{Exchange, Part};

/// How much of what was said is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    #[default]
    Whole,
    /// Of each text so many characters.
    Cut(usize),
    /// Nothing: models, tokens, times and errors alone.
    None,
}

impl Content {
    /// Leaves of an exchange what may be delivered.
    pub fn limit(self, exchange: &mut Exchange) {
        match self {
            Self::Whole => {}
            Self::Cut(characters) => cut_exchange(exchange, characters),
            Self::None => strip(exchange),
        }
    }

    /// Leaves of the arguments and the result of a tool what may be delivered.
    pub(super) fn limit_tool(self, arguments: &mut Value, result: &mut Vec<Part>) {
        match self {
            Self::Whole => {}
            Self::Cut(characters) => {
                cut_value(arguments, characters);
                result.iter_mut().for_each(|part| cut_part(part, characters));
            }
            Self::None => {
                *arguments = Value::Null;
                result.clear();
            }
        }
    }
}

/// Takes away whatever a person or a model wrote. Of the parameters numbers and switches stay:
/// a text among them may be a prompt. Headers say nothing of the model's work, an error's words
/// may quote the prompt.
fn strip(exchange: &mut Exchange) {
    let request = &mut exchange.request;
    request.headers.clear();
    request.system = None;
    request.messages.clear();
    request.tools.clear();
    request.params.retain(|_, value| keep_numbers(value));
    if let Some(reply) = &mut exchange.reply {
        reply.headers.clear();
        reply.choices.iter_mut().for_each(|choice| choice.parts.clear());
    }
    if let Some(error) = &mut exchange.error {
        error.message.clear();
    }
    // The query may have a prompt as well.
    if let Some(end) = exchange.path.find('?') {
        exchange.path.truncate(end);
    }
    exchange.notes.clear();
    exchange.annotations.notes.clear();
}

/// Whether anything is left of a parameter once its texts are gone.
fn keep_numbers(value: &mut Value) -> bool {
    match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::Object(fields) => {
            fields.retain(|_, value| keep_numbers(value));
            !fields.is_empty()
        }
        Value::Null | Value::String(_) | Value::Array(_) => false,
    }
}

fn cut_exchange(exchange: &mut Exchange, characters: usize) {
    let request = &mut exchange.request;
    if let Some(system) = &mut request.system {
        cut(system, characters);
    }
    let parts = request.messages.iter_mut().flat_map(|message| &mut message.parts);
    parts.for_each(|part| cut_part(part, characters));
    for tool in &mut request.tools {
        if let Some(description) = &mut tool.description {
            cut(description, characters);
        }
        cut_value(&mut tool.schema, characters);
    }
    request.params.values_mut().for_each(|value| cut_value(value, characters));
    let choices = exchange.reply.iter_mut().flat_map(|reply| &mut reply.choices);
    choices.flat_map(|choice| &mut choice.parts).for_each(|part| cut_part(part, characters));
    if let Some(error) = &mut exchange.error {
        cut(&mut error.message, characters);
    }
}

fn cut_part(part: &mut Part, characters: usize) {
    match part {
        Part::Text { text } => cut(text, characters),
        Part::Reasoning { text, signature } => {
            cut(text, characters);
            // Of no use but whole.
            *signature = None;
        }
        Part::ToolCall { arguments, .. } => cut_value(arguments, characters),
        Part::ToolResult { parts, .. } => {
            parts.iter_mut().for_each(|part| cut_part(part, characters));
        }
        Part::File { text: Some(text), .. } | Part::Audio { transcript: Some(text), .. } => {
            cut(text, characters);
        }
        Part::Other { value } => cut_value(value, characters),
        Part::Image { .. } | Part::Audio { .. } | Part::File { .. } => {}
    }
}

fn cut_value(value: &mut Value, characters: usize) {
    match value {
        Value::String(text) => cut(text, characters),
        Value::Array(values) => values.iter_mut().for_each(|value| cut_value(value, characters)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| cut_value(value, characters));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cuts a text, and says how much of it is not there.
fn cut(text: &mut String, characters: usize) {
    let Some((at, _)) = text.char_indices().nth(characters) else { return };
    let left = text.get(at..).map_or(0, |rest| rest.chars().count());
    text.truncate(at);
    text.push_str(&format!("… [{left} more characters]"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Choice, ExchangeError, Message, Reply, Tool};
    use crate::store::tests::sample::turn;

    /// An exchange with a word wherever somebody can have written one.
    fn wordy() -> Exchange {
        let say = |parts| Message { role: "user".into(), parts };
        let mut exchange = turn(1);
        exchange.path = "/v1?prompt=SECRET".into();
        let request = &mut exchange.request;
        request.headers = vec![("x".into(), "SECRET".into())];
        request.system = Some("SECRET".into());
        request.messages = vec![say(vec![
            Part::text("SECRET"),
            Part::Other { value: json!({"a": ["SECRET"]}) },
            Part::ToolResult {
                id: None,
                name: None,
                parts: vec![Part::text("SECRET")],
                is_error: None,
            },
        ])];
        request.tools = vec![Tool {
            name: "t".into(),
            description: Some("SECRET".into()),
            schema: json!({"description": "SECRET"}),
        }];
        request.params.clear();
        request.params.insert("instructions".into(), "SECRET".into());
        request.params.insert("stop".into(), json!(["SECRET"]));
        request.params.insert("options".into(), json!({"seed": 1, "note": "SECRET"}));
        request.params.insert("temperature".into(), json!(0.5));
        exchange.reply = Some(Reply {
            headers: vec![("x".into(), "SECRET".into())],
            choices: vec![Choice {
                parts: vec![
                    Part::text("SECRET"),
                    Part::ToolCall {
                        id: None,
                        name: "t".into(),
                        arguments: json!({"a": "SECRET"}),
                    },
                    Part::Reasoning { text: "SECRET".into(), signature: Some("SECRET".into()) },
                ],
                finish_reason: Some("stop".into()),
            }],
            ..Reply::default()
        });
        exchange.error = Some(ExchangeError { kind: "http_400".into(), message: "SECRET".into() });
        exchange.notes = vec!["SECRET".into()];
        exchange.annotations.notes = vec!["SECRET".into()];
        exchange
    }

    #[test]
    fn nothing_that_was_said_is_left() {
        let mut exchange = wordy();
        Content::None.limit(&mut exchange);
        let json = serde_json::to_string(&exchange).unwrap();
        assert!(!json.contains("SECRET"), "{json}");
        assert_eq!(exchange.request.params.get("temperature"), Some(&json!(0.5)));
        assert_eq!(exchange.request.params.get("options"), Some(&json!({"seed": 1})));
        let reason = &exchange.reply.unwrap().choices[0].finish_reason;
        assert_eq!(reason.as_deref(), Some("stop"));
    }

    #[test]
    fn texts_are_cut_at_characters_and_say_so() {
        let mut exchange = wordy();
        Content::Cut(3).limit(&mut exchange);
        let json = serde_json::to_value(&exchange).unwrap();
        assert_eq!(json["request"]["system"], "SEC… [3 more characters]");
        let parts = json["reply"]["choices"][0]["parts"].to_string();
        assert!(!parts.contains("SECRET") && parts.contains("SEC…"), "{parts}");
        for (text, characters, expected) in
            [("天地玄黄", 2, "天地… [2 more characters]"), ("abc", 3, "abc"), ("", 0, "")]
        {
            let mut found = text.to_owned();
            cut(&mut found, characters);
            assert_eq!(found, expected);
        }
        let whole = wordy();
        let mut same = whole.clone();
        Content::Whole.limit(&mut same);
        assert_eq!(whole, same);
    }
}
