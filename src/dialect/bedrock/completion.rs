//! The models that complete a text: Llama, Titan, Mistral's first ones, Cohere's Command,
//! AI21's Jurassic, Claude 2, Pegasus; and those that draw, Titan, Nova Canvas, Stability.
//!
//! They differ in the names of their fields, which do not clash, so one reading takes all.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, Count, List, Text, TextOr, record};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media};
use crate::model::{Part, Request, Usage};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        prompt: Text<'a> = "prompt",
        input_text: Text<'a> = "inputText",
        input_prompt: Text<'a> = "inputPrompt",
        message: Text<'a> = "message",
        system: Text<'a> = "system",
        images: Content<'a> = "images",
        text_prompts: List<Worded<'a>> = "text_prompts",
        drawn: Option<Worded<'a>> = "textToImageParams",
        varied: Option<Worded<'a>> = "imageVariationParams",
    }
    ignores []
}

record! {
    /// A prompt inside an object.
    Worded {
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// A whole reply, or a chunk of a streamed one.
    Told {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        generation: Text<'a> = "generation",
        completion: Text<'a> = "completion",
        output_text: Text<'a> = "outputText",
        text: Text<'a> = "text",
        message: Text<'a> = "message",
        results: List<Said<'a>> = "results",
        outputs: List<Said<'a>> = "outputs",
        generations: List<Said<'a>> = "generations",
        completions: List<Said<'a>> = "completions",
        choices: List<Said<'a>> = "choices",
        images: Content<'a> = "images",
        artifacts: List<Drawn<'a>> = "artifacts",
        stop_reason: Text<'a> = "stop_reason",
        completion_reason: Text<'a> = "completionReason",
        finish_reason: Text<'a> = "finish_reason",
        finish_reason_too: TextOr<'a, Ended<'a>> = "finishReason",
        input: Count = "prompt_token_count",
        output: Count = "generation_token_count",
        titan_input: Count = "inputTextTokenCount",
        titan_output: Count = "totalOutputTextTokenCount",
        usage: Option<&'a RawValue> = "usage",
    }
    ignores [
        "amazon-bedrock-invocationMetrics", "amazon-bedrock-guardrailAction", "type", "object",
        "created", "system_fingerprint", "is_finished", "index", "stop", "response", "prompt",
    ]
}

record! {
    /// One of several answers.
    Said {
        index: Count = "index",
        text: Text<'a> = "text",
        output_text: Text<'a> = "outputText",
        tokens: Count = "tokenCount",
        data: Option<Worded<'a>> = "data",
        message: Option<Messaged<'a>> = "message",
        stop_reason: Text<'a> = "stop_reason",
        completion_reason: Text<'a> = "completionReason",
        finish_reason: Text<'a> = "finish_reason",
        finish_reason_too: TextOr<'a, Ended<'a>> = "finishReason",
    }
    ignores ["id"]
}

record! {
    /// An answer in the shape of a chat.
    Messaged {
        content: Text<'a> = "content",
    }
    ignores ["role"]
}

record! {
    /// A picture of Stability's first models.
    Drawn {
        base64: Text<'a> = "base64",
        finish_reason: Text<'a> = "finishReason",
    }
    ignores ["seed"]
}

record! {
    /// Why Jurassic stopped.
    Ended {
        reason: Text<'a> = "reason",
    }
    ignores []
}

/// A completion being read.
pub(super) struct CompletionReading {
    draft: Draft,
    counts: Counts,
}

/// What the reply counts.
#[derive(Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    /// The counts under their own names.
    raw: Map<String, Value>,
    /// A usage in OpenAI's shape, as imported models have it.
    usage: Option<Box<RawValue>>,
}

impl CompletionReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let draft = Draft::read::<Ask<'static>>(asked, fill);
        Self { draft, counts: Counts::default() }
    }
}

impl Counts {
    fn input(&mut self, name: &str, count: Count) {
        if let Some(count) = count.0 {
            self.input = Some(count);
            self.raw.insert(name.to_owned(), count.into());
        }
    }

    fn output(&mut self, name: &str, count: Count) {
        if let Some(count) = count.0 {
            self.output = Some(count);
            self.raw.insert(name.to_owned(), count.into());
        }
    }

