//! An exchange while it is read: what the readings of several dialects have in common.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Answer, REST_MAX, Tell};
use super::json::{self, Rest, Shape};
use super::notes::Notes;
use super::{Asked, Decoded, Grown, failure, lossy, thread};
use crate::model::{Message, NamedThread, Part, Request};

/// An exchange while it is read.
#[derive(Default)]
pub(super) struct Draft {
    /// What is read so far; its choices are made of the answers at the end.
    pub(super) decoded: Decoded,
    /// What could not be read.
    pub(super) notes: Notes,
    /// Whether the reply has come to its end.
    pub(super) is_done: bool,
    /// The reply's status; 0 before its head came.
    pub(super) status: u16,
    /// Fields of the reply that stand nowhere else.
    rest: Map<String, Value>,
    answers: Vec<Answer>,
}

/// What is noted where fields are too many.
const REST_CUT: &str = "some unknown fields of the reply are left out";

/// Most answers of one reply: no API gives more than 128.
const ANSWERS_MAX: usize = 256;

impl Draft {
    /// Begins with a request whose body is JSON.
    pub(super) fn read<S: Shape>(
        asked: &Asked<'_>,
        fill: impl FnOnce(&mut Request, S::Of<'_>),
    ) -> Self {
        let mut draft = Self::default();
        let request = &mut draft.decoded.request;
        let (_, note) = json::read::<S, _>(&lossy(asked.body), |ask| fill(request, ask));
        match note {
            Some(_) if asked.body.is_empty() => draft.notes.add("the request has no body"),
            Some(note) => draft.notes.add(format!("the request {note}")),
            None => {}
        }
        draft.decoded.thread = thread::thread(asked.headers, &request.params);
        draft
    }

    /// Begins with a request that has no body, or one that is not read here.
    pub(super) fn unread(asked: &Asked<'_>) -> Self {
        let mut draft = Self::default();
        draft.decoded.thread = thread::thread(asked.headers, &Map::new());
        draft
    }

    /// The thread, where no rule of all dialects has found one.
    pub(super) fn threaded(&mut self, id: Option<String>) {
        if self.decoded.thread.is_none() {
            self.decoded.thread = id.map(NamedThread::field);
        }
    }

    /// Reads one piece of a stream, or a whole reply, that is called `what` in a note. Gives
    /// what `take` gives, or `None` if nothing could be read.
    pub(super) fn piece<S: Shape, R>(
        &mut self,
        what: &str,
        text: &str,
        take: impl FnOnce(&mut Self, S::Of<'_>) -> R,
    ) -> Option<R> {
        let (read, note) = json::read::<S, _>(text, |told| take(self, told));
        if let Some(note) = note {
            self.notes.add(format!("{what} {note}"));
        }
        read
    }

    /// Reads a whole reply: an error if its status says so, else what `take` makes of it.
    pub(super) fn body<S: Shape>(
        &mut self,
        body: &[u8],
        status: u16,
        take: impl FnOnce(&mut Self, S::Of<'_>),
    ) {
        let body = lossy(body);
        if status >= 400 {
            self.fail(&body, status);
            return;
        }
        let (read, note) = json::read::<S, _>(&body, |told| take(self, told));
        match note {
            Some(note) if !(body.is_empty() && status == 204) => {
                self.notes.add(format!("the reply {note}"));
            }
            _ => self.is_done = true,
        }
        if read.is_some() && self.answers.is_empty() && self.decoded.error.is_none() {
            let found = serde_json::from_str::<Value>(&body).ok();
            let found =
                found.filter(|value| value.get("error").is_some_and(|e| !json::is_empty(e)));
            self.decoded.error = found.as_ref().and_then(failure::of_value);
        }
    }

    /// The reply is an error, or the stream ends in one.
    pub(super) fn fail(&mut self, body: &str, status: u16) {
        self.decoded.error = Some(failure::of_body(body, status));
        self.is_done = true;
    }

    /// A line of the reply is an error. What came before it is kept.
    pub(super) fn broke_off(&mut self, line: &str) {
        let mut error = failure::of_body(line, self.status);
        if self.status < 400 && error.kind == format!("http_{}", self.status) {
            "error".clone_into(&mut error.kind);
        }
        self.decoded.error = Some(error);
        self.is_done = true;
    }

    /// Lets `take` add to the answer with `index`. Only the first answer is followed live:
    /// several at once would be a jumble.
    pub(super) fn answer(
        &mut self,
        index: u64,
        tell: &mut Tell<'_>,
        take: impl FnOnce(&mut Answer, &mut Tell<'_>),
    ) {
        let is_followed = self.answers.first().is_none_or(|first| first.index == index);
        let at = match self.answers.iter().position(|answer| answer.index == index) {
            Some(at) => at,
            None if self.answers.len() >= ANSWERS_MAX => {
                self.notes.add("some answers of the reply are left out");
                return;
            }
            None => {
                self.answers.push(Answer::new(index));
                self.answers.len() - 1
            }
        };
        if let Some(answer) = self.answers.get_mut(at) {
            match is_followed {
                true => take(answer, tell),
                false => take(answer, &mut |_| {}),
            }
        }
    }

    /// Whether every answer that has begun has come to its end.
    pub(super) fn is_complete(&self) -> bool {
        let is_finished = |answer: &Answer| answer.finish_reason.is_some();
        self.is_done || !self.answers.is_empty() && self.answers.iter().all(is_finished)
    }

    /// Takes a piece of a stream that came `at` a time, and notes the time of the first that
    /// adds to the answer.
    pub(super) fn timed(
        &mut self,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
        take: impl FnOnce(&mut Self, &mut Tell<'_>),
    ) {
        let mut has_grown = false;
        take(self, &mut |piece| {
            has_grown = true;
            grown(piece);
        });
        if has_grown && self.decoded.first_token_at.is_none() {
            self.decoded.first_token_at = Some(at);
        }
    }

    /// Keeps a field of the reply that has no place of its own; the last one counts.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        if json::is_empty(&value) {
            return;
        }
        if self.rest.len() < REST_MAX || self.rest.contains_key(name) {
            self.rest.insert(name.to_owned(), value);
        } else {
            self.notes.add(REST_CUT);
        }
    }

    /// Keeps the fields of `rest`.
    pub(super) fn keep_all(&mut self, rest: &Rest<'_>) {
        for (name, raw) in rest {
            self.keep(name.as_str(), json::value(raw));
        }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Decoded {
        // A reply that failed has its fields in the error.
        let mut rest = match self.decoded.error {
            Some(_) => Map::new(),
            None => self.rest,
        };
        if self.answers.iter().any(|answer| answer.is_rest_cut) {
            self.notes.add(REST_CUT);
        }
        self.answers.sort_by_key(|answer| answer.index);
        for answer in self.answers {
            let choice = answer.finish(std::mem::take(&mut rest));
            self.decoded.reply.choices.push(choice);
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// The words of the system messages at the head of the list.
pub(super) fn system(messages: &[Message]) -> Option<String> {
    let is_system = |role: &str| role.eq_ignore_ascii_case("system") || role == "developer";
    let parts = messages.iter().take_while(|message| is_system(&message.role));
    words(parts.flat_map(|message| &message.parts))
}

/// The texts of `parts`, joined by an empty line; `None` if there are none.
pub(super) fn words<'p>(parts: impl IntoIterator<Item = &'p Part>) -> Option<String> {
    let texts: Vec<&str> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text { text } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// A message of the user.
pub(super) fn user(parts: Vec<Part>) -> Message {
    Message { role: "user".to_owned(), parts }
}
