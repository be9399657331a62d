//! What is asked of Cohere beside answers: embeddings, ranks, classes, tokens.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{chat, usage};
use crate::dialect::answer::Tell;
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, List, Text, record};
use crate::dialect::operation::{self, Operation, texts};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media, vectors};
use crate::model::{Part, Request};

record! {
    /// A request: the fields of all of them.
    Ask {
        model: Text<'a> = "model",
        query: Text<'a> = "query",
        text: Text<'a> = "text",
        texts: Content<'a> = "texts",
        images: Content<'a> = "images",
        inputs: Content<'a> = "inputs",
    }
    ignores []
}

record! {
    /// Something to embed, made of blocks.
    Input {
        content: Content<'a> = "content",
    }
    ignores []
}

record! {
    /// A reply with vectors.
    Embedded {
        id: Text<'a> = "id",
        embeddings: Option<&'a RawValue> = "embeddings",
        images: List<Value> = "images",
        meta: Option<Value> = "meta",
    }
    ignores ["texts", "inputs", "response_type"]
}

/// Begins to read embeddings.
pub(super) fn begin_embeddings(asked: &Asked<'_>) -> EmbeddingsReading {
    EmbeddingsReading { draft: Draft::read::<Ask<'static>>(asked, fill), meta: None }
}

/// Begins to read any other operation.
pub(super) fn begin(asked: &Asked<'_>) -> Operation {
    let draft = match asked.body.is_empty() {
        true => Draft::unread(asked),
        false => Draft::read::<Ask<'static>>(asked, fill),
    };
    Operation::new(draft, take)
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    operation::parameters(request, &ask.rest);
    let mut parts: Vec<Part> = ask.query.own().map(Part::text).into_iter().collect();
    parts.extend(ask.text.own().map(Part::text));
    parts.append(&mut texts(ask.texts));
    parts.extend(texts(ask.images).into_iter().map(picture));
    match ask.inputs {
        Content::Blocks(raws) => parts.extend(raws.into_iter().flat_map(input)),
        inputs => parts.append(&mut texts(inputs)),
    }
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

fn picture(part: Part) -> Part {
    match part {
        Part::Text { text } => media::image(&text),
        part => part,
    }
}

fn input(raw: &RawValue) -> Vec<Part> {
    if raw.get().starts_with('{') {
        let (parts, _) =
            json::read::<Input<'static>, _>(raw.get(), |input| chat::blocks(input.content));
        return parts.unwrap_or_default();
    }
    texts(Content::Blocks(vec![raw]))
}

fn take(draft: &mut Draft, mut reply: Map<String, Value>, tell: &mut Tell<'_>) {
    let meta = reply.get("meta").or(reply.get("usage")).cloned();
    draft.decoded.usage = meta.and_then(usage::usage);
    let words = ["text", "summary"].into_iter().find_map(|name| match reply.get(name) {
        Some(Value::String(_)) => reply.shift_remove(name),
        _ => None,
    });
    if let Some(Value::String(words)) = words {
        draft.answer(0, tell, |answer, tell| answer.text(0, &words, tell));
    }
    operation::keep(draft, reply, tell);
}

/// Embeddings being read.
pub(super) struct EmbeddingsReading {
    draft: Draft,
    meta: Option<Value>,
}

impl Reading for EmbeddingsReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let Frame::Body { body, status } = frame else { return };
        let meta = &mut self.meta;
        self.draft.body::<Embedded<'static>>(body, status, |draft, told| {
            draft.decoded.reply.id = told.id.own();
            *meta = told.meta;
            if let Some(raw) = told.embeddings {
                let value = json!({"embeddings": vectors::summary(raw)});
                draft.answer(0, grown, |answer, tell| answer.push(Part::Other { value }, tell));
            }
            draft.keep("images", Value::Array(told.images.0));
            draft.keep_all(&told.rest);
        });
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.meta.and_then(usage::usage);
        self.draft.finish()
    }
}
