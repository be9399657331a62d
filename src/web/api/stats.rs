//! Sums by key and by time.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::params::Params;
use super::{Answer, Shared, filters_alone};
use crate::query::{By, Plot, Query, Width, plot};
use crate::store::{Calls, Selection};
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/stats", get(stats))
}

/// What is asked.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    by: Option<String>,
    span: Option<String>,
    /// IANA name of the time zone whose days and hours are meant.
    zone: Option<String>,
}

/// A word of a choice, so that another one is a fault as all others are.
fn word<T: DeserializeOwned>(name: &str, word: Option<&str>) -> Result<Option<T>, ApiError> {
    let word = word.filter(|word| !word.is_empty());
    let read = word.map(|word| T::deserialize(word.into_deserializer())).transpose();
    read.map_err(|e: serde::de::value::Error| ApiError::wrong(format!("`{name}`: {e}")))
}

/// `GET /api/stats`
async fn stats(State(api): State<Shared>, Params(wanted): Params<Wanted>) -> Answer<Plot> {
    let zone = match &wanted.zone {
        Some(name) => TimeZone::get(name).map_err(|_| {
            ApiError::wrong(format!("`{name}` is no time zone\nhint: such as Europe/Brussels"))
        })?,
        None => TimeZone::system(),
    };
    let by = word("by", wanted.by.as_deref())?.unwrap_or(By::Model);
    let width: Option<Width> = word("span", wanted.span.as_deref())?;
    let now = Zoned::now().with_time_zone(zone);
    api.ask(move |reader| {
        // Times of the query are the browser's as well.
        let query = filters_alone(Query::read(&wanted.q, &now)?)?;
        // As `overhear stats` adds up: what no model worked for would make every share smaller.
        let calls = if query.calls == Calls::All { Calls::All } else { Calls::Worked };
        let selection = Selection { calls, ..query.filter.selection(reader)? };
        Ok(plot(reader, &selection, by, width, &now)?)
    })
    .await
    .map(Json)
}
