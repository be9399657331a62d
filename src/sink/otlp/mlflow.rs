//! MLflow, which reads attributes of its own where they are there, as its own instrumentation
//! writes them: inputs and outputs as OpenAI's request and answer, so that its page draws a chat.

use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::genai::{self, Totals};
use super::names::Kind;
use super::said;
use super::{chat, names, params};
use crate::model::{Exchange, Part};
use crate::sink::{Delivery, ToolRun, span_id};

/// What an exchange has beside the conventions' attributes.
///
/// MLflow reads an attribute that is a string of JSON as a string; so what it reads as JSON is
/// sent as a tree.
pub(super) fn put(attributes: &mut Attributes, exchange: &Exchange, system: &[Part]) {
    let kind = names::kind(names::operation(exchange));
    attributes.text("mlflow.spanType", kind_of(kind));
    let reply = exchange.reply.as_ref();
    let model = reply.and_then(|reply| reply.model.as_deref());
    let asked = exchange.request.model.as_deref();
    attributes.name_if("mlflow.llm.model", model.filter(|name| !name.is_empty()).or(asked));
    attributes.name_if("mlflow.llm.provider", names::provider(exchange));
    if let Some(usage) = usage(exchange) {
        attributes.tree("mlflow.chat.tokenUsage", &usage);
    }
    // Without this MLflow guesses by the model's name. What prompt and answer cost apart is
    // not known.
    if let Some(cost) = exchange.cost_usd {
        attributes.tree("mlflow.llm.cost", &json!({"total_cost": cost}));
    }
    attributes.name_if("mlflow.traceTag.overhear.app", genai::app(exchange));
    attributes.text("mlflow.traceTag.overhear.exchange", exchange.id.to_string());
    for tag in &exchange.annotations.tags {
        attributes.name(&format!("mlflow.traceTag.{tag}"), "true");
    }
    content(attributes, exchange, kind, system);
}

/// Whether the span of an exchange stands beside that of the exchange which it continues, and not
/// below it: MLflow counts no tokens and no cost of a span below one that has some, and would
/// lose all of a turn but its first call. It draws such spans one below the other, each with its
/// tools. A parent that the app named stays.
pub(super) fn stands_beside(delivery: &Delivery) -> bool {
    delivery.exchange.parent.map(span_id) == delivery.trace.parent
}

/// What a tool that ran has beside the conventions' attributes.
pub(super) fn put_tool(attributes: &mut Attributes, run: &ToolRun) {
    attributes.text("mlflow.spanType", "TOOL");
    if !run.arguments.is_null() {
        attributes.tree("mlflow.spanInputs", &run.arguments);
    }
    if !run.result.is_empty() {
        attributes.text("mlflow.spanOutputs", said::words(&run.result));
    }
}

fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Chat => "CHAT_MODEL",
        Kind::Text => "LLM",
        Kind::Embedding => "EMBEDDING",
        Kind::Rerank => "RERANKER",
        Kind::Guard => "GUARDRAIL",
        Kind::Tool => "TOOL",
        Kind::Other => "TASK",
    }
}

fn usage(exchange: &Exchange) -> Option<Value> {
    let buckets = exchange.usage.as_ref()?.buckets();
    let totals = Totals::of(&buckets);
    let counts = [
        ("input_tokens", totals.input),
        ("output_tokens", totals.output),
        ("total_tokens", totals.all()),
        ("cache_read_input_tokens", totals.cache_read),
        ("cache_creation_input_tokens", totals.cache_write),
        ("cache_creation_input_tokens_above_1hr", buckets.cache_write_1h),
    ];
    let counted =
        counts.into_iter().filter_map(|(key, count)| Some((key.to_owned(), count?.into())));
    let counted: Map<String, Value> = counted.collect();
    (!counted.is_empty()).then_some(Value::Object(counted))
}

fn content(attributes: &mut Attributes, exchange: &Exchange, kind: Kind, system: &[Part]) {
    let prompt = said::prompt(exchange, system);
    if !prompt.is_empty() {
        let mut inputs = Map::new();
        inputs.insert("model".into(), exchange.request.model.clone().into());
        match kind {
            Kind::Embedding => {
                let texts = exchange.request.messages.iter().flat_map(|message| &message.parts);
                let texts: Vec<String> = texts.map(|part| said::words([part])).collect();
                inputs.insert("input".into(), texts.into());
            }
            _ => {
                inputs.insert("messages".into(), chat::messages(prompt).into());
                attributes.text("mlflow.message.format", "openai");
            }
        }
        let tools = chat::tools(&exchange.request.tools);
        if !tools.is_empty() {
            attributes.tree("mlflow.chat.tools", &tools.clone().into());
            inputs.insert("tools".into(), tools.into());
        }
        for (name, value) in params::all(exchange) {
            inputs.entry(name).or_insert(value);
        }
        attributes.tree("mlflow.spanInputs", &inputs.into());
    }
    let Some(reply) = &exchange.reply else { return };
    let choices: Vec<Value> = said::answers(exchange)
        .zip(&reply.choices)
        .enumerate()
        .map(|(index, (said, choice))| {
            let message = chat::message(&said);
            json!({"index": index, "message": message, "finish_reason": choice.finish_reason})
        })
        .collect();
    if !choices.is_empty() {
        let (id, model) = (&reply.id, &reply.model);
        let object = "chat.completion";
        let outputs = json!({"id": id, "object": object, "model": model, "choices": choices});
        attributes.tree("mlflow.spanOutputs", &outputs);
    }
}
