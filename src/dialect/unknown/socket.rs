//! A WebSocket that nobody knows.
//!
//! What the app sends up to the provider's next words is one prompt. The turn goes on until the
//! app sends words again after the provider has answered; what says nothing, such as sound or a
//! sign of life, stays in the turn that it falls into.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::ask;
use super::body;
use super::reading::named_thread;
use super::words::{WORDS_BYTES_MIN, reads_as_words};
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Conversation, Decoded, Grown, Progress, Spoken, Turn, thread};
use crate::model::{Headers, Request};

/// Most messages of the app whose fields are kept in one turn: those that stream sound come
/// fifty a second.
const KEPT_MAX: usize = 1000;

/// A WebSocket that nobody knows.
pub(super) struct Socket {
    headers: Headers,
    /// The last turn.
    turn: Turn,
    last: Round,
    /// The turn before it, until the recorder asks for it.
    before: Option<Round>,
}

/// One turn.
#[derive(Default)]
struct Round {
    request: Request,
    notes: Notes,
    answer: Answer,
    /// Messages that the app sent.
    sent: usize,
    /// Whether the app has said something.
    has_asked: bool,
}

impl Round {
    fn decoded(&self, headers: &Headers) -> Decoded {
        let params = &self.request.params;
        let thread = thread::thread(headers, params).or_else(|| named_thread(params));
        let mut decoded = Decoded { thread, ..Decoded::default() };
        decoded.request = self.request.clone();
        decoded.notes = self.notes.told();
        self.answer.tell(&mut decoded);
        decoded.first_token_at = self.answer.first_at();
        decoded
    }
}

impl Socket {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self { headers: asked.headers.clone(), turn: Turn(0), last: Round::default(), before: None }
    }

    fn round(&self, turn: Turn) -> Option<&Round> {
        match turn {
            turn if turn == self.turn => Some(&self.last),
            Turn(number) if number + 1 == self.turn.0 => self.before.as_ref(),
            _ => None,
        }
    }
}

/// What a message holds: JSON, protobuf, or words.
fn document(message: Spoken<'_>) -> Option<Value> {
    match message {
        Spoken::Text(text) => match text.trim_start().starts_with(['{', '[']) {
            true => serde_json::from_str(text).ok(),
            false => (!text.trim().is_empty()).then(|| Value::String(text.to_owned())),
        },
        Spoken::Binary(bytes) => body::message(bytes),
    }
}

/// Whether anything in `value` reads as words.
fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => reads_as_words(text, WORDS_BYTES_MIN),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(fields) => fields.values().any(says_something) || asks_by_name(fields),
        _ => false,
    }
}

/// Whether a field that is named like a prompt holds a text, however short.
fn asks_by_name(fields: &Map<String, Value>) -> bool {
    use super::names::{Asks, asks};
    fields.iter().any(|(name, value)| {
        asks(name) == Asks::Prompt && value.as_str().is_some_and(|text| text.contains(' '))
    })
}

impl Conversation for Socket {
    fn sent(&mut self, message: Spoken<'_>, _: Timestamp) -> Turn {
        let Some(value) = document(message) else { return self.turn };
        let asks = says_something(&value);
        if asks && self.last.has_asked && self.last.answer.has_words() {
            self.before = Some(std::mem::take(&mut self.last));
            self.turn = Turn(self.turn.0 + 1);
        }
        let round = &mut self.last;
        round.has_asked |= asks;
        round.sent += 1;
        if asks || round.sent <= KEPT_MAX {
            let value = match value {
                Value::String(words) => Value::from_iter([("text", words)]),
                value => value,
            };
            ask::fill(&mut round.request, value, &mut round.notes);
        } else {
            round.notes.add("some messages of the app are left out: there are too many");
        }
        self.turn
    }

    fn received(
        &mut self,
        message: Spoken<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        match document(message) {
            Some(Value::String(words)) => self.last.answer.words("", &words, at, grown),
            Some(value) => self.last.answer.take("", &value, at, grown),
            None => {}
        }
        self.turn
    }

    fn prompt(&self, turn: Turn) -> Option<&Request> {
        self.round(turn).filter(|round| round.has_asked).map(|round| &round.request)
    }

    fn progress(&self, turn: Turn) -> Progress {
        match self.round(turn) {
            Some(_) if turn != self.turn => Progress::Over,
            Some(round) if round.has_asked => Progress::Answering,
            Some(_) => Progress::Preparing,
            None => Progress::Over,
        }
    }

    fn peek(&self, turn: Turn) -> Decoded {
        self.round(turn).map(|round| round.decoded(&self.headers)).unwrap_or_default()
    }

    fn finish(&mut self, turn: Turn) -> Decoded {
        let decoded = self.peek(turn);
        if turn == self.turn {
            // What still comes is a turn of its own.
            self.last = Round::default();
            self.turn = Turn(turn.0 + 1);
            self.before = None;
        } else if turn.0 + 1 == self.turn.0 {
            self.before = None;
        }
        decoded
    }
}
