//! Asking the index which messages have what is needed.

use std::collections::HashMap;

use memchr::memmem::Finder;
use rusqlite::Connection;

use super::fill::last_indexed;
use super::vocabulary::Alphabet;
use super::words::NOISE;
use super::{Need, Piece};
use crate::store::StoreError;

/// Most words that contain a part. What is a part of more is asked for by its other parts; a
/// text with any of so many words is found by looking through all texts as soon.
const WORDS_MAX: usize = 512;

/// With no more messages than this, whole words alone have told enough: looking through the
/// vocabulary for parts of words takes as long as looking through these messages.
const FEW: usize = 256;

/// What the index knows of a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The messages that may have it, among those that are indexed, descending. `None`: any may.
    pub ids: Option<Vec<i64>>,
    /// The last message that is indexed; those after it may have it as well.
    pub indexed: i64,
}

/// The messages that may have what is needed.
pub(in crate::store) fn candidates(
    conn: &Connection,
    need: &Need,
) -> Result<Candidates, StoreError> {
    // One view: words, vocabulary and the mark of what is indexed belong together.
    let tx = conn.unchecked_transaction()?;
    let indexed = last_indexed(&tx)?;
    let mut parts = Parts::new();
    collect(need, &mut parts);
    let known = expression(need, &parts);
    if let Some(known) = &known
        && !parts.is_empty()
    {
        let few = messages(&tx, known, indexed, FEW + 1)?;
        if few.len() <= FEW {
            return Ok(Candidates { ids: Some(few), indexed });
        }
    }
    let asked = if parts.is_empty() {
        known
    } else {
        look_up(&tx, &mut parts)?;
        expression(need, &parts)
    };
    let ids = asked.map(|asked| messages(&tx, &asked, indexed, usize::MAX)).transpose()?;
    Ok(Candidates { ids, indexed })
}

/// Parts of words, and the words that contain them; `None` if those are too many, or not
/// looked for yet.
type Parts = HashMap<String, Option<Vec<String>>>;

fn collect(need: &Need, parts: &mut Parts) {
    match need {
        Need::Nothing | Need::Word(Piece::Word(_)) => {}
        Need::Word(Piece::Part(part)) => _ = parts.insert(part.clone(), None),
        Need::All(needs) | Need::Any(needs) => {
            for need in needs {
                collect(need, parts);
            }
        }
    }
}

/// Looks for all of `parts` in one pass through the vocabulary.
fn look_up(conn: &Connection, parts: &mut Parts) -> Result<(), StoreError> {
    let alphabets = parts.keys().fold(0, |bits, part| bits | Alphabet::with(part));
    let mut sought: Vec<_> = parts
        .keys()
        .map(|part| (Finder::new(part.as_bytes()).into_owned(), part.clone(), Vec::new()))
        .collect();
    let mut statement =
        conn.prepare_cached("SELECT words FROM vocabulary WHERE ?1 >> alphabet & 1")?;
    let mut rows = statement.query([alphabets])?;
    while let Some(row) = rows.next()?
        && !sought.is_empty()
    {
        let words = row.get_ref(0)?.as_blob().map_err(StoreError::corrupt)?;
        for (finder, _, found) in &mut sought {
            push_words(words, finder, found);
        }
        sought.retain(|(_, _, found)| found.len() <= WORDS_MAX);
    }
    for (_, part, mut words) in sought {
        words.sort_unstable();
        words.dedup();
        parts.insert(part, Some(words));
    }
    Ok(())
}

/// Appends the words of a row of the vocabulary in which `finder` finds its part.
fn push_words(row: &[u8], finder: &Finder<'_>, found: &mut Vec<String>) {
    let mut from = 0;
    while let Some(rest) = row.get(from..)
        && let Some(at) = finder.find(rest)
        && found.len() <= WORDS_MAX
    {
        // The part may begin or end with the LF at the word's edge.
        let part = rest.get(at..at + finder.needle().len()).unwrap_or_default();
        let inside = from + at + usize::from(part.first() == Some(&b'\n'));
        let before = row.get(..inside).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(0, |lf| lf + 1);
        let after = row.get(inside..).unwrap_or_default();
        let end = inside + memchr::memchr(b'\n', after).unwrap_or(after.len());
        if let Some(Ok(word)) = row.get(start..end).map(std::str::from_utf8) {
            found.push(word.to_owned());
        }
        from = end;
    }
}

/// The need in the language of FTS5; `None` if any message may have it.
fn expression(need: &Need, parts: &Parts) -> Option<String> {
    match need {
        Need::Nothing => None,
        Need::Word(piece) => {
            let words = match piece {
                Piece::Word(word) => std::slice::from_ref(word),
                Piece::Part(part) => parts.get(part)?.as_ref()?.as_slice(),
            };
            let noise = piece.may_be_noise().then(|| NOISE.to_owned());
            let quoted: Vec<_> = words.iter().chain(&noise).map(|w| format!("\"{w}\"")).collect();
            match quoted.is_empty() {
                // No message has it: a word that is none, for no word is an empty list to FTS5.
                true => Some("\"·\"".to_owned()),
                false => Some(format!("({})", quoted.join(" OR "))),
            }
        }
        Need::All(needs) => {
            let known: Vec<_> = needs.iter().filter_map(|need| expression(need, parts)).collect();
            (!known.is_empty()).then(|| format!("({})", known.join(" AND ")))
        }
        Need::Any(needs) => {
            let known: Option<Vec<_>> = needs.iter().map(|need| expression(need, parts)).collect();
            known.map(|known| format!("({})", known.join(" OR ")))
        }
    }
}

/// The indexed messages that fit, descending; at most `limit`.
fn messages(
    conn: &Connection,
    expression: &str,
    indexed: i64,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid <= ?2 ORDER BY rowid DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids = statement.query_map((expression, indexed, limit), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}
