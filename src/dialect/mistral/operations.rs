//! What is asked of Mistral beside answers: texts of pictures, moderation, agents, files, jobs.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::conversation;
use super::wire;
use crate::dialect::answer::Tell;
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, Text, record};
use crate::dialect::operation::{self, Operation};
use crate::dialect::{Asked, media, openai_chat};
use crate::model::{Message, Part, Request};

record! {
    /// A request to read a document.
    OcrAsk {
        model: Text<'a> = "model",
        document: Option<&'a RawValue> = "document",
    }
    ignores []
}

record! {
    /// A request to judge texts, or conversations.
    JudgeAsk {
        model: Text<'a> = "model",
        input: Content<'a> = "input",
        inputs: Content<'a> = "inputs",
    }
    ignores []
}

record! {
    /// A message of a conversation that is judged.
    Said {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
    }
    ignores []
}

/// Begins to read the text of a document.
pub(super) fn begin_ocr(asked: &Asked<'_>) -> Operation {
    let draft = Draft::read::<OcrAsk<'static>>(asked, |request, ask| {
        request.model = ask.model.own();
        operation::parameters(request, &ask.rest);
        let parts = ask.document.map(openai_chat::raw_block).unwrap_or_default();
        if !parts.is_empty() {
            request.messages.push(draft::user(parts));
        }
    });
    Operation::new(draft, read)
}

/// Takes the pages: their text as text, what else is known of them beside it.
fn read(draft: &mut Draft, mut reply: Map<String, Value>, tell: &mut Tell<'_>) {
    let pages = reply.get_mut("pages").and_then(Value::as_array_mut);
    for page in pages.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(Value::String(text)) = page.shift_remove("markdown") {
            draft.answer(0, tell, |answer, tell| answer.push(Part::Text { text }, tell));
        }
        // The blocks are the same text once more.
        if let Some(Value::Array(blocks)) = page.get_mut("blocks") {
            let count = blocks.len();
            page.insert("blocks".to_owned(), format!("({count} blocks)").into());
        }
    }
    operation::keep(draft, reply, tell);
}

/// Begins to read a judgement of texts.
pub(super) fn begin_judgement(asked: &Asked<'_>) -> Operation {
    let draft = Draft::read::<JudgeAsk<'static>>(asked, |request, ask| {
        request.model = ask.model.own();
        operation::parameters(request, &ask.rest);
        for content in [ask.input, ask.inputs] {
            judged(request, content, 0);
        }
    });
    Operation::new(draft, |draft, reply, tell| {
        draft.decoded.usage = reply.get("usage").cloned().and_then(openai_chat::usage::usage);
        operation::keep(draft, reply, tell);
    })
}

/// Deepest nesting that is read: a list of conversations is two.
const DEPTH_MAX: u8 = 3;

fn judged(request: &mut Request, content: Content<'_>, depth: u8) {
    let Content::Blocks(raws) = content else {
        let parts = openai_chat::parts(content);
        if !parts.is_empty() {
            request.messages.push(draft::user(parts));
        }
        return;
    };
    for raw in raws {
        match raw.get().as_bytes().first() {
            Some(b'[') if depth < DEPTH_MAX => {
                let inner = serde_json::from_str::<Content<'_>>(raw.get()).unwrap_or_default();
                judged(request, inner, depth + 1);
            }
            Some(b'{') => {
                let (message, _) = json::read::<Said<'static>, _>(raw.get(), |said| Message {
                    role: said.role.own().unwrap_or_else(|| "user".to_owned()),
                    parts: openai_chat::parts(said.content),
                });
                request.messages.extend(message);
            }
            _ => {
                let parts = openai_chat::raw_block(raw);
                if !parts.is_empty() {
                    request.messages.push(draft::user(parts));
                }
            }
        }
    }
}

/// Begins to read the making of an agent: its instructions and its tools are a prompt's.
pub(super) fn begin_agent(asked: &Asked<'_>) -> Operation {
    let draft = match asked.body.is_empty() {
        true => Draft::unread(asked),
        false => Draft::read::<wire::Ask<'static>>(asked, conversation::fill),
    };
    Operation::new(draft, operation::keep)
}

/// Begins to read any other operation. An upload is a form, of which there is the size.
pub(super) fn begin(asked: &Asked<'_>) -> Operation {
    let mut draft = operation::request(asked);
    if !asked.body.is_empty() && !crate::dialect::may_be_object(asked.body) {
        let value = media::other(json!({"bytes": asked.body.len()}));
        draft.decoded.request.messages.push(draft::user(vec![value]));
    }
    Operation::new(draft, operation::keep)
}
