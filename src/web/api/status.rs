//! Whether anything is recorded yet, and how to lead a tool here.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::{Answer, Shared};
use crate::store::Selection;
use crate::web::Ways;

/// How things stand.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    version: &'static str,
    /// Exchanges in the capture, calls of models or not.
    exchanges: u64,
    /// Whether anything ever came, be it under way.
    arrived: bool,
    ways: Ways,
}

/// `GET /api/status`
pub(super) async fn status(State(api): State<Shared>) -> Answer<Status> {
    let (ways, under_way) = (api.settings.ways.clone(), api.live.is_busy());
    let exchanges = api.ask(|reader| Ok(reader.count(&Selection::default())?)).await?;
    let arrived = exchanges > 0 || under_way;
    Ok(Json(Status { version: env!("CARGO_PKG_VERSION"), exchanges, arrived, ways }))
}
