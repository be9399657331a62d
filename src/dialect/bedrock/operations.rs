//! What is asked of Bedrock beside answers: counting tokens, guardrails, jobs.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::content;
use super::wire::Guarded;
use crate::dialect::answer::Tell;
use crate::dialect::draft::Draft;
use crate::dialect::json::{self, List, Text, record};
use crate::dialect::operation::{self, Operation};
use crate::dialect::{Asked, media};
use crate::model::{Message, Part, Usage};

record! {
    /// A request to count tokens.
    CountAsk {
        input: Option<CountInput<'a>> = "input",
    }
    ignores []
}

record! {
    /// What is counted: a request of Converse, or one of a model in base64.
    CountInput {
        converse: Option<&'a RawValue> = "converse",
        invoke: Option<InvokeInput<'a>> = "invokeModel",
    }
    ignores []
}

record! {
    /// The body of a request.
    InvokeInput {
        body: Text<'a> = "body",
    }
    ignores []
}

record! {
    /// A request for a job.
    JobAsk {
        model: Text<'a> = "modelId",
        input: Option<&'a RawValue> = "modelInput",
    }
    ignores []
}

record! {
    /// A request to look at a text.
    GuardAsk {
        source: Text<'a> = "source",
        content: List<Guarded<'a>> = "content",
    }
    ignores []
}

/// The body whose tokens are to be counted.
pub(super) enum Counted {
    /// Of Converse.
    Converse(Vec<u8>),
    /// Of the model.
    Model(Vec<u8>),
    /// None could be read.
    Nothing,
}

/// Finds the body whose tokens `body` asks to count.
pub(super) fn counted(body: &str) -> Counted {
    use base64::Engine;
    let (found, _) = json::read::<CountAsk<'static>, _>(body, |ask| match ask.input {
        Some(CountInput { converse: Some(raw), .. }) => {
            Counted::Converse(raw.get().as_bytes().to_vec())
        }
        Some(CountInput { invoke: Some(invoke), .. }) => {
            let decoded = base64::prelude::BASE64_STANDARD.decode(invoke.body.as_str());
            decoded.map_or(Counted::Nothing, Counted::Model)
        }
        _ => Counted::Nothing,
    });
    found.unwrap_or(Counted::Nothing)
}

/// The model of a job, and the body that is for the model.
pub(super) fn job(body: &str) -> (Option<String>, Vec<u8>) {
    let (found, _) = json::read::<JobAsk<'static>, _>(body, |ask| {
        let input = ask.input.map(|raw| raw.get().as_bytes().to_vec());
        (ask.model.own(), input.unwrap_or_default())
    });
    found.unwrap_or_default()
}

/// Reads a job whose prompt `prompt` says.
pub(super) fn begin_job(asked: &Asked<'_>, prompt: Option<crate::model::Request>) -> Operation {
    let mut draft = operation::request(asked);
    let request = &mut draft.decoded.request;
    request.params.shift_remove("modelInput");
    request.params.shift_remove("modelId");
    if let Some(prompt) = prompt {
        let params = std::mem::take(&mut request.params);
        *request = prompt;
        request.params.extend(params);
    }
    Operation::new(draft, |draft, reply, tell| {
        let arn = reply.get("invocationArn").and_then(Value::as_str).map(str::to_owned);
        operation::keep(draft, reply, tell);
        draft.decoded.reply.id = arn;
    })
}

/// Reads the use of a guardrail.
pub(super) fn begin_guardrail(asked: &Asked<'_>) -> Operation {
    let draft = Draft::read::<GuardAsk<'static>>(asked, |request, ask| {
        json::keep_all(&mut request.params, &ask.rest);
        let parts: Vec<Part> = ask.content.0.into_iter().flat_map(content::guarded).collect();
        let role = match ask.source.as_str() {
            "OUTPUT" => "assistant",
            _ => "user",
        };
        if let Some(source) = ask.source.own() {
            request.params.insert("source".to_owned(), source.into());
        }
        if !parts.is_empty() {
            request.messages.push(Message { role: role.to_owned(), parts });
        }
    });
    Operation::new(draft, guarded)
}

fn guarded(draft: &mut Draft, mut reply: Map<String, Value>, tell: &mut Tell<'_>) {
    let outputs = reply.shift_remove("outputs").unwrap_or_default();
    let action = reply.get("action").and_then(Value::as_str).map(str::to_owned);
    draft.answer(0, tell, |answer, tell| {
        for output in outputs.as_array().into_iter().flatten() {
            match output.get("text").and_then(Value::as_str) {
                Some(text) => answer.push(Part::text(text), tell),
                None => answer.push(media::other(output.clone()), tell),
            }
        }
        answer.finish_reason = action;
        for (name, value) in reply {
            answer.keep(&name, value);
        }
    });
}

/// Takes a count of tokens.
pub(super) fn count(draft: &mut Draft, reply: Map<String, Value>, _: &mut Tell<'_>) {
    let input = reply.get("inputTokens").and_then(Value::as_u64);
    draft.decoded.usage = input.map(|input| Usage {
        input: Some(input),
        source: "provider".to_owned(),
        raw: Value::Object(reply),
        ..Usage::default()
    });
}
