//! What changed between two prompts, as `overhear diff` tells it.

use std::time::Instant;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::params::Params;
use super::prompts::{self, TextRow};
use super::{Answer, LIMIT, LIMIT_MAX, Page, Shared};
use crate::model::ThreadRule;
use crate::query::Product;
use crate::query::diff::{Difference, PATIENCE, Section, Side, SideError, Source};
use crate::store::{Kind, Listed, Reader, StoreError, short_id};
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/diff", get(diff)).route("/diff/candidates", get(candidates))
}

/// What is compared.
#[derive(Debug, Deserialize)]
struct Asked {
    /// The old side; without `b` the new one.
    a: String,
    /// The new side; without it `a` is compared with the turn before it.
    b: Option<String>,
    /// Sections, with commas between them; all if it is empty.
    #[serde(default)]
    only: String,
}

/// Two sides and what differs.
#[derive(Debug, Serialize)]
struct Told {
    old: Head,
    new: Head,
    alike: bool,
    /// Sections that were compared.
    sections: Vec<&'static str>,
    difference: Difference,
}

/// A side in a few words.
#[derive(Debug, Serialize)]
struct Head {
    /// What finds it again: an exchange's id, or `@12`.
    label: String,
    short: String,
    /// `exchange`, `system` or `tools`.
    kind: &'static str,
    app: Option<String>,
    model: Option<String>,
    at: Option<Timestamp>,
    thread: Option<String>,
    /// Its number in the thread, from 1.
    turn: Option<usize>,
    /// Turns of the thread.
    turns: Option<usize>,
    first_words: Option<String>,
    system_bytes: Option<usize>,
    tools: usize,
    messages: usize,
}

/// `GET /api/diff`: what changed.
async fn diff(State(api): State<Shared>, Params(asked): Params<Asked>) -> Answer<Told> {
    let only = sections(&asked.only)?;
    api.ask(move |reader| {
        let b = asked.b.as_deref().filter(|b| !b.is_empty());
        let (old, new) = Side::pair(reader, &asked.a, b)?;
        let mut sections = Side::common(&old, &new)?;
        if !only.is_empty() {
            sections.retain(|section| only.contains(section));
        }
        let deadline = Instant::now() + PATIENCE;
        let difference = Difference::between(&old.request, &new.request, &sections, deadline);
        Ok(Told {
            old: Head::of(reader, &old)?,
            new: Head::of(reader, &new)?,
            alike: difference.is_alike(),
            sections: sections.into_iter().map(Section::as_str).collect(),
            difference,
        })
    })
    .await
    .map(Json)
}

fn sections(words: &str) -> Result<Vec<Section>, ApiError> {
    let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
    let found = words.map(|word| {
        Section::ALL.into_iter().find(|section| section.as_str() == word).ok_or_else(|| {
            ApiError::wrong(format!(
                "there is no section `{word}`\nhint: one of model, params, system, tools, messages"
            ))
        })
    });
    found.collect()
}

impl Head {
    fn of(reader: &Reader, side: &Side) -> Result<Self, StoreError> {
        let request = &side.request;
        let head = Self {
            label: side.label(),
            short: side.short(),
            kind: "exchange",
            app: None,
            model: request.model.clone(),
            at: None,
            thread: None,
            turn: None,
            turns: None,
            first_words: None,
            system_bytes: request.system.as_ref().map(String::len),
            tools: request.tools.len(),
            messages: request.messages.len(),
        };
        let listed = match &side.source {
            Source::Exchange(listed) => listed,
            Source::Prompt { kind, .. } => return Ok(Self { kind: kind.as_str(), ..head }),
        };
        let turns = same_turns(reader, listed)?;
        let turn = turns.iter().position(|turn| turn.seq == listed.seq);
        Ok(Self {
            app: Some(Product::of(&listed.app).name).filter(|name| !name.is_empty()),
            at: Some(listed.started_at),
            thread: listed.thread.clone(),
            turn: turn.map(|at| at + 1),
            turns: Some(turns.len()),
            first_words: listed.first_words.clone(),
            ..head
        })
    }
}

/// The exchanges of a thread that asked for the same as `listed`: what is beside a conversation
/// is no turn of it.
fn same_turns(reader: &Reader, listed: &Listed) -> Result<Vec<Listed>, StoreError> {
    let is_beside = |turn: &Listed| turn.thread_rule == Some(ThreadRule::About);
    let mut turns = reader.thread_of(listed.seq)?;
    turns.retain(|turn| {
        let is_same = turn.operation == listed.operation && is_beside(turn) == is_beside(listed);
        turn.seq == listed.seq || turn.dialect.is_some() && is_same
    });
    Ok(turns)
}

/// With what.
#[derive(Debug, Deserialize)]
struct With {
    /// The side that is to be compared.
    a: String,
    after: Option<String>,
    limit: Option<usize>,
}

