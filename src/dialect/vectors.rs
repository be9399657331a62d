//! Vectors of embeddings: how many and how long, never the numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::json::Text;

/// Shortest text that is taken for a vector in base64, in bytes: beside vectors stand short
/// words that name their type.
const BASE64_MIN: usize = 64;

/// What stands in the place of the vectors in `raw`: `{"count": …, "dimensions": …}`; of
/// vectors by type, that for each type.
pub(super) fn summary(raw: &RawValue) -> Value {
    if let Ok(ByType(types)) = serde_json::from_str(raw.get())
        && !types.is_empty()
    {
        let types = types.into_iter().filter(|(_, span)| span.count > 0);
        let named: Map<String, Value> =
            types.map(|(name, span)| (name.as_str().to_owned(), span.shown())).collect();
        return Value::Object(named);
    }
    serde_json::from_str::<Span>(raw.get()).unwrap_or_default().shown()
}

/// What stands in the place of a long list of numbers, such as the tokens of a text.
pub(super) fn numbers(value: &mut Value) {
    if let Value::Array(items) = value
        && items.len() > NUMBERS_KEPT_MAX
        && items.iter().all(Value::is_number)
    {
        *value = format!("({} numbers)", items.len()).into();
    }
}

/// Longest list of numbers that is kept as it came.
const NUMBERS_KEPT_MAX: usize = 32;

/// How many vectors, and the length of the longest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    count: u64,
    dimensions: u64,
    /// Numbers that are not in a vector of their own yet.
    loose: u64,
}

impl Span {
    fn shown(self) -> Value {
        match self.dimensions {
            0 => json!({"count": self.count}),
            dimensions => json!({"count": self.count, "dimensions": dimensions}),
        }
    }

    fn add(&mut self, inner: Self) {
        self.count += inner.count;
        self.dimensions = self.dimensions.max(inner.dimensions);
        self.loose += inner.loose;
    }

    /// The numbers of a list are one vector.
    fn closed(mut self) -> Self {
        if self.loose > 0 {
            self.count += 1;
            self.dimensions = self.dimensions.max(self.loose);
            self.loose = 0;
        }
        self
    }
}

// Nesting is bounded: serde_json ends at 128 levels.
impl<'a> Deserialize<'a> for Span {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Spans;
        impl<'a> Visitor<'a> for Spans {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Span, E> {
                Ok(Span::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Span, E> {
                Ok(Span::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Span, E> {
                Ok(Span { loose: 1, ..Span::default() })
            }
            fn visit_u64<E>(self, _: u64) -> Result<Span, E> {
                Ok(Span { loose: 1, ..Span::default() })
            }
            fn visit_f64<E>(self, _: f64) -> Result<Span, E> {
                Ok(Span { loose: 1, ..Span::default() })
            }
            fn visit_str<E>(self, text: &str) -> Result<Span, E> {
                Ok(Span { count: u64::from(text.len() >= BASE64_MIN), ..Span::default() })
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Span, A::Error> {
                let mut span = Span::default();
                while let Some(inner) = list.next_element::<Span>()? {
                    span.add(inner);
                }
                Ok(span.closed())
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Span, A::Error> {
                let mut span = Span::default();
                while let Some((_, inner)) = map.next_entry::<IgnoredAny, Span>()? {
                    span.add(Span { loose: 0, ..inner });
                }
                Ok(span)
            }
        }
        from.deserialize_any(Spans)
    }
}

struct ByType<'a>(Vec<(Text<'a>, Span)>);

impl<'a> Deserialize<'a> for ByType<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Types;
        impl<'a> Visitor<'a> for Types {
            type Value = ByType<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<ByType<'a>, A::Error> {
                let mut types = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    types.push(entry);
                }
                Ok(ByType(types))
            }
        }
        from.deserialize_map(Types)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_counted() {
        let long = "QUJD".repeat(20);
        for (rule, vectors, expected) in [
            ("one", json!([0.5, 1, -2]), json!({"count": 1, "dimensions": 3})),
            ("several", json!([[1, 2], [3, 4]]), json!({"count": 2, "dimensions": 2})),
            ("none", json!([]), json!({"count": 0})),
            (
                "by type",
                json!({"float": [[1, 2]], "int8": [[1, 2]], "uint8": null}),
                json!({"float": {"count": 1, "dimensions": 2},
                    "int8": {"count": 1, "dimensions": 2}}),
            ),
            (
                "in objects",
                json!([{"embeddingType": "TEXT", "embedding": [1, 2, 3], "index": 4}]),
                json!({"count": 1, "dimensions": 3}),
            ),
            ("in base64", json!([long, long]), json!({"count": 2})),
            ("no vectors", json!("none"), json!({"count": 0})),
        ] {
            let raw = serde_json::value::to_raw_value(&vectors).unwrap();
            assert_eq!(summary(&raw), expected, "{rule}");
        }
    }

    #[test]
    fn long_lists_of_numbers_are_shortened() {
        for (value, expected) in [
            (json!([1, 2]), json!([1, 2])),
            (json!(vec![7; 40]), json!("(40 numbers)")),
            (json!(vec!["a"; 40]), json!(vec!["a"; 40])),
        ] {
            let mut value = value;
            numbers(&mut value);
            assert_eq!(value, expected);
        }
    }
}
