//! Attributes of spans, made safe: what an app or a model said must not be able to make a
//! receiver drop a span.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value;

/// Deepest nesting of JSON that is sent as such: parsers of receivers give up on more (Python's
/// at about a thousand levels, jiter's at two hundred), and with it on the whole batch. What is
/// deeper becomes a string.
const JSON_DEPTH_MAX: usize = 60;

/// Deepest nesting of a value that is sent as a tree: protobuf's parsers allow a hundred
/// messages inside each other, six are around an attribute, and a level of ours is three.
const TREE_DEPTH_MAX: usize = 24;

/// Most values of a tree: each is a message of protobuf, and an object in the receiver's memory.
/// A tree of more goes out as a text of JSON, which can be cut.
const TREE_VALUES_MAX: usize = 40_000;

/// Longest word that names something, such as a model or a session, in characters. Langfuse
/// drops a session's name of more than 200, MLflow refuses the batch for more than 250.
const NAME_CHARS_MAX: usize = 200;

/// The attributes of a span, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// A text, however long.
    pub(super) fn text(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.put(key, string(text.into()));
    }

    /// A text, if there is one.
    pub(super) fn text_if<T: Into<String>>(&mut self, key: &str, text: Option<T>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// A value: a text as it is, anything else as JSON.
    pub(super) fn value(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(key, text),
            value => self.json(key, value),
        }
    }

    /// A word that names something.
    pub(super) fn name(&mut self, key: &str, word: &str) {
        self.text(key, name(word));
    }

    /// A word that names something, if there is one.
    pub(super) fn name_if(&mut self, key: &str, word: Option<&str>) {
        if let Some(word) = word {
            self.name(key, word);
        }
    }

    /// Texts, if there are any.
    pub(super) fn texts(&mut self, key: &str, texts: impl IntoIterator<Item = String>) {
        let values: Vec<AnyValue> = texts.into_iter().map(string).map(any).collect();
        if !values.is_empty() {
            self.put(key, Any::ArrayValue(ArrayValue { values }));
        }
    }

    /// A whole number, if there is one.
    pub(super) fn count(&mut self, key: &str, count: Option<u64>) {
        if let Some(count) = count {
            self.put(key, Any::IntValue(i64::try_from(count).unwrap_or(i64::MAX)));
        }
    }

    /// A number, if there is one.
    pub(super) fn number(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            self.put(key, Any::DoubleValue(number));
        }
    }

    /// Whether it is so.
    pub(super) fn flag(&mut self, key: &str, is_so: bool) {
        self.put(key, Any::BoolValue(is_so));
    }

    /// JSON as a string.
    pub(super) fn json(&mut self, key: impl Into<String>, value: &Value) {
        self.put(key, Any::StringValue(json(value)));
    }

    /// JSON as a tree of OpenTelemetry's own.
    pub(super) fn tree(&mut self, key: &str, value: &Value) {
        let mut room = TREE_VALUES_MAX;
        let value = Some(match is_large(value, &mut room) {
            true => any(Any::StringValue(json(value))),
            false => tree(value, TREE_DEPTH_MAX),
        });
        self.0.push(KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
    }

    /// The attributes, each name once: a receiver may take the first of two or the last.
    pub(super) fn done(self) -> Vec<KeyValue> {
        let mut seen = std::collections::HashSet::new();
        self.0.into_iter().filter(|one| seen.insert(one.key.clone())).collect()
    }

    fn put(&mut self, key: impl Into<String>, value: Any) {
        let (key, value) = (clean(key.into()), Some(any(value)));
        self.0.push(KeyValue { key, value, ..KeyValue::default() });
    }
}

/// A word that names something: what is too long ends with its own hash, so that two that begin
/// alike stay two.
pub(super) fn name(word: &str) -> String {
    if word.chars().count() <= NAME_CHARS_MAX {
        return word.to_owned();
    }
    let hash = blake3::hash(word.as_bytes()).to_hex();
    let hash: String = hash.chars().take(16).collect();
    let beginning: String = word.chars().take(NAME_CHARS_MAX - hash.len() - 1).collect();
    format!("{beginning}-{hash}")
}

/// A text without the one character that PostgreSQL, which is below most receivers, cannot keep:
/// it would refuse the span.
pub(super) fn clean(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    }
}

/// JSON as a string, without escaped NULs and not too deep.
pub(super) fn json(value: &Value) -> String {
    let text = value.to_string();
    let text = match is_deep(value, JSON_DEPTH_MAX) {
        true => Value::String(text).to_string(),
        false => text,
    };
    match text.contains("\\u0000") {
        true => without_escaped_nul(&text),
        false => text,
    }
}

