#![cfg(test)]
//! Recorded traffic of many providers, if it lies beside the repository: everything that the
//! dialects claim is read, whole and in pieces, and compared with a plain reading of its own.

mod plain;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use overhear::dialect::Asked;
use overhear::model::Headers;
use serde::Deserialize;

use crate::golden::replay::{self, Wire};

/// One recorded exchange.
#[derive(Deserialize)]
struct Row {
    id: String,
    api: String,
    method: String,
    url: String,
    status: Option<u16>,
    req_headers: Headers,
    resp_headers: Headers,
    req_body_b64: Option<String>,
    resp_body_b64: Option<String>,
    req_recorded: Option<bool>,
    resp_recorded: Option<bool>,
}

#[derive(Default)]
struct Tally {
    exchanges: usize,
    exact: usize,
    with_notes: usize,
    failed: usize,
}

const APIS: [&str; 3] = ["openai.chat", "anthropic.messages", "anthropic.count_tokens"];

#[test]
fn recorded_traffic_is_read_right() {
    let files = files();
    if files.is_empty() {
        println!("skipped: there is no corpus beside the repository");
        return;
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for file in &files {
        for line in BufReader::new(GzDecoder::new(File::open(file).unwrap())).lines() {
            let row: Row = serde_json::from_str(&line.unwrap()).unwrap();
            if APIS.contains(&row.api.as_str()) {
                check(&row, tallies.entry(row.api.clone()).or_default());
            }
        }
    }
    println!(
        "{:<24} {:>9} {:>9} {:>10} {:>7}",
        "dialect", "exchanges", "exact", "with notes", "failed"
    );
    for (api, tally) in &tallies {
        println!(
            "{api:<24} {:>9} {:>9} {:>10} {:>7}",
            tally.exchanges, tally.exact, tally.with_notes, tally.failed
        );
    }
    assert_eq!(tallies.values().map(|tally| tally.failed).sum::<usize>(), 0);
}

fn check(row: &Row, tally: &mut Tally) {
    tally.exchanges += 1;
    let (_, rest) = row.url.split_once("://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let body = decoded(&row.req_body_b64);
    let asked = Asked {
        method: &row.method,
        host: host.split(':').next().unwrap(),
        path,
        headers: &row.req_headers,
        body: &body,
    };
    let reply = (row.resp_recorded != Some(false)).then(|| Wire {
        line: format!("HTTP/1.1 {} -", row.status.unwrap_or(200)),
        headers: row.resp_headers.clone(),
        body: decoded(&row.resp_body_b64),
    });
    let Some(read) = replay::read(&asked, reply.as_ref(), usize::MAX) else {
        println!("{}: no dialect claims {} {}", row.id, row.method, row.url);
        tally.failed += 1;
        return;
    };
    let mut wrong = Vec::new();
    for piece in [1, 7, 1000] {
        if replay::read(&asked, reply.as_ref(), piece).as_ref() != Some(&read) {
            wrong.push(format!("in pieces of {piece} it is another exchange"));
        }
    }
    let expected = plain::Plain::of_wire(&body, reply.as_ref());
    let found = plain::Plain::of_decoded(&read.decoded);
    wrong.extend(expected.differences(&found));
    let mut notes = read.decoded.notes.clone();
    if row.req_recorded == Some(false) {
        notes.retain(|note| note != "the request has no body");
    }
    match (wrong.is_empty(), notes.is_empty()) {
        (true, true) => tally.exact += 1,
        (true, false) => {
            println!("{}: {}", row.id, notes.join("; "));
            tally.with_notes += 1;
        }
        (false, _) => {
            println!("{} {}: {}", row.id, row.url, wrong.join("; "));
            tally.failed += 1;
        }
    }
}

fn decoded(base64: &Option<String>) -> Vec<u8> {
    BASE64_STANDARD.decode(base64.as_deref().unwrap_or_default()).unwrap()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    files
}
