//! An answer as it comes: by events, or all at once.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::slot::{self, Names, Slot};
use super::wire::{Told, Whole};
use super::{items, piece};
use crate::dialect::json::{self, Content};
use crate::dialect::notes::Notes;
use crate::dialect::openai_chat::usage;
use crate::dialect::{Decoded, Grown, failure};
use crate::model::{Choice, Cost, ExchangeError, Part};

pub(in crate::dialect) type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// An answer as far as it came.
///
/// The object with which it ends is the truth; if that has no output, the items that were
/// told whole; and only of an answer that was cut, the pieces.
#[derive(Clone, Debug, Default)]
pub(in crate::dialect) struct Answer {
    pub(in crate::dialect) id: Option<String>,
    pub(in crate::dialect) model: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    pub(in crate::dialect) error: Option<ExchangeError>,
    slots: Vec<Slot>,
    /// The parts of the object with which it ended, if that has any.
    whole: Option<Vec<Part>>,
    usage: Option<Box<RawValue>>,
    /// Fields of the whole that stand nowhere else.
    pub(in crate::dialect) rest: Map<String, Value>,
    /// What could not be read: it matters only if the answer was cut.
    lost: Option<String>,
    has_told: bool,
    is_over: bool,
}

/// Most items of one answer: an index is the provider's to choose.
const ITEMS_MAX: usize = 4096;

/// What is noted of an answer with more of them.
const TOO_MANY: &str = "some of the many items of the answer are left out";

impl Answer {
    /// Whether the answer has come to its end.
    pub(in crate::dialect) fn is_over(&self) -> bool {
        self.is_over
    }

    /// What was counted, where it does not stand in the reply's own place.
    pub(in crate::dialect) fn count(&mut self, raw: &RawValue) {
        self.usage = Some(raw.to_owned());
    }

    /// Ends the answer.
    pub(in crate::dialect) fn end(&mut self) {
        self.is_over = true;
    }

