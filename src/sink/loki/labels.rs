//! What lines are found by: labels, of which each combination is a stream of its own, and
//! structured metadata for everything that has many values.

use std::collections::BTreeMap;

use crate::model::{Exchange, State};
use crate::sink::ids::hex;
use crate::sink::{Delivery, span_id};

/// Labels of a stream. Sorted, so that the same are written alike.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// Structured metadata of a line.
pub(super) type Metadata = BTreeMap<&'static str, String>;

/// Longest value, in bytes: Loki refuses labels of more than 2048, and an app chooses its own
/// name.
const LABEL_BYTES_MAX: usize = 128;

/// Longest value of structured metadata, in bytes. All together may have 64 KB.
const METADATA_BYTES_MAX: usize = 1024;

/// The labels of an exchange: few, and each of few values. What is unknown is left out, as Loki
/// takes an empty label for none.
pub(super) fn labels(exchange: &Exchange) -> Labels {
    let host = exchange.origin.split_once("://").map_or(&*exchange.origin, |(_, host)| host);
    let class = exchange.status.map_or("none".to_owned(), |status| format!("{}xx", status / 100));
    let all = [
        ("app", exchange.app.name().to_owned()),
        ("host", host.to_owned()),
        ("kind", "exchange".to_owned()),
        ("provider", exchange.provider.clone().unwrap_or_default()),
        ("status", class),
    ];
    all.into_iter()
        .map(|(name, value)| (name, plain(&value, LABEL_BYTES_MAX)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The structured metadata of a line; `part` if it is one of several.
pub(super) fn metadata(delivery: &Delivery, part: Option<String>) -> Metadata {
    let exchange = &delivery.exchange;
    let (request, reply, usage) = (&exchange.request, &exchange.reply, &exchange.usage);
    let number = |count: Option<u64>| count.map(|count| count.to_string());
    let float = |value: Option<f64>| value.map(|value| value.to_string());
    let choice = reply.as_ref().and_then(|reply| reply.choices.first());
    let all = [
        ("exchange", Some(exchange.id.to_string())),
        ("flow", Some(exchange.flow.to_string())),
        ("thread", exchange.thread.clone()),
        ("parent", exchange.parent.map(|parent| parent.to_string())),
        ("turn", Some(delivery.turn.to_string())),
        // Where the span hangs, for who sends spans as well.
        ("trace_id", Some(hex(&delivery.trace.id))),
        ("span_id", Some(hex(&span_id(exchange.id)))),
        ("level", Some(level(exchange.state).to_owned())),
        ("state", Some(exchange.state.as_str().to_owned())),
        ("dialect", exchange.dialect.clone()),
        ("operation", exchange.operation.clone()),
        ("path", Some(exchange.path.clone())),
        ("http_status", exchange.status.map(|status| status.to_string())),
        ("process", exchange.app.process.clone()),
        ("model", request.model.clone()),
        ("reply_model", reply.as_ref().and_then(|reply| reply.model.clone())),
        ("finish_reason", choice.and_then(|choice| choice.finish_reason.clone())),
        ("error", exchange.error.as_ref().map(|error| error.kind.clone())),
        ("input_tokens", number(usage.as_ref().and_then(|usage| usage.input))),
        ("output_tokens", number(usage.as_ref().and_then(|usage| usage.output))),
        ("cost_usd", float(exchange.cost_usd)),
        ("cost_source", exchange.cost_source.map(|source| source.as_str().to_owned())),
        ("duration_ms", float(exchange.duration_ms)),
        ("first_token_ms", float(exchange.first_token_ms)),
        ("part", part),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, plain(&value?, METADATA_BYTES_MAX))))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The word by which Grafana colours a line.
fn level(state: State) -> &'static str {
    match state {
        State::Complete => "info",
        State::Interrupted | State::Truncated => "warn",
        State::Failed => "error",
    }
}

/// A text without what steers a terminal, cut where a character ends.
fn plain(text: &str, most: usize) -> String {
    let mut plain: String = text.chars().filter(|&c| !crate::export::jsonl::steers(c)).collect();
    plain.truncate(plain.floor_char_boundary(most));
    plain
}
