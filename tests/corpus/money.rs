//! Tokens and money of recorded traffic: each token in one bucket, and a cost or the reason why
//! there is none. With `--nocapture` it prints how many rows of each API have a cost.

use std::collections::BTreeMap;

use overhear::dialect::providers;
use overhear::model::{Annotations, App, Exchange, State, Usage};
use overhear::price::Prices;
use overhear::tokens::{self, Counter};
use uuid::Uuid;

use super::Row;
use crate::golden::replay::{self, Read};

#[test]
fn recorded_tokens_are_in_one_bucket_and_have_a_price() {
    let Some(rows) = super::all_rows() else { return };
    let (prices, counter) = (Prices::default(), Counter::default());
    let mut wrong = Vec::new();
    let mut operations: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut ratios: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows.filter(|row| row.ws_frames.is_none()) {
        let body = row.request_body();
        let reply = row.reply();
        let Some(read) = replay::read(&row.asked(&body), reply.as_ref(), usize::MAX) else {
            continue;
        };
        let exchange = exchange(&row, read);
        let Some(usage) = &exchange.usage else {
            if let Some(estimate) = tokens::estimate(&exchange, &counter) {
                *told.entry((row.api.clone(), "estimated".to_owned())).or_default() += 1;
                wrong.extend(differences(&row, &estimate.usage));
            }
            continue;
        };
        wrong.extend(differences(&row, usage));
        let asked = (exchange.method.clone(), exchange.operation.clone().unwrap_or_default());
        *operations.entry((row.api.clone(), asked.0, asked.1)).or_default() += 1;
        let outcome = match prices.price(&exchange) {
            Ok(priced) => format!("has a cost, {}", priced.source.as_str()),
            Err(why) => {
                let provider = exchange.provider.as_deref().unwrap_or("nobody");
                let model = exchange.request.model.as_deref().unwrap_or_default();
                format!("none: {why} ({provider} {model})")
            }
        };
        *told.entry((row.api.clone(), outcome)).or_default() += 1;
        let uncounted = Exchange { usage: None, ..exchange.clone() };
        let estimated = tokens::estimate(&uncounted, &counter).and_then(|had| had.usage.input);
        if let (Some(ours), Some(theirs)) = (estimated, usage.input.filter(|count| *count > 0)) {
            let ratio = ours as f64 / theirs as f64;
            ratios.entry(row.api.clone()).or_default().push(ratio);
        }
    }
    println!("with usage: {operations:#?}");
    for ((api, outcome), count) in &told {
        println!("{count:>5}  {api:<28} {outcome}");
    }
    for (api, ratios) in &mut ratios {
        ratios.sort_by(f64::total_cmp);
        let at = |percent: usize| ratios[(ratios.len() * percent / 100).min(ratios.len() - 1)];
        println!(
            "estimate / count  {api:<28} n {:>5}  p5 {:.2}  p50 {:.2}  p95 {:.2}",
            ratios.len(),
            at(5),
            at(50),
            at(95)
        );
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

/// What is not as it should be in the buckets of `usage`.
fn differences(row: &Row, usage: &Usage) -> Vec<String> {
    let had = usage.buckets();
    let sum = |counts: &[Option<u64>]| counts.iter().flatten().sum::<u64>();
    let input = sum(&[
        had.input_uncached,
        had.cache_read,
        had.cache_write_5m,
        had.cache_write_1h,
        had.input_audio,
        had.input_image,
    ]);
    let output = sum(&[had.output_visible, had.reasoning, had.output_audio, had.output_image]);
    let mut wrong = Vec::new();
    if input != usage.input.unwrap_or_default() || output != usage.output.unwrap_or_default() {
        wrong.push(format!("{}: {had:?} are not {usage:?}", row.id));
    }
    wrong
}

fn exchange(row: &Row, read: Read) -> Exchange {
    let decoded = read.decoded;
    let local = || providers::local_provider_of(row.path(), row.address().1);
    let scheme = if row.is_https() { "https" } else { "http" };
    Exchange {
        id: Uuid::nil(),
        flow: Uuid::nil(),
        thread: None,
        thread_rule: None,
        parent: None,
        inherited: None,
        state: if decoded.error.is_some() { State::Failed } else { State::Complete },
        started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        first_byte_ms: None,
        first_token_ms: None,
        duration_ms: None,
        app: App::default(),
        provider: providers::provider_of(row.host()).or_else(local).map(str::to_owned),
        dialect: Some(read.dialect.to_owned()),
        operation: Some(read.operation.to_owned()),
        origin: format!("{scheme}://{}", row.authority()),
        method: row.method.clone(),
        path: row.path().to_owned(),
        http_version: "HTTP/1.1".to_owned(),
        status: row.status,
        streamed: row.streaming,
        request: decoded.request,
        reply: Some(decoded.reply),
        usage: decoded.usage,
        cost_usd: decoded.cost_usd,
        cost_source: decoded.cost_source,
        error: decoded.error,
        notes: Vec::new(),
        annotations: Annotations::default(),
    }
}
