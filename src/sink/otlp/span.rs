//! Spans: one for each exchange, and one for each tool that ran before it.

use jiff::Timestamp;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::{Attributes, clean, name};
use super::{genai, names, parts};
use crate::model::Exchange;
use crate::sink::{Delivery, ToolRun, span_id};

/// The span of an exchange, without its attributes.
pub(super) fn of_exchange(delivery: &Delivery) -> Span {
    let exchange = &delivery.exchange;
    let started = nanoseconds(exchange.started_at);
    let ended = after(started, exchange.duration_ms.or(exchange.first_byte_ms));
    let error = genai::error_type(exchange).map(|kind| (kind, genai::error_message(exchange)));
    Span {
        trace_id: delivery.trace.id.to_vec(),
        span_id: span_id(exchange.id).to_vec(),
        trace_state: delivery.trace.state.clone(),
        parent_span_id: delivery.trace.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: span_name(exchange),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: started,
        end_time_unix_nano: ended,
        events: error.iter().map(|(kind, message)| exception(ended, kind, message)).collect(),
        status: Some(status(error.map(|(_, message)| message))),
        ..Span::default()
    }
}

/// When the answer began, if it is later than the exchange.
pub(super) fn first_token(exchange: &Exchange) -> Option<u64> {
    exchange
        .first_token_ms
        .map(|_| after(nanoseconds(exchange.started_at), exchange.first_token_ms))
}

/// The span of a tool that ran, without its attributes.
pub(super) fn of_tool(delivery: &Delivery, run: &ToolRun) -> Span {
    let began = nanoseconds(run.began);
    Span {
        trace_id: delivery.trace.id.to_vec(),
        span_id: run.span.to_vec(),
        trace_state: delivery.trace.state.clone(),
        parent_span_id: span_id(run.caller).to_vec(),
        name: name(&format!("execute_tool {}", clean(run.name.clone()))),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: began,
        end_time_unix_nano: nanoseconds(run.ended).max(began),
        status: Some(status(run.is_error.then(|| "the tool failed, says the app".to_owned()))),
        ..Span::default()
    }
}

/// What the conventions say of a tool that ran.
pub(super) fn tool_attributes(attributes: &mut Attributes, run: &ToolRun) {
    attributes.text("gen_ai.operation.name", "execute_tool");
    attributes.name("gen_ai.tool.name", &run.name);
    attributes.name_if("gen_ai.tool.call.id", run.call.as_deref());
    attributes.text("gen_ai.tool.type", "function");
    if !run.arguments.is_null() {
        attributes.value("gen_ai.tool.call.arguments", &run.arguments);
    }
    if !run.result.is_empty() {
        attributes.value("gen_ai.tool.call.result", &parts::response(&run.result));
    }
    if run.is_error {
        attributes.text("error.type", "_OTHER");
    }
    attributes.flag("overhear.inferred", true);
    attributes.text("overhear.exchange.id", run.caller.to_string());
}

/// `chat gpt-5`; of what no dialect knows, where it went.
pub(super) fn span_name(exchange: &Exchange) -> String {
    let model = exchange.request.model.as_deref();
    name(&clean(match (names::operation(exchange), model) {
        (Some(operation), Some(model)) => format!("{operation} {model}"),
        (Some(operation), None) => operation.to_owned(),
        (None, _) => {
            let server = names::server(&exchange.origin).map(|(address, _)| address);
            format!("{} {}", exchange.method, server.unwrap_or_default())
        }
    }))
}

fn status(error: Option<String>) -> Status {
    match error {
        Some(message) => Status { code: StatusCode::Error.into(), message: clean(message) },
        None => Status::default(),
    }
}

fn exception(at: u64, kind: &str, message: &str) -> Event {
    let mut attributes = Attributes::default();
    attributes.name("exception.type", kind);
    attributes.text("exception.message", message);
    let (name, attributes) = ("exception".to_owned(), attributes.done());
    Event { time_unix_nano: at, name, attributes, ..Event::default() }
}

/// Nanoseconds since 1970; what is before that, as a broken clock has it, is 1970.
fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

fn after(started: u64, milliseconds: Option<f64>) -> u64 {
    let nanoseconds = milliseconds.unwrap_or_default().max(0.0) * 1e6;
    started.saturating_add(nanoseconds as u64)
}
