//! The answer of a reply that nobody knows, as it grows.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calls::{Calls, tells_of_call};
use super::growing::{Kind, Piece, Text, Texts};
use super::names::{Says, is_piece, says, thinks};
use super::words::{WORDS_BYTES_MIN, reads_as_words};
use crate::dialect::{Decoded, Grown, counts, failure};
use crate::model::{Choice, ExchangeError, Part};

/// Told of what a piece adds to the answer.
pub(super) type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 48;

/// Most answers of one reply.
const CHOICES_MAX: usize = 256;

/// So many texts are looked at to find what stands twice.
const COMPARED_MAX: usize = 64;

/// Shortest words that are kept though nothing names them, if they came in pieces or are all
/// that came, in bytes.
const PIECED_BYTES_MIN: usize = 4;

/// What came so far.
#[derive(Clone, Default)]
pub(super) struct Answer {
    texts: Texts,
    calls: Calls,
    finish_reasons: Vec<(usize, String)>,
    id: Option<String>,
    model: Option<String>,
    usage: Option<Value>,
    pub(super) error: Option<ExchangeError>,
    /// What is no words: sound, a picture, bytes.
    pub(super) whole: Option<Part>,
}

/// Where a value stands.
struct Place<'a> {
    /// The way to it, for people.
    path: String,
    /// The same with the kinds of the events and blocks on the way.
    key: String,
    name: &'a str,
    kind: Kind,
    choice: usize,
    joins: bool,
    depth: usize,
}

impl Answer {
    /// Takes an event or a whole reply.
    pub(super) fn take(&mut self, event: &str, value: &Value, at: Timestamp, tell: &mut Tell<'_>) {
        let place = Place {
            path: String::new(),
            key: event.to_owned(),
            name: "",
            kind: if thinks(event) { Kind::Reasoning } else { Kind::Loose },
            choice: 0,
            joins: is_piece(event),
            depth: 0,
        };
        if !self.failure(event, value) {
            self.visit(value, &place, at, tell);
        }
    }

    /// Takes words that stand alone.
    pub(super) fn words(&mut self, event: &str, words: &str, at: Timestamp, tell: &mut Tell<'_>) {
        let kind = if thinks(event) { Kind::Reasoning } else { Kind::Answer };
        let piece = Piece { key: event, path: event, kind, choice: 0, text: words, joins: true };
        self.grow(&piece, at, tell);
    }

    /// Takes the error that an event tells of; gives whether it tells of one.
    fn failure(&mut self, event: &str, value: &Value) -> bool {
        let has =
            |name: &str| value.get(name).is_some_and(|had| had.is_object() || had.is_string());
        let is_failure = event == "error" || has("error") || has("errors");
        if is_failure && self.error.is_none() {
            self.error = failure::of_value(value);
        }
        is_failure && self.error.is_some()
    }

