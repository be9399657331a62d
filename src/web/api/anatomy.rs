//! What prompts are made of.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};

use super::{Answer, Shared};
use crate::query::{self, Anatomy, Growth};
use crate::tokens::Counter;
use crate::web::error::ApiError;

/// How long a thread's prompts are taken apart: a person waits for it.
const THREAD_TIME: Duration = Duration::from_secs(4);

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/exchanges/{id}/anatomy", get(of_exchange))
        .route("/threads/{name}/anatomy", get(of_thread))
}

/// `GET /api/exchanges/ID/anatomy`
async fn of_exchange(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Anatomy> {
    api.ask(move |reader| {
        let (seq, id) = reader.find(&id)?;
        let exchange = reader
            .exchange(seq)?
            .ok_or_else(|| ApiError::missing(format!("exchange `{id}` was deleted just now")))?;
        Ok(query::anatomy(&exchange, &Counter::default()))
    })
    .await
    .map(Json)
}

/// `GET /api/threads/NAME/anatomy`
async fn of_thread(State(api): State<Shared>, Path(name): Path<String>) -> Answer<Growth> {
    api.ask(move |reader| {
        let name = reader.find_thread(&name)?;
        let deadline = Instant::now() + THREAD_TIME;
        Ok(query::growth(reader, &name, &Counter::default(), deadline)?)
    })
    .await
    .map(Json)
}