    /// Takes an event; `name` is that of the SSE event, for those whose data has no type.
    pub(in crate::dialect) fn event(
        &mut self,
        mut told: Told<'_>,
        name: &str,
        tell: &mut Tell<'_>,
    ) {
        // Moved out, as the event itself is handed on below.
        let own = std::mem::take(&mut told.kind);
        let kind = own.get().unwrap_or(name);
        let mut has_told = false;
        let mut tell = |grown: Grown<'_>| {
            has_told = true;
            tell(grown);
        };
        match kind {
            "response.output_item.added" | "response.output_item.done" => {
                self.item(&told, kind.ends_with(".done"), &mut tell);
            }
            "response.output_text.annotation.added" | "response.output_text_annotation.added" => {
                if let Some(slot) = self.slot(&told, piece::Kind::Text) {
                    slot.annotate(&told);
                }
            }
            "error" => {
                self.fail(error_of(&told));
                self.is_over = true;
            }
            _ => match piece::classify(kind) {
                Some((kind, extent)) => {
                    if let Some(slot) = self.slot(&told, kind) {
                        slot.take(kind, extent, &told, &mut tell);
                    }
                }
                None => self.state(kind, told, &mut tell),
            },
        }
        self.has_told |= has_told;
    }

    /// Takes a whole reply, or the state of it at the beginning or the end of a stream.
    pub(in crate::dialect) fn whole(
        &mut self,
        told: Whole<'_>,
        extent: State,
        tell: &mut Tell<'_>,
    ) {
        self.id = told.id.own().or(self.id.take());
        self.model = told.model.own().or(self.model.take());
        self.status = told.status.own().or(self.status.take());
        let why = told.incomplete_details.as_ref().or(told.status_details.as_ref());
        self.reason = why.and_then(|why| why.reason.own()).or(self.reason.take());
        if let Some(raw) = told.usage.filter(|raw| !matches!(raw.get(), "null" | "{}")) {
            self.usage = Some(raw.to_owned());
        }
        let nested = told.status_details.as_ref().and_then(|why| why.error);
        for raw in [told.error, nested].into_iter().flatten() {
            self.fail(failure::of_value(&serde_json::json!({"error": json::value(raw)})));
        }
        if extent == State::Going {
            return;
        }
        json::keep(&mut self.rest, &told.rest);
        if let Some(used) = told.tool_usage.map(json::value).filter(counts) {
            self.rest.insert("tool_usage".to_owned(), used);
        }
        self.output(told.output, tell);
        if told.object.as_str() == "list" {
            self.output_as_sent(told.data);
        }
    }

    /// What the event's name says where the reply does not: some gateways leave the status out.
    fn state(&mut self, kind: &str, mut told: Told<'_>, tell: &mut Tell<'_>) {
        let whole = told.response.take();
        let (extent, status) = match kind {
            "response.created" | "response.in_progress" | "response.queued" => (State::Going, None),
            "response.completed" => (State::Over, Some("completed")),
            "response.incomplete" => (State::Over, Some("incomplete")),
            "response.failed" => (State::Over, Some("failed")),
            "response.cancelled" => (State::Over, Some("cancelled")),
            "response.done" => (State::Over, None),
            _ => {
                self.unknown(kind, &told);
                return;
            }
        };
        if let Some(whole) = whole {
            let is_silent = whole.status.get().is_none();
            self.whole(*whole, extent, tell);
            if is_silent && let Some(status) = status {
                self.status = Some(status.to_owned());
            }
        } else if let Some(status) = status {
            self.status = Some(status.to_owned());
        }
        if extent == State::Over {
            self.is_over = true;
        }
    }

    fn unknown(&mut self, kind: &str, told: &Told<'_>) {
        let is_known = KNOWN.iter().any(|known| kind.contains(known));
        if !is_known && self.lost.is_none() && !kind.is_empty() {
            self.lost = Some(format!("events of the unknown type `{kind}` are left out"));
        }
        // An error under another name, or none.
        if told.error.is_some() {
            self.fail(error_of(told));
        }
    }

    fn fail(&mut self, error: Option<ExchangeError>) {
        if self.error.is_none() {
            self.error = error;
        }
    }

    fn item(&mut self, told: &Told<'_>, is_done: bool, tell: &mut Tell<'_>) {
        let Some(raw) = told.item else { return };
        let index = told.output_index.0;
        let begun = items::beginning(raw);
        let open = |slot: &Slot| !slot.is_done();
        let same = |slot: &Slot| {
            let has_id = slot.begun.id.is_some() && slot.begun.id == begun.id;
            slot.index == index && index.is_some() || has_id
        };
        let mut at = self.slots.iter().rposition(|slot| open(slot) && same(slot));
        if at.is_none() && is_done {
            // An index that nobody announced: vLLM changes it inside one item.
            at = self.slots.iter().rposition(|slot| open(slot) && slot.begun.kind == begun.kind);
        }
        let Some(slot) = self.at_or_new(at, index) else { return };
        match is_done {
            true => slot.settle(raw, tell),
            false => slot.begin(raw, tell),
        }
    }

    /// The item that an event is about.
    ///
    /// By its place in the answer, not by `item_id`: Copilot changes that with every event.
    /// vLLM changes the place inside one item, so a place that no item has goes to the last
    /// item that such a piece fits into.
    fn slot(&mut self, told: &Told<'_>, kind: piece::Kind) -> Option<&mut Slot> {
        let index = told.output_index.0;
        let at = match (index, told.item_id.get()) {
            (Some(_), _) => self.slots.iter().rposition(|slot| slot.index == index),
            (None, Some(id)) => {
                self.slots.iter().rposition(|slot| slot.begun.id.as_deref() == Some(id))
            }
            (None, None) => None,
        };
        let at = at.or_else(|| self.slots.iter().rposition(|slot| slot.takes(kind)));
        self.at_or_new(at, index)
    }

    fn at_or_new(&mut self, at: Option<usize>, index: Option<u64>) -> Option<&mut Slot> {
        let at = match at {
            Some(at) => at,
            None if self.slots.len() >= ITEMS_MAX => {
                self.lost = Some(TOO_MANY.to_owned());
                return None;
            }
            None => {
                self.slots.push(Slot::new(index));
                self.slots.len() - 1
            }
        };
        self.slots.get_mut(at)
    }

    fn output(&mut self, output: Content<'_>, tell: &mut Tell<'_>) {
        let raw_items = match output {
            Content::Blocks(raw_items) if !raw_items.is_empty() => raw_items,
            _ => return,
        };
        let mut parts = Vec::new();
        for (at, raw) in raw_items.into_iter().enumerate() {
            let mut found = items::parts(raw);
            let place = u64::try_from(at).ok();
            if let Some(slot) = self.slots.iter().find(|slot| slot.index == place) {
                slot::size_sounds(&mut found, slot.sizes());
            }
            parts.append(&mut found);
        }
        if !self.has_told {
            slot::tell_parts(&parts, Names::New, tell);
        }
        self.whole = Some(parts);
    }

    /// A list of items that was asked for: they are nobody's answer.
    fn output_as_sent(&mut self, data: Content<'_>) {
        if let Content::Blocks(raw_items) = data {
            let sent =
                raw_items.into_iter().map(|raw| crate::dialect::media::other(json::value(raw)));
            self.whole = Some(sent.collect());
        }
    }

    /// Puts the answer into `decoded`.
    pub(in crate::dialect) fn finish(mut self, decoded: &mut Decoded, notes: &mut Notes) {
        decoded.reply.id = self.id.take();
        decoded.reply.model = self.model.take();
        decoded.usage = self.usage.as_deref().map(json::value).and_then(usage::usage);
        let cost = decoded.usage.as_ref().and_then(|usage| usage::cost_usd(&usage.raw));
        decoded.cost_usd = cost;
        decoded.cost_source = cost.map(|_| Cost::Reported);
        let status = self.status.as_deref().unwrap_or_default();
        let is_waiting = matches!(status, "queued" | "in_progress") && self.is_over;
        if is_waiting {
            notes.add(format!("there is no answer yet: its status is `{status}`"));
        }
        if status == "failed" && self.error.is_none() {
            self.error = Some(ExchangeError { kind: "failed".to_owned(), message: String::new() });
        }
        if self.slots.iter().any(Slot::is_full) {
            self.lost = Some(TOO_MANY.to_owned());
        }
        if let Some(lost) = self.lost.filter(|_| self.whole.is_none()) {
            notes.add(lost);
        }
        let has_ended = matches!(status, "completed" | "incomplete" | "cancelled");
        let finish_reason = match status {
            "queued" | "in_progress" | "" => None,
            status => self.reason.or(Some(status.to_owned())),
        };
        let mut slots = self.slots;
        slots.sort_by_key(|slot| slot.index.unwrap_or(u64::MAX));
        let mut parts = match self.whole {
            Some(parts) => parts,
            None => slots.into_iter().flat_map(Slot::finish).collect(),
        };
        decoded.error = self.error;
        if parts.is_empty() && !has_ended {
            return;
        }
        if !self.rest.is_empty() && decoded.error.is_none() {
            parts.push(crate::dialect::media::other(Value::Object(self.rest)));
        }
        decoded.reply.choices = vec![Choice { parts, finish_reason }];
    }
}