    fn visit(&mut self, value: &Value, place: &Place<'_>, at: Timestamp, tell: &mut Tell<'_>) {
        if place.depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::String(text) => self.text(text, place, at, tell),
            Value::Array(items) => {
                let is_choices = matches!(place.name, "choices" | "candidates" | "generations");
                for (index, item) in items.iter().enumerate() {
                    let choice = if is_choices { index.min(CHOICES_MAX) } else { place.choice };
                    let place = Place {
                        path: format!("{}[{index}]", place.path),
                        key: format!("{}[{index}]", place.key),
                        choice,
                        depth: place.depth + 1,
                        ..*place
                    };
                    self.visit(item, &place, at, tell);
                }
            }
            Value::Object(fields) => self.object(fields, place, at, tell),
            _ => {}
        }
    }

    fn object(
        &mut self,
        fields: &Map<String, Value>,
        place: &Place<'_>,
        at: Timestamp,
        tell: &mut Tell<'_>,
    ) {
        let of = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = ["type", "event", "kind"].into_iter().map(of).find(|kind| !kind.is_empty());
        let kind = kind.unwrap_or_default();
        let index = fields.get("index").and_then(Value::as_u64);
        let index = index.map(|index| format!("#{index}")).unwrap_or_default();
        let is_call = tells_of_call(place.name) || tells_of_call(kind);
        if is_call && self.calls.take(fields, format!("{}{index}", place.key), tell) {
            return;
        }
        if counts::recognised(Value::Object(counts_of(fields))).is_some() {
            self.usage = Some(Value::Object(fields.clone()));
        }
        for (name, value) in fields {
            let named = says(name);
            let is_thought = thinks(kind) || thinks(&name.to_ascii_lowercase());
            let kind_of = match named {
                _ if is_thought => Kind::Reasoning,
                Says::Answer if place.kind == Kind::Loose => Kind::Answer,
                Says::Reasoning => Kind::Reasoning,
                _ => place.kind,
            };
            let path = match place.path.is_empty() {
                true => name.clone(),
                false => format!("{}.{name}", place.path),
            };
            let inner = Place {
                path,
                key: format!("{}{{{kind}{index}}}.{name}", place.key),
                name,
                kind: kind_of,
                choice: place.choice,
                joins: place.joins || is_piece(name) || is_piece(kind),
                depth: place.depth + 1,
            };
            self.visit(value, &inner, at, tell);
        }
    }

    fn text(&mut self, text: &str, place: &Place<'_>, at: Timestamp, tell: &mut Tell<'_>) {
        let set = |place: &mut Option<String>| {
            if place.is_none() && !text.is_empty() {
                *place = Some(text.to_owned());
            }
        };
        match says(place.name) {
            Says::Id if place.depth <= 2 => set(&mut self.id),
            Says::Model if place.depth <= 3 => set(&mut self.model),
            Says::FinishReason if !text.is_empty() => {
                self.finish_reasons.retain(|(choice, _)| *choice != place.choice);
                self.finish_reasons.push((place.choice, text.to_owned()));
            }
            Says::Id | Says::Model | Says::Mark | Says::FinishReason => {}
            Says::Answer | Says::Reasoning | Says::Nothing => {
                let Place { path, key, kind, choice, joins, .. } = place;
                let (kind, choice, joins) = (*kind, *choice, *joins);
                self.grow(&Piece { key, path, kind, choice, text, joins }, at, tell);
            }
        }
    }

    fn grow(&mut self, piece: &Piece<'_>, at: Timestamp, tell: &mut Tell<'_>) {
        if piece.text.is_empty() {
            return;
        }
        let added = self.texts.take(piece, at);
        if added.is_empty() || piece.choice > 0 {
            return;
        }
        match piece.kind {
            Kind::Answer => tell(Grown::Text(added)),
            Kind::Reasoning => tell(Grown::Reasoning(added)),
            Kind::Loose => {}
        }
    }

    /// Whether the model said why it stopped.
    pub(super) fn is_finished(&self) -> bool {
        !self.finish_reasons.is_empty()
    }

    /// Whether a text came that is not only a mark.
    pub(super) fn has_words(&self) -> bool {
        !self.texts.texts.is_empty() || !self.calls.is_empty() || self.whole.is_some()
    }

    /// When the first piece of what is shown as the answer came.
    pub(super) fn first_at(&self) -> Option<Timestamp> {
        let (named, loose) = self.kept();
        let shown = if named.is_empty() { loose } else { named };
        shown.into_iter().map(|text| text.at).min()
    }

    /// Adds what came to `decoded`.
    pub(super) fn tell(&self, decoded: &mut Decoded) {
        decoded.error = self.error.clone();
        decoded.usage = self.usage.clone().and_then(counts::recognised);
        decoded.reply.id = self.id.clone();
        decoded.reply.model = self.model.clone();
        if self.texts.is_cut {
            decoded.notes.push("some texts of the reply are left out: it has too many".to_owned());
        }
        let (named, loose) = self.kept();
        let mut choices: Vec<Choice> = Vec::new();
        let mut parts_of = |choice: usize, part: Part| {
            if choices.len() <= choice {
                choices.resize_with(choice + 1, Choice::default);
            }
            if let Some(choice) = choices.get_mut(choice) {
                choice.parts.push(part);
            }
        };
        for text in &named {
            let words = text.value().to_owned();
            parts_of(
                text.choice,
                match text.kind {
                    Kind::Reasoning => Part::Reasoning { text: words, signature: None },
                    _ => Part::Text { text: words },
                },
            );
        }
        let mut beside = Map::new();
        for text in &loose {
            match named.is_empty() {
                true => parts_of(0, Part::text(text.value())),
                false => _ = beside.insert(text.path.clone(), text.value().into()),
            }
        }
        for call in self.calls.parts() {
            parts_of(0, call);
        }
        if named.is_empty() && !loose.is_empty() {
            let paths: Vec<&str> = loose.iter().map(|text| text.path.as_str()).collect();
            parts_of(0, Part::Other { value: json!({ "paths": paths }) });
        }
        if !beside.is_empty() {
            parts_of(0, Part::Other { value: Value::Object(beside) });
        }
        if let Some(part) = &self.whole {
            parts_of(0, part.clone());
        }
        for (choice, reason) in &self.finish_reasons {
            if *choice == 0 && choices.is_empty() {
                choices.push(Choice::default());
            }
            if let Some(choice) = choices.get_mut(*choice) {
                choice.finish_reason = Some(reason.clone());
            }
        }
        decoded.reply.choices = choices;
    }

    /// The texts that are shown: those that are named like an answer, and the others, each
    /// once.
    fn kept(&self) -> (Vec<&Text>, Vec<&Text>) {
        let is_shown = |text: &&Text| match text.kind {
            Kind::Answer | Kind::Reasoning => true,
            Kind::Loose if text.pieces > 1 => reads_as_words(text.value(), PIECED_BYTES_MIN),
            Kind::Loose => reads_as_words(text.value(), WORDS_BYTES_MIN),
        };
        let (named, loose): (Vec<&Text>, Vec<&Text>) =
            self.texts.texts.iter().filter(is_shown).partition(|text| text.kind != Kind::Loose);
        let mut loose = loose;
        if named.is_empty() && loose.is_empty() {
            // All that was said, however short.
            let texts = self.texts.texts.iter();
            loose = texts.filter(|text| reads_as_words(text.value(), PIECED_BYTES_MIN)).collect();
        }
        let named = once(named, &[]);
        let loose = once(loose, &named);
        (named, loose)
    }
}

