//! Content being generated, or tokens being counted.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::{Answer, Tell, Whole};
use super::enums::Family;
use super::fields::Fields;
use super::target::Target;
use super::wire::{Ask, Candidate, Replies, Told};
use super::{fault, request, usage};
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, json, lossy, path_only, thread};
use crate::model::{Choice, NamedThread, Request};
use crate::observe::stream;

/// An answer being read.
#[derive(Default)]
pub(super) struct GenerateReading {
    decoded: Decoded,
    notes: Notes,
    family: Family,
    cut: Option<stream::Kind>,
    answers: Vec<Answer>,
    /// How many answers the app asked for.
    asked_for: usize,
    /// Fields of the reply that stand nowhere else.
    rest: Fields,
    /// The usage as it came last: every chunk counts, so it is parsed once, at the end.
    usage: Option<Box<RawValue>>,
    /// What was said about the prompt.
    feedback: Option<Value>,
    is_done: bool,
}

/// Most answers of one reply: Google allows 8.
const CHOICES_MAX: usize = 256;

impl GenerateReading {
    pub(super) fn new(asked: &Asked<'_>, target: &Target) -> Self {
        let mut reading =
            Self { asked_for: 1, family: target.family, cut: cut(asked.path), ..Self::default() };
        let request = &mut reading.decoded.request;
        let (_, note) = json::read::<Ask<'static>, _>(&lossy(asked.body), |ask| {
            request::fill(request, ask, target.model.as_deref());
        });
        match note {
            Some(_) if asked.body.is_empty() => reading.notes.add("the request has no body"),
            Some(note) => reading.notes.add(format!("the request {note}")),
            None => {}
        }
        if request.model.is_none() {
            request.model.clone_from(&target.model);
        }
        reading.asked_for = candidate_count(&request.params);
        reading.decoded.thread = named_session(asked, &request.params);
        reading
    }

    fn event(&mut self, name: &str, data: &str, tell: &mut Tell<'_>) {
        let mut rest = data;
        while let Some((first, behind)) = rest.split_once('\n')
            && is_document(first)
        {
            self.document(name, first, tell);
            rest = behind;
        }
        self.document(name, rest, tell);
    }

    fn document(&mut self, name: &str, data: &str, tell: &mut Tell<'_>) {
        let data = data.trim();
        if data.starts_with("[DONE]") {
            self.is_done = true;
            return;
        }
        if data.is_empty() {
            return;
        }
        let (read, note) = json::read::<Replies, _>(data, |replies| {
            let mut is_known = false;
            for told in replies.0 {
                is_known |= self.take(told, Whole::Event, tell);
            }
            is_known
        });
        if let Some(note) = note {
            self.notes.add(format!("an event of the reply {note}"));
        }
        let is_failure = name == "error" || read != Some(true);
        if is_failure && self.decoded.error.is_none() {
            let found = serde_json::from_str(data).ok();
            self.decoded.error = found.as_ref().and_then(fault::of_value);
            if self.decoded.error.is_none() && name == "error" {
                self.decoded.error = Some(fault::of_body(data, 200));
            }
        }
    }

    fn body(&mut self, body: &[u8], status: u16, tell: &mut Tell<'_>) {
        let body = lossy(body);
        if status >= 400 {
            self.decoded.error = Some(fault::of_body(&body, status));
            self.is_done = true;
            return;
        }
        // A stream that was buffered is a list: its elements are pieces.
        let (read, note) = json::read::<Replies, _>(&body, |replies| {
            let whole = match body.trim_start().starts_with('[') {
                true => Whole::Event,
                false => Whole::Reply,
            };
            for told in replies.0 {
                if let Some(total) = told.total.0 {
                    let raw = serde_json::from_str(&body).unwrap_or_default();
                    self.decoded.usage = Some(usage::counted(total, raw));
                } else {
                    self.take(told, whole, tell);
                }
            }
        });
        if read.is_some() && self.answers.is_empty() && self.decoded.error.is_none() {
            let found = serde_json::from_str(&body).ok();
            self.decoded.error = found.as_ref().and_then(fault::of_value);
        }
        match note {
            Some(note) => self.notes.add(format!("the reply {note}")),
            None => self.is_done = true,
        }
    }

    /// Takes a reply or a chunk of one; says whether it is one.
    fn take(&mut self, told: Told<'_>, whole: Whole, tell: &mut Tell<'_>) -> bool {
        let Some(wrapped) = told.response else {
            return self.take_one(told, whole, tell);
        };
        // Code Assist's envelope, opened once: one inside another is kept as it came.
        let (is_known, note) = json::read::<Told<'static>, _>(wrapped.get(), |mut inner| {
            if let Some(raw) = inner.response.take() {
                self.rest.keep("response", raw, &mut self.notes);
            }
            self.take_one(inner, whole, tell)
        });
        if let Some(note) = note {
            self.notes.add(format!("the reply {note}"));
        }
        self.take_one(told, whole, tell) || is_known == Some(true)
    }

    fn take_one(&mut self, told: Told<'_>, whole: Whole, tell: &mut Tell<'_>) -> bool {
        let is_known = told.candidates.is_some()
            || told.usage.is_some()
            || told.feedback.is_some()
            || told.response.is_some();
        let reply = &mut self.decoded.reply;
        if reply.id.is_none() {
            reply.id = told.id.own();
        }
        if reply.model.is_none() {
            reply.model = told.model.own();
        }
        if let Some(trace) = told.trace.own() {
            reply.id.get_or_insert(trace);
        }
        for candidate in told.candidates.map(|list| list.0).unwrap_or_default() {
            self.candidate(candidate, whole, tell);
        }
        if let Some(raw) = told.usage.filter(|raw| !matches!(raw.get(), "null" | "{}")) {
            self.usage = Some(raw.to_owned());
        }
        if let Some(raw) = told.feedback {
            self.feedback = Some(json::value(raw)).filter(|value| !json::is_empty(value));
        }
        self.rest.keep_all(&told.rest, &mut self.notes);
        if let Some(raw) = told.error {
            let value = serde_json::json!({"error": json::value(raw)});
            if let Some(error) = fault::of_value(&value) {
                self.decoded.error = Some(error);
                self.is_done = true;
            }
        }
        is_known
    }

    fn candidate(&mut self, told: Candidate<'_>, whole: Whole, tell: &mut Tell<'_>) {
        let index = told.index.0.unwrap_or_default();
        // Only the first answer is followed live: several at once would be a jumble.
        let is_followed = self.answers.first().is_none_or(|first| first.index == index);
        let at = match self.answers.iter().position(|answer| answer.index == index) {
            Some(at) => at,
            None if self.answers.len() >= CHOICES_MAX => {
                self.notes.add("some candidates of the reply are left out");
                return;
            }
            None => {
                self.answers.push(Answer::new(index));
                self.answers.len() - 1
            }
        };
        if let Some(answer) = self.answers.get_mut(at) {
            match is_followed {
                true => answer.take(told, whole, self.family, tell),
                false => answer.take(told, whole, self.family, &mut |_| {}),
            }
        }
    }

    /// Turns what was said about the prompt into an error if it says why there is no answer;
    /// what else it says goes with the answers.
    fn judge(&mut self, more: &mut Map<String, Value>) {
        let Some(feedback) = self.feedback.take() else { return };
        let blocked = fault::of_feedback(&feedback, self.family);
        let says_more = feedback.as_object().is_some_and(|fields| {
            let told =
                ["blockReason", "block_reason", "blockReasonMessage", "block_reason_message"];
            fields
                .iter()
                .any(|(name, value)| !told.contains(&name.as_str()) && !json::is_empty(value))
        });
        if blocked.is_some() && self.answers.is_empty() && self.decoded.error.is_none() {
            self.decoded.error = blocked;
            if !says_more {
                return;
            }
        }
        more.insert("promptFeedback".to_owned(), feedback);
    }
}

