//! Responses over a WebSocket: each `response.create` is answered by the events of a stream.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::request;
use super::turns::{Open, Stage, Turns};
use super::wire::Told;
use crate::dialect::json::{self, Text, record};
use crate::dialect::{Asked, Conversation, Decoded, Grown, Progress, Spoken, Turn, lossy, thread};
use crate::model::{Headers, Message, Request};

/// A WebSocket being read.
///
/// Its lanes (`stream_id`) answer at the same time, each one request after another.
pub(super) struct Socket {
    headers: Headers,
    turns: Turns<Lane>,
    /// What steers a response, until its successor begins.
    steers: Vec<Steer>,
}

/// The lane of a turn: its `stream_id`, if it has one.
type Lane = Option<String>;

struct Steer {
    previous: String,
    messages: Vec<Message>,
}

record! {
    /// A message of the app.
    Sent {
        kind: Text<'a> = "type",
        stream_id: Text<'a> = "stream_id",
        previous_response_id: Text<'a> = "previous_response_id",
        response_id: Text<'a> = "response_id",
        input: Option<&'a RawValue> = "input",
    }
    ignores ["instructions", "tools", "response"]
}

/// Most steering inputs that wait for their response to begin.
const STEERS_MAX: usize = 64;

impl Socket {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self { headers: asked.headers.clone(), turns: Turns::default(), steers: Vec::new() }
    }

    fn ask(&mut self, text: &str, lane: Lane, previous: &str) -> Turn {
        let steers = self.steers_of(previous);
        let (turn, open) = self.turns.preparing();
        open.stage = Stage::Asked;
        open.more = lane;
        open.so_far.decoded.request.messages = steers;
        open.so_far.ask(text, &self.headers);
        turn
    }

    fn steer(&mut self, sent: &Sent<'_>) -> Turn {
        let (turn, open) = self.turns.preparing();
        if self.steers.len() >= STEERS_MAX {
            open.so_far.notes.add("too much steers at once: some of it is left out");
        } else if let Some(input) = sent.input {
            self.steers.push(Steer {
                previous: sent.previous_response_id.as_str().to_owned(),
                messages: request::messages_of(input),
            });
        }
        turn
    }

    /// What the provider puts before the input of the response that continues `previous`.
    fn steers_of(&mut self, previous: &str) -> Vec<Message> {
        if previous.is_empty() {
            return Vec::new();
        }
        let (its, others) = std::mem::take(&mut self.steers)
            .into_iter()
            .partition(|steer: &Steer| steer.previous == previous);
        self.steers = others;
        its.into_iter().flat_map(|steer| steer.messages).collect()
    }

    /// The turn that a message of the provider belongs to.
    ///
    /// By the response's id if it names one; else it is what its lane is answering.
    fn turn_of(&mut self, told: &Told<'_>) -> Turn {
        let named = told.response.as_ref().map_or(&told.response_id, |whole| &whole.id).get();
        let lane = told.stream_id.get();
        let in_lane = |open: &Open<Lane>| lane.is_none() || open.more.as_deref() == lane;
        let is_named =
            |open: &Open<Lane>| named.is_some() && open.so_far.answer.id.as_deref() == named;
        if let Some(turn) = self.turns.find(is_named) {
            return turn;
        }
        let asked = self.turns.find(|open| open.stage == Stage::Asked && in_lane(open));
        let answering = self.turns.find(|open| open.stage == Stage::Answering && in_lane(open));
        // A refusal of the request itself has a status.
        let refuses =
            told.kind.as_str() == "error" && told.status.0.or(told.status_code.0).is_some();
        let begins = refuses && asked.is_some() || told.kind.as_str() == "response.created";
        match (begins, asked, answering) {
            (true, Some(asked), _) => asked,
            (true, None, _) => self.succeed(told),
            (false, _, Some(answering)) => answering,
            (false, Some(asked), None) => asked,
            (false, None, None) => self.turns.preparing().0,
        }
    }

    /// A response that nobody asked for: it continues one that was steered.
    fn succeed(&mut self, told: &Told<'_>) -> Turn {
        let previous = told.response.as_ref().map(|whole| whole.previous_response_id.as_str());
        let previous = previous.unwrap_or_default();
        let steers = self.steers_of(previous);
        let (turn, open) = self.turns.preparing();
        open.stage = Stage::Answering;
        open.more = told.stream_id.own();
        let request = &mut open.so_far.decoded.request;
        request.messages = steers;
        if !previous.is_empty() {
            request.params.insert("previous_response_id".to_owned(), previous.into());
        }
        open.so_far.decoded.thread = thread::thread(&self.headers, &request.params);
        turn
    }

    /// Steering that was refused is no prompt.
    fn unsteer(&mut self, told: &Told<'_>) {
        let previous = told.steer.map(json::value);
        let previous =
            previous.as_ref().and_then(|steer| steer.get("previous_response_id")?.as_str());
        if let Some(at) = self.steers.iter().position(|steer| Some(&*steer.previous) == previous) {
            self.steers.remove(at);
        }
    }

    fn hear(&mut self, told: Told<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) -> Turn {
        if told.kind.as_str() == "response.steer.failed" {
            self.unsteer(&told);
        }
        let turn = self.turn_of(&told);
        let Some(open) = self.turns.get_mut(turn) else { return turn };
        match told.kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => {
                open.stage = Stage::Answering;
            }
            "codex.rate_limits" => {
                let limits = told.rest.iter().find(|(name, _)| name.as_str() == "rate_limits");
                if let Some((_, raw)) = limits {
                    open.so_far.answer.rest.insert("rate_limits".to_owned(), json::value(raw));
                }
            }
            "response.steer.failed" => return turn,
            _ => {}
        }
        open.so_far.take(told, "", at, grown);
        if open.so_far.answer.is_over() {
            open.stage = Stage::Over;
        }
        turn
    }
}

