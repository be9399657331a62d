//! The items of a conversation so far.

use std::collections::VecDeque;

use serde_json::json;
use serde_json::value::RawValue;

use crate::dialect::json::{self as wire_json, Text, record};
use crate::dialect::media;
use crate::dialect::openai_responses::items;
use crate::model::{Message, Part};

/// The items of a conversation, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    items: VecDeque<Entry>,
    /// Size of all texts, in bytes.
    weight: usize,
    dropped: u64,
    /// Sound that the app has sent since it was last committed, decoded, in bytes.
    pub(super) buffered: u64,
}

/// An item.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its id; the provider gives one to an item that the app created without.
    pub(super) id: Option<String>,
    pub(super) message: Message,
    /// Whether the provider has told it.
    is_told: bool,
}

record! {
    /// What places an item.
    Placed {
        id: Text<'a> = "id",
    }
    ignores []
}

/// Most items that are kept of a conversation: sessions end after an hour or so, but a proxy
/// in between may hide that.
const ITEMS_MAX: usize = 4096;

/// Most text that is kept of a conversation, in bytes: many times what any model takes in.
const WEIGHT_MAX: usize = 16 << 20;

impl History {
    /// The items so far.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter()
    }

    /// How many of the oldest items are left out.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The message of the item `id`.
    pub(super) fn message(&self, id: &str) -> Option<&Message> {
        self.find(id).and_then(|at| self.items.get(at)).map(|entry| &entry.message)
    }

    /// The app creates an item.
    pub(super) fn create(&mut self, raw: &RawValue, previous: Option<&str>) {
        let entry = Entry { id: id_of(raw), message: items::message(raw), is_told: false };
        self.insert(entry, previous);
    }

    /// The provider tells an item: a new one, or what became of one that is there.
    pub(super) fn tell(&mut self, raw: &RawValue, previous: Option<&str>) {
        let message = items::message(raw);
        let id = id_of(raw);
        let known = id.as_deref().and_then(|id| self.find(id));
        // The app's own item comes back with an id, in the order in which it was sent.
        let at = known.or_else(|| {
            self.items.iter().position(|entry| {
                entry.id.is_none() && !entry.is_told && entry.message.role == message.role
            })
        });
        match at.and_then(|at| self.items.get_mut(at)) {
            Some(entry) => {
                let before = weight(&entry.message);
                entry.id = id;
                entry.is_told = true;
                update(&mut entry.message, message);
                self.weight = self.weight + weight(&entry.message) - before;
                self.bound();
            }
            None => self.insert(Entry { id, message, is_told: true }, previous),
        }
    }

    /// What became of an item, if it is there.
    pub(super) fn update(&mut self, raw: &RawValue) {
        if id_of(raw).is_some_and(|id| self.find(&id).is_some()) {
            self.tell(raw, None);
        }
    }

    /// What was sent as sound becomes the item `id`.
    pub(super) fn commit(&mut self, id: Option<String>, previous: Option<&str>) {
        let bytes = Some(std::mem::take(&mut self.buffered)).filter(|bytes| *bytes > 0);
        let sound = Part::Audio { mime_type: None, id: None, transcript: None, bytes };
        let message = Message { role: "user".to_owned(), parts: vec![sound] };
        match id.as_deref().and_then(|id| self.find(id)).and_then(|at| self.items.get_mut(at)) {
            Some(entry) => update(&mut entry.message, message),
            None => self.insert(Entry { id, message, is_told: true }, previous),
        }
    }

    /// What is said in a sound of the item `id`.
    pub(super) fn transcribe(&mut self, id: &str, place: usize, words: &str) {
        if let Some(entry) = self.find(id).and_then(|at| self.items.get_mut(at)) {
            transcribe(&mut entry.message, place, words);
            self.weight += words.len();
            self.bound();
        }
    }

    /// The rest of the item `id` was not heard.
    pub(super) fn truncate(&mut self, id: &str, place: usize, audio_end_ms: Option<u64>) {
        if let Some(entry) = self.find(id).and_then(|at| self.items.get_mut(at)) {
            let before = weight(&entry.message);
            if let Some(Part::Audio { transcript, .. }) = sound(&mut entry.message, place) {
                *transcript = None;
            }
            let value = json!({"truncated": {"audio_end_ms": audio_end_ms}});
            entry.message.parts.push(Part::Other { value });
            self.weight = self.weight + weight(&entry.message) - before;
        }
    }

    /// The item `id` is no part of the conversation any more.
    pub(super) fn delete(&mut self, id: &str) {
        if let Some(entry) = self.find(id).and_then(|at| self.items.remove(at)) {
            self.weight -= weight(&entry.message);
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.items.iter().rposition(|entry| entry.id.as_deref() == Some(id))
    }

    fn insert(&mut self, entry: Entry, previous: Option<&str>) {
        self.weight += weight(&entry.message);
        let after = previous.and_then(|previous| self.find(previous)).map(|at| at + 1);
        match (previous, after) {
            (Some("root"), _) => self.items.push_front(entry),
            (_, Some(at)) => self.items.insert(at, entry),
            (_, None) => self.items.push_back(entry),
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.items.len() > ITEMS_MAX || self.weight > WEIGHT_MAX && self.items.len() > 1 {
            if let Some(entry) = self.items.pop_front() {
                self.weight -= weight(&entry.message);
                self.dropped += 1;
            }
        }
    }
}

/// Sets what is said in a sound of a message.
pub(super) fn transcribe(message: &mut Message, place: usize, words: &str) {
    match sound(message, place) {
        Some(Part::Audio { transcript, .. }) => *transcript = Some(words.to_owned()),
        _ => message.parts.push(Part::Audio {
            mime_type: None,
            id: None,
            transcript: Some(words.to_owned()),
            bytes: None,
        }),
    }
}

/// Adds words that the user says.
pub(super) fn hear(messages: &mut Vec<Message>, words: &str) {
    let mut parts = messages.first_mut().map(|message| &mut message.parts);
    if let Some(Part::Audio { transcript: Some(said), .. }) =
        parts.as_mut().and_then(|parts| parts.first_mut())
    {
        said.push_str(words);
        return;
    }
    let mut message = Message { role: "user".to_owned(), parts: Vec::new() };
    transcribe(&mut message, 0, words);
    messages.insert(0, message);
}

/// The part at `place` if it is sound, else the first sound.
fn sound(message: &mut Message, place: usize) -> Option<&mut Part> {
    let is_sound = |part: &Part| matches!(part, Part::Audio { .. });
    let at = match message.parts.get(place).is_some_and(is_sound) {
        true => place,
        false => message.parts.iter().position(is_sound)?,
    };
    message.parts.get_mut(at)
}

/// Puts `newer` in place of `message`; sizes and words of sounds stay where it has none.
fn update(message: &mut Message, newer: Message) {
    let older = std::mem::replace(message, newer);
    let mut sounds = older.parts.into_iter().filter(|part| matches!(part, Part::Audio { .. }));
    for part in &mut message.parts {
        if let Part::Audio { transcript, bytes, mime_type, .. } = part
            && let Some(Part::Audio { transcript: words, bytes: size, mime_type: kind, .. }) =
                sounds.next()
        {
            *transcript = transcript.take().or(words);
            *bytes = bytes.or(size);
            *mime_type = mime_type.take().or(kind);
        }
    }
}

fn id_of(raw: &RawValue) -> Option<String> {
    wire_json::read::<Placed<'static>, _>(raw.get(), |placed| placed.id.own()).0.flatten()
}

/// Size of the texts of a message, in bytes; roughly, as it only bounds memory.
fn weight(message: &Message) -> usize {
    message.parts.iter().map(weight_of).sum()
}

fn weight_of(part: &Part) -> usize {
    match part {
        Part::Text { text } | Part::Reasoning { text, .. } => text.len(),
        Part::Audio { transcript, .. } => transcript.as_ref().map_or(0, String::len),
        Part::ToolCall { arguments, .. } => json_weight(arguments),
        Part::ToolResult { parts, .. } => parts.iter().map(weight_of).sum(),
        Part::Other { value } => json_weight(value),
        Part::Image { .. } | Part::File { .. } => 0,
    }
}

fn json_weight(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        value => value.to_string().len(),
    }
}

/// The message of an item that stands in a response's own input, references followed.
pub(super) fn referred(history: &History, raw: &RawValue) -> Message {
    let is_reference = raw.get().contains("\"item_reference\"");
    let found = id_of(raw).filter(|_| is_reference);
    match found.and_then(|id| history.message(&id).cloned()) {
        Some(message) => message,
        None => items::message(raw),
    }
}

/// Size of sound that is sent as base64, decoded, in bytes.
pub(super) fn sound_bytes(base64: &str) -> u64 {
    media::base64_bytes(base64)
}
