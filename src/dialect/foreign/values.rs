//! Moving JSON about.

use serde_json::{Map, Value, json};

/// The fields of an object; none of anything else.
pub(super) fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The items of a list; one object in a list's place is one item.
pub(super) fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

/// Renames a field, unless there is one of that name.
pub(super) fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if !fields.contains_key(to)
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}

/// A message.
pub(super) fn message(role: &str, content: Value) -> Value {
    json!({"role": role, "content": content})
}

/// Makes the `messages` of what the fields of `names` hold, each a role and a field, in their
/// order; `null`s say nothing.
pub(super) fn say(fields: &mut Map<String, Value>, names: &[(&str, &str)]) {
    let said = names.iter().filter_map(|(role, name)| {
        let content = fields.remove(*name).filter(|content| !content.is_null())?;
        Some(message(role, content))
    });
    let mut messages: Vec<Value> = said.collect();
    messages.extend(list(fields.remove("messages")));
    fields.insert("messages".to_owned(), messages.into());
}

/// The text of a field; `None` if it holds none.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// What stands in the place of vectors: how many, and how long the first is.
pub(super) fn vectors(vectors: &[Value], name: &str) -> Value {
    if let Some(Value::Number(_)) = vectors.first() {
        return json!({"count": 1, "dimensions": vectors.len()});
    }
    let first = vectors.first();
    let first = first.map(|item| item.get(name).unwrap_or(item)).and_then(Value::as_array);
    match first {
        Some(numbers) => json!({"count": vectors.len(), "dimensions": numbers.len()}),
        None => json!({"count": vectors.len()}),
    }
}
