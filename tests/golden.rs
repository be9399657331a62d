#![cfg(test)]
//! Golden cases: `golden/DIALECT/CASE/{request.http, reply.http, exchange.json}`; for a
//! WebSocket `{request.http, socket.jsonl, exchanges.json}`.
//!
//! `OVERHEAR_BLESS=1` writes each `exchange.json` as it is read now.

pub mod replay;

use std::fs;
use std::path::{Path, PathBuf};

use overhear::dialect::Asked;
use replay::{Read, Said, Wire};
use serde_json::{Value, json};

/// Fewest cases: the test must not pass because it found none.
const CASES_MIN: usize = 25;

#[test]
fn every_case_is_read_as_it_was() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    for case in &cases {
        let request = Wire::parse(&fs::read(case.join("request.http")).unwrap());
        let (found, place) = match fs::read_to_string(case.join("socket.jsonl")) {
            Ok(lines) => (converse(case, &request, &lines), "exchanges.json"),
            Err(_) => (read_whole_and_bytewise(case, &request), "exchange.json"),
        };
        let place = case.join(place);
        if std::env::var_os("OVERHEAR_BLESS").is_some() {
            let text = serde_json::to_string_pretty(&found).unwrap();
            fs::write(&place, text + "\n").unwrap();
        }
        let expected: Value = match fs::read(&place) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => Value::Null,
        };
        if found != expected {
            let found = serde_json::to_string_pretty(&found).unwrap();
            wrong.push(format!("{} is read as {found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read_whole_and_bytewise(case: &Path, request: &Wire) -> Value {
    let asked = asked(request);
    let reply = fs::read(case.join("reply.http")).ok();
    let reply = reply.as_deref().map(Wire::parse);
    let whole = replay::read(&asked, reply.as_ref(), usize::MAX);
    let bytewise = replay::read(&asked, reply.as_ref(), 1);
    assert_eq!(whole, bytewise, "{}: one byte at a time", case.display());
    shown(&whole.unwrap_or_else(|| panic!("{}: unclaimed", case.display())))
}

fn converse(case: &Path, request: &Wire, lines: &str) -> Value {
    let read = replay::converse(&asked(request), &said(lines));
    let read = read.unwrap_or_else(|| panic!("{}: unclaimed", case.display()));
    read.iter().map(shown).collect()
}

/// The request as a dialect sees it.
pub fn asked(request: &Wire) -> Asked<'_> {
    let mut line = request.line.split(' ');
    Asked {
        method: line.next().unwrap(),
        path: line.next().unwrap(),
        host: request.header("host").unwrap_or_default(),
        headers: &request.headers,
        body: &request.body,
    }
}

fn shown(read: &Read) -> Value {
    json!({
        "dialect": read.dialect,
        "operation": read.operation,
        "is_complete": read.is_complete,
        "decoded": read.decoded,
    })
}

/// The cases with a WebSocket: dialect and name, the handshake, the messages.
pub fn sockets() -> Vec<([String; 2], Wire, Vec<Said>)> {
    let socket = |case: PathBuf| {
        let lines = fs::read_to_string(case.join("socket.jsonl")).ok()?;
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let names = [name(case.parent().unwrap()), name(&case)];
        let request = Wire::parse(&fs::read(case.join("request.http")).unwrap());
        Some((names, request, said(&lines)))
    };
    cases().into_iter().filter_map(socket).collect()
}

fn said(lines: &str) -> Vec<Said> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The folders of the cases, sorted.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> =
        folders(&root).iter().flat_map(|dialect| folders(dialect)).collect();
    cases.sort();
    cases
}

fn folders(of: &Path) -> Vec<PathBuf> {
    fs::read_dir(of)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect()
}
