//! Each profile's spans, compared with what they were when a receiver showed them right.

mod sample;
mod schema;

use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};

use super::{Otlp, OtlpSettings, Profile, Semconv};
use crate::sink::ids::hex;
use crate::sink::{Answer, Verdict, Wire};

/// Attributes as JSON, each value as its own type.
pub(crate) fn as_json(attributes: &[KeyValue]) -> Value {
    let fields = attributes.iter().map(|one| (one.key.clone(), value(one.value.as_ref())));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        None => Value::Null,
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::BoolValue(is_so)) => json!(is_so),
        Some(Any::IntValue(whole)) => json!(whole),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::ArrayValue(array)) => array.values.iter().map(|item| value(Some(item))).collect(),
        Some(Any::KvlistValue(list)) => as_json(&list.values),
        Some(Any::BytesValue(_) | Any::StringValueStrindex(_)) => panic!("never sent"),
    }
}

fn span_as_json(span: &Span) -> Value {
    let events = span.events.iter().map(|event| {
        let attributes = as_json(&event.attributes);
        json!({"name": event.name, "at": event.time_unix_nano, "attributes": attributes})
    });
    let status = span.status.as_ref().map(|status| (status.code, status.message.as_str()));
    json!({
        "trace": hex(&span.trace_id),
        "span": hex(&span.span_id),
        "parent": hex(&span.parent_span_id),
        "state": span.trace_state,
        "name": span.name,
        "kind": span.kind,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "status": status,
        "attributes": as_json(&span.attributes),
        "events": events.collect::<Vec<_>>(),
    })
}

fn settings() -> OtlpSettings {
    OtlpSettings {
        project: Some("overhear".into()),
        experiment: Some("7".into()),
        environment: Some("Staging EU".into()),
        ..OtlpSettings::default()
    }
}

fn decoded(wire: &Otlp) -> ExportTraceServiceRequest {
    let parcel = wire.parcel(&sample::deliveries());
    assert_eq!(parcel.content_type, "application/x-protobuf");
    ExportTraceServiceRequest::decode(parcel.body.as_slice()).unwrap()
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

/// Compares with `tests/NAME.json`; with `OVERHEAR_BLESS` set, writes it anew.
#[test]
fn spans_are_as_the_receivers_showed_them_right() {
    let next = OtlpSettings { semconv: Semconv::Next, ..settings() };
    for (name, profile, settings) in [
        ("genai", Profile::GenAi, settings()),
        ("genai-next", Profile::GenAi, next.clone()),
        ("phoenix", Profile::Phoenix, settings()),
        ("phoenix-next", Profile::Phoenix, next.clone()),
        ("mlflow", Profile::Mlflow, settings()),
        ("mlflow-next", Profile::Mlflow, next.clone()),
        ("langfuse", Profile::Langfuse, settings()),
        ("langfuse-next", Profile::Langfuse, next),
    ] {
        let request = decoded(&Otlp::new(profile, settings));
        let resources = request.resource_spans.iter().map(|one| {
            let scopes = one.scope_spans.iter().map(|scope| {
                let named = scope.scope.as_ref().map(|scope| scope.name.clone());
                let spans: Vec<_> = scope.spans.iter().map(span_as_json).collect();
                json!({"scope": named, "schema": scope.schema_url, "spans": spans})
            });
            let resource = one.resource.as_ref().map(|one| as_json(&one.attributes));
            json!({"resource": resource, "scopes": scopes.collect::<Vec<_>>()})
        });
        let found: Value = resources.collect();
        let version = env!("CARGO_PKG_VERSION");
        let found = serde_json::to_string_pretty(&found).unwrap() + "\n";
        let found = found.replace(&format!("\"{version}\""), "\"VERSION\"");
        let path = format!("{}/src/sink/otlp/tests/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("OVERHEAR_BLESS").is_some() {
            std::fs::write(Path::new(&path), &found).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, expected, "{path}; OVERHEAR_BLESS=1 writes it anew");
    }
}

#[test]
fn the_same_deliveries_give_the_same_bytes() {
    let wire = Otlp::new(Profile::Phoenix, settings());
    let deliveries = sample::deliveries();
    assert_eq!(wire.parcel(&deliveries), wire.parcel(&deliveries));
}

#[test]
fn each_receiver_gets_the_headers_that_it_wants() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (profile, path, expected) in [
        (Profile::GenAi, "/v1/traces", vec![]),
        (Profile::Phoenix, "/v1/traces", vec![]),
        (Profile::Mlflow, "/v1/traces", header("x-mlflow-experiment-id", "7")),
        (
            Profile::Langfuse,
            "/api/public/otel/v1/traces",
            header("x-langfuse-ingestion-version", "4"),
        ),
    ] {
        let wire = Otlp::new(profile, settings());
        assert_eq!(wire.parcel(&[]).headers, expected, "{profile:?}");
        assert_eq!(wire.path(), path, "{profile:?}");
    }
}

