//! How much of what was said is delivered.

use serde_json::{Map, Value};

use super::{ToolRun, parameters};
use crate::model::{Exchange, Headers, Part};

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

    /// Leaves of a tool that ran what may be delivered.
    pub(super) fn limit_tool(self, run: &mut ToolRun) {
        match self {
            Self::Whole => {}
            Self::Cut(characters) => {
                cut_name(&mut run.name, characters);
                cut_names(&mut run.call, characters);
                cut_value(&mut run.arguments, characters);
                run.result.iter_mut().for_each(|part| cut_part(part, characters));
            }
            Self::None => {
                // The model wrote name and id: it may write anything there.
                run.name = "tool".to_owned();
                run.call = None;
                run.arguments = Value::Null;
                run.result.clear();
            }
        }
    }
}

/// Takes away whatever a person or a model wrote. Of the parameters the known numbers and
/// switches stay: a text among the others may be a prompt, and their names may be words as well.
/// Headers say nothing of the model's work, an error's words may quote the prompt.
fn strip(exchange: &mut Exchange) {
    let request = &mut exchange.request;
    request.headers.clear();
    request.system = None;
    request.messages.clear();
    request.tools.clear();
    request.params.retain(|name, value| keep_numbers(name, value));
    keep_id(&mut request.model);
    if let Some(reply) = &mut exchange.reply {
        reply.headers.clear();
        keep_id(&mut reply.id);
        keep_id(&mut reply.model);
        for choice in &mut reply.choices {
            choice.parts.clear();
            choice.finish_reason.iter_mut().for_each(keep_word);
        }
    }
    if let Some(usage) = &mut exchange.usage {
        usage.raw = Value::Null;
        keep_word(&mut usage.source);
    }
    if let Some(error) = &mut exchange.error {
        error.message.clear();
        keep_word(&mut error.kind);
    }
    // The query may have a prompt as well.
    if let Some(end) = exchange.path.find('?') {
        exchange.path.truncate(end);
    }
    // A name that is a sentence still tells one conversation from another by its hash.
    if let Some(thread) = exchange.thread.as_mut().filter(|name| !is_id(name)) {
        *thread = blake3::hash(thread.as_bytes()).to_hex().chars().take(32).collect();
    }
    exchange.notes.clear();
    exchange.annotations.notes.clear();
    exchange.annotations.tags.clear();
}

/// Leaves a provider's word if it is short and one; empty is none.
fn keep_word(word: &mut String) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if word.len() > 64 || !word.chars().all(is_plain) {
        *word = "other".to_owned();
    }
}

/// Leaves what looks like an id or like the name of a model.
fn keep_id(id: &mut Option<String>) {
    id.take_if(|id| !is_id(id));
}

fn is_id(word: &str) -> bool {
    word.len() <= 128 && word.chars().all(|c| c.is_ascii_graphic())
}

/// Whether a parameter is known to have no words, or has such ones inside.
fn keep_numbers(name: &str, value: &mut Value) -> bool {
    match value {
        Value::Number(_) | Value::Bool(_) => parameters::is_number(name),
        Value::Object(fields) if parameters::INSIDE.contains(&name) => {
            fields.retain(|name, value| !value.is_object() && keep_numbers(name, value));
            !fields.is_empty()
        }
        Value::Object(_) | Value::Null | Value::String(_) | Value::Array(_) => false,
    }
}

