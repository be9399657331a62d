//! `/metrics`: what Prometheus reads of a live proxy, and who else may.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::{Page, said};
use crate::stage::app::{KEY, Reply, chat, post};
use crate::stage::{App, Serve, Stage, promtool, skipped, text, until};

impl Page {
    /// The counters, as Prometheus asks for them.
    fn metrics(&self) -> String {
        let reply = self.ask(&self.head("GET", "/metrics", &[]));
        assert_eq!(reply.status, 200, "{}", reply.head);
        text(&reply.body)
    }

    /// The counters, once so many calls of models are among them.
    fn metrics_of(&self, calls: f64) -> String {
        until(&format!("{calls} calls are counted"), || {
            let counted = self.metrics();
            (sum(&counted, "overhear_exchanges_total", &[]) >= calls).then_some(counted)
        })
    }

    /// A request by the base URL of OpenAI.
    fn call(&self, path: &str, model: &str, stream: bool) -> Vec<u8> {
        let body = serde_json::json!({
            "model": model, "stream": stream,
            "messages": [{"role": "user", "content": "a secret that no counter tells"}],
            "stream_options": stream.then(|| serde_json::json!({"include_usage": true})),
        });
        let key = format!("Bearer {KEY}");
        let headers = [
            ("Authorization", key.as_str()),
            ("User-Agent", "tester/1.0 (linux)"),
            ("Connection", "close"),
        ];
        let request = post(path, &self.serve.web.to_string(), &headers, &body.to_string());
        said(self.serve.web, request.as_bytes())
    }
}

/// Name, labels and value of each line.
fn lines(counted: &str) -> Vec<(&str, BTreeMap<&str, &str>, f64)> {
    let lines = counted.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
            let labels = labels.strip_suffix('}').unwrap();
            let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
            let labels = pairs.map(|(key, value)| (key, value.trim_end_matches('"'))).collect();
            (name, labels, value.parse().unwrap())
        })
        .collect()
}

/// The sum of what has these labels.
fn sum(counted: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let all = lines(counted).into_iter().filter(|(found, of, _)| {
        *found == name && labels.iter().all(|(key, value)| of.get(key) == Some(value))
    });
    all.map(|(_, _, value)| value).sum()
}

#[test]
fn counters_tell_of_live_traffic() {
    let page = Page::start(&["--all"]);
    for (model, stream) in [("fake", false), ("fake", true), ("fake-error-429", false)] {
        page.call("/openai/v1/chat/completions", model, stream);
    }
    // Lists of models are no calls of one.
    let models = page.head("GET", "/openai/v1/models", &["Connection: close"]);
    said(page.serve.web, models.as_bytes());
    let root = page.stage.root();
    let mut app = App::connect(page.serve.proxy, "api.openai.com", &root);
    app.ask(chat("through-the-proxy", "hello", true));
    drop(app);
    let counted = page.metrics_of(4.0);

    let of = |model| [("model", model), ("provider", "openai"), ("dialect", "openai.chat")];
    let calls = |model: &'static str, more: &[(&str, &str)]| {
        sum(&counted, "overhear_exchanges_total", &[&of(model)[..], more].concat())
    };
    assert_eq!(calls("fake", &[("app", "tester"), ("host", "api.openai.com")]), 2.0, "{counted}");
    assert_eq!(calls("fake", &[("status_class", "2xx")]), 2.0);
    assert_eq!(calls("fake-error-429", &[("status_class", "4xx")]), 1.0, "{counted}");
    assert_eq!(calls("through-the-proxy", &[]), 1.0);
    assert_eq!(sum(&counted, "overhear_exchanges_total", &[]), 4.0, "{counted}");
    assert_eq!(sum(&counted, "overhear_exchange_errors_total", &[]), 1.0, "{counted}");
    let recorded = page.stage.exchanges_of(5);
    let used = recorded.iter().map(|exchange| {
        let usage = &exchange["usage"];
        usage["input"].as_f64().unwrap_or_default() + usage["output"].as_f64().unwrap_or_default()
    });
    assert_eq!(sum(&counted, "overhear_tokens_total", &[]), used.sum::<f64>(), "{counted}");
    assert!(sum(&counted, "overhear_tokens_total", &[("type", "output")]) > 0.0);
    assert!(sum(&counted, "overhear_added_latency_seconds_count", &[]) >= 8.0, "{counted}");
    assert_eq!(sum(&counted, "overhear_time_to_first_token_seconds_count", &of("fake")[..1]), 1.0);
    assert!(!counted.contains("a secret"), "{counted}");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(sum(&counted, "overhear_build_info", &version), 1.0);
    until("the flows are closed", || {
        (sum(&page.metrics(), "overhear_flows_in_flight", &[]) == 0.0).then_some(())
    });
    histograms_add_up(&counted);
    check(&counted);
}

