//! A chat completion being read.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::{Answer, Tell, Whole};
use super::wire::{Ask, Chosen, Told};
use super::{request, usage};
use crate::dialect::json::Shape;
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, json, lossy, thread};
use crate::model::{Cost, ExchangeError, Request, Usage};

/// A chat completion being read.
#[derive(Default)]
pub(in crate::dialect) struct ChatReading {
    decoded: Decoded,
    notes: Notes,
    answers: Vec<Answer>,
    /// How many answers the app asked for.
    asked_for: usize,
    /// Fields of the reply that stand nowhere else, as they came last.
    rest: Vec<(String, Box<RawValue>)>,
    /// The usage as it came last: Perplexity counts on every event, so it is parsed once, at
    /// the end.
    usage: Option<(Place, Box<RawValue>)>,
    cost: Option<f64>,
    repeats: Repeats,
    is_done: bool,
}

/// Whether each event of DashScope's repeats what came before it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Repeats {
    #[default]
    Yes,
    No,
}

/// Where a usage stood, weakest first: Groq sends its own twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Choice,
    Groq,
    Reply,
}

/// Most answers of one reply: OpenAI allows 128.
const CHOICES_MAX: usize = 256;

/// Most unknown fields of a reply that are kept: each event may bring new ones.
const REST_MAX: usize = 64;

impl ChatReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut reading = Self::asked::<Ask<'static>>(asked, |request, ask| {
            request::fill(request, ask);
            1
        });
        let request = &mut reading.decoded.request;
        if request.model.is_none() {
            request.model = request::model_in_path(asked.path);
        }
        let grows =
            request.params.get("parameters").and_then(|found| found.get("incremental_output"));
        if grows.and_then(Value::as_bool) == Some(true) {
            reading.repeats = Repeats::No;
        }
        reading
    }

    /// Begins to read a reply to `asked`, whose body `fill` reads; it gives the number of
    /// prompts.
    pub(in crate::dialect) fn asked<S: Shape>(
        asked: &Asked<'_>,
        fill: impl FnOnce(&mut Request, S::Of<'_>) -> usize,
    ) -> Self {
        let mut reading = Self::default();
        let request = &mut reading.decoded.request;
        let (prompts, note) = json::read::<S, _>(&lossy(asked.body), |ask| fill(request, ask));
        match note {
            Some(_) if asked.body.is_empty() => reading.notes.add("the request has no body"),
            Some(note) => reading.notes.add(format!("the request {note}")),
            None => {}
        }
        let n = request.params.get("n").and_then(Value::as_u64);
        let n = n.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
        reading.asked_for = n.saturating_mul(prompts.unwrap_or(1));
        reading.decoded.thread = thread::thread(asked.headers, &request.params);
        reading
    }

    fn event(&mut self, name: &str, data: &str, tell: &mut Tell<'_>) {
        let data = data.trim();
        if data.starts_with("[DONE]") {
            self.is_done = true;
            return;
        }
        if data.is_empty() {
            return;
        }
        let (read, note) = json::read::<Told<'static>, _>(data, |told| {
            let is_answer = told.choices.is_some() || told.usage.is_some() || told.has_envelope();
            self.take(told, Whole::Event, tell);
            is_answer
        });
        if let Some(note) = note {
            self.notes.add(format!("an event of the reply {note}"));
        }
        // An error that is not under `error`, such as `{"message": …}` or `{"detail": …}`.
        let is_failure = name == "error" || read != Some(true);
        if is_failure && self.decoded.error.is_none() {
            let found = serde_json::from_str(data).ok();
            self.decoded.error = found.as_ref().and_then(failure::of_value);
            if self.decoded.error.is_none() && name == "error" {
                self.decoded.error = Some(failure::of_body(data, 200));
            }
        }
    }

    fn body(&mut self, body: &[u8], status: u16, tell: &mut Tell<'_>) {
        let body = lossy(body);
        let (read, note) = json::read::<Told<'static>, _>(&body, |told| {
            self.take(told, Whole::Reply, tell);
        });
        if status >= 400 {
            self.decoded.error = Some(failure::of_body(&body, status));
            self.is_done = true;
            return;
        }
        if read.is_some() && self.answers.is_empty() && self.decoded.error.is_none() {
            let found = serde_json::from_str(&body).ok();
            self.decoded.error = found.as_ref().and_then(failure::of_value);
        }
        match note {
            Some(note) => self.notes.add(format!("the reply {note}")),
            None => self.is_done = true,
        }
    }

    /// Takes an event, or a whole reply.
    pub(super) fn take(&mut self, mut told: Told<'_>, whole: Whole, tell: &mut Tell<'_>) {
        self.open(&mut told, whole, tell);
        let reply = &mut self.decoded.reply;
        if reply.id.is_none() {
            reply.id = told.id.own();
        }
        if reply.model.is_none() {
            reply.model = told.model.own();
        }
        for choice in told.choices.map(|list| list.0).unwrap_or_default() {
            self.choice(choice, whole, tell);
        }
        self.count(Place::Groq, told.x_groq.and_then(|groq| groq.usage));
        self.count(Place::Reply, told.usage);
        if let Some(raw) = told.cost {
            self.cost = usage::cost_usd(&serde_json::json!({"cost": json::value(raw)}));
        }
        for (name, raw) in told.rest {
            self.keep(name.as_str(), raw);
        }
        // llama.cpp's own format.
        self.is_done |= told.stop.is_some_and(|raw| raw.get() == "true");
        if let Some(base) =
            told.base_resp.filter(|base| base.status_code.0.is_some_and(|code| code != 0))
        {
            self.decoded.error = Some(ExchangeError {
                kind: base.status_code.0.unwrap_or_default().to_string(),
                message: base.status_msg.into_string(),
            });
            self.is_done = true;
        }
        if let Some(raw) = told.error {
            let value = serde_json::json!({"error": json::value(raw)});
            if let Some(error) = failure::of_value(&value) {
                self.decoded.error = Some(error);
                self.is_done = true;
            }
        }
    }

    pub(super) fn choice(&mut self, mut told: Chosen<'_>, whole: Whole, tell: &mut Tell<'_>) {
        self.count(Place::Choice, told.usage.take());
        let index = told.index.0.unwrap_or_default();
        // Only the first answer is followed live: several at once would be a jumble.
        let is_followed = self.answers.first().is_none_or(|first| first.index == index);
        let at = match self.answers.iter().position(|answer| answer.index == index) {
            Some(at) => at,
            None if self.answers.len() >= CHOICES_MAX => {
                self.notes.add("some choices of the reply are left out");
                return;
            }
            None => {
                self.answers.push(Answer::new(index));
                self.answers.len() - 1
            }
        };
        if let Some(answer) = self.answers.get_mut(at) {
            match is_followed {
                true => answer.take(told, whole, tell),
                false => answer.take(told, whole, &mut |_| {}),
            }
        }
    }

    /// Takes a choice of DashScope's: what a `message` says adds to what came, or repeats it.
    pub(super) fn answered(&mut self, mut told: Chosen<'_>, whole: Whole, tell: &mut Tell<'_>) {
        if whole == Whole::Reply || self.repeats == Repeats::No {
            if whole == Whole::Event {
                told.delta = told.delta.take().or_else(|| told.message.take());
            }
            self.choice(told, whole, tell);
            return;
        }
        let index = told.index.0.unwrap_or_default();
        let is_followed = self.answers.first().is_none_or(|first| first.index == index);
        let had = self.answers.iter().position(|answer| answer.index == index);
        let had = had.map(|at| self.answers.remove(at)).unwrap_or_default();
        self.choice(told, Whole::Reply, &mut |_| {});
        // The first answer stays the first.
        if is_followed && let Some(now) = self.answers.pop() {
            now.tell_beyond(&had, tell);
            self.answers.insert(0, now);
        }
    }

    /// Takes the id of the answer, unless it has one.
    pub(super) fn named(&mut self, id: Option<String>) {
        if self.decoded.reply.id.is_none() {
            self.decoded.reply.id = id;
        }
    }

    fn count(&mut self, place: Place, raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        if self.usage.as_ref().is_none_or(|(had, _)| *had <= place) && raw.get() != "{}" {
            self.usage = Some((place, raw.to_owned()));
        }
    }

    pub(super) fn keep(&mut self, name: &str, raw: &RawValue) {
        let is_full = self.rest.len() >= REST_MAX;
        match self.rest.iter_mut().find(|(had, _)| had == name) {
            Some((_, had)) if had.get() == raw.get() || raw.get() == "null" => {}
            Some((_, had)) => *had = raw.to_owned(),
            None if is_full => self.notes.add("some unknown fields of the reply are left out"),
            None => self.rest.push((name.to_owned(), raw.to_owned())),
        }
    }

    fn usage(&mut self) -> Option<Usage> {
        match self.usage.take() {
            Some((_, raw)) => usage::usage(json::value(&raw)),
            None => usage::of_llama(&self.rest),
        }
    }
}