fn cut_exchange(exchange: &mut Exchange, characters: usize) {
    let request = &mut exchange.request;
    let system = request.system.iter_mut();
    system.for_each(|system| cut(system, characters));
    cut_names(&mut request.model, characters);
    for message in &mut request.messages {
        cut_name(&mut message.role, characters);
        message.parts.iter_mut().for_each(|part| cut_part(part, characters));
    }
    for tool in &mut request.tools {
        cut_name(&mut tool.name, characters);
        tool.description.iter_mut().for_each(|text| cut(text, characters));
        cut_value(&mut tool.schema, characters);
    }
    cut_fields(&mut request.params, characters);
    cut_headers(&mut request.headers, characters);
    if let Some(reply) = &mut exchange.reply {
        cut_headers(&mut reply.headers, characters);
        cut_names(&mut reply.id, characters);
        cut_names(&mut reply.model, characters);
        for choice in &mut reply.choices {
            cut_names(&mut choice.finish_reason, characters);
            choice.parts.iter_mut().for_each(|part| cut_part(part, characters));
        }
    }
    if let Some(usage) = &mut exchange.usage {
        cut_value(&mut usage.raw, characters);
    }
    if let Some(error) = &mut exchange.error {
        cut(&mut error.message, characters);
        cut_name(&mut error.kind, characters);
    }
    if let Some((path, query)) = exchange.path.split_once('?') {
        let mut query = query.to_owned();
        cut(&mut query, characters);
        exchange.path = format!("{path}?{query}");
    }
    exchange.notes.iter_mut().for_each(|note| cut(note, characters));
    exchange.annotations.notes.iter_mut().for_each(|note| cut(note, characters));
    exchange.annotations.tags.iter_mut().for_each(|tag| cut_name(tag, characters));
}

fn cut_headers(headers: &mut Headers, characters: usize) {
    for (name, value) in headers {
        cut_name(name, characters);
        cut(value, characters);
    }
}

/// Cuts the values and, where they are long, the names of fields: of two that begin alike one is
/// left.
fn cut_fields(fields: &mut Map<String, Value>, characters: usize) {
    fields.values_mut().for_each(|value| cut_value(value, characters));
    if fields.keys().all(|name| name.len() <= NAME_CHARS_MIN) {
        return;
    }
    let cut = |(mut name, value)| {
        cut_name(&mut name, characters);
        (name, value)
    };
    *fields = std::mem::take(fields).into_iter().map(cut).collect();
}

/// Shortest that a name is cut to, in characters: a role or a parameter would be another one.
const NAME_CHARS_MIN: usize = 64;

fn cut_name(name: &mut String, characters: usize) {
    cut(name, characters.max(NAME_CHARS_MIN));
}

fn cut_names(name: &mut Option<String>, characters: usize) {
    name.iter_mut().for_each(|name| cut_name(name, characters));
}

fn cut_part(part: &mut Part, characters: usize) {
    match part {
        Part::Text { text } => cut(text, characters),
        Part::Reasoning { text, signature } => {
            cut(text, characters);
            // Of no use but whole.
            *signature = None;
        }
        Part::ToolCall { id, name, arguments } => {
            cut_names(id, characters);
            cut_name(name, characters);
            cut_value(arguments, characters);
        }
        Part::ToolResult { id, name, parts, .. } => {
            cut_names(id, characters);
            cut_names(name, characters);
            parts.iter_mut().for_each(|part| cut_part(part, characters));
        }
        Part::Image { mime_type, url, file_id, .. } => {
            [mime_type, url, file_id].into_iter().for_each(|name| cut_names(name, characters));
        }
        Part::Audio { mime_type, id, transcript, .. } => {
            [mime_type, id].into_iter().for_each(|name| cut_names(name, characters));
            transcript.iter_mut().for_each(|text| cut(text, characters));
        }
        Part::File { name, mime_type, file_id, url, text, .. } => {
            let names = [name, mime_type, file_id, url];
            names.into_iter().for_each(|name| cut_names(name, characters));
            text.iter_mut().for_each(|text| cut(text, characters));
        }
        Part::Other { value } => cut_value(value, characters),
    }
}

