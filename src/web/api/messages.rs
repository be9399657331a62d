//! What one exchange says, piece by piece: a message whole, the prompt around the messages, a
//! picture.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde_json::Value;

use super::{Answer, Shared};
use crate::flow::Side;
use crate::model::{Choice, Exchange, Message};
use crate::query::{Picture, picture};
use crate::record::body;
use crate::store::{Reader, StoreError};
use crate::tokens::{Counter, Tokenizer};
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/exchanges/{id}/messages/{index}", get(message))
        .route("/exchanges/{id}/choices/{index}", get(choice))
        .route("/exchanges/{id}/prompt", get(prompt))
        .route("/exchanges/{id}/media/{n}", get(media))
}

/// Counts what the prompt comes to; remembers, since turns of a thread share most of it.
static COUNTER: LazyLock<Counter> = LazyLock::new(Counter::default);

/// What stands around the messages.
#[derive(Debug, Serialize)]
struct Prompt {
    system: Option<String>,
    /// Estimates, as all counts here.
    system_tokens: u64,
    tools: Vec<ToolRow>,
    tools_tokens: u64,
}

#[derive(Debug, Serialize)]
struct ToolRow {
    name: String,
    description: Option<String>,
    schema: Value,
    tokens: u64,
}

/// `GET /api/exchanges/ID/messages/INDEX`: a message of the request, whole.
async fn message(
    State(api): State<Shared>,
    Path((id, index)): Path<(String, usize)>,
) -> Answer<Message> {
    let found = api.ask(move |reader| {
        let mut messages = exchange(reader, &id)?.request.messages;
        (index < messages.len())
            .then(|| messages.swap_remove(index))
            .ok_or_else(|| ApiError::missing(format!("there is no message {index}")))
    });
    found.await.map(Json)
}

/// `GET /api/exchanges/ID/choices/INDEX`: an answer, whole.
async fn choice(
    State(api): State<Shared>,
    Path((id, index)): Path<(String, usize)>,
) -> Answer<Choice> {
    let found = api.ask(move |reader| {
        let mut choices = exchange(reader, &id)?.reply.unwrap_or_default().choices;
        (index < choices.len())
            .then(|| choices.swap_remove(index))
            .ok_or_else(|| ApiError::missing(format!("there is no answer {index}")))
    });
    found.await.map(Json)
}

/// `GET /api/exchanges/ID/prompt`: the system prompt and the tools, with what they come to.
async fn prompt(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Prompt> {
    let prompt = api.ask(move |reader| {
        // Its messages are not needed, and may be many.
        let (seq, _) = reader.find(&id)?;
        let (exchange, _) = reader.exchange_anew(seq)?.ok_or_else(|| deleted(&id))?;
        let request = exchange.request;
        let tokenizer = Tokenizer::of(request.model.as_deref());
        let system = request.system.as_deref();
        let system_tokens = system.map_or(0, |text| COUNTER.text(text, tokenizer));
        let tools: Vec<ToolRow> = request
            .tools
            .into_iter()
            .map(|tool| ToolRow {
                tokens: COUNTER.tool(&tool, tokenizer),
                name: tool.name,
                description: tool.description,
                schema: tool.schema,
            })
            .collect();
        let tools_tokens = tools.iter().map(|tool| tool.tokens).sum();
        Ok(Prompt { system: request.system, system_tokens, tools, tools_tokens })
    });
    prompt.await.map(Json)
}

/// `GET /api/exchanges/ID/media/N`: a picture that was sent inside a body, N from 0, those of
/// the request first.
async fn media(
    State(api): State<Shared>,
    Path((id, n)): Path<(String, usize)>,
) -> Result<Response, ApiError> {
    let found = api.ask(move |reader| {
        let (seq, _) = reader.find(&id)?;
        let exchange = reader.exchange(seq)?.ok_or_else(|| deleted(&id))?;
        let [request, reply] =
            [Side::Downstream, Side::Upstream].map(|side| -> Result<Vec<u8>, StoreError> {
                let raw = reader.own_raw(seq, side)?;
                Ok(raw.map(|raw| body(&raw).into_owned()).unwrap_or_default())
            });
        picture(&exchange, n, &request?, &reply?).ok_or_else(|| {
            ApiError::missing(
                "there is no such picture, or it is of a kind that is not shown\n\
                 hint: `overhear show --raw` has its bytes",
            )
        })
    });
    let Picture { mime_type, bytes } = found.await?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, mime_type),
        (header::CONTENT_DISPOSITION, "inline"),
        // Opened by itself it may do nothing at all.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        // What was deleted shall be gone from here on.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok((headers, bytes).into_response())
}

fn exchange(reader: &Reader, id: &str) -> Result<Exchange, ApiError> {
    let (seq, _) = reader.find(id)?;
    reader.exchange(seq)?.ok_or_else(|| deleted(id))
}

pub(super) fn deleted(id: &str) -> ApiError {
    ApiError::missing(format!("exchange `{id}` was deleted just now"))
}
