//! Langfuse, which reads attributes of its own before any convention's.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::attributes::Attributes;
use super::said::{self, Said};
use super::{OtlpSettings, chat, genai, names, params};
use crate::model::{Buckets, Exchange, Part};
use crate::sink::ids::hex;
use crate::sink::{Answer, Delivery, ToolRun, span_id};

/// What an exchange has beside the conventions' attributes. Its tokens are here alone: Langfuse
/// counts buckets that do not overlap, and would add the conventions' totals to them.
pub(super) fn put(
    attributes: &mut Attributes,
    exchange: &Exchange,
    settings: &OtlpSettings,
    system: &[Part],
) {
    let kind = names::kind(names::operation(exchange));
    attributes.text("langfuse.observation.type", kind_of(kind));
    let reply = exchange.reply.as_ref().and_then(|reply| reply.model.as_deref());
    let asked = exchange.request.model.as_deref();
    let model = asked.or(reply.filter(|name| !name.is_empty()));
    attributes.name_if("langfuse.observation.model.name", model);
    let settled = Value::Object(params::all(exchange));
    attributes.json("langfuse.observation.model.parameters", &settled);
    if let Some(usage) = &exchange.usage {
        let details = Value::Object(usage_details(&usage.buckets()));
        attributes.json("langfuse.observation.usage_details", &details);
    }
    if let Some(cost) = exchange.cost_usd {
        let details = serde_json::json!({"total": cost});
        attributes.json("langfuse.observation.cost_details", &details);
    }
    let first = exchange.first_token_ms.and_then(|ms| moment(exchange.started_at, ms));
    attributes.text_if("langfuse.observation.completion_start_time", first);
    level(attributes, genai::error_type(exchange).map(|_| genai::error_message(exchange)));
    trace(attributes, exchange, settings);
    metadata(attributes, exchange);
    content(attributes, exchange, system);
}

/// What a tool that ran has beside the conventions' attributes.
pub(super) fn put_tool(
    attributes: &mut Attributes,
    delivery: &Delivery,
    run: &ToolRun,
    settings: &OtlpSettings,
) {
    attributes.text("langfuse.observation.type", "tool");
    if !run.arguments.is_null() {
        attributes.value("langfuse.observation.input", &run.arguments);
    }
    if !run.result.is_empty() {
        attributes.text("langfuse.observation.output", said::words(&run.result));
    }
    level(attributes, run.is_error.then(|| "the tool failed, says the app".to_owned()));
    trace(attributes, &delivery.exchange, settings);
    attributes.text("langfuse.observation.metadata.inferred", "true");
}

/// Where to ask whether Langfuse has the observation: version 4 by trace and time, version 3,
/// which has no such list, by the observation's own path, which is gone in version 4.
///
/// What Langfuse accepted it writes some seconds later: a "no" is sure only after that.
pub(super) fn questions(delivery: &Delivery) -> Vec<String> {
    let span = hex(&span_id(delivery.exchange.id));
    let alone = format!("/api/public/observations/{span}");
    listed(delivery).into_iter().chain([alone]).collect()
}

fn listed(delivery: &Delivery) -> Option<String> {
    let started = delivery.exchange.started_at;
    let from = started.checked_sub(SignedDuration::from_secs(1)).ok()?;
    let to = started.checked_add(SignedDuration::from_secs(1)).ok()?;
    let trace = hex(&delivery.trace.id);
    // Fifty observations of a trace in two seconds: more is no agent's.
    Some(format!(
        "/api/public/v2/observations?traceId={trace}&fromStartTime={from:.3}&toStartTime={to:.3}\
         &fields=core&limit=50"
    ))
}

/// What the answer to one of the [`questions`] says. Only Langfuse's own words tell: its list, the
/// observation itself, or that its project has none of that id. A gateway's page, a path that
/// is not known and a list that goes on do not.
pub(super) fn has(delivery: &Delivery, answer: Answer<'_>) -> Option<bool> {
    let body: Value = serde_json::from_slice(answer.body).ok()?;
    let id = hex(&span_id(delivery.exchange.id));
    let word = |name: &str| body.get(name).and_then(Value::as_str);
    match answer.status {
        200 if word("id") == Some(&id) => return Some(true),
        200 => {}
        404 => {
            let is_its_own = word("error") == Some("LangfuseNotFoundError")
                && word("message").is_some_and(|words| words.starts_with("Observation"));
            return is_its_own.then_some(false);
        }
        _ => return None,
    }
    let listed = body.get("data")?.as_array()?;
    let has = listed.iter().any(|one| one.get("id").and_then(Value::as_str) == Some(&id));
    let goes_on =
        body.get("meta").and_then(|meta| meta.get("cursor")).is_some_and(|c| !c.is_null());
    (has || !goes_on).then_some(has)
}