fn cut_value(value: &mut Value, characters: usize) {
    match value {
        Value::String(text) => cut(text, characters),
        Value::Array(values) => values.iter_mut().for_each(|value| cut_value(value, characters)),
        Value::Object(fields) => cut_fields(fields, characters),
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::{Choice, ExchangeError, Message, Reply, Tool};
    use crate::sink::{Delivery, Loki, Otlp, OtlpSettings, Profile, ToolRun, Trace, Webhook, Wire};
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

    /// Puts the word in the place of every text and into every name of what people wrote.
    fn mark(value: &mut Value) {
        match value {
            Value::String(text) => *text = "SECRET words".into(),
            Value::Array(all) => all.iter_mut().for_each(mark),
            Value::Object(fields) => fields.values_mut().for_each(mark),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn marked(exchange: &Exchange) -> Exchange {
        let mut exchange = exchange.clone();
        // Parts know their types by a text, and are taken away whole.
        exchange.request.messages.clear();
        exchange.reply.iter_mut().flat_map(|r| &mut r.choices).for_each(|c| c.parts.clear());
        let mut value = serde_json::to_value(&exchange).unwrap();
        for place in ["request", "reply", "error", "notes"] {
            mark(&mut value[place]);
        }
        mark(&mut value["annotations"]);
        let mut marked: Exchange = serde_json::from_value(value).unwrap();
        let said = vec![Part::text("SECRET")];
        marked.request.messages.push(Message { role: "SECRET".into(), parts: said });
        marked.request.params.insert("SECRET".into(), json!(1));
        marked.request.params.insert("metadata".into(), json!({"SECRET": 1}));
        marked.request.params.insert("options".into(), json!({"SECRET": true, "seed": 1}));
        if let Some(usage) = &mut marked.usage {
            usage.raw = json!({"SECRET": "SECRET"});
            usage.source = "SECRET words".into();
        }
        marked.thread = Some("SECRET words".into());
        marked.annotations.tags.push("SECRET".into());
        marked.path = "/v1?SECRET".into();
        marked
    }

    proptest! {
        #[test]
        fn no_receiver_gets_what_was_said(exchange in crate::store::tests::sample::exchange()) {
            let mut exchange = marked(&exchange);
            Content::None.limit(&mut exchange);
            let mut run = ToolRun {
                span: [1; 8],
                caller: exchange.id,
                call: Some("SECRET".into()),
                name: "SECRET".into(),
                arguments: json!({"SECRET": "SECRET"}),
                result: vec![Part::text("SECRET")],
                is_error: false,
                began: exchange.started_at,
                ended: exchange.started_at,
            };
            Content::None.limit_tool(&mut run);
            let trace = Trace { id: [1; 16], parent: None, state: String::new() };
            let delivery = Delivery { turn: exchange.id, trace, ran: vec![run], exchange };
            let otlp = |profile| -> Box<dyn Wire> {
                Box::new(Otlp::new(profile, OtlpSettings::default()))
            };
            let profiles = [Profile::GenAi, Profile::Phoenix, Profile::Mlflow, Profile::Langfuse];
            let others: [Box<dyn Wire>; 2] =
                [Box::new(Loki::default()), Box::new(Webhook::default())];
            for wire in profiles.map(otlp).into_iter().chain(others) {
                let body = wire.parcel(std::slice::from_ref(&delivery)).body;
                prop_assert!(!body.windows(6).any(|window| window == b"SECRET"));
            }
        }
    }

    #[test]
    fn names_and_keys_are_cut_as_well() {
        let long = "SECRET".repeat(50);
        let mut exchange = turn(1);
        exchange.path = format!("/v1?{long}");
        exchange.notes = vec![long.clone()];
        exchange.annotations.notes = vec![long.clone()];
        exchange.annotations.tags = vec![long.clone()];
        let request = &mut exchange.request;
        request.headers = vec![("x".into(), long.clone())];
        let (id, name) = (Some(long.clone()), long.clone());
        let arguments = json!({(long.clone()): 1});
        let call = Part::ToolCall { id, name, arguments: arguments.clone() };
        request.messages = vec![Message { role: long.clone(), parts: vec![call] }];
        let (name, description) = (long.clone(), None);
        request.tools = vec![Tool { name, description, schema: arguments }];
        request.params.insert(long, json!(1));
        Content::Cut(10).limit(&mut exchange);
        let json = serde_json::to_string(&exchange).unwrap();
        assert!(!json.contains(&"SECRET".repeat(11)), "{json}");
        assert_eq!(exchange.path, "/v1?SECRETSECR… [290 more characters]");
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
