//! Chat and generate of the first version.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::usage;
use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Count, List, Text, TextOr, record};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media};
use crate::model::{ExchangeError, Message, Part, Request, Tool};
use crate::observe::stream;

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        message: Text<'a> = "message",
        prompt: Text<'a> = "prompt",
        preamble: Text<'a> = "preamble",
        history: List<Said<'a>> = "chat_history",
        tools: List<ToolWire<'a>> = "tools",
        results: List<ToolResult<'a>> = "tool_results",
    }
    ignores []
}

record! {
    /// A message of the history.
    Said {
        role: Text<'a> = "role",
        message: Text<'a> = "message",
        calls: List<Call<'a>> = "tool_calls",
        results: List<ToolResult<'a>> = "tool_results",
    }
    ignores []
}

record! {
    /// A tool call.
    Call {
        name: Text<'a> = "name",
        parameters: Option<Value> = "parameters",
    }
    ignores ["generation_id"]
}

record! {
    /// What a tool gave.
    ToolResult {
        call: Option<Call<'a>> = "call",
        outputs: List<Value> = "outputs",
    }
    ignores []
}

record! {
    /// A tool.
    ToolWire {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: Value = "parameter_definitions",
    }
    ignores []
}

record! {
    /// A whole reply, or an event of a streamed one: the fields of all of them.
    Told {
        kind: Text<'a> = "event_type",
        response_id: Text<'a> = "response_id",
        generation_id: Text<'a> = "generation_id",
        id: Text<'a> = "id",
        text: Text<'a> = "text",
        message: Text<'a> = "message",
        err: Text<'a> = "err",
        index: Count = "index",
        generations: List<Generation<'a>> = "generations",
        calls: List<Call<'a>> = "tool_calls",
        call_delta: Option<CallDelta<'a>> = "tool_call_delta",
        finish_reason: Text<'a> = "finish_reason",
        citations: List<Value> = "citations",
        documents: List<Value> = "documents",
        search_queries: List<Value> = "search_queries",
        search_results: List<Value> = "search_results",
        response: Option<Box<Response<'a>>> = "response",
        meta: Option<Value> = "meta",
    }
    ignores ["is_finished", "chat_history", "prompt"]
}

record! {
    /// The whole answer, with which a stream ends.
    Response {
        response_id: Text<'a> = "response_id",
        generation_id: Text<'a> = "generation_id",
        id: Text<'a> = "id",
        text: Text<'a> = "text",
        generations: List<Generation<'a>> = "generations",
        calls: List<Call<'a>> = "tool_calls",
        finish_reason: Text<'a> = "finish_reason",
        meta: Option<Value> = "meta",
    }
    ignores ["chat_history", "prompt"]
}

record! {
    /// One of several completions.
    Generation {
        index: Count = "index",
        text: Text<'a> = "text",
        finish_reason: Text<'a> = "finish_reason",
    }
    ignores ["id"]
}

record! {
    /// A piece of a tool call.
    CallDelta {
        name: Text<'a> = "name",
        index: Count = "index",
        parameters: TextOr<'a, Value> = "parameters",
        text: Text<'a> = "text",
    }
    ignores ["raw_generation"]
}

/// A chat or a completion being read.
pub(super) struct FirstReading {
    draft: Draft,
    so_far: SoFar,
}

/// What a stream has said before it says it again as a whole.
#[derive(Default)]
struct SoFar {
    has_text: bool,
    has_calls: bool,
    meta: Option<Value>,
}

impl FirstReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let draft = Draft::read::<Ask<'static>>(asked, fill);
        Self { draft, so_far: SoFar::default() }
    }
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.tools = ask
        .tools
        .0
        .into_iter()
        .map(|tool| Tool {
            name: tool.name.into_string(),
            description: tool.description.own(),
            schema: tool.schema,
        })
        .collect();
    request.messages = ask.history.0.into_iter().map(message).collect();
    request.system = ask.preamble.own().or_else(|| draft::system(&request.messages));
    let results: Vec<Part> = ask.results.0.into_iter().map(result).collect();
    let words = [ask.message, ask.prompt];
    let words: Vec<Part> = words.iter().filter_map(Text::own).map(Part::text).collect();
    if !words.is_empty() {
        request.messages.push(draft::user(words));
    }
    if !results.is_empty() {
        request.messages.push(Message { role: "tool".to_owned(), parts: results });
    }
}