#[test]
fn what_is_said_has_the_shape_of_the_schemas() {
    let mut seen = 0;
    for span in spans(&decoded(&Otlp::new(Profile::GenAi, settings()))) {
        let attributes = as_json(&span.attributes);
        for (key, check) in schema::CHECKS {
            let Some(text) = attributes.get(*key) else { continue };
            let content: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            assert_eq!(check(&content), Ok(()), "{key} of {}", span.name);
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_collector_that_takes_a_part_says_how_much() {
    let partial = |rejected_spans, message: &str| {
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans, error_message: message.to_owned() });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    };
    let refused = Verdict::AcceptedBut { refused: 2, why: "too old".into() };
    for (rule, profile, body, expected) in [
        ("an empty answer", Profile::GenAi, vec![], Verdict::Accepted),
        ("some refused", Profile::GenAi, partial(2, "too old"), refused),
        ("a warning", Profile::GenAi, partial(0, "slow down"), Verdict::Accepted),
        ("a gateway's page", Profile::GenAi, b"<html>".to_vec(), Verdict::Accepted),
        ("Langfuse's word", Profile::Langfuse, b"{}".to_vec(), Verdict::Accepted),
        ("not for Langfuse", Profile::Langfuse, partial(2, "too old"), Verdict::Accepted),
    ] {
        let wire = Otlp::new(profile, settings());
        assert_eq!(wire.verdict(Answer { status: 200, body: &body }), expected, "{rule}");
    }
}

#[test]
fn only_langfuses_own_words_say_whether_it_has_it() {
    let wire = Otlp::new(Profile::Langfuse, settings());
    let delivery = sample::deliveries().remove(0);
    let id = hex(&crate::sink::span_id(delivery.exchange.id));
    let listed = "/api/public/v2/observations?traceId=0190000000007000800000000000000a\
         &fromStartTime=2026-11-23T10:15:29.123Z&toStartTime=2026-11-23T10:15:31.123Z\
         &fields=core&limit=50";
    let alone = format!("/api/public/observations/{id}");
    assert_eq!(wire.questions(&delivery), [listed, &alone]);
    let itself = json!({"id": id, "type": "GENERATION"}).to_string();
    let listed = json!({"data": [{"id": "other"}, {"id": id}], "meta": {}}).to_string();
    for (rule, status, body, expected) in [
        ("it has it", 200, listed.as_str(), Some(true)),
        ("it has not", 200, r#"{"data": [], "meta": {}}"#, Some(false)),
        ("another alone", 200, r#"{"data": [{"id": "other"}]}"#, Some(false)),
        ("a list that goes on", 200, r#"{"data": [], "meta": {"cursor": "x"}}"#, None),
        ("a path that is not known", 404, r#"{"error": "LangfuseNotFoundError"}"#, None),
        ("an older version has it", 200, &itself, Some(true)),
        (
            "an older version has it not",
            404,
            r#"{"message": "Observation not found within authorized project",
                "error": "LangfuseNotFoundError"}"#,
            Some(false),
        ),
        ("a gateway's page", 200, "<html>", None),
        ("a wrong key", 401, "{}", None),
    ] {
        let answer = Answer { status, body: body.as_bytes() };
        assert_eq!(wire.has(&delivery, answer), expected, "{rule}");
    }
    assert!(!Otlp::new(Profile::Phoenix, settings()).can_be_asked());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever was captured: spans that decode, with JSON where JSON is said and no NUL, and
    /// content of the schemas' shape.
    #[test]
    fn whatever_was_said_can_be_delivered(
        exchange in crate::store::tests::sample::exchange(),
        profile in prop::sample::select(vec![
            Profile::GenAi, Profile::Phoenix, Profile::Mlflow, Profile::Langfuse,
        ]),
    ) {
        let delivery = sample::delivery(exchange);
        let body = Otlp::new(profile, settings()).parcel(&[delivery]).body;
        prop_assert!(!body.contains(&0) || ExportTraceServiceRequest::decode(body.as_slice()).is_ok());
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        for span in spans(&request) {
            let attributes = as_json(&span.attributes);
            prop_assert!(!attributes.to_string().contains("\\u0000"));
            for (key, check) in schema::CHECKS {
                let Some(text) = attributes.get(*key) else { continue };
                let content: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
                prop_assert_eq!(check(&content), Ok(()), "{}", key);
            }
        }
    }
}
