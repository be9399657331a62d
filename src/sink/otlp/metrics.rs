//! The counters of this process as OTLP metrics: those of OpenTelemetry's conventions for
//! generative AI, v1.41, and ours beside them.
//!
//! All are cumulative since the process began. What receivers make of `overhear.exchanges` is
//! then the `overhear_exchanges_total` of `/metrics`.

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::names;
use crate::metrics::proto::{MetricFamily, MetricType};
use crate::metrics::{Call, Distribution, GenAi, Metrics, TokenType, proto};

/// The conventions whose names are used.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.41.0";

/// The whole of `metrics` as it stands `now`, as the body of a request to `/v1/metrics`.
/// `resource` says who sends it, such as `service.name`.
pub fn request(metrics: &Metrics, resource: &[(&str, &str)], now: Timestamp) -> Vec<u8> {
    let span = Span { start: nanos(metrics.started_at()), end: nanos(now) };
    let scope = InstrumentationScope {
        name: "overhear".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let mut all = conventional(&metrics.genai(), span);
    all.extend(metrics.families().iter().filter_map(|family| ours(family, span)));
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource.iter().map(|(key, value)| text(key, value)).collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: all,
                schema_url: SCHEMA.to_owned(),
            }],
            schema_url: SCHEMA.to_owned(),
        }],
    };
    request.encode_to_vec()
}

/// From when to when is counted.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// The two histograms of the conventions.
fn conventional(found: &GenAi, span: Span) -> Vec<Metric> {
    let mut durations: Vec<_> = found.durations.iter().collect();
    durations.sort_by(|a, b| a.0.cmp(b.0));
    let mut tokens: Vec<_> = found.tokens.iter().collect();
    tokens.sort_by(|a, b| a.0.cmp(b.0));
    let durations =
        durations.into_iter().map(|(call, values)| distributed(attributes(call), values, span));
    let tokens = tokens.into_iter().map(|((call, kind), values)| {
        let word = match kind {
            TokenType::Input => "input",
            TokenType::Output => "output",
        };
        let mut attributes = attributes(call);
        attributes.push(text("gen_ai.token.type", word));
        distributed(attributes, values, span)
    });
    [
        ("gen_ai.client.operation.duration", "s", "GenAI operation duration.", durations.collect()),
        ("gen_ai.client.token.usage", "{token}", "Tokens used.", tokens.collect::<Vec<_>>()),
    ]
    .into_iter()
    .filter(|(_, _, _, points)| !points.is_empty())
    .map(|(name, unit, description, points)| Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: description.to_owned(),
        data: Some(histogram(points)),
        ..Metric::default()
    })
    .collect()
}

fn histogram(data_points: Vec<HistogramDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Data::Histogram(Histogram { data_points, aggregation_temporality })
}

/// A call's attributes, by the names of the conventions.
fn attributes(call: &Call) -> Vec<KeyValue> {
    let known = [
        ("gen_ai.operation.name", Some(names::operation_of(&call.operation, Some(&call.dialect)))),
        ("gen_ai.provider.name", Some(provider(call))),
        ("gen_ai.request.model", call.request_model.as_deref()),
        ("gen_ai.response.model", call.response_model.as_deref()),
        ("server.address", Some(call.host.as_str())),
        ("error.type", call.error.as_deref()),
    ];
    let mut attributes: Vec<_> =
        known.into_iter().filter_map(|(key, value)| value.map(|value| text(key, value))).collect();
    attributes.extend(call.port.map(|port| attribute("server.port", Value::IntValue(port.into()))));
    attributes
}

/// `gen_ai.provider.name`.
fn provider(call: &Call) -> &str {
    match call.provider.as_str() {
        "unknown" => names::of_dialect(&call.dialect),
        provider => names::in_conventions(provider),
    }
}

fn distributed(attributes: Vec<KeyValue>, values: &Distribution, span: Span) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: span.start,
        time_unix_nano: span.end,
        count: values.count(),
        sum: Some(values.sum),
        bucket_counts: values.counts.clone(),
        explicit_bounds: values.bounds.to_vec(),
        min: Some(values.min),
        max: Some(values.max),
        ..HistogramDataPoint::default()
    }
}

