#![cfg(test)]
//! Recorded traffic of many providers, if it lies beside the repository: everything that the
//! dialects claim is read, whole and in pieces, and compared with a plain reading of its own.

pub mod operations;
pub mod plain;

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
pub struct Row {
    pub id: String,
    pub api: String,
    pub method: String,
    url: String,
    pub status: Option<u16>,
    pub req_headers: Headers,
    pub resp_headers: Headers,
    req_body_b64: Option<String>,
    resp_body_b64: Option<String>,
    pub req_recorded: Option<bool>,
    pub resp_recorded: Option<bool>,
    /// The content coding that the recorded headers named.
    pub orig_content_encoding: Option<String>,
    resp_wire_b64: Option<String>,
}

impl Row {
    /// Host and, if the URL has one, port.
    pub fn authority(&self) -> &str {
        self.authority_and_path().0
    }

    pub fn host(&self) -> &str {
        self.authority().split(':').next().unwrap()
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.authority_and_path().1
    }

    /// The request as a dialect sees it.
    pub fn asked<'a>(&'a self, body: &'a [u8]) -> Asked<'a> {
        Asked {
            method: &self.method,
            host: self.host(),
            path: self.path(),
            headers: &self.req_headers,
            body,
        }
    }

    pub fn request_body(&self) -> Vec<u8> {
        decoded(&self.req_body_b64)
    }

    /// The reply, content coding undone, if it was recorded.
    pub fn reply(&self) -> Option<Wire> {
        (self.resp_recorded != Some(false)).then(|| Wire {
            line: format!("HTTP/1.1 {} -", self.status.unwrap_or(200)),
            headers: self.resp_headers.clone(),
            body: decoded(&self.resp_body_b64),
        })
    }

    /// The reply's body as it was on the wire, if the recorder kept it.
    pub fn encoded_reply(&self) -> Option<Vec<u8>> {
        self.resp_wire_b64.as_ref().map(|base64| BASE64_STANDARD.decode(base64).unwrap())
    }

    fn authority_and_path(&self) -> (&str, &str) {
        let (_, rest) = self.url.split_once("://").unwrap();
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    }
}

#[derive(Default)]
struct Tally {
    exchanges: usize,
    exact: usize,
    with_notes: usize,
    failed: usize,
}

const APIS: &[&str] = &[
    "openai.chat",
    "anthropic.messages",
    "anthropic.count_tokens",
    "openai.responses",
    "openai.responses.compact",
    "openai.responses.input_tokens",
    "openai.responses.other",
    "gemini.generateContent",
    "gemini.streamGenerateContent",
    "gemini.countTokens",
    "gemini.interactions",
];

#[test]
fn recorded_traffic_is_read_right() {
    let Some(rows) = rows() else { return };
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for row in rows {
        check(&row, tallies.entry(row.api.clone()).or_default());
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

/// Every recorded exchange in a format that a dialect reads; without a corpus, says so.
pub fn rows() -> Option<impl Iterator<Item = Row>> {
    all_rows().map(|rows| rows.filter(|row| APIS.contains(&row.api.as_str())))
}

/// Every recorded exchange; without a corpus, says so.
pub fn all_rows() -> Option<impl Iterator<Item = Row>> {
    let files = files();
    if files.is_empty() {
        println!("skipped: there is no corpus beside the repository");
        return None;
    }
    let rows = files.into_iter().flat_map(|file| {
        let lines = BufReader::new(GzDecoder::new(File::open(file).unwrap())).lines();
        lines.map(|line| serde_json::from_str::<Row>(&line.unwrap()).unwrap())
    });
    Some(rows)
}

fn check(row: &Row, tally: &mut Tally) {
    tally.exchanges += 1;
    let body = row.request_body();
    let asked = row.asked(&body);
    let reply = row.reply();
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
    let expected = match row.api.split_once('.') {
        Some(("openai", api)) if api.starts_with("responses") => {
            plain::Plain::of_responses(&body, reply.as_ref())
        }
        Some(("gemini", _)) => plain::Plain::of_gemini(row.path(), &body, reply.as_ref()),
        _ => plain::Plain::of_wire(&body, reply.as_ref()),
    };
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
