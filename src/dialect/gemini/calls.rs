//! Function calls that come in pieces, each at a path of the arguments.

use serde_json::{Map, Value};

use super::content;
use super::wire::{ArgPiece, Call};
use crate::model::Part;

/// A function call as it grows.
#[derive(Clone, Debug)]
pub(super) struct CallSoFar {
    id: Option<String>,
    name: String,
    arguments: Value,
    /// Where the text that came last goes on.
    open: Option<String>,
    signature: Option<String>,
}

/// Deepest path of an argument that is followed.
const PATH_STEPS_MAX: usize = 64;

/// Highest place in a list that is filled: one piece may name any.
const LIST_ITEMS_MAX: usize = 65_536;

impl CallSoFar {
    /// A call that begins with `call`.
    pub(super) fn new(call: Call<'_>) -> Self {
        let mut so_far = Self {
            id: call.id.own(),
            name: call.name.as_str().to_owned(),
            arguments: Value::Object(Map::new()),
            open: None,
            signature: None,
        };
        so_far.take(call);
        so_far
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, call: Call<'_>) {
        if self.id.is_none() {
            self.id = call.id.own();
        }
        match (&mut self.arguments, call.args) {
            (Value::Object(had), Some(Value::Object(more))) => had.extend(more),
            (_, None | Some(Value::Null)) => {}
            (had, Some(more)) => *had = more,
        }
        for piece in call.pieces.0 {
            self.put(piece);
        }
    }

    /// Whether `call` goes on with this one.
    pub(super) fn goes_on_with(&self, call: &Call<'_>) -> bool {
        let same = |had: Option<&str>, told: Option<&str>| told.is_none() || told == had;
        same(self.id.as_deref(), call.id.get()) && same(Some(&self.name), call.name.get())
    }

    /// Its arguments so far.
    pub(super) fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// Takes the signature of a call that goes on.
    pub(super) fn sign(&mut self, signature: String) {
        self.signature = Some(signature);
    }

    /// Adds the call, and its signature if it has one.
    pub(super) fn finish(self, parts: &mut Vec<Part>) {
        parts.push(Part::ToolCall { id: self.id, name: self.name, arguments: self.arguments });
        if let Some(signature) = self.signature {
            content::sign(signature, parts);
        }
    }

    fn put(&mut self, piece: ArgPiece<'_>) {
        let path = piece.path.as_str();
        let goes_on = self.open.as_deref() == Some(path);
        let value = match (piece.string, piece.number, piece.boolean) {
            (Some(text), ..) => Value::String(text.into_string()),
            (None, number @ Value::Number(_), _) => number,
            (None, _, boolean @ Value::Bool(_)) => boolean,
            (None, ..) => Value::Null,
        };
        if let Some(place) = place(&mut self.arguments, path) {
            match (place, value) {
                (Value::String(had), Value::String(more)) if goes_on => had.push_str(&more),
                // A text may end with a piece that says nothing.
                (_, Value::Null) if goes_on => {}
                (place, value) => *place = value,
            }
        }
        let will_continue = piece.will_continue.as_bool() == Some(true);
        if !will_continue {
            self.open = None;
        } else if !goes_on {
            self.open = Some(path.to_owned());
        }
    }
}

/// The place that a JSON path such as `$.cities[0].name` or `$['a b']` names, made if it is
/// not there; `None` if it is beyond a limit.
fn place<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut at = root;
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    for _ in 0..PATH_STEPS_MAX {
        if rest.is_empty() {
            return Some(at);
        }
        let (step, behind) = step(rest);
        rest = behind;
        at = match step {
            Step::Item(nth) if nth < LIST_ITEMS_MAX => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let items = at.as_array_mut()?;
                if items.len() <= nth {
                    items.resize(nth + 1, Value::Null);
                }
                items.get_mut(nth)?
            }
            Step::Item(_) => return None,
            Step::Field(name) => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                at.as_object_mut()?.entry(name).or_insert(Value::Null)
            }
        };
    }
    None
}

enum Step<'p> {
    Field(&'p str),
    Item(usize),
}

/// The first step of `path`, and what comes behind it.
fn step(path: &str) -> (Step<'_>, &str) {
    if let Some(inside) = path.strip_prefix('[') {
        for quote in ["'", "\""] {
            if let Some(quoted) = inside.strip_prefix(quote)
                && let Some((name, behind)) = quoted.split_once(quote)
            {
                return (Step::Field(name), behind.strip_prefix(']').unwrap_or(behind));
            }
        }
        let (index, behind) = inside.split_once(']').unwrap_or((inside, ""));
        return match index.parse() {
            Ok(nth) => (Step::Item(nth), behind),
            Err(_) => (Step::Field(index), behind),
        };
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    // A step without a name would not come any further.
    let end = end.max(path.chars().next().map_or(0, char::len_utf8));
    (Step::Field(path.get(..end).unwrap_or(path)), path.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_are_put_where_their_path_says() {
        for (rule, pieces, expected) in [
            (
                "a text goes on while it says so",
                json!([
                    {"jsonPath": "$.city", "stringValue": "Gh", "willContinue": true},
                    {"jsonPath": "$.city", "stringValue": "ent"},
                    {"jsonPath": "$.unit", "stringValue": "C"},
                ]),
                json!({"city": "Ghent", "unit": "C"}),
            ),
            (
                "a text that does not go on is replaced",
                json!([
                    {"jsonPath": "$.a", "stringValue": "x"},
                    {"jsonPath": "$.a", "stringValue": "y"},
                ]),
                json!({"a": "y"}),
            ),
            (
                "an empty piece ends a text",
                json!([
                    {"jsonPath": "$.a", "stringValue": "x", "willContinue": true},
                    {"jsonPath": "$.a", "willContinue": false},
                ]),
                json!({"a": "x"}),
            ),
            (
                "lists and objects are made",
                json!([
                    {"jsonPath": "$.a[1].b", "numberValue": 2.5},
                    {"jsonPath": "$.a[0]", "boolValue": true},
                    {"jsonPath": "$['c d'][\"e\"]", "nullValue": "NULL_VALUE"},
                ]),
                json!({"a": [true, {"b": 2.5}], "c d": {"e": null}}),
            ),
            (
                "what no list can be long for is left out",
                json!([{"jsonPath": "$.a[99999999999]", "boolValue": true}]),
                json!({"a": null}),
            ),
            ("a path may be broken", json!([{"jsonPath": "$..[", "stringValue": "x"}]), {
                json!({".": {"": "x"}})
            }),
        ] {
            let text = json!({"name": "f", "partialArgs": pieces}).to_string();
            let call: Call<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(CallSoFar::new(call).arguments(), &expected, "{rule}");
        }
    }
}
