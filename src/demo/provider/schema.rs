//! Values that fit a JSON schema, for tool calls and structured answers.

use serde_json::{Map, Value, json};

/// A value that fits the plain parts of `schema`: types, properties, items, enums.
pub(super) fn example(schema: &Value) -> Value {
    at_depth(schema, 0)
}

fn at_depth(schema: &Value, depth: usize) -> Value {
    if let Some(first) = schema.pointer("/enum/0").or(schema.get("const")) {
        return first.clone();
    }
    if let Some(first) = schema.pointer("/anyOf/0").or(schema.pointer("/oneOf/0"))
        && depth < DEPTH_MAX
    {
        return at_depth(first, depth + 1);
    }
    let kind = schema.get("type");
    match kind.and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())) {
        Some("object") | None => object(schema, depth),
        Some("array") => match schema.get("items") {
            Some(items) if depth < DEPTH_MAX => json!([at_depth(items, depth + 1)]),
            _ => json!([]),
        },
        Some("integer") => json!(3),
        Some("number") => json!(2.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some(_) => json!("Zürich 北京 🌍"),
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let mut object = Map::new();
    if let Some(Value::Object(properties)) = schema.get("properties")
        && depth < DEPTH_MAX
    {
        for (name, property) in properties {
            object.insert(name.clone(), at_depth(property, depth + 1));
        }
    }
    object.into()
}

/// Deepest nesting filled: a schema may contain itself.
const DEPTH_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_its_schema() {
        for (rule, schema, value) in [
            ("a string", json!({"type": "string"}), json!("Zürich 北京 🌍")),
            ("an enum gives its first", json!({"enum": ["a", "b"]}), json!("a")),
            ("the first of several types", json!({"type": ["integer", "null"]}), json!(3)),
            ("no type is an object", json!({}), json!({})),
            (
                "an object has all its properties",
                json!({"type": "object", "properties": {
                    "days": {"type": "integer"},
                    "places": {"type": "array", "items": {"type": "boolean"}},
                }}),
                json!({"days": 3, "places": [true]}),
            ),
        ] {
            assert_eq!(example(&schema), value, "{rule}");
        }
    }
}