fn message(said: Said<'_>) -> Message {
    let mut parts: Vec<Part> = said.message.own().map(Part::text).into_iter().collect();
    parts.extend(said.calls.0.into_iter().map(call));
    parts.extend(said.results.0.into_iter().map(result));
    let mut rest = Map::new();
    json::keep(&mut rest, &said.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Message { role: said.role.into_string(), parts }
}

fn call(call: Call<'_>) -> Part {
    let arguments = call.parameters.unwrap_or_else(|| json!({}));
    Part::ToolCall { id: None, name: call.name.into_string(), arguments }
}

fn result(result: ToolResult<'_>) -> Part {
    Part::ToolResult {
        id: None,
        name: result.call.and_then(|call| call.name.own()),
        parts: result.outputs.0.into_iter().map(media::other).collect(),
        is_error: None,
    }
}

fn take(draft: &mut Draft, so_far: &mut SoFar, told: Told<'_>, tell: &mut Tell<'_>) {
    let kind = told.kind.as_str().to_owned();
    let reply = &mut draft.decoded.reply;
    let id = told.response_id.own().or(told.generation_id.own()).or(told.id.own());
    reply.id = id.or(reply.id.take());
    if told.meta.is_some() {
        so_far.meta = told.meta;
    }
    if kind == "stream-error" || told.err.get().is_some() {
        let message = told.err.own().or(told.message.own()).unwrap_or_default();
        draft.decoded.error = Some(ExchangeError { kind: "stream-error".to_owned(), message });
        draft.is_done = true;
    } else if let (Some(words), "", None) = (told.message.get(), kind.as_str(), told.text.get()) {
        let error = ExchangeError { kind: "error".to_owned(), message: words.to_owned() };
        draft.decoded.error = Some(error);
    }
    so_far.has_text |= told.text.get().is_some();
    let (index, text) = (told.index.0.unwrap_or_default(), told.text.as_str());
    // `tool-calls-generation` repeats the words and the calls of the pieces before it.
    let repeats = kind == "tool-calls-generation";
    let has_calls = so_far.has_calls;
    draft.answer(index, tell, |answer, tell| {
        if !(repeats && has_calls) {
            answer.text(0, text, tell);
            for one in told.calls.0 {
                answer.push(call(one), tell);
            }
        }
        if let Some(delta) = told.call_delta {
            so_far.has_calls = true;
            grow(answer, delta, tell);
        }
        if let Some(reason) = told.finish_reason.own() {
            answer.finish_reason = Some(reason);
        }
        answer.keep("citations", Value::Array(told.citations.0));
        answer.keep("documents", Value::Array(told.documents.0));
        answer.keep("search_queries", Value::Array(told.search_queries.0));
        answer.keep("search_results", Value::Array(told.search_results.0));
    });
    so_far.has_calls |= repeats;
    several(draft, so_far, told.generations.0, tell);
    if let Some(response) = told.response {
        whole(draft, so_far, *response, tell);
    }
    if kind == "stream-end" {
        draft.is_done = true;
    }
    draft.keep_all(&told.rest);
}

fn grow(answer: &mut Answer, delta: CallDelta<'_>, tell: &mut Tell<'_>) {
    answer.text(0, delta.text.as_str(), tell);
    let index = delta.index.0.unwrap_or_default();
    if let Some(name) = delta.name.get() {
        answer.call(index, None, name, tell);
    }
    match delta.parameters {
        TextOr::Text(piece) => answer.arguments(index, piece.as_str(), tell),
        TextOr::Object(value) => answer.arguments(index, &value.to_string(), tell),
        TextOr::Absent => {}
    }
}

/// Takes several completions: what they say unless the stream has said it already.
fn several(
    draft: &mut Draft,
    so_far: &SoFar,
    generations: Vec<Generation<'_>>,
    tell: &mut Tell<'_>,
) {
    for (nth, generation) in generations.into_iter().enumerate() {
        let index = generation.index.0.unwrap_or(nth as u64);
        draft.answer(index, tell, |answer, tell| {
            if !so_far.has_text {
                answer.text(0, generation.text.as_str(), tell);
            }
            answer.finish_reason = generation.finish_reason.own().or(answer.finish_reason.take());
            for (name, raw) in &generation.rest {
                answer.keep(name.as_str(), json::value(raw));
            }
        });
    }
}

/// Takes the whole answer with which a stream ends: what the stream has not said already.
fn whole(draft: &mut Draft, so_far: &mut SoFar, response: Response<'_>, tell: &mut Tell<'_>) {
    let id = response.response_id.own().or(response.generation_id.own()).or(response.id.own());
    draft.decoded.reply.id = id.or(draft.decoded.reply.id.take());
    if response.meta.is_some() {
        so_far.meta = response.meta;
    }
    if !response.generations.0.is_empty() {
        several(draft, so_far, response.generations.0, tell);
        return;
    }
    draft.answer(0, tell, |answer, tell| {
        if !so_far.has_text {
            answer.text(0, response.text.as_str(), tell);
        }
        if !so_far.has_calls {
            response.calls.0.into_iter().for_each(|one| answer.push(call(one), tell));
        }
        answer.finish_reason = answer.finish_reason.take().or(response.finish_reason.own());
        for (name, raw) in &response.rest {
            // Citations, documents and searches, whole: they replace what came in pieces.
            let value = json::value(raw);
            if !json::is_empty(&value) {
                answer.rest.insert(name.as_str().to_owned(), value);
            }
        }
    });
}

impl Reading for FirstReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        let streams = self.prompt().params.get("stream") == Some(&Value::Bool(true));
        streams.then_some(stream::Kind::Lines)
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let so_far = &mut self.so_far;
        let mut line = |draft: &mut Draft, text: &str, tell: &mut Tell<'_>| {
            let text = text.trim();
            if text.starts_with("[DONE]") {
                draft.is_done = true;
            } else if !text.is_empty() {
                draft.piece::<Told<'static>, _>("an event of the reply", text, |draft, told| {
                    take(draft, so_far, told, tell);
                });
            }
        };
        match frame {
            Frame::Event(event) => {
                self.draft.timed(at, grown, |draft, tell| line(draft, event.data, tell));
            }
            Frame::Document(text) => {
                self.draft.timed(at, grown, |draft, tell| line(draft, text, tell));
            }
            Frame::Body { body, status } => {
                self.draft.body::<Told<'static>>(body, status, |draft, told| {
                    take(draft, so_far, told, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.so_far.meta.and_then(usage::usage);
        self.draft.finish()
    }
}
