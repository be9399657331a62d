//! Looks for secrets in everything that is kept and printed.

use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::Stage;

/// Characters that a mark may show of a secret's end, and as many of its beginning, which may
/// be what all of its kind begin with.
const ENDS: usize = 6;

/// Everything that the product wrote or prints: where, and the bytes.
pub fn everything(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    files(&stage.data(), &mut all);
    files(stage.ram(), &mut all);
    files(&stage.home(""), &mut all);
    rows(&stage.data().join("capture.db"), &mut all);
    for words in [
        &["export"][..],
        &["ls", "-n", "1000"],
        &["ls", "--json", "-n", "1000"],
        &["grep", "."],
        &["grep", "--json", "."],
        &["leaks"],
        &["leaks", "--json"],
        &["threads"],
        &["prompts"],
        &["stats"],
    ] {
        let output = stage.overhear(words).output().unwrap();
        all.push((words.join(" "), [output.stdout, output.stderr].concat()));
    }
    for exchange in stage.exchanges() {
        let id = exchange["id"].as_str().unwrap();
        for more in
            [&["--headers", "--tools"][..], &["--json"], &["--raw", "request"], &["--raw", "reply"]]
        {
            let words = [&["show", id], more].concat();
            let output = stage.overhear(&words).output().unwrap().stdout;
            all.push((format!("{} {}", words.join(" "), exchange["path"]), output));
        }
    }
    all
}

/// The files below `folder`, whole.
pub fn files(folder: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, all),
            path => all.push((path.display().to_string(), fs::read(&path).unwrap_or_default())),
        }
    }
}

/// Every column of every row, decompressed where that needs no dictionary: `show --raw` reads
/// the rest.
fn rows(capture: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    let capture = Connection::open(capture).unwrap();
    // The tables behind a virtual one are in the list themselves.
    let mut tables = capture
        .prepare(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
        )
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables: Vec<String> = tables.map(Result::unwrap).collect();
    assert!(tables.len() > 5);
    for table in tables {
        let mut statement = capture.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(column).unwrap()
                else {
                    continue;
                };
                let plain =
                    zstd::bulk::decompress(bytes, 64 << 20).unwrap_or_else(|_| bytes.to_vec());
                all.push((format!("table {table}"), plain));
            }
        }
    }
}

/// Secrets by how each was sent, ready to be looked for.
pub struct Search<'a> {
    names: Vec<&'a str>,
    forms: AhoCorasick,
}

impl<'a> Search<'a> {
    /// Of each secret a part that is long enough to tell it, in the forms it can take.
    pub fn of(secrets: &'a [(String, String)]) -> Self {
        let mut names = Vec::new();
        let mut forms = Vec::new();
        for (name, secret) in secrets {
            for form in forms_of(secret) {
                names.push(name.as_str());
                forms.push(form);
            }
        }
        Self { names, forms: AhoCorasick::new(forms).unwrap() }
    }

    /// How each secret in `bytes` was sent: as they are, or with their escapes undone.
    pub fn names_in(&self, bytes: &[u8]) -> Vec<&'a str> {
        let plain = unescaped(bytes);
        let mut names: Vec<&str> = [bytes, &plain]
            .into_iter()
            .flat_map(|bytes| self.forms.find_iter(bytes))
            .map(|found| self.names[found.pattern().as_usize()])
            .collect();
        names.dedup();
        names
    }
}

fn forms_of(secret: &str) -> Vec<Vec<u8>> {
    let text = secret.as_bytes();
    let parts = [&text[..text.len() - ENDS], &text[ENDS..]];
    let coded = |part: &[u8]| {
        let groups = (0..3).map(|skipped| &part[skipped..]);
        let groups = groups.map(|part| &part[..part.len() / 3 * 3]);
        let coded =
            groups.flat_map(|part| [STANDARD_NO_PAD.encode(part), URL_SAFE_NO_PAD.encode(part)]);
        coded.map(String::into_bytes).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(|part| [vec![part.to_vec()], coded(part)].concat()).collect()
}

/// `bytes` without the escapes of JSON and URLs.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'\\', b'%', rest) {
        plain.extend(&rest[..at]);
        let escape = &rest[at..];
        let slashes = escape.iter().take_while(|byte| **byte == b'\\').count();
        let (digits, length) = match escape {
            [b'%', ..] => (escape.get(1..3), 3),
            _ if escape[slashes..].starts_with(b"u00") => {
                (escape.get(slashes + 3..slashes + 5), slashes + 5)
            }
            _ => (None, slashes),
        };
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &escape[length..];
            }
            None => rest = &escape[slashes.max(1)..],
        }
    }
    plain.extend(rest);
    plain
}
