//! Phoenix, which reads the attributes of OpenInference.
//!
//! Phoenix also translates the conventions' own attributes, but of a message with several results
//! of tools it keeps the last one alone, and it drops files; where a span has messages of
//! OpenInference it leaves them as they are.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::genai::Totals;
use super::names::Kind;
use super::said::{self, Said};
use super::{chat, names, params, parts};
use crate::model::{Exchange, Part};
use crate::sink::ToolRun;

/// What an exchange has beside the conventions' attributes.
pub(super) fn put(attributes: &mut Attributes, exchange: &Exchange, system: &[Part]) {
    let kind = names::kind(names::operation(exchange));
    attributes.text("openinference.span.kind", kind_of(kind));
    let mut settings = params::all(exchange);
    if let Some(model) = exchange.request.model.clone() {
        settings.insert("model".into(), model.into());
    }
    let (model, settings_key) = match kind {
        Kind::Embedding => ("embedding.model_name", "embedding.invocation_parameters"),
        _ => ("llm.model_name", "llm.invocation_parameters"),
    };
    let reply = exchange.reply.as_ref().and_then(|reply| reply.model.as_deref());
    let asked = exchange.request.model.as_deref();
    attributes.name_if(model, reply.filter(|name| !name.is_empty()).or(asked));
    attributes.json(settings_key, &Value::Object(settings));
    let (provider, maker) = provider(names::provider(exchange).unwrap_or_default());
    attributes.name_if("llm.provider", provider);
    attributes.name_if("llm.system", maker);
    usage(attributes, exchange);
    metadata(attributes, exchange);
    content(attributes, exchange, kind, system);
}

/// What a tool that ran has beside the conventions' attributes.
pub(super) fn put_tool(attributes: &mut Attributes, run: &ToolRun) {
    attributes.text("openinference.span.kind", "TOOL");
    attributes.name("tool.name", &run.name);
    attributes.name_if("tool.id", run.call.as_deref());
    if !run.arguments.is_null() {
        attributes.json("tool.parameters", &run.arguments);
        attributes.json("input.value", &run.arguments);
        attributes.text("input.mime_type", "application/json");
    }
    if !run.result.is_empty() {
        attributes.text("output.value", said::words(&run.result));
        attributes.text("output.mime_type", "text/plain");
    }
}

/// When the answer began, under the name that OpenInference's own instrumentation has for it.
pub(super) fn first_token(at: u64) -> Event {
    let name = "First Token Stream Event".to_owned();
    Event { time_unix_nano: at, name, ..Event::default() }
}

fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Chat | Kind::Text => "LLM",
        Kind::Embedding => "EMBEDDING",
        Kind::Rerank => "RERANKER",
        Kind::Guard => "GUARDRAIL",
        Kind::Tool => "TOOL",
        Kind::Other => "CHAIN",
    }
}

/// OpenInference's words for who serves a model and for whose API it is.
fn provider(name: &str) -> (Option<&str>, Option<&'static str>) {
    match name {
        "openai" => (Some("openai"), Some("openai")),
        "anthropic" => (Some("anthropic"), Some("anthropic")),
        "cohere" => (Some("cohere"), Some("cohere")),
        "mistral_ai" => (Some("mistralai"), Some("mistralai")),
        "gcp.vertex_ai" => (Some("google"), Some("vertexai")),
        "gcp.gemini" | "gcp.gen_ai" => (Some("google"), None),
        "azure.ai.openai" => (Some("azure"), Some("openai")),
        "azure.ai.inference" => (Some("azure"), None),
        "aws.bedrock" => (Some("aws"), None),
        "x_ai" => (Some("xai"), None),
        "" => (None, None),
        name => (Some(name), None),
    }
}

fn usage(attributes: &mut Attributes, exchange: &Exchange) {
    // Phoenix 20 prices by its own table whatever stands here; other readers take it.
    attributes.number("llm.cost.total", exchange.cost_usd);
    let Some(usage) = &exchange.usage else { return };
    let buckets = usage.buckets();
    let totals = Totals::of(&buckets);
    attributes.count("llm.token_count.prompt", totals.input);
    attributes.count("llm.token_count.completion", totals.output);
    attributes.count("llm.token_count.total", totals.all());
    attributes.count("llm.token_count.prompt_details.cache_read", totals.cache_read);
    attributes.count("llm.token_count.prompt_details.cache_write", totals.cache_write);
    attributes.count("llm.token_count.prompt_details.audio", buckets.input_audio);
    attributes.count("llm.token_count.completion_details.reasoning", totals.reasoning);
    attributes.count("llm.token_count.completion_details.audio", buckets.output_audio);
}

/// What Phoenix shows in a column of its own and filters by (`metadata['cost_usd'] > 0.1`).
fn metadata(attributes: &mut Attributes, exchange: &Exchange) {
    let mut fields = Map::new();
    fields.insert("exchange".into(), exchange.id.to_string().into());
    fields.insert("app".into(), exchange.app.name().into());
    fields.insert("state".into(), exchange.state.as_str().into());
    if let (Some(cost), Some(source)) = (exchange.cost_usd, exchange.cost_source) {
        fields.insert("cost_usd".into(), cost.into());
        fields.insert("cost_source".into(), source.as_str().into());
    }
    if !exchange.notes.is_empty() {
        fields.insert("notes".into(), json!(exchange.notes));
    }
    attributes.json("metadata", &Value::Object(fields));
    attributes.texts("tag.tags", exchange.annotations.tags.iter().cloned());
}

