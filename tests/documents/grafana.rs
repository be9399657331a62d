//! The dashboard shows what `/metrics` has, `docs/metrics.md` names all of it, and Prometheus
//! understands each of the dashboard's questions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use overhear::metrics::{Exported, Metrics};
use serde_json::{Value, json};

use super::{quoted, read};
use crate::stage::{promtool, skipped, text};

/// Words of PromQL that stand where names do.
const WORDS: [&str; 12] = [
    "sum",
    "max",
    "by",
    "rate",
    "increase",
    "histogram_quantile",
    "or",
    "vector",
    "on",
    "and",
    "unless",
    "without",
];

/// Every family with the labels that its lines have, after something of each kind happened.
fn families() -> BTreeMap<String, BTreeSet<String>> {
    let metrics = Metrics::new().unwrap();
    let exchange = json!({
        "id": "019aa000-0000-7000-8000-000000000001",
        "flow": "019aa000-0000-7000-8000-000000000002",
        "state": "failed", "started_at": "2026-11-23T10:00:00Z",
        "first_token_ms": 250.0, "duration_ms": 1500.0,
        "app": {"user_agent": "tester/1"}, "provider": "openai", "dialect": "openai.chat",
        "operation": "chat", "origin": "https://api.openai.com", "method": "POST",
        "path": "/v1/chat/completions", "http_version": "HTTP/1.1", "status": 200,
        "streamed": true,
        "request": {"headers": [], "model": "gpt-5", "messages": [], "tools": [], "params": {}},
        "usage": {"input": 10, "output": 3, "source": "provider", "raw": null},
        "notes": [],
    });
    let unpriced = serde_json::from_value(exchange.clone()).unwrap();
    let mut priced = exchange;
    (priced["cost_usd"], priced["cost_source"]) = (json!(0.5), json!("table"));
    metrics.exchange(&unpriced);
    metrics.exchange(&serde_json::from_value(priced).unwrap());
    metrics.added_latency(Duration::from_micros(20));
    metrics.read_error(Some("openai.chat"));
    for what in [Exported::Sent, Exported::Failed, Exported::Retried, Exported::Dropped] {
        metrics.exported("loki", what, 1);
    }
    metrics.export_lag("loki", 1.0);
    let mut families: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let labels = line.split_once('{').map_or("", |(_, rest)| rest);
        let keys = labels.split("=\"").map(|part| part.rsplit([',', '{']).next().unwrap());
        let keys = keys.filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        let all = families.entry(name.to_owned()).or_default();
        all.extend(keys.filter(|key| !key.is_empty()).map(str::to_owned));
    }
    families
}

fn dashboard() -> Value {
    serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap()
}

/// Each question of a panel, and the panel's title.
fn questions() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let of = |panel: &Value| -> Vec<(String, String)> {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let ask = |target: Value| target["expr"].as_str().unwrap().to_owned();
        targets.into_iter().map(|target| (title.to_owned(), ask(target))).collect()
    };
    panels.iter().flat_map(of).collect()
}

/// The words of a question, its texts and times taken out.
fn words(question: &str) -> Vec<String> {
    let outside = question.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut depth = 0;
    for c in outside.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let words = plain.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    words.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_panel_asks_for_what_is_there() {
    let families = families();
    let mut asked = BTreeSet::new();
    for (title, question) in questions() {
        let words = words(&question);
        let names: Vec<_> = words.iter().filter(|word| word.starts_with("overhear_")).collect();
        assert!(!names.is_empty(), "{title}");
        let labels: Vec<&BTreeSet<String>> = names
            .iter()
            .map(|name| families.get(*name).unwrap_or_else(|| panic!("{title}: no {name}")))
            .collect();
        asked.extend(names.into_iter().cloned());
        for word in words.iter().filter(|word| !word.starts_with("overhear_")) {
            let is_label = labels.iter().all(|labels| labels.contains(word));
            assert!(is_label || WORDS.contains(&word.as_str()), "{title}: no label {word}");
        }
    }
    let shown = |name: &String| {
        let family = ["_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        asked.contains(name)
            || family.is_some_and(|family| asked.contains(&format!("{family}_bucket")))
    };
    let hidden: Vec<_> = families.keys().filter(|name| !shown(name)).collect();
    assert!(hidden.is_empty(), "no panel shows {hidden:?}");
}

#[test]
fn it_is_a_dashboard_with_its_variables() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(39));
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "provider", "model", "app"]);
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
    }
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(x < 24 && taken.insert((x, y)), "{} overlaps", panel["title"]);
        }
    }
}

#[test]
fn prometheus_understands_every_question() {
    let rules: Vec<Value> = questions()
        .into_iter()
        .enumerate()
        .map(|(place, (_, question))| {
            let question = question.replace("$__rate_interval", "5m").replace("$__range", "6h");
            json!({"record": format!("panel:{place}"), "expr": question})
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    // JSON is YAML.
    let document = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(&file, document.to_string()).unwrap();
    let Ok(output) = promtool().args(["check", "rules"]).arg(&file).output() else {
        return skipped("promtool is not there");
    };
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains(&format!("{} rules found", rules.len())), "{told}");
}

#[test]
fn the_document_names_every_metric_and_label() {
    let document = read("docs/metrics.md");
    let named: BTreeSet<&str> = quoted(&document).collect();
    for (name, labels) in families() {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = family.unwrap_or(&name);
        assert!(named.contains(family), "`{family}` is not in docs/metrics.md");
        for label in labels.iter().filter(|label| *label != "le") {
            assert!(named.contains(label.as_str()), "`{label}` is not in docs/metrics.md");
        }
    }
    for name in named.iter().filter(|name| name.starts_with("overhear_") && !name.contains(' ')) {
        let is_there = families().keys().any(|found| found.starts_with(name));
        assert!(is_there, "docs/metrics.md tells of `{name}`, which is nowhere");
    }
}
