//! Agents, flows and knowledge bases: a text in, words in pieces out.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::dialect::answer::Tell;
use crate::dialect::draft::{self, Draft};
use crate::dialect::handshake::header;
use crate::dialect::json::{self, List, Text, TextOr, record};
use crate::dialect::path::percent_decoded;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, lossy, media, path_only};
use crate::model::{Part, Request, Usage};
use crate::observe::eventstream::Message;

record! {
    /// A request.
    Ask {
        input_text: Text<'a> = "inputText",
        instruction: Text<'a> = "instruction",
        model: Text<'a> = "foundationModel",
        input: TextOr<'a, Worded<'a>> = "input",
        inputs: List<FlowInput<'a>> = "inputs",
        query: Option<Worded<'a>> = "retrievalQuery",
        session: Text<'a> = "sessionId",
        knowledge: Option<Value> = "retrieveAndGenerateConfiguration",
    }
    ignores []
}

record! {
    /// A text inside an object.
    Worded {
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// What a flow begins with.
    FlowInput {
        content: Option<FlowContent<'a>> = "content",
    }
    ignores []
}

record! {
    /// A document of a flow: any JSON.
    FlowContent {
        document: Option<Value> = "document",
    }
    ignores []
}

record! {
    /// A whole reply, or the payload of an event: the fields of all of them.
    Told {
        bytes: Text<'a> = "bytes",
        text: Text<'a> = "text",
        output: Option<Worded<'a>> = "output",
        attribution: Option<Cited<'a>> = "attribution",
        citations: List<Value> = "citations",
        content: Option<FlowContent<'a>> = "content",
        reason: Text<'a> = "completionReason",
        session: Text<'a> = "sessionId",
        trace: Option<Value> = "trace",
        invocation: Text<'a> = "invocationId",
        invocations: List<Invocation<'a>> = "invocationInputs",
        files: List<FileOut<'a>> = "files",
        results: List<Value> = "retrievalResults",
    }
    ignores ["p"]
}

record! {
    /// Where words are from.
    Cited {
        citations: List<Value> = "citations",
    }
    ignores []
}

record! {
    /// What the agent asks the app to run.
    Invocation {
        function: Option<Called<'a>> = "functionInvocationInput",
        api: Option<Called<'a>> = "apiInvocationInput",
    }
    ignores []
}

record! {
    /// The function or the API, and its arguments.
    Called {
        group: Text<'a> = "actionGroup",
        function: Text<'a> = "function",
        path: Text<'a> = "apiPath",
        parameters: Option<Value> = "parameters",
    }
    ignores []
}

record! {
    /// A file that the agent made.
    FileOut {
        name: Text<'a> = "name",
        mime_type: Text<'a> = "type",
        bytes: Text<'a> = "bytes",
    }
    ignores []
}

/// Most steps of a trace that are kept: an agent may take any number.
const STEPS_MAX: usize = 256;

/// An agent's answer being read.
pub(super) struct AgentReading {
    draft: Draft,
    /// Tokens of the model calls that the trace tells of.
    input: Option<u64>,
    output: Option<u64>,
    steps: Vec<Value>,
    steps_dropped: u64,
}

impl AgentReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut session = session_in_path(asked.path);
        let mut draft = Draft::read::<Ask<'static>>(asked, |request, ask| {
            session = session.take().or(ask.session.own());
            fill(request, ask);
        });
        draft.threaded(session);
        Self { draft, input: None, output: None, steps: Vec::new(), steps_dropped: 0 }
    }

    /// Takes a step of the agent: the model calls in it are counted.
    fn step(&mut self, trace: Value) {
        let mut found = Vec::new();
        let inner = trace.get("trace").unwrap_or(&trace);
        for kind in inner.as_object().into_iter().flat_map(Map::values) {
            found.extend(kind.pointer("/modelInvocationOutput/metadata/usage"));
        }
        for usage in found {
            let add = |sum: &mut Option<u64>, name: &str| {
                if let Some(count) = usage.get(name).and_then(Value::as_u64) {
                    *sum = Some(sum.unwrap_or_default().saturating_add(count));
                }
            };
            add(&mut self.input, "inputTokens");
            add(&mut self.output, "outputTokens");
        }
        match self.steps.len() < STEPS_MAX {
            true => self.steps.push(trace),
            false => self.steps_dropped += 1,
        }
    }

    fn message(&mut self, message: Message<'_>, tell: &mut Tell<'_>) {
        let name = message.header(":event-type").unwrap_or_default();
        let payload = lossy(message.payload);
        if matches!(name, "trace" | "flowTraceEvent") {
            match serde_json::from_str(&payload) {
                Ok(trace) => self.step(trace),
                Err(_) => self.draft.notes.add("a step of the reply is not JSON"),
            }
            return;
        }
        self.draft.piece::<Told<'static>, _>("an event of the reply", &payload, |draft, told| {
            take(draft, told, tell);
        });
    }
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    json::keep_all(&mut request.params, &ask.rest);
    request.params.values_mut().for_each(media::shorten);
    request.system = ask.instruction.own();
    let places = ["/knowledgeBaseConfiguration/modelArn", "/externalSourcesConfiguration/modelArn"];
    let model = ask.knowledge.as_ref().and_then(|knowledge| {
        places.iter().find_map(|place| knowledge.pointer(place)?.as_str()).map(str::to_owned)
    });
    request.model = ask.model.own().or(model);
    if let Some(knowledge) = ask.knowledge {
        request.params.insert("retrieveAndGenerateConfiguration".to_owned(), knowledge);
    }
    let mut parts: Vec<Part> = ask.input_text.own().map(Part::text).into_iter().collect();
    match ask.input {
        TextOr::Text(text) => parts.extend(text.own().map(Part::text)),
        TextOr::Object(worded) => parts.extend(worded.text.own().map(Part::text)),
        TextOr::Absent => {}
    }
    parts.extend(ask.query.and_then(|query| query.text.own()).map(Part::text));
    for input in ask.inputs.0 {
        parts.extend(input.content.and_then(|content| content.document).map(document));
    }
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

