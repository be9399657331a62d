//! One turn of a session.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::history::History;
use super::wire::ServerContent;
use crate::dialect::gemini::answer::{Answer, Tell, Whole};
use crate::dialect::gemini::wire::{Blob, Call, Many, Piece};
use crate::dialect::gemini::{content, fault, usage};
use crate::dialect::json::{self, Rest, TextOr};
use crate::dialect::{Decoded, Progress, Turn};
use crate::model::{Choice, ExchangeError, Message, Part, Reply, Request};

/// A turn as it grows.
#[derive(Debug)]
pub(super) struct TurnSoFar {
    pub(super) turn: Turn,
    pub(super) progress: Progress,
    /// What the app says in this turn.
    pub(super) said: History,
    /// Whether the last message of `said` is what the user says at this moment.
    is_live: bool,
    answer: Answer,
    /// Whether a piece of the answer came.
    pub(super) has_answer: bool,
    /// Whether the answer calls functions.
    pub(super) has_calls: bool,
    pub(super) is_interrupted: bool,
    /// The prompt, from the moment on at which the app asked.
    pub(super) request: Option<Request>,
    usage: Option<Box<RawValue>>,
    first_token_at: Option<Timestamp>,
    error: Option<ExchangeError>,
    /// Messages that could not be read.
    broken: u64,
    forgotten: u64,
}

impl TurnSoFar {
    /// A turn of which nothing came yet.
    pub(super) fn new(turn: Turn) -> Self {
        Self {
            turn,
            progress: Progress::Preparing,
            said: History::default(),
            is_live: false,
            answer: Answer::default(),
            has_answer: false,
            has_calls: false,
            is_interrupted: false,
            request: None,
            usage: None,
            first_token_at: None,
            error: None,
            broken: 0,
            forgotten: 0,
        }
    }

    /// Adds a message of the app.
    pub(super) fn say(&mut self, message: Message) {
        self.said.add(message);
        self.is_live = false;
    }

    /// Adds words or a piece of a sound or a film that the user says or shows at this moment.
    pub(super) fn hear(&mut self, part: Part) {
        if !self.is_live {
            self.said.add(Message { role: "user".to_owned(), parts: Vec::new() });
            self.is_live = true;
        }
        self.said.change_last(|message| join(&mut message.parts, part));
    }

    /// Adds the words of the sound that came last.
    pub(super) fn understood(&mut self, words: &str) {
        let sound = Part::Audio {
            mime_type: None,
            id: None,
            transcript: Some(words.to_owned()),
            bytes: None,
        };
        if !words.is_empty() {
            self.hear(sound);
        }
    }

    /// Whether the user spoke in this turn.
    pub(super) fn has_sound(&self) -> bool {
        self.said
            .messages()
            .flat_map(|message| &message.parts)
            .any(|part| matches!(part, Part::Audio { .. }))
    }

    /// Notes that a message of the turn could not be read.
    pub(super) fn is_broken(&mut self) {
        self.broken += 1;
    }

    /// Takes a piece of the answer.
    pub(super) fn take(&mut self, told: ServerContent<'_>, at: Timestamp, tell: &mut Tell<'_>) {
        if let Some(turn) = told.turn {
            self.has_answer = true;
            self.answer.pieces(turn.parts, Whole::Event, tell);
        }
        if let Some(words) = told.said {
            self.has_answer = true;
            self.answer.spoken(words.text.as_str(), tell);
        }
        for blob in told.chunks.0 {
            self.has_answer = true;
            self.answer.pieces(sound(blob), Whole::Event, tell);
        }
        if self.answer.has_begun() {
            self.first_token_at.get_or_insert(at);
        }
        if told.is_interrupted.as_bool() == Some(true) {
            self.is_interrupted = true;
            self.answer.stop("interrupted".to_owned());
        }
        if let Some(reason) = told.reason.own() {
            self.answer.stop(reason);
        }
        self.keep_all(&told.rest);
    }

    /// Takes function calls.
    pub(super) fn call(&mut self, calls: Vec<Call<'_>>, at: Timestamp, tell: &mut Tell<'_>) {
        for call in calls {
            self.has_answer = true;
            self.has_calls = true;
            self.answer.call(call, tell);
        }
        if self.answer.has_begun() {
            self.first_token_at.get_or_insert(at);
        }
    }

