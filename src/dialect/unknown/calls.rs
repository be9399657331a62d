//! Tool calls of a reply that nobody knows, as they grow.

use serde_json::{Map, Value};

use super::answer::Tell;
use super::parts::called;
use crate::dialect::{Grown, json};
use crate::model::Part;

/// Most tool calls of one reply.
const CALLS_MAX: usize = 1000;

/// Shortest arguments that are taken for a repetition, in bytes: some end a stream with the
/// whole of them.
const REPEATED_BYTES_MIN: usize = 16;

/// Tool calls, in the order in which they began.
#[derive(Clone, Default)]
pub(super) struct Calls(Vec<Call>);

/// A tool call, whose arguments may come in pieces.
#[derive(Clone)]
struct Call {
    key: String,
    part: Part,
    arguments: String,
}

/// Whether a name or a type tells of a call, not of a tool that might be called, nor of what it
/// gave.
pub(super) fn tells_of_call(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    has(&["tool", "function"]) && has(&["call", "use"]) && !has(&["result", "output"])
}

impl Calls {
    /// Takes `fields`, which stand at `key`, if they are a call or a piece of one; gives whether
    /// they are.
    pub(super) fn take(
        &mut self,
        fields: &Map<String, Value>,
        key: String,
        tell: &mut Tell<'_>,
    ) -> bool {
        let inner = fields.get("function").and_then(Value::as_object).unwrap_or(fields);
        let names = ["arguments", "input", "args", "arguments_json"];
        let given = names.iter().find_map(|name| inner.get(*name));
        let name = inner.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        if given.is_none() && name.is_none() {
            return false;
        }
        let id = fields.get("id").and_then(Value::as_str);
        let Some(call) = self.at(key, id) else { return true };
        if let Part::ToolCall { name: had, .. } = &mut call.part
            && let Some(name) = name.filter(|_| had.is_empty())
        {
            name.clone_into(had);
            tell(Grown::ToolCall(name));
        }
        match given {
            Some(Value::String(piece)) => {
                let repeats = *piece == call.arguments && piece.len() >= REPEATED_BYTES_MIN;
                if !repeats {
                    call.arguments.push_str(piece);
                    tell(Grown::Arguments(piece));
                }
            }
            Some(Value::Null) | None => {}
            Some(_) => {
                if let Some(part) = called(&mut fields.clone()) {
                    call.part = part;
                }
            }
        }
        true
    }

    /// The call at `key`, unless its id is another; a new one then. `None` if there are too many.
    fn at(&mut self, key: String, id: Option<&str>) -> Option<&mut Call> {
        let is_same = |call: &Call| match &call.part {
            Part::ToolCall { id: Some(had), .. } => id.is_none_or(|id| id == had),
            _ => true,
        };
        let known = self.0.iter().rposition(|call| call.key == key);
        let known = known.filter(|at| self.0.get(*at).is_some_and(is_same));
        match known {
            Some(at) => self.0.get_mut(at),
            None if self.0.len() >= CALLS_MAX => None,
            None => {
                let part = Part::ToolCall {
                    id: id.map(str::to_owned),
                    name: String::new(),
                    arguments: Value::String(String::new()),
                };
                self.0.push(Call { key, part, arguments: String::new() });
                self.0.last_mut()
            }
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls as far as they came.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        self.0.iter().map(|call| {
            let mut part = call.part.clone();
            if let Part::ToolCall { arguments, .. } = &mut part
                && !call.arguments.is_empty()
            {
                *arguments = json::arguments(call.arguments.clone());
            }
            part
        })
    }
}