/// What a side could be compared with.
#[derive(Debug, Serialize)]
struct Candidate {
    /// What names it: an exchange's id, or `@12`.
    label: String,
    short: String,
    at: Timestamp,
    /// Number of the turn in its thread, from 1.
    turn: Option<usize>,
    model: Option<String>,
    /// Of its prompt.
    tokens: Option<u64>,
    first_words: Option<String>,
    /// Whether it is the turn that `a` continues.
    before: bool,
    /// Whether it is `a` itself.
    own: bool,
}

/// `GET /api/diff/candidates`: turns of the same thread, or texts of the same prompt, the oldest
/// first. `after` is how many were had.
async fn candidates(
    State(api): State<Shared>,
    Params(with): Params<With>,
) -> Answer<Page<Candidate>> {
    let had: usize = match with.after.as_deref() {
        Some(after) => {
            after.parse().map_err(|_| ApiError::wrong("`after` is no place in this list"))?
        }
        None => 0,
    };
    let limit = with.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let all = api
        .ask(move |reader| match with.a.strip_prefix('@') {
            Some(_) => of_prompt(reader, &with.a),
            None => of_exchange(reader, &with.a),
        })
        .await?;
    let more = all.len() > had.saturating_add(limit);
    let items = all.into_iter().skip(had).take(limit).collect();
    Ok(Json(Page { items, next: more.then(|| (had + limit).to_string()) }))
}

fn of_exchange(reader: &Reader, words: &str) -> Result<Vec<Candidate>, ApiError> {
    let (seq, _) = reader.find(words)?;
    let listed = reader.listed(seq)?.ok_or(SideError::Gone)?;
    let before = reader.turn_before(seq)?;
    let turns = same_turns(reader, &listed)?.into_iter().enumerate();
    let mut candidates: Vec<Candidate> = turns
        .map(|(at, turn)| Candidate {
            turn: Some(at + 1),
            before: Some(turn.seq) == before,
            own: turn.seq == seq,
            ..Candidate::of(turn)
        })
        .collect();
    // A sub-agent's first turn continues one of another thread.
    if let Some(before) = before.filter(|_| !candidates.iter().any(|turn| turn.before))
        && let Some(turn) = reader.listed(before)?
    {
        candidates.insert(0, Candidate { before: true, ..Candidate::of(turn) });
    }
    Ok(candidates)
}

impl Candidate {
    fn of(turn: Listed) -> Self {
        Self {
            label: turn.id.to_string(),
            short: short_id(turn.id),
            at: turn.started_at,
            turn: None,
            model: turn.request_model,
            tokens: turn.usage.input,
            first_words: turn.first_words,
            before: false,
            own: false,
        }
    }
}

fn of_prompt(reader: &Reader, words: &str) -> Result<Vec<Candidate>, ApiError> {
    let side = Side::of_prompt(reader, words)?;
    let (id, kind) = match side.source {
        Source::Prompt { id, kind } => (id, kind),
        Source::Exchange(_) => (0, Kind::System),
    };
    let editions = prompts::editions_of(reader, kind, id)?;
    let texts = editions.iter().flat_map(|prompt| &prompt.variants);
    let mut candidates: Vec<Candidate> = texts
        .map(|text| {
            let TextRow { id: label, first, begins, .. } = TextRow::of(text);
            Candidate {
                short: label.clone(),
                own: text.id == id,
                label,
                at: first,
                turn: None,
                model: None,
                tokens: None,
                first_words: Some(begins),
                before: false,
            }
        })
        .collect();
    candidates.sort_by(|a, b| (a.at, &a.label).cmp(&(b.at, &b.label)));
    candidates.dedup_by(|a, b| a.label == b.label);
    Ok(candidates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn turns_of_the_thread_are_candidates() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        let found = of_exchange(&capture.reader(), &turn(1).id.to_string()).unwrap();
        let told: Vec<_> = found.iter().map(|c| (c.turn, c.before, c.own)).collect();
        let expected = [(Some(1), true, false), (Some(2), false, true), (Some(3), false, false)];
        assert_eq!(told, expected);
    }

    #[test]
    fn texts_of_the_prompt_are_candidates() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1)]);
        let reader = capture.reader();
        let uses = reader.prompt_uses(Kind::System, &Selection::default()).unwrap();
        let name = format!("@{}", uses[0].message);
        let found = of_prompt(&reader, &name).unwrap();
        assert!(found.iter().any(|c| c.own && c.label == name), "{found:?}");
    }

    #[test]
    fn sections_are_named() {
        assert_eq!(sections("system, tools,").unwrap(), [Section::System, Section::Tools]);
        assert!(sections("").unwrap().is_empty());
        assert!(sections("system,odd").is_err());
    }
}
