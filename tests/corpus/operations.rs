//! The operations beside the conversation: claimed, read whole and in pieces alike, and their
//! words found again.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde_json::{Value, json};

use super::Row;
use crate::golden::replay;

/// Families of the corpus, each with the dialects that may read it.
const FAMILIES: [(&str, &[&str]); 22] = [
    ("openai.chat", &["openai.chat"]),
    ("anthropic.messages", &["anthropic.messages"]),
    ("anthropic.count_tokens", &["anthropic.messages"]),
    ("openai.completions", &["openai.completions"]),
    ("openai.embeddings", &["openai.embeddings"]),
    ("voyage.embeddings", &["openai.embeddings"]),
    ("openai.rerank", &["openai.rerank"]),
    ("voyage.rerank", &["openai.rerank"]),
    ("openai.images", &["openai.images"]),
    ("openai.audio", &["openai.audio"]),
    ("xai.other", &["openai.audio"]),
    ("openai.moderations", &["openai.moderations"]),
    ("openai.files", &["openai.files"]),
    ("openai.batches", &["openai.batches"]),
    ("openai.videos", &["openai.videos"]),
    ("openai.models", &["openai.models", "openai.embeddings"]),
    ("openai.threads", &["openai.threads"]),
    ("openai.assistants", &["openai.assistants"]),
    ("anthropic.complete", &["anthropic.complete"]),
    ("anthropic.batches", &["anthropic.batches"]),
    ("anthropic.files", &["anthropic.files"]),
    ("anthropic.models", &["anthropic.models"]),
];

/// Most differences that are printed.
const SHOWN_MAX: usize = 40;

#[test]
fn recorded_operations_are_read_right() {
    let Some(rows) = super::all_rows() else { return };
    let mut out =
        std::env::var_os("OVERHEAR_DUMP").map(|path| BufWriter::new(File::create(path).unwrap()));
    let mut wrong = Vec::new();
    for row in rows {
        let body = row.request_body();
        let asked = row.asked(&body);
        let Some((_, dialects)) = FAMILIES.iter().find(|(api, _)| *api == row.api) else {
            let claimed = overhear::dialect::claim(&asked).map(|(dialect, _)| dialect.name());
            if row.api == "non-llm" && claimed.is_some_and(|dialect| dialect != "unknown") {
                wrong.push(format!("{}: {} is claimed by {claimed:?}", row.id, row.path()));
            }
            continue;
        };
        let reply = row.reply();
        let Some(read) = replay::read(&asked, reply.as_ref(), usize::MAX) else {
            wrong.push(format!("{}: no dialect claims {} {}", row.id, row.method, row.path()));
            continue;
        };
        if !dialects.contains(&read.dialect) {
            wrong.push(format!("{}: {} is read as {}", row.id, row.api, read.dialect));
        }
        let is_failure = row.status.is_some_and(|status| status >= 400);
        if reply.is_some() && is_failure != read.decoded.error.is_some() && row.api != "openai.chat"
        {
            wrong.push(format!("{}: {:?} but error {:?}", row.id, row.status, read.decoded.error));
        }
        if row.api != "openai.chat" && !row.api.starts_with("anthropic.messages") {
            for piece in [1, 7, 1000] {
                if replay::read(&asked, reply.as_ref(), piece).as_ref() != Some(&read) {
                    wrong.push(format!("{}: in pieces of {piece} it is another", row.id));
                }
            }
            wrong.extend(missing_words(&row, &body, &read.decoded));
        }
        if let Some(out) = &mut out {
            let line = json!({
                "id": row.id, "api": row.api, "dialect": read.dialect,
                "operation": read.operation, "is_complete": read.is_complete,
                "followed": read.followed, "decoded": read.decoded,
            });
            writeln!(out, "{line}").unwrap();
        }
    }
    let shown: Vec<&String> = wrong.iter().take(SHOWN_MAX).collect();
    assert!(wrong.is_empty(), "{} wrong: {shown:#?}", wrong.len());
}

/// Words of the request's and the reply's JSON that the exchange has nowhere.
fn missing_words(row: &Row, request: &[u8], decoded: &overhear::dialect::Decoded) -> Vec<String> {
    let found = serde_json::to_string(decoded).unwrap();
    let mut texts = Vec::new();
    let reply = row.reply().map(|reply| reply.body).unwrap_or_default();
    for body in [request, &reply[..]] {
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            collect(&value, &mut texts);
        }
    }
    texts
        .into_iter()
        .filter(|text| !found.contains(text.trim_matches('"')))
        .map(|text| format!("{}: {:.60} is nowhere", row.id, text))
        .collect()
}

/// Texts of some length that are words, as JSON.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text)
            if text.contains(' ')
                && text.len() < 100_000
                && serde_json::from_str::<Value>(text).is_err() =>
        {
            texts.push(serde_json::to_string(text).unwrap());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}
