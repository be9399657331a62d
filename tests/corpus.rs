#![cfg(test)]
//! Recorded traffic of many providers, if it lies beside the repository: everything that the
//! dialects claim is read whole, in pieces and cut off, and compared with a plain reading of
//! its own where there is one.

mod money;
pub mod operations;
pub mod plain;
mod row;
pub mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use overhear::dialect::{self, Asked};
use overhear::model::Part;

use crate::golden::replay::{self, Read, Wire};
use crate::support::chance::Chance;
use plain::Plain;
pub use row::Row;
use table::{Outcome, Table};

/// The pieces in which replies are read again, and the longest reply that is: small pieces of
/// long ones would take minutes.
const PIECES: [(usize, usize); 3] = [(1, 32 << 10), (7, 256 << 10), (1000, usize::MAX)];

/// How often each reply is cut off.
const CUTS: usize = 2;

#[test]
fn recorded_traffic_is_read_right() {
    let Some(rows) = all_rows() else { return };
    let mut table = Table::new("format and dialect");
    let mut unclaimed: BTreeMap<String, usize> = BTreeMap::new();
    for (number, row) in rows.enumerate() {
        let body = row.request_body();
        let asked = row.asked(&body);
        let Some((dialect, _)) = dialect::claim(&asked) else {
            let what = format!("no dialect claims {} {}", row.method, row.path());
            if Plain::of(&row, &body, None).is_some() {
                let id = row.id.clone();
                let outcome = Outcome { id, wrong: vec![what], notes: Vec::new() };
                table.count(&row.api, "none", outcome);
            }
            *unclaimed.entry(row.api).or_default() += 1;
            continue;
        };
        // A panic shall not hide what is wrong with the rows behind.
        let checked = catch_unwind(AssertUnwindSafe(|| match row.said() {
            said if said.is_empty() => check(number, &row, &body, &asked),
            said => check_socket(&asked, &said),
        }));
        let panicked = |_| (vec!["a panic".to_owned()], Vec::new());
        let (wrong, notes) = checked.unwrap_or_else(panicked);
        table.count(&row.api, dialect.name(), Outcome { id: row.id, wrong, notes });
    }
    table.print();
    println!("unclaimed: {unclaimed:?}");
    assert_eq!(table.failed(), 0);
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

/// What is wrong, and the notes.
type Checked = (Vec<String>, Vec<String>);

fn check(number: usize, row: &Row, body: &[u8], asked: &Asked<'_>) -> Checked {
    let reply = row.reply();
    let read = |reply: Option<&Wire>, piece| replay::read(asked, reply, piece).unwrap();
    let whole = read(reply.as_ref(), usize::MAX);
    let mut wrong = Vec::new();
    for (piece, longest) in PIECES {
        let is_short = reply.as_ref().is_some_and(|reply| reply.body.len() <= longest);
        if is_short && read(reply.as_ref(), piece) != whole {
            wrong.push(format!("in pieces of {piece} it is another exchange"));
        }
    }
    if let Some(mut reply) = reply.clone().filter(|reply| !reply.body.is_empty()) {
        let mut chance = Chance::new(number as u64);
        for _ in 0..CUTS {
            reply.body.truncate(chance.of(0..reply.body.len().max(1)));
            wrong.extend(cut_off(&whole, &reply, chance.of(1..2000), read));
        }
    }
    if let Some(expected) = Plain::of(row, body, reply.as_ref()) {
        wrong.extend(expected.differences(&Plain::of_decoded(&whole.decoded)));
    }
    let mut notes = whole.decoded.notes;
    if row.req_recorded == Some(false) {
        notes.retain(|note| note != "the request has no body");
    }
    (wrong, notes)
}

/// What is wrong with the reading of a reply that was cut off.
fn cut_off(
    whole: &Read,
    reply: &Wire,
    piece: usize,
    read: impl Fn(Option<&Wire>, usize) -> Read,
) -> Option<String> {
    let at = reply.body.len();
    let cut = read(Some(reply), usize::MAX);
    if read(Some(reply), piece) != cut {
        return Some(format!("cut off at {at} and in pieces of {piece} it is another exchange"));
    }
    // It guesses the format from what came, and may guess otherwise from less.
    if whole.dialect == "unknown" {
        return None;
    }
    // A character that was cut is replaced.
    let words = cut.followed.trim_end_matches(char::REPLACEMENT_CHARACTER);
    (!whole.followed.starts_with(words) && !is_thought(words, whole))
        .then(|| format!("cut off at {at} the answer has other words: {words:?}"))
}

/// Whether `words` go on in the reasoning: Gemini says behind a text that it was a thought.
fn is_thought(words: &str, whole: &Read) -> bool {
    let both = words.bytes().zip(whole.followed.bytes());
    let same = both.take_while(|(one, other)| one == other).count();
    let beyond = words.get(same..).unwrap_or_default();
    whole
        .decoded
        .reply
        .choices
        .iter()
        .flat_map(|choice| &choice.parts)
        .any(|part| matches!(part, Part::Reasoning { text, .. } if text.contains(beyond)))
}

/// A socket has no plain reading: the whole of it and its beginnings are read.
fn check_socket(asked: &Asked<'_>, said: &[replay::Said]) -> Checked {
    let turns = replay::converse(asked, said).unwrap_or_default();
    let mut wrong = Vec::new();
    if !turns.iter().any(|turn| turn.is_complete) {
        wrong.push(format!("no turn is complete: {turns:?}"));
    }
    for cut in 0..said.len() {
        let begun = replay::converse(asked, &said[..cut]).unwrap_or_default();
        if begun.len() > turns.len() {
            wrong.push(format!("{cut} messages are more turns than all of them"));
        }
    }
    let notes = turns.into_iter().flat_map(|turn| turn.decoded.notes);
    (wrong, notes.collect())
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
