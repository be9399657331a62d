//! `/metrics`, for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use tower_http::compression::CompressionLayer;

use crate::metrics::{Metrics, TEXT_TYPE};

/// Where it is.
pub(super) const PATH: &str = "/metrics";

/// Answers with counters: no text of a prompt or an answer is among them.
pub(super) fn router(metrics: Metrics) -> Router {
    Router::new().route(PATH, get(metrics_text)).layer(CompressionLayer::new()).with_state(metrics)
}

async fn metrics_text(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT_TYPE)], metrics.text())
}