/// Whether the state that is told is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum State {
    Going,
    Over,
}

/// Parts of the names of events that say nothing which the items do not say as well.
const KNOWN: [&str; 14] = [
    "content_part.",
    "_part.added",
    "_part.done",
    "_call.",
    "_call_output",
    "_call_command.",
    "mcp_list_tools.",
    "compaction.",
    "keepalive",
    "ping",
    "steer.",
    "rate_limits",
    "metadata",
    "output_audio_buffer.",
];

/// The error that an event tells of: under `error`, or beside its type.
fn error_of(told: &Told<'_>) -> Option<ExchangeError> {
    let mut error = match told.error {
        Some(raw) => failure::of_value(&serde_json::json!({"error": json::value(raw)})),
        None => Some(ExchangeError {
            kind: told.code.as_str().to_owned(),
            message: told.message.as_str().to_owned(),
        }),
    }?;
    if error.kind.is_empty() {
        error.kind = match told.status.0.or(told.status_code.0) {
            Some(status) => format!("http_{status}"),
            None => "error".to_owned(),
        };
    }
    Some(error)
}

/// Whether anything was counted in `used`.
fn counts(used: &Value) -> bool {
    match used {
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(items) => items.iter().any(counts),
        Value::Object(fields) => fields.values().any(counts),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
