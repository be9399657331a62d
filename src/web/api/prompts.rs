//! System prompts and sets of tools over time, as `overhear prompts` tells them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::params::Params;
use super::{Answer, Page, Paged, Shared, filters_alone, selection};
use crate::model::{Request, Tool};
use crate::query::Product;
use crate::query::Query;
use crate::query::diff::{Difference, Section, Side, Source};
use crate::query::prompts::{self, Prompt, Text};
use crate::store::{Calls, Content, Kind, Reader, Selection};
use crate::tokens::{Counter, Tokenizer};
use crate::web::error::ApiError;

/// How long all changes of a page are compared in finest detail.
const PATIENCE: Duration = Duration::from_secs(2);

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/prompts", get(list))
        .route("/prompts/changes", get(changes))
        .route("/prompts/{id}", get(one))
        .layer(Extension(Arc::new(Counter::default())))
}

/// What lists of prompts take.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    /// `system` or `tools`; both if it is empty.
    #[serde(default)]
    kind: String,
    after: Option<String>,
    limit: Option<usize>,
}

impl Asked {
    fn kinds(&self) -> Result<&'static [Kind], ApiError> {
        match self.kind.as_str() {
            "" => Ok(&[Kind::System, Kind::Tools]),
            "system" => Ok(&[Kind::System]),
            "tools" => Ok(&[Kind::Tools]),
            kind => Err(ApiError::wrong(format!(
                "there is no kind `{kind}` of prompts\nhint: one of system, tools"
            ))),
        }
    }

    /// The first item and the number of items of the page that is asked for.
    fn page(&self) -> Result<(usize, usize), ApiError> {
        let had = match &self.after {
            Some(after) => {
                after.parse().map_err(|_| ApiError::wrong("`after` is no place in this list"))?
            }
            None => 0,
        };
        Ok((had, Paged { limit: self.limit, ..Paged::default() }.limit()))
    }

    fn find(&self, reader: &Reader) -> Result<Vec<Prompt>, ApiError> {
        let query = filters_alone(Query::read(&self.q, &Zoned::now())?)?;
        let selection = selection(&query, reader)?;
        let mut found = Vec::new();
        for &kind in self.kinds()? {
            found.extend(prompts::prompts(reader, kind, &selection)?);
        }
        Ok(found)
    }
}

/// A prompt from one change to the next.
#[derive(Debug, Serialize)]
struct PromptRow {
    /// The text seen last, which names it.
    id: String,
    kind: &'static str,
    app: String,
    versions: Vec<String>,
    first: Timestamp,
    last: Timestamp,
    exchanges: u64,
    /// Prompts with the same one follow each other.
    family: String,
    /// The prompt whose place it took.
    follows: Option<String>,
    begins: String,
    bytes: usize,
    /// Of the text seen last, by our count; `null` where it was not counted.
    tokens: Option<u64>,
    /// Texts that differ in what moves.
    texts: usize,
    /// These texts, where one prompt is asked for: some have thousands.
    variants: Vec<TextRow>,
}

/// One text of a prompt.
#[derive(Debug, Serialize)]
pub(super) struct TextRow {
    pub(super) id: String,
    pub(super) bytes: usize,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) exchanges: u64,
    pub(super) begins: String,
}

impl TextRow {
    pub(super) fn of(text: &Text) -> Self {
        Self {
            id: named(text.id),
            bytes: text.bytes,
            first: text.first,
            last: text.last,
            exchanges: text.exchanges,
            begins: text.begins.clone(),
        }
    }
}

impl PromptRow {
    fn of(prompt: &Prompt) -> Self {
        let newest = prompt.newest();
        Self {
            id: newest.map(|text| named(text.id)).unwrap_or_default(),
            kind: prompt.kind.as_str(),
            app: prompt.app.clone(),
            versions: prompt.versions.clone(),
            first: prompt.first,
            last: prompt.last,
            exchanges: prompt.exchanges,
            family: named(prompt.family),
            follows: prompt.follows.map(named),
            begins: newest.map(|text| text.begins.clone()).unwrap_or_default(),
            bytes: newest.map_or(0, |text| text.bytes),
            tokens: None,
            texts: prompt.variants.len(),
            variants: Vec::new(),
        }
    }

    fn with_texts(prompt: &Prompt) -> Self {
        let variants = prompt.variants.iter().map(TextRow::of).collect();
        Self { variants, ..Self::of(prompt) }
    }
}

fn named(id: i64) -> String {
    format!("@{id}")
}

/// `GET /api/prompts`: prompts, the one seen last first. `after` is how many were had.
async fn list(
    State(api): State<Shared>,
    Extension(counter): Extension<Arc<Counter>>,
    Params(asked): Params<Asked>,
) -> Answer<Page<PromptRow>> {
    let (had, limit) = asked.page()?;
    api.ask(move |reader| {
        let mut found = asked.find(reader)?;
        found.sort_by_key(|prompt| std::cmp::Reverse((prompt.last, prompt.first)));
        let more = found.len() > had.saturating_add(limit);
        let mut items = Vec::new();
        for prompt in found.iter().skip(had).take(limit) {
            let newest = prompt.newest().map(|text| reader.message(text.id)).transpose()?;
            let tokens = newest.flatten().map(|message| tokens(&message.content, &counter));
            items.push(PromptRow { tokens, ..PromptRow::of(prompt) });
        }
        Ok(Page { items, next: more.then(|| (had + limit).to_string()) })
    })
    .await
    .map(Json)
}