impl Reading for ChatReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Event(event) => {
                let mut has_grown = false;
                self.event(event.name, event.data, &mut |piece| {
                    has_grown = true;
                    grown(piece);
                });
                if has_grown && self.decoded.first_token_at.is_none() {
                    self.decoded.first_token_at = Some(at);
                }
            }
            Frame::Body { body, status } => self.body(body, status, grown),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        let is_finished = self.answers.len() >= self.asked_for
            && self.answers.iter().all(|answer| answer.finish_reason.is_some());
        self.is_done || is_finished
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.decoded.usage = self.usage();
        let reported = self.decoded.usage.as_ref().and_then(|usage| usage::cost_usd(&usage.raw));
        self.decoded.cost_usd = reported.or(self.cost);
        self.decoded.cost_source = self.decoded.cost_usd.map(|_| Cost::Reported);
        let mut rest = Map::new();
        // A reply that failed has its fields in the error.
        if self.decoded.error.is_none() {
            for (name, raw) in self.rest {
                let value = json::value(&raw);
                if !json::is_empty(&value) {
                    rest.insert(name, value);
                }
            }
        }
        self.answers.sort_by_key(|answer| answer.index);
        if let Some(only) = self.answers.first_mut().filter(|answer| answer.finish_reason.is_none())
        {
            only.finish_reason = usage::llama_stopped(&rest);
        }
        for answer in self.answers {
            let choice = answer.finish(std::mem::take(&mut rest));
            self.decoded.reply.choices.push(choice);
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}