/// A value that is not too deep to be put inside others: itself, or its text.
pub(super) fn shallow(value: &Value) -> Value {
    match is_deep(value, JSON_DEPTH_MAX / 2) {
        true => Value::String(value.to_string()),
        false => value.clone(),
    }
}

/// Whether `value` is nested more than `left` deep. It never looks deeper than that.
fn is_deep(value: &Value, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deep(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_deep(field, left)),
        _ => false,
    }
}

/// Whether `value` has more values than `left`. It never counts further than that.
fn is_large(value: &Value, left: &mut usize) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return true };
    *left = fewer;
    match value {
        Value::Array(items) => items.iter().any(|item| is_large(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_large(field, left)),
        _ => false,
    }
}

/// `\u0000` of a JSON text replaced; a backslash that is itself escaped begins no escape.
fn without_escaped_nul(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        if let Some(behind) = escape.strip_prefix("\\u0000") {
            clean.push_str("\\ufffd");
            rest = behind;
            continue;
        }
        // serde_json escapes with a backslash and one ASCII character, or with `\u` and more.
        let (both, behind) = escape.split_at_checked(2).unwrap_or((escape, ""));
        clean.push_str(both);
        rest = behind;
    }
    clean.push_str(rest);
    clean
}

fn tree(value: &Value, left: usize) -> AnyValue {
    let Some(left) = left.checked_sub(1) else { return any(Any::StringValue(json(value))) };
    any(match value {
        Value::Null => return AnyValue::default(),
        Value::Bool(is_so) => Any::BoolValue(*is_so),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Any::IntValue(whole),
            (None, Some(number)) => Any::DoubleValue(number),
            (None, None) => Any::StringValue(number.to_string()),
        },
        Value::String(text) => string(text.clone()),
        Value::Array(items) => {
            let values = items.iter().map(|item| tree(item, left)).collect();
            Any::ArrayValue(ArrayValue { values })
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| KeyValue {
                key: clean(key.clone()),
                value: Some(tree(value, left)),
                ..KeyValue::default()
            };
            Any::KvlistValue(KeyValueList { values: fields.iter().map(field).collect() })
        }
    })
}

fn string(text: String) -> Any {
    Any::StringValue(clean(text))
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_has_a_nul() {
        for (rule, value, expected) in [
            ("a NUL", json!("a\0b"), r#""a\ufffdb""#),
            ("a backslash and what looks like one", json!("a\\u0000b"), r#""a\\u0000b""#),
            ("a backslash before one", json!("\\\0"), r#""\\\ufffd""#),
            ("a key", json!({"\0": 1}), r#"{"\ufffd":1}"#),
        ] {
            assert_eq!(json(&value), expected, "{rule}");
        }
        assert_eq!(clean("a\0".into()), "a\u{fffd}");
    }

    proptest! {
        #[test]
        fn other_texts_stay(text in "[^\0]*") {
            let value = Value::String(text);
            prop_assert_eq!(serde_json::from_str::<Value>(&json(&value)).unwrap(), value);
        }

        #[test]
        fn texts_with_nuls_stay_json(text in "[\\\\\0u\"a]*") {
            let read: Value = serde_json::from_str(&json(&json!(text))).unwrap();
            prop_assert_eq!(read, json!(text.replace('\0', "\u{fffd}")));
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_a_string() {
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        assert!(serde_json::from_str::<Value>(&json(&deep)).unwrap().is_string());
        assert!(shallow(&deep).is_string());
        let mut levels = 0;
        let mut at = tree(&deep, TREE_DEPTH_MAX);
        while let Some(Any::ArrayValue(mut array)) = at.value {
            at = array.values.remove(0);
            levels += 1;
        }
        assert!(matches!(at.value, Some(Any::StringValue(_))));
        assert_eq!(levels, TREE_DEPTH_MAX);
        assert_eq!(json(&json!([[1]])), "[[1]]");
    }

    #[test]
    fn long_names_stay_different() {
        let (one, other) = ("a".repeat(300), "a".repeat(301));
        assert_eq!(name(&one).chars().count(), NAME_CHARS_MAX);
        assert_ne!(name(&one), name(&other));
        assert_eq!(name("é"), "é");
    }

    #[test]
    fn a_name_stands_once() {
        let mut attributes = Attributes::default();
        attributes.text("a", "1");
        attributes.text("a", "2");
        assert_eq!(attributes.done().len(), 1);
    }
}
