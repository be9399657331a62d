use std::collections::HashMap;

use super::*;
use crate::model::{ExchangeError, State, sample};

/// Each line with a value, by its name and labels.
fn lines(text: &str) -> HashMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn after(changes: &[fn(&mut Exchange)]) -> HashMap<String, f64> {
    let metrics = Metrics::new().unwrap();
    for change in changes {
        let mut exchange = sample();
        change(&mut exchange);
        metrics.exchange(&exchange);
    }
    lines(&metrics.text())
}

const CALL: &str =
    r#"app="aider",dialect="openai.chat",host="api.openai.com",model="gpt-5",provider="openai""#;
const FEW: &str = r#"app="aider",model="gpt-5",provider="openai""#;

#[test]
fn a_call_is_counted_under_its_names() {
    let lines = after(&[|_| {}]);
    for (name, expected) in [
        (format!("overhear_exchanges_total{{{CALL},status_class=\"2xx\"}}"), 1.0),
        (format!("overhear_tokens_total{{{CALL},type=\"input\"}}"), 400.0),
        (format!("overhear_tokens_total{{{CALL},type=\"cache_read\"}}"), 600.0),
        (format!("overhear_tokens_total{{{CALL},type=\"cache_write\"}}"), 0.0),
        (format!("overhear_tokens_total{{{CALL},type=\"output\"}}"), 100.0),
        (format!("overhear_tokens_total{{{CALL},type=\"reasoning\"}}"), 200.0),
        (format!("overhear_exchange_duration_seconds_bucket{{{FEW},le=\"1\"}}"), 0.0),
        (format!("overhear_exchange_duration_seconds_bucket{{{FEW},le=\"2.5\"}}"), 1.0),
        (format!("overhear_exchange_duration_seconds_sum{{{FEW}}}"), 1.5),
        (format!("overhear_time_to_first_token_seconds_sum{{{FEW}}}"), 0.25),
    ] {
        assert_eq!(lines.get(&name), Some(&expected), "{name} in {lines:#?}");
    }
    let cost = format!(r#"overhear_cost_usd_total{{{}}}"#, CALL.to_owned() + r#",source="table""#);
    assert_eq!(lines.get(&cost), Some(&0.25), "{lines:#?}");
    let version = format!("overhear_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines.get(&version), Some(&1.0));
}

/// The sum of a family over all its labels.
fn sum(lines: &HashMap<String, f64>, family: &str) -> f64 {
    let of = |name: &&String| name.split('{').next() == Some(family);
    lines.keys().filter(of).filter_map(|name| lines.get(name)).sum()
}

#[test]
fn what_is_no_call_of_a_model_counts_nowhere() {
    for (rule, change) in [
        ("settings", (|e| e.dialect = None) as fn(&mut Exchange)),
        ("a handshake", |e| e.operation = Some("connect".into())),
        ("a list of models", |e| {
            e.request = Default::default();
            e.reply = None;
            e.usage = None;
        }),
    ] {
        let lines = after(&[change]);
        for family in
            ["overhear_exchanges_total", "overhear_tokens_total", "overhear_cost_usd_total"]
        {
            assert_eq!(sum(&lines, family), 0.0, "{rule}, {family}");
        }
    }
}

#[test]
fn tokens_and_costs_are_counted_where_they_are_used_and_known() {
    for (rule, change, tokens, cost, unpriced) in [
        ("a turn", (|_| {}) as fn(&mut Exchange), 1300.0, 0.25, 0.0),
        ("a count of a prompt", |e| e.operation = Some("count_tokens".into()), 0.0, 0.25, 0.0),
        ("no price", |e| e.cost_usd = None, 1300.0, 0.0, 1.0),
        ("no count", |e| (e.usage, e.cost_usd) = (None, None), 0.0, 0.0, 0.0),
        ("a price below nothing", |e| e.cost_usd = Some(-1.0), 1300.0, 0.0, 0.0),
        ("a price that is none", |e| e.cost_usd = Some(f64::NAN), 1300.0, 0.0, 0.0),
    ] {
        let lines = after(&[change]);
        assert_eq!(sum(&lines, "overhear_exchanges_total"), 1.0, "{rule}");
        assert_eq!(sum(&lines, "overhear_tokens_total"), tokens, "{rule}");
        assert_eq!(sum(&lines, "overhear_cost_usd_total"), cost, "{rule}");
        assert_eq!(sum(&lines, "overhear_exchanges_unpriced_total"), unpriced, "{rule}");
    }
}

#[test]
fn a_counter_does_not_turn_round() {
    let change: fn(&mut Exchange) = |e| e.usage.as_mut().unwrap().output = Some(u64::MAX);
    let lines = after(&[change; 3]);
    assert_eq!(sum(&lines, "overhear_tokens_total"), 3.0 * (1000.0 + 200.0 + (1u64 << 32) as f64));
}

#[test]
fn errors_have_the_providers_word_or_ours() {
    for (rule, change, class, error) in [
        ("an answer", (|_| {}) as fn(&mut Exchange), "2xx", None),
        (
            "refused",
            |e| {
                (e.status, e.state) = (Some(429), State::Failed);
                e.error = Some(ExchangeError { kind: "rate_limit".into(), ..Default::default() });
            },
            "4xx",
            Some("rate_limit"),
        ),
        ("broken off", |e| e.state = State::Interrupted, "2xx", Some("interrupted")),
        ("no reply", |e| (e.status, e.state) = (None, State::Failed), "none", Some("failed")),
    ] {
        let lines = after(&[change]);
        let name = format!("overhear_exchanges_total{{{CALL},status_class=\"{class}\"}}");
        assert_eq!(lines.get(&name), Some(&1.0), "{rule}: {lines:#?}");
        let counted = sum(&lines, "overhear_exchange_errors_total");
        assert_eq!(counted, f64::from(u8::from(error.is_some())), "{rule}");
        if let Some(error) = error {
            assert!(
                lines.keys().any(|name| name.contains(&format!("error=\"{error}\""))),
                "{rule}"
            );
        }
    }
}

#[test]
fn what_is_made_up_does_not_fill_the_memory() {
    let metrics = Metrics::new().unwrap();
    for n in 0..10_000 {
        let mut exchange = sample();
        exchange.request.model = Some(format!("model-{n}"));
        exchange.origin = format!("https://host-{n}.example");
        exchange.app.user_agent = Some(format!("app-{n}"));
        exchange.error = Some(ExchangeError { kind: format!("error-{n}"), message: String::new() });
        metrics.exchange(&exchange);
        metrics.exported(&format!("sink-{n}"), Exported::Sent, 1);
        metrics.read_error(Some(&format!("dialect-{n}")));
    }
    let text = metrics.text();
    let lines = lines(&text);
    let of = |family: &str| lines.keys().filter(|name| name.starts_with(family)).count();
    // The first hundred models and the rest, that of the first fifty apps and of others.
    assert_eq!(of("overhear_exchanges_total{"), 101);
    assert!(of("overhear_exchange_errors_total{") <= 200);
    assert_eq!(of("overhear_export_sent_total{"), 51);
    // One of the hundred is the dialect of the exchanges.
    assert_eq!(of("overhear_read_errors_total{"), 100);
    assert_eq!(sum(&lines, "overhear_exchanges_total"), 10_000.0);
    assert_eq!(sum(&lines, "overhear_tokens_total"), 13_000_000.0);
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    let genai = metrics.genai();
    assert!(genai.durations.len() <= 201 && genai.tokens.len() <= 402);
    assert_eq!(genai.durations.values().map(Distribution::count).sum::<u64>(), 10_000);
}

#[test]
fn a_value_cannot_leave_its_quotes() {
    let metrics = Metrics::new().unwrap();
    let mut exchange = sample();
    exchange.request.model =
        Some("a\"} 1\noverhear_forged_total 7\r\n\\\"{x=\"\u{1b}[31m".to_owned());
    metrics.exchange(&exchange);
    let text = metrics.text();
    assert!(!text.lines().any(|line| line.starts_with("overhear_forged")), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    assert!(text.contains(r#"model="a\"} 1"#), "{text}");
}

#[test]
fn histograms_add_up() {
    let metrics = Metrics::new().unwrap();
    for micros in [1, 10, 11, 999, 1_000_000, 5_000_000] {
        metrics.added_latency(Duration::from_micros(micros));
    }
    let lines = lines(&metrics.text());
    let at = |le: &str| lines[&format!("overhear_added_latency_seconds_bucket{{le=\"{le}\"}}")];
    let found = ["0.00001", "0.000025", "0.001", "1", "+Inf"].map(at);
    assert_eq!(found, [2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(lines["overhear_added_latency_seconds_count"], 6.0);
    assert!((lines["overhear_added_latency_seconds_sum"] - 6.001_021).abs() < 1e-9);
}

#[test]
fn the_rest_is_counted_as_told() {
    let metrics = Metrics::new().unwrap();
    let before = lines(&metrics.text());
    assert_eq!(sum(&before, "overhear_tls_failures_total"), 0.0);
    assert!(TLS_REASONS.iter().all(|reason| {
        before.contains_key(&format!("overhear_tls_failures_total{{reason=\"{reason}\"}}"))
    }));
    metrics.flow_opened();
    metrics.flow_opened();
    metrics.clone().flow_closed();
    metrics.tls_failed("app_refused");
    metrics.exchanges_lost("store", 3);
    metrics.tape_lost(9);
    metrics.tape_bytes(65536);
    metrics.read_error(None);
    metrics.exported("loki", Exported::Retried, 4);
    metrics.exported("loki", Exported::Failed, 2);
    metrics.exported("loki", Exported::Dropped, 1);
    metrics.export_lag("loki", 2.5);
    let lines = lines(&metrics.text());
    for (name, expected) in [
        ("overhear_flows_in_flight", 1.0),
        ("overhear_tls_failures_total{reason=\"app_refused\"}", 1.0),
        ("overhear_exchanges_lost_total{reason=\"store\"}", 3.0),
        ("overhear_tape_lost_bytes_total", 9.0),
        ("overhear_tape_bytes", 65536.0),
        ("overhear_read_errors_total{dialect=\"unknown\"}", 1.0),
        ("overhear_export_retried_total{sink=\"loki\"}", 4.0),
        ("overhear_export_failed_total{sink=\"loki\"}", 2.0),
        ("overhear_export_dropped_total{sink=\"loki\"}", 1.0),
        ("overhear_export_lag_seconds{sink=\"loki\"}", 2.5),
    ] {
        assert_eq!(lines.get(name), Some(&expected), "{name}");
    }
}