/// Buckets rise, the last one has all, and is as large as the count.
fn histograms_add_up(counted: &str) {
    let mut buckets: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for (name, mut labels, value) in lines(counted) {
        labels.remove("le");
        if let Some(family) = name.strip_suffix("_bucket") {
            buckets.entry(format!("{family}{labels:?}")).or_default().push(value);
        } else if let Some(family) = name.strip_suffix("_count") {
            counts.insert(format!("{family}{labels:?}"), value);
        }
    }
    assert!(buckets.len() >= 4, "{buckets:?}");
    assert_eq!(buckets.len(), counts.len());
    for (family, values) in buckets {
        assert!(values.is_sorted(), "{family}: {values:?}");
        assert_eq!(values.last(), counts.get(&family), "{family}");
    }
}

/// Prometheus' own tool finds nothing to say against it.
fn check(counted: &str) {
    let mut promtool = promtool();
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let started = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else { return skipped("promtool is not there") };
    child.stdin.take().unwrap().write_all(counted.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && told.trim().is_empty(), "{told}");
}

#[test]
fn failed_handshakes_are_counted_by_their_reason() {
    let page = Page::start(&["--all"]);
    // An app that trusts somebody else.
    let other = fs::read_to_string(page.stage.provider_ca()).unwrap();
    let mut app = App::connect(page.serve.proxy, "api.openai.com", &other);
    let refused = app.tls.conn.complete_io(&mut app.tls.sock);
    assert!(refused.is_err());
    drop(app);
    until("the refusal is counted", || {
        let counted = page.metrics();
        (sum(&counted, "overhear_tls_failures_total", &[]) == 1.0).then(|| {
            let refused =
                sum(&counted, "overhear_tls_failures_total", &[("reason", "app_refused")]);
            assert_eq!(refused, 1.0, "{counted}");
        })
    });
}

#[test]
fn whoever_is_here_may_scrape_and_no_web_site() {
    let page = Page::start(&[]);
    let web = page.serve.web;
    let with = |lines: &[&str]| page.head("GET", "/metrics", lines);
    let of_host = |host: &str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (rule, request, expected) in [
        ("a scrape", with(&[]), 200),
        ("with a token", with(&[&page.bearer()]), 200),
        ("with a wrong one, which nobody asked for", with(&["Authorization: Bearer x"]), 200),
        ("typed", with(&["Sec-Fetch-Site: none"]), 200),
        ("by our name", of_host(&format!("localhost:{}", web.port())), 200),
        ("another site's script", with(&["Origin: http://evil.test"]), 403),
        ("another site's picture", with(&["Sec-Fetch-Site: cross-site"]), 403),
        ("another port's", with(&["Sec-Fetch-Site: same-site"]), 403),
        ("a name that leads here", of_host("evil.test"), 403),
        ("written to", page.head("POST", "/metrics", &["Content-Length: 0"]), 403),
        ("something below", page.head("GET", "/metrics/x", &[]), 404),
    ] {
        let reply = page.ask(&request);
        assert_eq!(reply.status, expected, "{rule}: {}", reply.head);
        assert!(reply.head.contains("x-content-type-options: nosniff"), "{rule}");
    }
    let reply = page.ask(&with(&[]));
    assert!(reply.head.contains("content-type: text/plain; version=0.0.4"), "{}", reply.head);
    assert!(reply.head.contains("content-security-policy: default-src 'none'"), "{}", reply.head);
    let zipped = page.ask(&with(&["Accept-Encoding: gzip"]));
    assert!(zipped.head.contains("content-encoding: gzip"), "{}", zipped.head);
    assert!(zipped.body.starts_with(&[0x1f, 0x8b]));
}

#[test]
fn others_bring_the_token() {
    let stage = Stage::new();
    let words = ["--listen", "127.0.0.1:0", "--web", "0.0.0.0:0", "--page-host", "box.test"];
    let serve = Serve::start(stage.overhear_to_provider("serve", &words));
    let token = fs::read_to_string(stage.data().join("page-token")).unwrap();
    let page = Page { stage, serve, token: token.trim().to_owned() };
    let of = |host: &str, lines: &str| -> Reply {
        page.ask(&format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"))
    };
    // What comes by the other name may come from anywhere, through a proxy beside us.
    assert_eq!(of("box.test", "").status, 401);
    assert_eq!(of("box.test", &format!("{}\r\n", page.cookie())).status, 401);
    assert_eq!(of("box.test", "Authorization: Bearer 0123\r\n").status, 401);
    assert_eq!(of("box.test", &format!("{}\r\n", page.bearer())).status, 200);
    assert_eq!(of(&page.serve.web.to_string(), "").status, 200);
}