fn content(attributes: &mut Attributes, exchange: &Exchange, kind: Kind, system: &[Part]) {
    let prompt = said::prompt(exchange, system);
    let answers: Vec<Said<'_>> = said::answers(exchange).collect();
    let input = plain(said::newest(&prompt));
    if !input.is_empty() {
        attributes.text("input.value", input);
        attributes.text("input.mime_type", "text/plain");
    }
    output(attributes, &answers);
    if kind == Kind::Embedding {
        for (place, text) in prompt.iter().map(|said| plain(std::slice::from_ref(said))).enumerate()
        {
            attributes.text(format!("embedding.embeddings.{place}.embedding.text"), text);
        }
        return;
    }
    for (place, said) in prompt.iter().enumerate() {
        message(attributes, &format!("llm.input_messages.{place}.message"), said);
    }
    for (place, said) in answers.iter().enumerate() {
        message(attributes, &format!("llm.output_messages.{place}.message"), said);
    }
    if let Some(Said::Words { finish_reason: Some(reason), .. }) = answers.first() {
        attributes.name("llm.finish_reason", reason);
    }
    for (place, tool) in exchange.request.tools.iter().enumerate() {
        let mut schema = chat::tool(tool);
        if let (Some(own), Some(fields)) = (parts::own_type(tool), schema.as_object_mut()) {
            fields.insert("type".into(), own.into());
        }
        attributes.json(format!("llm.tools.{place}.tool.json_schema"), &schema);
    }
}

/// The answer in words, or the calls of tools where there are none.
fn output(attributes: &mut Attributes, answers: &[Said<'_>]) {
    let text = plain(answers);
    if !text.is_empty() {
        attributes.text("output.value", text);
        attributes.text("output.mime_type", "text/plain");
        return;
    }
    let calls = answers.iter().flat_map(|said| match said {
        Said::Words { parts, .. } => parts.as_slice(),
        Said::Result { .. } => &[],
    });
    let calls: Vec<Value> = calls
        .filter_map(|part| match part {
            Part::ToolCall { name, arguments, .. } => {
                Some(json!({"tool": name, "arguments": super::attributes::shallow(arguments)}))
            }
            _ => None,
        })
        .collect();
    if !calls.is_empty() {
        attributes.json("output.value", &calls.into());
        attributes.text("output.mime_type", "application/json");
    }
}

fn plain(said: &[Said<'_>]) -> String {
    let words = said.iter().map(|said| match said {
        Said::Words { parts, .. } => said::words(parts.iter().copied()),
        Said::Result { parts, .. } => said::words(*parts),
    });
    words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")
}

fn message(attributes: &mut Attributes, key: &str, said: &Said<'_>) {
    let (role, parts) = match said {
        Said::Words { role, parts, .. } => (*role, parts.clone()),
        Said::Result { id, name, parts, .. } => {
            attributes.name_if(&format!("{key}.tool_call_id"), *id);
            attributes.name_if(&format!("{key}.name"), *name);
            ("tool", parts.iter().collect())
        }
    };
    attributes.name(&format!("{key}.role"), role);
    let is_call = |part: &&&Part| matches!(part, Part::ToolCall { .. });
    let is_said = |part: &&&Part| match part {
        Part::ToolCall { .. } => false,
        Part::Reasoning { text, .. } => !text.is_empty(),
        _ => true,
    };
    let shown: Vec<&Part> = parts.iter().filter(is_said).copied().collect();
    match shown.as_slice() {
        [] => {}
        [Part::Text { text }] => attributes.text(format!("{key}.content"), text),
        // Phoenix shows the result of a tool from `content` alone.
        shown if role == "tool" => {
            attributes.text(format!("{key}.content"), said::words(shown.iter().copied()));
        }
        shown => {
            for (place, part) in shown.iter().enumerate() {
                let key = format!("{key}.contents.{place}.message_content");
                item(attributes, &key, part);
            }
        }
    }
    for (place, part) in parts.iter().filter(is_call).enumerate() {
        let Part::ToolCall { id, name, arguments } = part else { continue };
        let key = format!("{key}.tool_calls.{place}.tool_call");
        attributes.name_if(&format!("{key}.id"), id.as_deref());
        attributes.name(&format!("{key}.function.name"), name);
        attributes.text(format!("{key}.function.arguments"), said::arguments(arguments));
    }
}

/// An item of a message's contents. Bytes of pictures are not in an exchange: in the place of
/// one that was sent inline stands a text.
fn item(attributes: &mut Attributes, key: &str, part: &Part) {
    let (kind, text) = match part {
        Part::Image { url: Some(url), .. } => {
            attributes.text(format!("{key}.image.image.url"), url);
            ("image", None)
        }
        Part::Reasoning { text, .. } => ("reasoning", Some(text.clone())),
        part => ("text", Some(said::words([part]))),
    };
    attributes.text(format!("{key}.type"), kind);
    attributes.text_if(&format!("{key}.text"), text);
}