/// An environment as Langfuse takes it: up to 40 lower-case letters, digits, `-` and `_`, and not
/// one of its own.
pub(super) fn environment(word: &str) -> Option<String> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let word: String = word.to_ascii_lowercase().chars().map(allowed).take(40).collect();
    (!word.is_empty() && !word.starts_with("langfuse")).then_some(word)
}

fn kind_of(kind: names::Kind) -> &'static str {
    match kind {
        names::Kind::Chat | names::Kind::Text => "generation",
        names::Kind::Embedding => "embedding",
        names::Kind::Rerank => "retriever",
        names::Kind::Guard => "guardrail",
        names::Kind::Tool => "tool",
        names::Kind::Other => "span",
    }
}

fn usage_details(buckets: &Buckets) -> Map<String, Value> {
    let counts = [
        ("input", buckets.input_uncached),
        ("input_cached_tokens", buckets.cache_read),
        ("input_cache_creation_5m", buckets.cache_write_5m),
        ("input_cache_creation_1h", buckets.cache_write_1h),
        ("input_audio", buckets.input_audio),
        ("input_image", buckets.input_image),
        ("output", buckets.output_visible),
        ("output_reasoning_tokens", buckets.reasoning),
        ("output_audio", buckets.output_audio),
        ("output_image", buckets.output_image),
    ];
    counts.into_iter().filter_map(|(key, count)| Some((key.to_owned(), count?.into()))).collect()
}

fn level(attributes: &mut Attributes, error: Option<String>) {
    let level = if error.is_some() { "ERROR" } else { "DEFAULT" };
    attributes.text("langfuse.observation.level", level);
    attributes.text_if("langfuse.observation.status_message", error);
}

/// What stands on every span of a trace.
fn trace(attributes: &mut Attributes, exchange: &Exchange, settings: &OtlpSettings) {
    let session = exchange.thread.as_deref().map(session);
    attributes.name_if("langfuse.session.id", session.as_deref());
    attributes.name_if("langfuse.user.id", params::user(exchange).as_deref());
    attributes.texts("langfuse.trace.tags", exchange.annotations.tags.iter().cloned());
    // All spans of a trace have one name for it: that of a call would change with each model.
    attributes.name("langfuse.trace.name", genai::app(exchange).unwrap_or("overhear"));
    let environment = settings.environment.as_deref().and_then(environment);
    attributes.name_if("langfuse.environment", environment.as_deref());
}

/// A session's name as Langfuse takes it: ASCII. Another becomes its hash.
fn session(thread: &str) -> Cow<'_, str> {
    match thread.is_ascii() {
        true => Cow::Borrowed(thread),
        false => Cow::Owned(blake3::hash(thread.as_bytes()).to_hex().to_string()),
    }
}

fn metadata(attributes: &mut Attributes, exchange: &Exchange) {
    let fields = [
        ("exchange", Some(exchange.id.to_string())),
        ("app", genai::app(exchange).map(str::to_owned)),
        ("state", Some(exchange.state.as_str().to_owned())),
        ("cost_source", exchange.cost_source.map(|source| source.as_str().to_owned())),
        ("usage_source", exchange.usage.as_ref().map(|usage| usage.source.clone())),
    ];
    for (key, value) in fields {
        attributes.name_if(&format!("langfuse.observation.metadata.{key}"), value.as_deref());
    }
    if !exchange.notes.is_empty() {
        let notes = exchange.notes.join("\n");
        attributes.text("langfuse.observation.metadata.notes", notes);
    }
    // Langfuse takes the tools from here and draws them beside the messages.
    let tools = chat::tools(&exchange.request.tools);
    if !tools.is_empty() {
        attributes.json("langfuse.observation.metadata.tools", &tools.into());
    }
}

fn content(attributes: &mut Attributes, exchange: &Exchange, system: &[Part]) {
    let prompt = said::prompt(exchange, system);
    if !prompt.is_empty() {
        let messages = chat::messages(prompt);
        attributes.json("langfuse.observation.input", &messages.into());
    }
    let answers: Vec<Said<'_>> = said::answers(exchange).collect();
    match answers.as_slice() {
        [] => {}
        [one] => attributes.json("langfuse.observation.output", &chat::message(one)),
        _ => attributes.json("langfuse.observation.output", &chat::messages(answers).into()),
    }
}

fn moment(started: Timestamp, milliseconds: f64) -> Option<String> {
    let later = SignedDuration::try_from_secs_f64(milliseconds / 1000.0).ok()?;
    Some(format!("{:.3}", started.checked_add(later).ok()?))
}