fn tokens(content: &Content, counter: &Counter) -> u64 {
    let tokenizer = Tokenizer::of(None);
    match content {
        Content::System(text) => counter.text(text, tokenizer),
        Content::Tools(tools) => tools.iter().map(|tool| counter.tool(tool, tokenizer)).sum(),
        _ => 0,
    }
}

/// A prompt whole.
#[derive(Debug, Serialize)]
struct Whole {
    id: String,
    kind: &'static str,
    bytes: usize,
    tokens: u64,
    /// A system prompt as it was sent, in pieces; those that do not last move from turn to turn.
    pieces: Vec<Piece>,
    tools: Vec<Tool>,
    /// What it is a text of, and what that followed and was followed by, of each app that sent
    /// it; the earliest first.
    editions: Vec<PromptRow>,
}

/// A piece of a system prompt.
#[derive(Debug, Serialize)]
struct Piece {
    lasts: bool,
    text: String,
}

/// `GET /api/prompts/ID`: a prompt as it was sent.
async fn one(
    State(api): State<Shared>,
    Extension(counter): Extension<Arc<Counter>>,
    Path(id): Path<String>,
) -> Answer<Whole> {
    api.ask(move |reader| {
        let side = Side::of_prompt(reader, &id)?;
        let Source::Prompt { id, kind } = side.source else {
            return Err(ApiError::missing(format!("`{id}` is no prompt")));
        };
        let Request { system, tools, .. } = side.request;
        let editions = editions_of(reader, kind, id)?;
        let own = editions.iter().find(|prompt| prompt.variants.iter().any(|text| text.id == id));
        let content = match system {
            Some(text) => Content::System(text),
            None => Content::Tools(tools),
        };
        let pieces = match (own, &content) {
            (Some(own), content) => own.pieces(content),
            // No call of a model sent it.
            (None, Content::System(text)) => vec![(true, text.clone())],
            (None, _) => Vec::new(),
        };
        Ok(Whole {
            id: named(id),
            kind: kind.as_str(),
            bytes: match &content {
                Content::System(text) => text.len(),
                Content::Tools(tools) => serde_json::to_string(tools).map_or(0, |json| json.len()),
                _ => 0,
            },
            tokens: tokens(&content, &counter),
            pieces: pieces.into_iter().map(|(lasts, text)| Piece { lasts, text }).collect(),
            tools: if let Content::Tools(tools) = content { tools } else { Vec::new() },
            editions: editions.iter().map(PromptRow::with_texts).collect(),
        })
    })
    .await
    .map(Json)
}

/// The prompts that the text `id` is a text of, and those that they follow or that follow them,
/// the earliest first.
pub(super) fn editions_of(reader: &Reader, kind: Kind, id: i64) -> Result<Vec<Prompt>, ApiError> {
    let selection = Selection { calls: Calls::OfModels, ..Selection::default() };
    let own = Selection { prompt: Some(id), ..selection.clone() };
    let uses = reader.prompt_uses(kind, &own)?;
    let apps: BTreeSet<String> = uses.iter().map(|found| Product::of(&found.app).name).collect();
    let mut found = Vec::new();
    for app in apps {
        // A product's name stands in its user agent, or is its process's: the other apps'
        // prompts, which may be megabytes, need not be read.
        let of_app = Selection { app: Some(app.clone()), ..selection.clone() };
        let of_app = if app.is_empty() { &selection } else { &of_app };
        let prompts = prompts::prompts(reader, kind, of_app)?;
        found.extend(prompts.into_iter().filter(|prompt| prompt.app == app));
    }
    let own = found.iter().filter(|prompt| prompt.variants.iter().any(|text| text.id == id));
    let own: Vec<(String, i64)> = own.map(|prompt| (prompt.app.clone(), prompt.family)).collect();
    found.retain(|prompt| {
        own.iter().any(|(app, family)| *app == prompt.app && *family == prompt.family)
    });
    Ok(found)
}

/// A change for good.
#[derive(Debug, Serialize)]
struct ChangeRow {
    at: Timestamp,
    old: PromptRow,
    new: PromptRow,
    /// Of what lasts in both.
    difference: Difference,
}

/// `GET /api/prompts/changes`: which prompt took which one's place, the latest first. `after` is
/// how many were had.
async fn changes(
    State(api): State<Shared>,
    Params(asked): Params<Asked>,
) -> Answer<Page<ChangeRow>> {
    let (had, limit) = asked.page()?;
    api.ask(move |reader| {
        let found = asked.find(reader)?;
        let pairs = prompts::changes(&found);
        let more = pairs.len() > had.saturating_add(limit);
        let deadline = Instant::now() + PATIENCE;
        let mut items = Vec::new();
        for (old, new) in pairs.into_iter().rev().skip(had).take(limit) {
            let [one, other]: [Request; 2] = [old.lasting(reader)?, new.lasting(reader)?];
            let sections = [Section::System, Section::Tools];
            items.push(ChangeRow {
                at: new.first,
                old: PromptRow::of(old),
                new: PromptRow::of(new),
                difference: Difference::between(&one, &other, &sections, deadline),
            });
        }
        Ok(Page { items, next: more.then(|| (had + limit).to_string()) })
    })
    .await
    .map(Json)
}