impl Reading for GenerateReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        self.cut
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let (name, data) = match frame {
            Frame::Event(event) => (event.name, event.data),
            Frame::Document(text) => ("", text),
            Frame::Body { body, status } => return self.body(body, status, grown),
            _ => return,
        };
        self.event(name, data, grown);
        if self.decoded.first_token_at.is_none() && self.answers.iter().any(Answer::has_begun) {
            self.decoded.first_token_at = Some(at);
        }
    }

    fn is_complete(&self) -> bool {
        let is_finished =
            self.answers.len() >= self.asked_for && self.answers.iter().all(Answer::is_finished);
        let is_blocked = self.answers.is_empty()
            && self
                .feedback
                .as_ref()
                .is_some_and(|feedback| fault::of_feedback(feedback, self.family).is_some());
        self.is_done || is_finished || is_blocked
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        if let Some(raw) = self.usage.take() {
            self.decoded.usage = usage::usage(json::value(&raw));
        }
        let mut more = std::mem::take(&mut self.rest).finish();
        // A reply that failed has its fields in the error.
        if self.decoded.error.is_some() && self.answers.is_empty() {
            more.clear();
        }
        let has_answer = !self.answers.is_empty();
        self.judge(&mut more);
        self.answers.sort_by_key(|answer| answer.index);
        for answer in self.answers {
            let choice = answer.finish(std::mem::take(&mut more));
            self.decoded.reply.choices.push(choice);
        }
        if !has_answer && !more.is_empty() {
            let parts = vec![crate::dialect::media::other(Value::Object(more))];
            self.decoded.reply.choices.push(Choice { parts, finish_reason: None });
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// Whether a line of an event is a whole document: some gateways leave out the empty lines
/// between events.
fn is_document(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

/// A stream without `alt=sse` is one list.
fn cut(path: &str) -> Option<stream::Kind> {
    let is_stream = path_only(path).to_ascii_lowercase().ends_with("streamgeneratecontent");
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let has_events = query.split('&').any(|field| field.ends_with("alt=sse"));
    (is_stream && !has_events).then_some(stream::Kind::Array)
}

fn candidate_count(params: &Map<String, Value>) -> usize {
    let config = params.get("generationConfig").or_else(|| params.get("generation_config"));
    let count = config
        .and_then(|config| config.get("candidateCount").or_else(|| config.get("candidate_count")))
        .and_then(Value::as_u64);
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1).max(1)
}

/// The conversation as the app named it: Code Assist has a field for it in the request.
fn named_session(asked: &Asked<'_>, params: &Map<String, Value>) -> Option<NamedThread> {
    thread::thread(asked.headers, params).or_else(|| {
        let session = params.get("sessionId")?;
        session.as_str().filter(|id| !id.is_empty()).map(NamedThread::field)
    })
}
