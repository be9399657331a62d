//! The API: everything that the page shows. `openapi.json` is its contract.
//!
//! A question opens the capture, reads, and closes it: no transaction is held from one page of
//! results to the next, and a capture that was replaced meanwhile is found.

mod anatomy;
mod annotations;
mod copies;
mod diff;
mod egress;
mod exchanges;
mod live;
mod messages;
mod params;
mod prompts;
mod raw;
mod row;
mod search;
mod stats;
mod status;
mod threads;
mod timing;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_http::compression::CompressionLayer;

use super::Settings;
use super::error::ApiError;
use crate::query::Query;
use crate::store::{Cursor, Reader, Selection};

/// The contract, in a file for each subject.
const CONTRACT: &[&str] = &[
    include_str!("openapi/base.json"),
    include_str!("openapi/exchanges.json"),
    include_str!("openapi/live.json"),
    include_str!("openapi/diff.json"),
    include_str!("openapi/prompts.json"),
    include_str!("openapi/exch.json"),
    include_str!("openapi/stats.json"),
    include_str!("openapi/egress.json"),
    include_str!("openapi/anatomy.json"),
    include_str!("openapi/threads.json"),
];

/// Items of a page that a request may ask for.
const LIMIT_MAX: usize = 1000;
/// Items of a page unless the request says how many.
const LIMIT: usize = 100;

/// What all answers come from.
struct Api {
    settings: Settings,
    live: live::Hub,
}

type Shared = Arc<Api>;
type Answer<T> = Result<Json<T>, ApiError>;

/// Answers below `/api`.
pub(super) fn router(settings: Settings) -> Router {
    let live = live::Hub::new(&settings);
    let answers = Router::new()
        .route("/openapi.json", get(openapi))
        .route("/status", get(status::status))
        .merge(exchanges::routes())
        .merge(search::routes())
        .merge(diff::routes())
        .merge(prompts::routes())
        .merge(annotations::routes())
        .merge(copies::routes())
        .merge(raw::routes())
        .merge(timing::routes())
        .merge(stats::routes())
        .merge(egress::routes())
        .merge(anatomy::routes())
        .merge(threads::routes())
        .merge(messages::routes())
        .layer(CompressionLayer::new());
    Router::new()
        // A stream that is compressed would wait for its blocks.
        .merge(live::routes())
        .merge(answers)
        .fallback(unknown)
        .with_state(Arc::new(Api { settings, live }))
}

/// `GET /api/openapi.json`: this contract.
async fn openapi() -> Answer<Value> {
    contract().map(Json)
}

/// The files of the contract as one: their paths and schemas beside each other.
fn contract() -> Result<Value, ApiError> {
    let mut whole = Value::Null;
    for part in CONTRACT {
        let part: Value = serde_json::from_str(part).map_err(ApiError::fault)?;
        join(&mut whole, part);
    }
    Ok(whole)
}

/// Objects are joined, all else takes the place of what was there.
fn join(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                join(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

async fn unknown() -> ApiError {
    ApiError::missing("there is no such answer\nhint: /api/openapi.json lists them all")
}

impl Api {
    /// Asks the capture, on a thread that may wait.
    async fn ask<T: Send + 'static>(
        self: Arc<Self>,
        question: impl FnOnce(&Reader) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let asked = tokio::task::spawn_blocking(move || {
            let reader = Reader::open(&self.settings.capture)?;
            question(&reader)
        });
        asked.await.unwrap_or_else(|_| Err(ApiError::fault("the answer failed; please report it")))
    }
}

/// What lists take.
#[derive(Clone, Debug, Default, Deserialize)]
struct Paged {
    /// Which exchanges: see [`Query`].
    #[serde(default)]
    q: String,
    /// `next` of the page before.
    after: Option<String>,
    /// Items of the page.
    limit: Option<usize>,
}

impl Paged {
    /// The query, read on a thread that may wait: an expression takes its time to compile, and
    /// on the page's own thread everybody else would wait for it.
    async fn query(&self) -> Result<Query, ApiError> {
        let line = self.q.clone();
        let read = tokio::task::spawn_blocking(move || Query::read(&line, &Zoned::now()));
        Ok(read.await.map_err(ApiError::fault)??)
    }

    /// The query of an answer that takes filters alone.
    async fn filters(&self) -> Result<Query, ApiError> {
        filters_alone(self.query().await?)
    }

    /// Where the page before ended.
    fn after(&self) -> Result<Option<Cursor>, ApiError> {
        self.after.as_deref().map(str::parse).transpose().map_err(ApiError::wrong)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX)
    }
}

/// Refuses words: left out in silence they would seem to be in all that is shown.
fn filters_alone(query: Query) -> Result<Query, ApiError> {
    match query.pattern {
        None => Ok(query),
        Some(_) => {
            Err(ApiError::wrong("this takes filters, no words\nhint: /api/search looks for words"))
        }
    }
}

/// The exchanges that a query means, its words left out.
fn selection(query: &Query, reader: &Reader) -> Result<Selection, ApiError> {
    let selection = query.filter.selection(reader)?;
    Ok(Selection { calls: query.calls, ..selection })
}

/// A page of a list.
#[derive(Debug, Serialize)]
struct Page<T> {
    items: Vec<T>,
    /// What to give as `after` for the next page; `null` if this was the last one.
    next: Option<String>,
}