/// `texts` without those that stand in another one of them, or in one of `others`.
fn once<'t>(texts: Vec<&'t Text>, others: &[&Text]) -> Vec<&'t Text> {
    if texts.len() + others.len() > COMPARED_MAX {
        return texts;
    }
    let stands_in = |text: &Text, other: &Text| {
        memchr::memmem::find(other.value().as_bytes(), text.value().as_bytes()).is_some()
    };
    let is_repeated = |at: usize, text: &Text| {
        let beside = texts.iter().enumerate().any(|(place, other)| {
            let is_longer = other.value().len() > text.value().len();
            let is_same = other.value() == text.value() && place < at;
            // A short answer may well be a word of the reasoning.
            let is_kin = other.kind == text.kind && other.choice == text.choice;
            is_kin && (is_same || is_longer && stands_in(text, other))
        });
        beside || others.iter().any(|other| stands_in(text, other))
    };
    let kept = texts.iter().enumerate().filter(|(at, text)| !is_repeated(*at, text));
    kept.map(|(_, text)| *text).collect()
}

/// The counts of an object, without what stands beside them.
fn counts_of(fields: &Map<String, Value>) -> Map<String, Value> {
    let is_count = |name: &str, value: &Value| {
        let is_named = name.to_ascii_lowercase().contains("token") || name.ends_with("_count");
        is_named && (value.is_number() || value.as_str().is_some_and(|text| text.len() <= 20))
    };
    let found = fields.iter().filter(|(name, value)| is_count(name, value));
    found.map(|(name, value)| (name.clone(), value.clone())).collect()
}
