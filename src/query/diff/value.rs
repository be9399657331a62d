//! What changed in a JSON value, path by path.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::align::{Step, align};
use super::sketch::Sketch;
use super::text::TextDiff;

/// Levels of a value that are gone through; what is deeper is compared as a whole.
const DEPTH_MAX: usize = 64;

/// From this length on, in bytes, two strings are compared word by word.
const TEXT_BYTES_MIN: usize = 60;

/// What changed at a place of a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueChange {
    /// Names and indexes from the root on, such as `properties.city.enum[2]`. An index is that
    /// of the new value, of what was removed that of the old one.
    pub path: String,
    /// How.
    #[serde(flatten)]
    pub change: Change,
}

/// How a value changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added {
        /// The new value.
        new: Value,
    },
    /// It is gone.
    Removed {
        /// The old value.
        old: Value,
    },
    /// It is another.
    Replaced {
        /// The old value.
        old: Value,
        /// The new value.
        new: Value,
    },
    /// Words of it are others.
    Text {
        /// Both texts.
        pieces: TextDiff,
    },
}

/// What changed between two values; the order of an object's fields is no difference.
pub(super) fn changes(old: &Value, new: &Value, deadline: Instant) -> Vec<ValueChange> {
    let mut found = Changes { deadline, found: Vec::new() };
    found.between("", old, new, 0);
    found.found
}

struct Changes {
    deadline: Instant,
    found: Vec<ValueChange>,
}

impl Changes {
    fn between(&mut self, path: &str, old: &Value, new: &Value, depth: usize) {
        if old == new {
            return;
        }
        match (old, new) {
            (Value::Object(olds), Value::Object(news)) if depth < DEPTH_MAX => {
                for (name, old) in olds {
                    let path = below(path, name);
                    match news.get(name) {
                        Some(new) => self.between(&path, old, new, depth + 1),
                        None => self.push(path, Change::Removed { old: old.clone() }),
                    }
                }
                for (name, new) in news.iter().filter(|(name, _)| !olds.contains_key(*name)) {
                    self.push(below(path, name), Change::Added { new: new.clone() });
                }
            }
            (Value::Array(olds), Value::Array(news)) if depth < DEPTH_MAX => {
                self.arrays(path, olds, news, depth);
            }
            (Value::String(old), Value::String(new))
                if old.len().max(new.len()) >= TEXT_BYTES_MIN || old.contains('\n') =>
            {
                let pieces = TextDiff::new(old, new, self.deadline);
                self.push(path.to_owned(), Change::Text { pieces });
            }
            (old, new) => {
                let change = Change::Replaced { old: old.clone(), new: new.clone() };
                self.push(path.to_owned(), change);
            }
        }
    }

    fn arrays(&mut self, path: &str, olds: &[Value], news: &[Value], depth: usize) {
        let sketch =
            |value: Option<&Value>| Sketch::of(&value.map(ToString::to_string).unwrap_or_default());
        let steps =
            align(olds, news, |at| sketch(olds.get(at)), |at| sketch(news.get(at)), self.deadline);
        let mut steps = steps.into_iter().peekable();
        while let Some(step) = steps.next() {
            let pair = match step {
                Step::Changed(old, new) => Some((old, new)),
                // One in the place of another: two numbers have no words to be alike in.
                Step::Removed(old) => match steps.peek() {
                    Some(&Step::Added(new)) => steps.next().map(|_| (old, new)),
                    _ => None,
                },
                _ => None,
            };
            match (pair, step) {
                (Some((at, to)), _) => {
                    if let (Some(old), Some(new)) = (olds.get(at), news.get(to)) {
                        self.between(&format!("{path}[{to}]"), old, new, depth + 1);
                    }
                }
                (None, Step::Removed(at)) => {
                    let old = olds.get(at).cloned().unwrap_or_default();
                    self.push(format!("{path}[{at}]"), Change::Removed { old });
                }
                (None, Step::Added(at)) => {
                    let new = news.get(at).cloned().unwrap_or_default();
                    self.push(format!("{path}[{at}]"), Change::Added { new });
                }
                (None, _) => {}
            }
        }
    }

    fn push(&mut self, path: String, change: Change) {
        self.found.push(ValueChange { path, change });
    }
}

fn below(path: &str, name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    let name = match name {
        name if !name.is_empty() && name.chars().all(is_plain) => name.to_owned(),
        name => Value::from(name).to_string(),
    };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn told(old: &Value, new: &Value) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let told = changes(old, new, deadline).into_iter().map(|found| match found.change {
            Change::Added { new } => format!("{}: + {new}", found.path),
            Change::Removed { old } => format!("{}: - {old}", found.path),
            Change::Replaced { old, new } => format!("{}: {old} → {new}", found.path),
            Change::Text { pieces } => format!("{}: {:?}", found.path, pieces.changed_bytes()),
        });
        told.collect()
    }

    #[test]
    fn a_value_changes_by_path() {
        let long = "A description that is long enough to be compared word by word, brief";
        for (rule, old, new, expected) in [
            ("alike", json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), &[][..]),
            ("a number", json!({"t": 0.2}), json!({"t": 0.7}), &["t: 0.2 → 0.7"]),
            ("fields", json!({"a": 1}), json!({"b": [2]}), &["a: - 1", "b: + [2]"]),
            ("deep", json!({"a": {"b": [1, 2]}}), json!({"a": {"b": [1, 3]}}), &["a.b[1]: 2 → 3"]),
            ("one more", json!(["a", "c"]), json!(["a", "b", "c"]), &["[1]: + \"b\""]),
            ("one less", json!(["a", "b", "c"]), json!(["a", "c"]), &["[1]: - \"b\""]),
            ("another type", json!({"a": "1"}), json!({"a": 1}), &["a: \"1\" → 1"]),
            ("null is a value", json!({"a": null}), json!({}), &["a: - null"]),
            ("an odd name", json!({"a.b": 1}), json!({"a.b": 2}), &["\"a.b\": 1 → 2"]),
            (
                "a long text by words",
                json!({"d": long}),
                json!({"d": long.replace("brief", "short")}),
                &["d: [5, 5]"],
            ),
        ] {
            assert_eq!(told(&old, &new), expected, "{rule}");
        }
    }

    #[test]
    fn depth_overflows_nothing() {
        let nested = |leaf: u8| (0..100_u8).fold(json!(leaf), |inner, _| json!([inner]));
        assert_eq!(told(&nested(1), &nested(2)).len(), 1);
    }
}
