//! Exchanges: the list, and one of them whole.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};

use super::params::Params;
use super::row::Row;
use super::{Answer, Page, Paged, Shared, selection};
use crate::model::Exchange;
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/exchanges", get(list)).route("/exchanges/{id}", get(one))
}

/// `GET /api/exchanges`: a page of the list that a query means.
async fn list(State(api): State<Shared>, Params(paged): Params<Paged>) -> Answer<Page<Row>> {
    let (query, after) = (paged.filters().await?, paged.after()?);
    let page = api
        .ask(move |reader| {
            let selection = selection(&query, reader)?;
            Ok(reader.list(&selection, query.order, after, paged.limit())?)
        })
        .await?;
    Ok(Json(Page {
        items: page.exchanges.into_iter().map(Row::of).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// `GET /api/exchanges/ID`: the exchange as `docs/exchange.md` says.
async fn one(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Exchange> {
    api.ask(move |reader| {
        let (seq, id) = reader.find(&id)?;
        let exchange = reader.exchange(seq)?;
        exchange.ok_or_else(|| ApiError::missing(format!("exchange `{id}` was deleted just now")))
    })
    .await
    .map(Json)
}