    fn usage(self) -> Option<Usage> {
        let (input, output, raw) = match self.usage {
            Some(raw) => {
                let raw = json::value(&raw);
                let count = |name: &str| raw.get(name).and_then(Value::as_u64);
                let input = count("prompt_tokens").or(count("input_tokens"));
                let output = count("completion_tokens").or(count("output_tokens"));
                (input, output, raw)
            }
            None => (self.input, self.output, Value::Object(self.raw)),
        };
        let is_counted = input.is_some() || output.is_some();
        let source = "provider".to_owned();
        is_counted.then(|| Usage { input, output, source, raw, ..Usage::default() })
    }
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.params.values_mut().for_each(media::shorten);
    request.system = ask.system.own();
    let mut parts: Vec<Part> = [ask.prompt, ask.input_text, ask.input_prompt, ask.message]
        .iter()
        .filter_map(Text::own)
        .map(Part::text)
        .collect();
    for worded in ask.text_prompts.0.into_iter().chain(ask.drawn).chain(ask.varied) {
        parts.extend(worded.text.own().map(Part::text));
        let mut rest = Map::new();
        json::keep(&mut rest, &worded.rest);
        if !rest.is_empty() {
            parts.push(media::other(Value::Object(rest)));
        }
    }
    parts.append(&mut pictures(ask.images));
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

fn pictures(content: Content<'_>) -> Vec<Part> {
    let Content::Blocks(raws) = content else { return Vec::new() };
    let picture = |raw: &RawValue| match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) if text.get().is_some() => Some(media::image(text.as_str())),
        _ => None,
    };
    raws.into_iter().filter_map(picture).collect()
}

fn answered(draft: &mut Draft, counts: &mut Counts, told: Told<'_>, tell: &mut Tell<'_>) {
    let reply = &mut draft.decoded.reply;
    reply.id = told.id.own().or(reply.id.take());
    reply.model = told.model.own().or(reply.model.take());
    counts.input("prompt_token_count", told.input);
    counts.input("inputTextTokenCount", told.titan_input);
    counts.output("generation_token_count", told.output);
    counts.output("totalOutputTextTokenCount", told.titan_output);
    counts.usage = told.usage.map(RawValue::to_owned).or(counts.usage.take());
    let plain = [&told.generation, &told.completion, &told.output_text, &told.text, &told.message];
    let reasons = [&told.stop_reason, &told.completion_reason, &told.finish_reason];
    let reason = reason(reasons, &told.finish_reason_too);
    let words = plain.into_iter().find_map(|text| text.get());
    let drawn = pictures(told.images);
    if words.is_some() || reason.is_some() || !drawn.is_empty() {
        draft.answer(0, tell, |answer, tell| {
            answer.text(0, words.unwrap_or_default(), tell);
            drawn.into_iter().for_each(|picture| answer.push(picture, tell));
            ended(answer, reason);
        });
    }
    let lists = [told.results, told.outputs, told.generations, told.completions, told.choices];
    for (nth, said) in lists.into_iter().flat_map(|list| list.0).enumerate() {
        if let Some(tokens) = said.tokens.0 {
            let so_far = counts.output.unwrap_or_default();
            counts.output("tokenCount", Count(Some(so_far.saturating_add(tokens))));
        }
        let index = said.index.0.unwrap_or(nth as u64);
        draft.answer(index, tell, |answer, tell| one(answer, said, tell));
    }
    for (nth, drawn) in told.artifacts.0.into_iter().enumerate() {
        draft.answer(nth as u64, tell, |answer, tell| {
            answer.push(media::image(drawn.base64.as_str()), tell);
            ended(answer, drawn.finish_reason.own());
        });
    }
    draft.keep_all(&told.rest);
}

fn one(answer: &mut Answer, said: Said<'_>, tell: &mut Tell<'_>) {
    let inner = said.data.as_ref().map(|data| &data.text);
    let messaged = said.message.as_ref().map(|message| &message.content);
    let texts = [Some(&said.text), Some(&said.output_text), inner, messaged];
    let words = texts.into_iter().flatten().find_map(|text| text.get());
    answer.text(0, words.unwrap_or_default(), tell);
    let reasons = [&said.stop_reason, &said.completion_reason, &said.finish_reason];
    ended(answer, reason(reasons, &said.finish_reason_too));
    for (name, raw) in &said.rest {
        answer.keep(name.as_str(), json::value(raw));
    }
}

fn reason(plain: [&Text<'_>; 3], too: &TextOr<'_, Ended<'_>>) -> Option<String> {
    plain.into_iter().find_map(Text::own).or_else(|| match too {
        TextOr::Text(reason) => reason.own(),
        TextOr::Object(ended) => ended.reason.own(),
        TextOr::Absent => None,
    })
}

fn ended(answer: &mut Answer, reason: Option<String>) {
    if reason.is_some() {
        answer.finish_reason = reason;
    }
}

impl Reading for CompletionReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let counts = &mut self.counts;
        match frame {
            Frame::Event(event) => self.draft.timed(at, grown, |draft, tell| {
                draft.piece::<Told<'static>, _>(
                    "a chunk of the reply",
                    event.data,
                    |draft, told| {
                        answered(draft, counts, told, tell);
                    },
                );
            }),
            Frame::Body { body, status } => {
                self.draft.body::<Told<'static>>(body, status, |draft, told| {
                    answered(draft, counts, told, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.counts.usage();
        self.draft.finish()
    }
}
