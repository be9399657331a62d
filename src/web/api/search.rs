//! Searching texts, as `overhear grep` does.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use uuid::Uuid;

use super::params::Params;
use super::row::Row;
use super::{Answer, Page, Paged, Shared};
use crate::query::{Every, FoundLine, Grep, Hit};
use crate::store::StoreError;
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/search", get(search))
}

/// Characters of a line that are shown before and after a hit.
const AROUND_CHARS: usize = 120;

/// A line that was found.
#[derive(Debug, Serialize)]
pub(super) struct FoundHit {
    /// The newest exchange that has it.
    exchange: Row,
    /// Who says it.
    role: String,
    /// Which list of the exchange it stands in.
    place: &'static str,
    /// Its index there.
    index: u32,
    /// Number of the line in its text, from 1.
    line: usize,
    /// The line around the first hit, in pieces.
    pieces: Vec<Piece>,
    /// Exchanges that have the same message.
    count: usize,
    /// The oldest of them.
    first: Uuid,
}

/// A piece of a line.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Piece {
    text: String,
    hit: bool,
}

/// Says so when an answer is dropped before it was given.
#[derive(Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why a search was broken off.
enum Broken {
    Enough,
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// `GET /api/search`: hits, the texts captured last first. `after` is how many were had.
async fn search(State(api): State<Shared>, Params(paged): Params<Paged>) -> Answer<Page<FoundHit>> {
    let query = paged.query().await?;
    let Some(pattern) = query.pattern.clone() else {
        return Err(ApiError::wrong("the search has no words\nhint: /api/exchanges lists without"));
    };
    let had: usize = match &paged.after {
        Some(after) => {
            after.parse().map_err(|_| ApiError::wrong("`after` is no place in a search"))?
        }
        None => 0,
    };
    let limit = paged.limit();
    // Whoever types on asks anew: this answer is dropped then, and the search shall end too.
    let unwanted = Unwanted::default();
    let stop = Arc::clone(&unwanted.0);
    let (items, more) = api
        .ask(move |reader| {
            let (mut items, mut seen, mut more) = (Vec::new(), 0, false);
            let grep = Grep::new(reader, &pattern, &query.filter, 0, Every::Newest)?
                .with(&query.also)
                .until(&stop);
            let searched = grep.run(|hit| {
                seen += 1;
                if seen <= had {
                    return Ok(());
                }
                if items.len() == limit {
                    more = true;
                    return Err(Broken::Enough);
                }
                items.push(FoundHit::of(hit));
                Ok(())
            });
            match searched {
                Ok(()) | Err(Broken::Enough) => Ok((items, more)),
                Err(Broken::Store(error)) => Err(error.into()),
            }
        })
        .await?;
    let next = more.then(|| (had + items.len()).to_string());
    Ok(Json(Page { items, next }))
}

impl FoundHit {
    fn of(hit: Hit) -> Self {
        Self {
            role: hit.role.as_str().to_owned(),
            place: hit.place.as_str(),
            index: hit.index,
            line: hit.found.number,
            pieces: pieces(&hit.found),
            count: hit.count,
            first: hit.first.exchange,
            exchange: Row::of(hit.exchange),
        }
    }
}

/// The line around its first hit, cut where a hit begins or ends.
fn pieces(found: &FoundLine) -> Vec<Piece> {
    let line = &found.line;
    let first = found.ranges.first().cloned().unwrap_or(0..0);
    let from = back(line, first.start, AROUND_CHARS);
    let to = forth(line, first.end, AROUND_CHARS);
    let mut pieces = Vec::new();
    let mut push = |range: Range<usize>, hit| {
        if let Some(text) = line.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Piece { text: text.to_owned(), hit });
        }
    };
    if from > 0 {
        push(0..0, false);
    }
    let mut at = from;
    for range in found.ranges.iter().filter(|range| range.start >= from && range.end <= to) {
        push(at..range.start, false);
        push(range.clone(), true);
        at = range.end;
    }
    push(at..to, false);
    if from > 0
        && let Some(first) = pieces.first_mut()
    {
        first.text.insert(0, '…');
    }
    if to < line.len()
        && let Some(last) = pieces.last_mut()
    {
        last.text.push('…');
    }
    pieces
}

/// The place `chars` characters before `at`.
fn back(line: &str, at: usize, chars: usize) -> usize {
    let before = line.get(..at).unwrap_or_default();
    before.char_indices().rev().nth(chars.saturating_sub(1)).map_or(0, |(at, _)| at)
}

/// The place `chars` characters after `at`.
fn forth(line: &str, at: usize, chars: usize) -> usize {
    let after = line.get(at..).unwrap_or_default();
    after.char_indices().nth(chars).map_or(line.len(), |(place, _)| at + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Case, Pattern, Syntax};

    #[test]
    fn a_line_is_shown_around_its_hit() {
        let pattern = Pattern::new("天气", Syntax::Literal, Case::Insensitive).unwrap();
        let long = format!("{}天气 and 天气{}", "前".repeat(300), "后".repeat(300));
        let lines = pattern.lines(&long, 0);
        let pieces = pieces(&FoundLine::from(lines.first().unwrap()));
        let hits: Vec<_> = pieces.iter().map(|piece| piece.hit).collect();
        assert_eq!(hits, [false, true, false, true, false]);
        assert!(pieces[0].text.starts_with("…前") && pieces[4].text.ends_with("后…"));
        assert_eq!(pieces[0].text.chars().count(), AROUND_CHARS + 1);
    }
}