/// A family of ours; `None` if it is of a kind that we do not have.
fn ours(family: &MetricFamily, span: Span) -> Option<Metric> {
    let points = family.get_metric();
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(Sum {
            data_points: points
                .iter()
                .map(|point| number(point, point.get_counter().get_value(), span))
                .collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        MetricType::GAUGE => Data::Gauge(Gauge {
            data_points: points
                .iter()
                .map(|point| number(point, point.get_gauge().get_value(), span))
                .collect(),
        }),
        MetricType::HISTOGRAM => {
            histogram(points.iter().map(|point| of_ours(point, span)).collect())
        }
        _ => return None,
    };
    let (name, unit) = name_and_unit(family.name());
    Some(Metric {
        name,
        unit: unit.to_owned(),
        description: family.help().to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

/// Names have a dot behind `overhear` and no unit; the unit is told apart.
fn name_and_unit(name: &str) -> (String, &'static str) {
    let name = name.strip_prefix("overhear_").unwrap_or(name);
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_seconds", "s"), ("_bytes", "By"), ("_usd", "{USD}")];
    let found = units.iter().find_map(|(suffix, unit)| Some((name.strip_suffix(suffix)?, *unit)));
    let (name, unit) = found.unwrap_or((name, if name == "tokens" { "{token}" } else { "1" }));
    (format!("overhear.{name}"), unit)
}

fn labels(point: &proto::Metric) -> Vec<KeyValue> {
    point.get_label().iter().map(|label| text(label.name(), label.value())).collect()
}

fn number(point: &proto::Metric, value: f64, span: Span) -> NumberDataPoint {
    NumberDataPoint {
        attributes: labels(point),
        start_time_unix_nano: span.start,
        time_unix_nano: span.end,
        value: Some(Number::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

/// Prometheus counts up from bucket to bucket, OTLP counts each alone.
fn of_ours(point: &proto::Metric, span: Span) -> HistogramDataPoint {
    let found = point.get_histogram();
    let (mut counts, mut bounds, mut below) = (Vec::new(), Vec::new(), 0);
    for bucket in found.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        counts.push(bucket.cumulative_count().saturating_sub(below));
        bounds.push(bucket.upper_bound());
        below = bucket.cumulative_count();
    }
    counts.push(found.get_sample_count().saturating_sub(below));
    HistogramDataPoint {
        attributes: labels(point),
        start_time_unix_nano: span.start,
        time_unix_nano: span.end,
        count: found.get_sample_count(),
        sum: Some(found.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::metrics::{DURATION_BOUNDS, Exported, TOKEN_BOUNDS};
    use crate::model::{Exchange, ExchangeError, sample};

    fn sent(metrics: &Metrics, now: Timestamp) -> ResourceMetrics {
        let body = request(metrics, &[("service.name", "overhear")], now);
        let mut request = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
        assert_eq!(request.resource_metrics.len(), 1);
        request.resource_metrics.remove(0)
    }

    fn counted(changes: &[fn(&mut Exchange)]) -> BTreeMap<String, Metric> {
        let metrics = Metrics::new().unwrap();
        for change in changes {
            let mut exchange = sample();
            change(&mut exchange);
            metrics.exchange(&exchange);
        }
        by_name(sent(&metrics, metrics.started_at()))
    }

    fn by_name(sent: ResourceMetrics) -> BTreeMap<String, Metric> {
        let all = sent.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
        all.map(|metric| (metric.name.clone(), metric)).collect()
    }

    fn histograms(metric: &Metric) -> &[HistogramDataPoint] {
        let Some(Data::Histogram(found)) = &metric.data else { panic!("{metric:?}") };
        assert_eq!(found.aggregation_temporality, AggregationTemporality::Cumulative as i32);
        &found.data_points
    }

    fn sums(metric: &Metric) -> &[NumberDataPoint] {
        let Some(Data::Sum(found)) = &metric.data else { panic!("{metric:?}") };
        assert!(found.is_monotonic);
        assert_eq!(found.aggregation_temporality, AggregationTemporality::Cumulative as i32);
        &found.data_points
    }

    fn words(attributes: &[KeyValue]) -> BTreeMap<String, String> {
        let word = |value: &Value| match value {
            Value::StringValue(word) => word.clone(),
            Value::IntValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        let of = |pair: &KeyValue| word(pair.value.as_ref().unwrap().value.as_ref().unwrap());
        attributes.iter().map(|pair| (pair.key.clone(), of(pair))).collect()
    }

    #[test]
    fn the_conventions_histograms_have_their_attributes_and_bounds() {
        let metrics = counted(&[|_| {}]);
        let duration = &metrics["gen_ai.client.operation.duration"];
        assert_eq!(duration.unit, "s");
        let [point] = histograms(duration) else { panic!() };
        let expected = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "gpt-5"),
            ("gen_ai.response.model", "gpt-5-2026"),
            ("server.address", "api.openai.com"),
            ("server.port", "443"),
        ];
        let expected = expected.map(|(key, word)| (key.to_owned(), word.to_owned()));
        assert_eq!(words(&point.attributes), BTreeMap::from(expected.clone()));
        assert_eq!(point.explicit_bounds, DURATION_BOUNDS);
        assert_eq!((point.count, point.sum), (1, Some(1.5)));
        // 1.5 s is above 1.28 and not above 2.56.
        assert_eq!(point.bucket_counts.iter().position(|count| *count == 1), Some(8));
        assert_eq!(point.bucket_counts.len(), DURATION_BOUNDS.len() + 1);

        let tokens = &metrics["gen_ai.client.token.usage"];
        assert_eq!(tokens.unit, "{token}");
        let found: BTreeMap<_, _> = histograms(tokens)
            .iter()
            .map(|point| {
                assert_eq!(point.explicit_bounds, TOKEN_BOUNDS);
                (words(&point.attributes)["gen_ai.token.type"].clone(), point.sum.unwrap())
            })
            .collect();
        // Cached and reasoning tokens are part of the totals here.
        let expected = [("input".to_owned(), 1000.0), ("output".to_owned(), 300.0)];
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn errors_are_told_of_durations_alone() {
        let metrics = counted(&[|e| {
            e.error = Some(ExchangeError { kind: "overloaded".into(), message: String::new() });
        }]);
        let [point] = histograms(&metrics["gen_ai.client.operation.duration"]) else { panic!() };
        assert_eq!(words(&point.attributes)["error.type"], "overloaded");
        for point in histograms(&metrics["gen_ai.client.token.usage"]) {
            assert!(!words(&point.attributes).contains_key("error.type"));
        }
    }

    #[test]
    fn operations_and_providers_have_the_conventions_words() {
        for (rule, provided, dialect, asked, expected) in [
            ("OpenAI", "openai", "openai.chat", "chat", ("openai", "chat")),
            ("ChatGPT's", "chatgpt", "openai.responses", "chat", ("openai", "chat")),
            ("Gemini", "gemini", "gemini", "chat", ("gcp.gemini", "generate_content")),
            (
                "a server here",
                "unknown",
                "openai.completions",
                "fim",
                ("openai", "text_completion"),
            ),
            ("Mistral", "mistral", "openai.chat", "chat", ("mistral_ai", "chat")),
            ("Bedrock", "bedrock", "bedrock", "chat", ("aws.bedrock", "chat")),
            ("no word of theirs", "cohere", "cohere", "rerank", ("cohere", "rerank")),
        ] {
            let call = Call {
                provider: provided.into(),
                dialect: dialect.into(),
                operation: asked.into(),
                ..Call::default()
            };
            let operation = names::operation_of(&call.operation, Some(&call.dialect));
            assert_eq!((provider(&call), operation), expected, "{rule}");
        }
    }

    #[test]
    fn our_own_counters_are_told_too() {
        let metrics = Metrics::new().unwrap();
        metrics.exchange(&sample());
        metrics.exported("loki", Exported::Sent, 5);
        metrics.flow_opened();
        metrics.added_latency(Duration::from_micros(20));
        metrics.added_latency(Duration::from_secs(3));
        let now = metrics.started_at() + Duration::from_secs(60);
        let sent = sent(&metrics, now);
        let who = words(&sent.resource.as_ref().unwrap().attributes);
        assert_eq!(who["service.name"], "overhear");
        let found = by_name(sent);
        let [point] = sums(&found["overhear.exchanges"]) else { panic!() };
        assert_eq!(point.value, Some(Number::AsDouble(1.0)));
        assert_eq!(point.time_unix_nano - point.start_time_unix_nano, 60_000_000_000);
        assert_eq!(words(&point.attributes)["status_class"], "2xx");
        let [point] = sums(&found["overhear.cost"]) else { panic!() };
        assert_eq!(point.value, Some(Number::AsDouble(0.25)));
        assert_eq!(found["overhear.cost"].unit, "{USD}");
        let [point] = sums(&found["overhear.export_sent"]) else { panic!() };
        assert_eq!(words(&point.attributes)["sink"], "loki");
        let Some(Data::Gauge(flows)) = &found["overhear.flows_in_flight"].data else { panic!() };
        assert_eq!(flows.data_points[0].value, Some(Number::AsDouble(1.0)));
        let [added] = histograms(&found["overhear.added_latency"]) else { panic!() };
        assert_eq!((added.count, added.bucket_counts.iter().sum()), (2, 2));
        assert_eq!((added.bucket_counts[1], added.bucket_counts.last()), (1, Some(&1)));
    }

    #[test]
    fn nothing_counted_is_no_empty_histogram() {
        assert!(!counted(&[]).contains_key("gen_ai.client.token.usage"));
    }
}