impl Conversation for Socket {
    fn sent(&mut self, message: Spoken<'_>, _: Timestamp) -> Turn {
        let text = words(message);
        let (turn, _) = json::read::<Sent<'static>, _>(&text, |sent| match sent.kind.as_str() {
            "response.create" | "response.append" => {
                let previous = sent.previous_response_id.as_str();
                self.ask(&text, sent.stream_id.own(), previous)
            }
            "response.steer" => self.steer(&sent),
            // Acknowledgements, cancellations and what else is about an answer.
            _ => {
                let id = sent.response_id.get();
                let named =
                    self.turns.find(|open| id.is_some() && open.so_far.answer.id.as_deref() == id);
                let answering = || self.turns.find(|open| open.stage == Stage::Answering);
                let about = named.or_else(|| answering().filter(|_| id.is_none()));
                about.unwrap_or_else(|| self.turns.preparing().0)
            }
        });
        turn.unwrap_or_else(|| {
            let (turn, open) = self.turns.preparing();
            open.so_far.notes.add("a message of the app is not JSON");
            turn
        })
    }

    fn received(
        &mut self,
        message: Spoken<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let text = words(message);
        let (turn, note) = json::read::<Told<'static>, _>(&text, |told| self.hear(told, at, grown));
        let turn = turn.unwrap_or_else(|| {
            let answering = self.turns.find(|open| open.stage != Stage::Preparing);
            answering.unwrap_or_else(|| self.turns.preparing().0)
        });
        if let (Some(note), Some(open)) = (note, self.turns.get_mut(turn)) {
            open.so_far.notes.add(format!("a message of the provider {note}"));
        }
        turn
    }

    fn prompt(&self, turn: Turn) -> Option<&Request> {
        self.turns.prompt(turn)
    }

    fn progress(&self, turn: Turn) -> Progress {
        self.turns.progress(turn)
    }

    fn peek(&self, turn: Turn) -> Decoded {
        self.turns.peek(turn)
    }

    fn finish(&mut self, turn: Turn) -> Decoded {
        self.turns.finish(turn)
    }
}

/// The text of a message, also of one that is sent as bytes.
pub(in crate::dialect) fn words(message: Spoken<'_>) -> std::borrow::Cow<'_, str> {
    match message {
        Spoken::Text(text) => text.into(),
        Spoken::Binary(bytes) => lossy(bytes),
    }
}
