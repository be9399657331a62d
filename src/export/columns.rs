//! An exchange as a row of a table: the fields of `docs/exchange.md`, a column each.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Exchange, Usage};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Real,
    Bool,
    Time,
}

/// What stands in a row of it; nothing where the exchange has nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell {
    #[default]
    Null,
    Text(String),
    Whole(i64),
    Real(f64),
    Bool(bool),
    Time(Timestamp),
}

/// A column.
pub(super) struct Column {
    /// The field's name, its levels joined by `_`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) cell: fn(&Exchange) -> Cell,
}

const fn column(name: &'static str, kind: Kind, cell: fn(&Exchange) -> Cell) -> Column {
    Column { name, kind, cell }
}

/// The narrow ones, which both tables have.
pub(super) const NARROW: [Column; 47] = [
    column("id", Kind::Text, |e| text(e.id)),
    column("flow", Kind::Text, |e| text(e.flow)),
    column("thread", Kind::Text, |e| words(e.thread.as_deref())),
    column("thread_rule", Kind::Text, |e| word(e.thread_rule.as_ref())),
    column("parent", Kind::Text, |e| e.parent.map_or(Cell::Null, text)),
    column("inherited", Kind::Whole, |e| whole(e.inherited.map(u64::from))),
    column("state", Kind::Text, |e| text(e.state.as_str())),
    column("started_at", Kind::Time, |e| Cell::Time(e.started_at)),
    column("first_byte_ms", Kind::Real, |e| real(e.first_byte_ms)),
    column("first_token_ms", Kind::Real, |e| real(e.first_token_ms)),
    column("duration_ms", Kind::Real, |e| real(e.duration_ms)),
    column("app_user_agent", Kind::Text, |e| words(e.app.user_agent.as_deref())),
    column("app_process", Kind::Text, |e| words(e.app.process.as_deref())),
    column("app_pid", Kind::Whole, |e| whole(e.app.pid.map(u64::from))),
    column("provider", Kind::Text, |e| words(e.provider.as_deref())),
    column("dialect", Kind::Text, |e| words(e.dialect.as_deref())),
    column("operation", Kind::Text, |e| words(e.operation.as_deref())),
    column("origin", Kind::Text, |e| text(&e.origin)),
    column("method", Kind::Text, |e| text(&e.method)),
    column("path", Kind::Text, |e| text(&e.path)),
    column("http_version", Kind::Text, |e| text(&e.http_version)),
    column("status", Kind::Whole, |e| whole(e.status.map(u64::from))),
    column("streamed", Kind::Bool, |e| Cell::Bool(e.streamed)),
    column("request_model", Kind::Text, |e| words(e.request.model.as_deref())),
    column("reply_model", Kind::Text, |e| words(e.reply.as_ref().and_then(|r| r.model.as_deref()))),
    column("reply_id", Kind::Text, |e| words(e.reply.as_ref().and_then(|r| r.id.as_deref()))),
    column("finish_reason", Kind::Text, |e| words(finish_reason(e))),
    column("usage_input", Kind::Whole, |e| count(e, |u| u.input)),
    column("usage_input_cached", Kind::Whole, |e| count(e, |u| u.input_cached)),
    column("usage_input_cache_written", Kind::Whole, |e| count(e, |u| u.input_cache_written)),
    column("usage_input_cache_written_1h", Kind::Whole, |e| count(e, |u| u.input_cache_written_1h)),
    column("usage_input_audio", Kind::Whole, |e| count(e, |u| u.input_audio)),
    column("usage_input_image", Kind::Whole, |e| count(e, |u| u.input_image)),
    column("usage_output", Kind::Whole, |e| count(e, |u| u.output)),
    column("usage_reasoning", Kind::Whole, |e| count(e, |u| u.reasoning)),
    column("usage_output_audio", Kind::Whole, |e| count(e, |u| u.output_audio)),
    column("usage_output_image", Kind::Whole, |e| count(e, |u| u.output_image)),
    column("usage_source", Kind::Text, |e| words(e.usage.as_ref().map(|u| u.source.as_str()))),
    column("cost_usd", Kind::Real, |e| real(e.cost_usd)),
    column("cost_source", Kind::Text, |e| word(e.cost_source.as_ref())),
    column("error_type", Kind::Text, |e| words(e.error.as_ref().map(|error| error.kind.as_str()))),
    column("error_message", Kind::Text, |e| {
        words(e.error.as_ref().map(|error| error.message.as_str()))
    }),
    column("notes", Kind::Text, |e| list(&e.notes)),
    column("annotations_pinned", Kind::Bool, |e| Cell::Bool(e.annotations.pinned)),
    column("annotations_tags", Kind::Text, |e| list(&e.annotations.tags)),
    column("annotations_notes", Kind::Text, |e| list(&e.annotations.notes)),
    column("request_messages", Kind::Whole, |e| whole(Some(e.request.messages.len() as u64))),
];

/// The wide ones: what was said, as JSON of the same fields.
pub(super) const WIDE: [Column; 3] = [
    column("request", Kind::Text, |e| json(&e.request)),
    column("reply", Kind::Text, |e| e.reply.as_ref().map_or(Cell::Null, json)),
    column("usage_raw", Kind::Text, |e| {
        let raw = e.usage.as_ref().map(|usage| &usage.raw).filter(|raw| !raw.is_null());
        raw.map_or(Cell::Null, json)
    }),
];

fn text(value: impl ToString) -> Cell {
    Cell::Text(value.to_string())
}

fn words(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, text)
}

/// A variant by its word.
fn word(value: Option<&impl Serialize>) -> Cell {
    match value.and_then(|value| serde_json::to_value(value).ok()) {
        Some(serde_json::Value::String(word)) => Cell::Text(word),
        _ => Cell::Null,
    }
}

fn whole(value: Option<u64>) -> Cell {
    value.map_or(Cell::Null, |value| Cell::Whole(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn real(value: Option<f64>) -> Cell {
    value.map_or(Cell::Null, Cell::Real)
}

fn count(exchange: &Exchange, count: fn(&Usage) -> Option<u64>) -> Cell {
    whole(exchange.usage.as_ref().and_then(count))
}

fn json(value: &impl Serialize) -> Cell {
    serde_json::to_string(value).map_or(Cell::Null, Cell::Text)
}

/// Several texts as JSON; nothing where there is none.
fn list(texts: &[String]) -> Cell {
    if texts.is_empty() { Cell::Null } else { json(&texts) }
}

fn finish_reason(exchange: &Exchange) -> Option<&str> {
    exchange.reply.as_ref()?.choices.first()?.finish_reason.as_deref()
}
