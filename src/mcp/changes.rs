//! A difference between two prompts as a list of changes that can be read in pieces.

use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;

use super::answer::{Room, name, window};
use super::piece::{as_text, said};
use crate::model::Tool;
use crate::query::diff::{
    BlockStep, Change, Difference, MessageStep, MessagesDiff, ModelChange, Op, TextDiff, ToolsDiff,
    ValueChange,
};

/// Characters shown of what is alike, next to a change.
const CONTEXT_CHARS: usize = 80;

/// Bytes of the pieces of one change; more of them are told as a change of their own, at the
/// same place.
const PIECES_BYTES_MAX: usize = 8_000;

/// One thing that changed.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Changed {
    /// `model`, `params`, `system`, `tools` or `messages`.
    pub section: &'static str,
    /// Where in the old exchange, as `show` takes it as `place`: `messages[3]`, `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_old: Option<String>,
    /// Where in the new exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_new: Option<String>,
    /// What of it: who says a message, a tool's name, a path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// `added`, `removed`, `replaced`, or `text`: words of it.
    pub change: &'static str,
    /// What is gone (captured text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What came (captured text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Both texts laid over each other; what is alike is shortened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Laid>,
    /// Characters of `old`, `new` and `pieces` that were left out of what changed: a larger
    /// `limit`, or `show`, has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<usize>,
}

/// A piece of two texts laid over each other.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Laid {
    /// `same`, `removed` or `added`.
    pub op: &'static str,
    /// The piece (captured text).
    pub text: String,
}

/// All that changed, each text cut at `limit` characters.
pub fn changes(difference: &Difference, limit: usize) -> Vec<Changed> {
    let mut list = List { found: Vec::new(), limit };
    if let Some(ModelChange { old, new }) = &difference.model {
        let [old, new] = [old, new].map(|model| model.as_deref().map(name));
        list.found.push(Changed {
            section: "model",
            change: "replaced",
            old,
            new,
            ..Changed::default()
        });
    }
    list.values(&Spot::both("params", None), "", difference.params.as_deref().unwrap_or_default());
    if let Some(system) = &difference.system {
        list.text(&Spot::both("system", Some("system".to_owned())), "", system);
    }
    if let Some(tools) = &difference.tools {
        list.tools(tools);
    }
    if let Some(messages) = &difference.messages {
        list.messages(messages);
    }
    list.found
}

/// Where something changed.
struct Spot {
    section: &'static str,
    /// In the old one and in the new one.
    places: [Option<String>; 2],
}

impl Spot {
    fn both(section: &'static str, place: Option<String>) -> Self {
        Self { section, places: [place.clone(), place] }
    }

    /// A message, by its index on each side that has it.
    fn message(old: Option<usize>, new: Option<usize>) -> Self {
        let place = |index| format!("messages[{index}]");
        Self { section: "messages", places: [old, new].map(|index| index.map(place)) }
    }

    /// A change there, of which nothing is told yet.
    fn changed(&self, place: &str, change: &'static str) -> Changed {
        let [in_old, in_new] = self.places.clone();
        let section = self.section;
        Changed { section, in_old, in_new, place: name(place), change, ..Changed::default() }
    }
}

struct List {
    found: Vec<Changed>,
    limit: usize,
}

impl List {
    fn push(&mut self, spot: &Spot, place: &str, old: Option<&str>, new: Option<&str>) {
        let change = match (old, new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "replaced",
        };
        let mut cut = 0;
        let mut shown = |text: &str| {
            // Both have room in one result.
            let window = window(text, 0, self.limit);
            cut += window.after;
            window.text
        };
        let [old, new] = [old, new].map(|text| text.map(&mut shown));
        let cut = (cut > 0).then_some(cut);
        self.found.push(Changed { old, new, cut, ..spot.changed(place, change) });
    }

