//! Operations that are no conversation: lists of models, uploads, jobs, classifications. What
//! was asked are parameters, what was answered is JSON.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::Tell;
use super::draft::Draft;
use super::json::{self, Content, record};
use super::{Asked, Decoded, Frame, Grown, Reading, lossy, may_be_object, media, vectors};
use crate::model::{Part, Request};
use crate::observe::stream;

record! {
    /// A request of which nothing but the model is known.
    Ask {
        model: json::Text<'a> = "model",
    }
    ignores []
}

/// Takes the JSON of a whole reply.
pub(super) type Take = fn(&mut Draft, Map<String, Value>, &mut Tell<'_>);

/// An operation being read.
pub(super) struct Operation {
    draft: Draft,
    take: Take,
    cut: Option<stream::Kind>,
    /// The last line of each `status` that a stream of progress tells.
    progress: Vec<(Value, Value)>,
}

/// Most different states of progress that are kept.
const STATES_MAX: usize = 64;

impl Operation {
    /// An operation whose request has `draft` read, and whose reply `take` takes.
    pub(super) fn new(draft: Draft, take: Take) -> Self {
        Self { draft, take, cut: None, progress: Vec::new() }
    }

    /// The reply may be lines of progress.
    pub(super) fn in_lines(self) -> Self {
        Self { cut: Some(stream::Kind::Lines), ..self }
    }

    /// An operation whose request is any JSON, or none, and whose reply is kept as it came.
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        Self::new(request(asked), keep)
    }

    fn line(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            self.draft.notes.add("a line of the reply is not JSON");
            return;
        };
        if value.get("error").is_some_and(|error| !json::is_empty(error)) {
            self.draft.broke_off(text);
            return;
        }
        let state = value.get("status").cloned().unwrap_or_default();
        let is_full = self.progress.len() >= STATES_MAX;
        match self.progress.iter_mut().find(|(had, _)| *had == state) {
            Some((_, had)) => *had = value,
            None if !is_full => self.progress.push((state, value)),
            None => self.draft.notes.add("some lines of the reply are left out"),
        }
    }
}

/// Reads a request whose fields are all parameters.
pub(super) fn request(asked: &Asked<'_>) -> Draft {
    if asked.body.is_empty() || !may_be_object(asked.body) {
        return Draft::unread(asked);
    }
    Draft::read::<Ask<'static>>(asked, |request, ask| {
        request.model = ask.model.own();
        parameters(request, &ask.rest);
    })
}

/// Keeps `rest` as parameters, long base64 and lists of numbers replaced by their size.
pub(super) fn parameters(request: &mut Request, rest: &json::Rest<'_>) {
    json::keep_all(&mut request.params, rest);
    request.params.values_mut().for_each(shorten);
}

/// The texts of a content: a string, or a list of strings; what is neither stays as it came.
pub(super) fn texts(content: Content<'_>) -> Vec<Part> {
    let part = |value: Value| match value {
        Value::String(text) => Part::Text { text },
        value => media::other(value),
    };
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(raws) => raws.into_iter().map(|raw| part(json::value(raw))).collect(),
        Content::Object(value) => vec![part(value)],
    }
}

/// Keeps a reply as it came, long base64 and lists of numbers replaced by their size.
pub(super) fn keep(draft: &mut Draft, mut reply: Map<String, Value>, tell: &mut Tell<'_>) {
    let named = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
    draft.decoded.reply.id = named("id");
    draft.decoded.reply.model = named("model");
    reply.values_mut().for_each(shorten);
    let value = Value::Object(reply);
    draft.answer(0, tell, |answer, tell| answer.push(media::other(value), tell));
}

/// Deepest nesting that is looked into for long lists of numbers.
const DEPTH_MAX: u8 = 8;

/// Replaces long base64 and long lists of numbers in `value` by their size.
pub(super) fn shorten(value: &mut Value) {
    media::shorten(value);
    count_numbers(value, 0);
}

fn count_numbers(value: &mut Value, depth: u8) {
    vectors::numbers(value);
    if depth < DEPTH_MAX {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(|item| count_numbers(item, depth + 1));
            }
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| count_numbers(field, depth + 1));
            }
            _ => {}
        }
    }
}

impl Reading for Operation {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        self.cut
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { status, .. } => self.draft.status = status,
            Frame::Document(text) => self.line(text),
            Frame::Body { body, status } if status >= 400 => {
                self.draft.fail(&lossy(body), status);
            }
            Frame::Body { body, .. } => {
                let body = lossy(body);
                match serde_json::from_str::<Value>(&body) {
                    Ok(Value::Object(reply)) => (self.take)(&mut self.draft, reply, grown),
                    Ok(value) => {
                        let reply = Map::from_iter([("reply".to_owned(), value)]);
                        keep(&mut self.draft, reply, grown);
                    }
                    Err(_) if body.trim().is_empty() => {}
                    // A file, or sound.
                    Err(_) => self.draft.keep("bytes", body.len().into()),
                }
                self.draft.is_done = true;
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        for (_, value) in self.progress {
            self.draft.answer(0, &mut |_| {}, |answer, tell| {
                answer.push(media::other(value), tell);
            });
        }
        self.draft.finish()
    }
}