/// A document of a flow: words, or any other JSON.
fn document(value: Value) -> Part {
    match value {
        Value::String(text) => Part::Text { text },
        value => media::other(value),
    }
}

/// The session that the path of an agent names.
fn session_in_path(path: &str) -> Option<String> {
    let path = path_only(path);
    let (_, session) = path.rsplit_once("/sessions/").or_else(|| path.rsplit_once("/agents/"))?;
    let session = session.split('/').next().filter(|session| !session.is_empty())?;
    Some(percent_decoded(session))
}

fn take(draft: &mut Draft, told: Told<'_>, tell: &mut Tell<'_>) {
    let decoded = told.bytes.get().map(|base64| BASE64_STANDARD.decode(base64));
    let words = match &decoded {
        Some(Ok(bytes)) => lossy(bytes),
        Some(Err(_)) => told.bytes.as_str().into(),
        None => told.text.as_str().into(),
    };
    let output = told.output.as_ref().map(|output| output.text.as_str()).unwrap_or_default();
    let has_answer = !words.is_empty() || !output.is_empty();
    if has_answer {
        draft.answer(0, tell, |answer, tell| {
            answer.text(0, &words, tell);
            answer.text(0, output, tell);
        });
    }
    draft.answer(0, tell, |answer, tell| {
        let citations = told.attribution.map(|cited| cited.citations.0).unwrap_or_default();
        answer.keep("citations", Value::Array(citations));
        answer.keep("citations", Value::Array(told.citations.0));
        answer.keep("retrievalResults", Value::Array(told.results.0));
        if let Some(value) = told.content.and_then(|content| content.document) {
            answer.push(document(value), tell);
        }
        for invocation in told.invocations.0 {
            let id = told.invocation.own();
            invocation.function.into_iter().chain(invocation.api).for_each(|called| {
                answer.push(call(id.clone(), called), tell);
            });
        }
        for file in told.files.0 {
            answer.push(
                Part::File {
                    name: file.name.own(),
                    mime_type: file.mime_type.own(),
                    file_id: None,
                    url: None,
                    text: None,
                    bytes: file.bytes.get().map(media::base64_bytes),
                },
                tell,
            );
        }
        if let Some(reason) = told.reason.own() {
            answer.finish_reason = Some(reason);
        }
    });
    if let Some(trace) = told.trace {
        draft.keep("trace", trace);
    }
    draft.threaded(told.session.own());
    draft.keep_all(&told.rest);
}

/// A call that the app shall make; parameters come as a list of names and values.
fn call(id: Option<String>, called: Called<'_>) -> Part {
    let name = called.function.own().or(called.path.own()).or(called.group.own());
    let listed = called.parameters.as_ref().and_then(Value::as_array);
    let arguments = match listed {
        Some(listed) => listed
            .iter()
            .filter_map(|parameter| {
                let name = parameter.get("name")?.as_str()?;
                Some((name.to_owned(), parameter.get("value")?.clone()))
            })
            .collect(),
        None => called.parameters.clone().unwrap_or_else(|| json!({})),
    };
    Part::ToolCall { id, name: name.unwrap_or_default(), arguments }
}

impl Reading for AgentReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                let session = header(headers, "x-amz-bedrock-agent-session-id");
                self.draft.threaded(session.map(str::to_owned));
            }
            Frame::Message(message) => {
                let mut has_grown = false;
                self.message(message, &mut |piece| {
                    has_grown = true;
                    grown(piece);
                });
                if has_grown && self.draft.decoded.first_token_at.is_none() {
                    self.draft.decoded.first_token_at = Some(at);
                }
            }
            Frame::Body { body, status } => {
                self.draft.body::<Told<'static>>(body, status, |draft, told| {
                    take(draft, told, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        let (input, output) = (self.input, self.output);
        if input.is_some() || output.is_some() {
            self.draft.decoded.usage = Some(Usage {
                input,
                output,
                source: "provider".to_owned(),
                raw: json!({"inputTokens": input, "outputTokens": output}),
                ..Usage::default()
            });
        }
        if self.steps_dropped > 0 {
            let dropped = self.steps_dropped;
            self.draft.notes.add(format!("{dropped} steps of the agent are left out"));
        }
        let steps = Value::Array(self.steps);
        if !json::is_empty(&steps) {
            self.draft.answer(0, &mut |_| {}, |answer, _| answer.keep("trace", steps));
        }
        self.draft.finish()
    }
}