    fn text(&mut self, spot: &Spot, place: &str, diff: &TextDiff) {
        let fresh = || spot.changed(place, "text");
        let (mut changed, mut room) = (fresh(), Room::of(PIECES_BYTES_MAX));
        let last = diff.pieces.len().saturating_sub(1);
        for (at, piece) in diff.pieces.iter().enumerate() {
            let (op, text, cut) = match piece.op {
                Op::Same => ("same", shortened(&piece.text, at > 0, at < last), 0),
                Op::Removed | Op::Added => {
                    let window = window(&piece.text, 0, self.limit);
                    let op = if piece.op == Op::Removed { "removed" } else { "added" };
                    (op, window.text, window.after)
                }
            };
            let laid = Laid { op, text };
            if !room.takes(&laid) && !changed.pieces.is_empty() {
                self.found.push(std::mem::replace(&mut changed, fresh()));
                room = Room::of(PIECES_BYTES_MAX);
                room.takes(&laid);
            }
            changed.pieces.push(laid);
            if cut > 0 {
                changed.cut = Some(changed.cut.unwrap_or_default() + cut);
            }
        }
        if !changed.pieces.is_empty() {
            self.found.push(changed);
        }
    }

    fn values(&mut self, spot: &Spot, before: &str, changes: &[ValueChange]) {
        for ValueChange { path, change } in changes {
            let place = format!("{before}{path}");
            match change {
                Change::Added { new } => self.push(spot, &place, None, Some(&as_text(new))),
                Change::Removed { old } => self.push(spot, &place, Some(&as_text(old)), None),
                Change::Replaced { old, new } => {
                    self.push(spot, &place, Some(&as_text(old)), Some(&as_text(new)));
                }
                Change::Text { pieces } => self.text(spot, &place, pieces),
            }
        }
    }

    fn tools(&mut self, diff: &ToolsDiff) {
        let spot = Spot::both("tools", None);
        let described = |tool: &Tool| tool.description.clone().unwrap_or_default();
        for tool in &diff.removed {
            self.push(&spot, &tool.name, Some(&described(tool)), None);
        }
        for tool in &diff.added {
            self.push(&spot, &tool.name, None, Some(&described(tool)));
        }
        for change in &diff.changed {
            if let Some(description) = &change.description {
                self.text(&spot, &format!("{} description", change.name), description);
            }
            self.values(&spot, &format!("{} schema.", change.name), &change.schema);
        }
    }

    fn messages(&mut self, diff: &MessagesDiff) {
        for step in &diff.steps {
            match step {
                MessageStep::Alike { .. } => {}
                MessageStep::Removed { old, message } => {
                    let spot = Spot::message(Some(*old), None);
                    self.push(&spot, &message.role, Some(&said(message)), None);
                }
                MessageStep::Added { new, message } => {
                    let spot = Spot::message(None, Some(*new));
                    self.push(&spot, &message.role, None, Some(&said(message)));
                }
                MessageStep::Changed { old, new, role, blocks } => {
                    let spot = Spot::message(Some(*old), Some(*new));
                    blocks.iter().for_each(|block| self.block(&spot, role, block));
                }
            }
        }
    }

    fn block(&mut self, spot: &Spot, role: &str, block: &BlockStep) {
        let at = |label: &str| match label {
            "" => role.to_owned(),
            label => format!("{role}, {label}"),
        };
        match block {
            BlockStep::Alike { .. } => {}
            BlockStep::Removed { label, value } => {
                self.push(spot, &at(label), Some(&as_text(value)), None);
            }
            BlockStep::Added { label, value } => {
                self.push(spot, &at(label), None, Some(&as_text(value)));
            }
            BlockStep::Text { label, pieces } => self.text(spot, &at(label), pieces),
            BlockStep::Value { label, changes } => {
                self.values(spot, &format!("{}, ", at(label)), changes);
            }
        }
    }
}

/// What is alike: only what stands next to a change.
fn shortened(text: &str, follows_change: bool, leads_to_change: bool) -> String {
    let chars = text.chars().count();
    let head = if follows_change { CONTEXT_CHARS } else { 0 };
    let tail = if leads_to_change { CONTEXT_CHARS } else { 0 };
    if chars <= head + tail {
        return text.to_owned();
    }
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(chars - tail).collect();
    format!("{start} […{} characters alike…] {end}", chars - head - tail)
}
