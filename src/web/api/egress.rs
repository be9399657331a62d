//! Where apps went, what of it was read, and why not the rest.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::params::Params;
use super::{Answer, Page, Paged, Shared};
use crate::dialect::providers::provider_of;
use crate::query::{Egress, EgressFilter, egress};
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/egress", get(list))
}

/// `GET /api/egress`: a page of apps and the hosts of each. `after` is how many were had.
async fn list(State(api): State<Shared>, Params(paged): Params<Paged>) -> Answer<Page<Egress>> {
    let query = paged.query().await?;
    let filter = EgressFilter::try_from(&query.filter).map_err(|name| {
        ApiError::wrong(format!(
            "connections have no `{name}:`\nhint: app:, host:, provider:, since:, until: or words of a name"
        ))
    })?;
    let filter = EgressFilter { words: query.pattern, ..filter };
    let had: usize = match &paged.after {
        Some(after) => {
            after.parse().map_err(|_| ApiError::wrong("`after` is no place in a list"))?
        }
        None => 0,
    };
    let limit = paged.limit();
    let mut items = api.ask(move |reader| Ok(egress(reader, &filter, provider_of)?)).await?;
    let end = had.saturating_add(limit);
    let next = (items.len() > end).then(|| end.to_string());
    items.truncate(end);
    items.drain(..had.min(items.len()));
    Ok(Json(Page { items, next }))
}
