//! Notion's AI, as others have read it off its traffic (2025–2026): a transcript in; out lines
//! that patch a transcript, or, in its older form, whole entries of one.
//!
//! A patch adds an entry (`"o": "a"` at `/s/-`) or an item to one, or lengthens a text (`"o":
//! "x"` at `/s/2/value/0/content`). The items tell by their type whether their text is thought
//! or said.

use serde_json::{Map, Value, json};

use super::reading::piece;
use super::values::{list, object};
use super::{Foreign, Translate};
use crate::observe::stream;

/// `/api/v3/runInferenceTranscript`.
pub(in crate::dialect) const NOTION: Foreign = Foreign {
    name: "notion",
    claim: |place| place.posts("/runInferenceTranscript").then_some("chat"),
    begin: |_| Box::new(Notion::default()),
};

/// Most entries of a transcript and items of an entry that are kept apart: what comes behind
/// them counts as said.
const ENTRIES_MAX: usize = 4096;

#[derive(Default)]
struct Notion {
    /// For each entry the types of its items.
    entries: Vec<Vec<String>>,
    /// What came of an answer that each line repeats.
    so_far: String,
}

impl Translate for Notion {
    fn cut(&self) -> Option<stream::Kind> {
        Some(stream::Kind::Lines)
    }

    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let mut messages = Vec::new();
        let mut rest = Vec::new();
        for entry in list(ask.remove("transcript")) {
            let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
            let role = match kind {
                "user" | "human" => "user",
                "assistant" | "agent-inference" | "markdown-chat" => "assistant",
                "config" => {
                    let model = entry.pointer("/value/model").cloned();
                    ask.extend(model.map(|model| ("model".to_owned(), model)));
                    rest.push(entry);
                    continue;
                }
                _ => {
                    rest.push(entry);
                    continue;
                }
            };
            let words = entry.get("value").map(words).unwrap_or_default();
            messages.push(json!({"role": role, "content": words}));
        }
        ask.insert("messages".to_owned(), messages.into());
        ask.insert("transcript".to_owned(), rest.into());
        ask
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        match told.get("type").and_then(Value::as_str).unwrap_or_default() {
            "patch-start" => {
                let entries = told.pointer("/data/s").and_then(Value::as_array);
                for entry in entries.into_iter().flatten() {
                    self.enter(entry);
                }
                None
            }
            "patch" => {
                let patches = list(told.get("v").cloned());
                let mut delta = Map::new();
                for patch in &patches {
                    self.patch(patch, &mut delta);
                }
                (!delta.is_empty()).then(|| json!({"choices": [{"index": 0, "delta": delta}]}))
            }
            "agent-inference" | "markdown-chat" => {
                let all = words(told.get("value")?);
                let more = all.strip_prefix(self.so_far.as_str()).unwrap_or(&all).to_owned();
                self.so_far = all;
                Some(json!({"choices": piece(more.into(), Value::Null)}))
            }
            "error" => Some(json!({"error": told})),
            "premium-feature-unavailable" => {
                Some(json!({"error": {"type": "premium-feature-unavailable"}}))
            }
            _ => None,
        }
    }
}

impl Notion {
    /// Adds an entry; gives the words of its items with their types.
    fn enter(&mut self, entry: &Value) -> Vec<(String, String)> {
        let items = match entry.get("value") {
            Some(Value::Array(items)) => items.iter().map(item).collect(),
            _ => Vec::new(),
        };
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push(items.iter().map(|(kind, _)| kind.clone()).collect());
        }
        match entry.get("type").and_then(Value::as_str) {
            Some("agent-inference" | "markdown-chat" | "text") => items,
            _ => Vec::new(),
        }
    }

    fn patch(&mut self, patch: &Value, delta: &mut Map<String, Value>) {
        let (Some(place), Some(value)) = (patch.get("p").and_then(Value::as_str), patch.get("v"))
        else {
            return;
        };
        let steps: Vec<&str> = place.split('/').skip(1).collect();
        let operation = patch.get("o").and_then(Value::as_str).unwrap_or_default();
        match (operation, steps.as_slice()) {
            ("a", ["s", "-"]) => {
                for (kind, words) in self.enter(value) {
                    grow(delta, &kind, &words);
                }
            }
            ("a", ["s", entry, "value", _]) => {
                let (kind, words) = item(value);
                let entry = entry.parse().ok().and_then(|at: usize| self.entries.get_mut(at));
                if let Some(items) = entry.filter(|items| items.len() < ENTRIES_MAX) {
                    items.push(kind.clone());
                }
                grow(delta, &kind, &words);
            }
            ("x", ["s", entry, "value", at, "content"]) => {
                let items = entry.parse().ok().and_then(|at: usize| self.entries.get(at));
                let kind =
                    items.zip(at.parse().ok()).and_then(|(items, at): (_, usize)| items.get(at));
                let kind = kind.map_or("text", String::as_str);
                grow(delta, kind, value.as_str().unwrap_or_default());
            }
            _ => {}
        }
    }
}

fn grow(delta: &mut Map<String, Value>, kind: &str, words: &str) {
    let name = match kind {
        "thinking" | "reasoning" => "reasoning_content",
        "text" | "" => "content",
        _ => return,
    };
    let entry = delta.entry(name).or_insert_with(|| Value::String(String::new()));
    if let Value::String(text) = entry {
        text.push_str(words);
    }
}

/// The type and the words of an item.
fn item(item: &Value) -> (String, String) {
    let fields = object(Some(item.clone()));
    let of = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (of("type"), of("content"))
}

/// The words of a value: a text, rich text (`[["words", marks], …]`), or items.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| match item {
                Value::String(text) => Some(text.as_str()),
                Value::Array(pair) => pair.first()?.as_str(),
                item => item
                    .get("content")?
                    .as_str()
                    .filter(|_| item.get("type").is_none_or(|kind| kind == "text")),
            })
            .collect(),
        _ => String::new(),
    }
}