    /// Keeps fields that stand nowhere else.
    pub(super) fn keep_all(&mut self, rest: &Rest<'_>) {
        for (name, raw) in rest {
            self.answer.keep(name.as_str(), json::value(raw));
        }
    }

    /// Takes the usage: the last one of a turn counts.
    pub(super) fn count(&mut self, raw: &RawValue) {
        self.usage = Some(raw.to_owned());
    }

    /// Takes an error.
    pub(super) fn fail(&mut self, raw: &RawValue) {
        let value = json!({ "error": json::value(raw) });
        self.error = fault::of_value(&value).or(self.error.take());
    }

    /// The app has asked for an answer: `setup` and all that was said so far is the prompt.
    pub(super) fn ask(&mut self, setup: &Request, before: &History) {
        self.forgotten = before.forgotten() + self.said.forgotten();
        let messages = before.messages().chain(self.said.messages()).cloned().collect();
        self.request = Some(Request { messages, ..setup.clone() });
        if self.progress == Progress::Preparing {
            self.progress = Progress::Answering;
        }
    }

    /// What the model said, as a message of the next turns.
    pub(super) fn answered(&self) -> Option<Message> {
        let mut parts = self.answer.clone().finish(Map::new()).parts;
        parts.retain(|part| !matches!(part, Part::Other { .. }));
        (!parts.is_empty()).then(|| Message { role: "model".to_owned(), parts })
    }

    /// The turn as far as it has come; `request` is its prompt if it did not ask yet.
    pub(super) fn decoded(&self, request: impl FnOnce() -> Request) -> Decoded {
        let mut notes = Vec::new();
        if self.forgotten > 0 {
            let forgotten = self.forgotten;
            notes.push(format!("{forgotten} earlier messages of the session are left out"));
        }
        if self.broken > 0 {
            notes.push(format!("{} messages of the session are not JSON", self.broken));
        }
        let mut choices: Vec<Choice> = Vec::new();
        if self.has_answer || !self.answer.is_empty() {
            choices.push(self.answer.clone().finish(Map::new()));
        }
        let raw = self.usage.as_ref().map(|raw| json::value(raw));
        Decoded {
            request: self.request.clone().unwrap_or_else(request),
            reply: Reply { choices, ..Reply::default() },
            usage: raw.and_then(usage::usage),
            first_token_at: self.first_token_at,
            error: self.error.clone(),
            notes,
            ..Decoded::default()
        }
    }
}

/// A piece of sound as a part of an answer.
fn sound(blob: Blob<'_>) -> Many<TextOr<'_, Piece<'_>>> {
    Many(vec![TextOr::Object(Piece { inline: Some(blob), ..Piece::default() })])
}

/// The part that a piece of sound, a frame of a film or a picture is.
pub(super) fn medium(blob: Blob<'_>) -> Vec<Part> {
    content::parts(sound(blob))
}

/// What the app's functions gave, or music's words, with what else the app says of them.
pub(super) fn with_rest(part: Part, rest: &Rest<'_>) -> Vec<Part> {
    std::iter::once(part).chain(content::other(rest)).collect()
}

/// Adds `part` to `parts`: sound and the frames of a film come in hundreds of pieces, which are
/// one part each, their bytes added up.
fn join(parts: &mut Vec<Part>, part: Part) {
    for had in parts.iter_mut().rev() {
        match (had, &part) {
            (
                Part::Audio { mime_type: had, transcript: words, bytes: sum, .. },
                Part::Audio { mime_type, transcript, bytes, .. },
            ) if had.is_none() || mime_type.is_none() || had == mime_type => {
                if had.is_none() {
                    had.clone_from(mime_type);
                }
                if let Some(more) = transcript {
                    words.get_or_insert_default().push_str(more);
                }
                add(sum, *bytes);
                return;
            }
            (
                Part::Image { mime_type: had, bytes: sum @ Some(_), .. },
                Part::Image { mime_type, bytes: bytes @ Some(_), .. },
            )
            | (
                Part::File { mime_type: had, bytes: sum @ Some(_), .. },
                Part::File { mime_type, bytes: bytes @ Some(_), .. },
            ) if had == mime_type => {
                add(sum, *bytes);
                return;
            }
            _ => {}
        }
    }
    parts.push(part);
}

fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default().saturating_add(more));
    }
}

/// Whether a field says yes.
pub(super) fn is_set(value: &Value) -> bool {
    value.as_bool() == Some(true)
}
