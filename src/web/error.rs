//! What the API says when it cannot answer: JSON with `error` and `hint`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::query::QueryError;
use crate::query::diff::SideError;
use crate::store::StoreError;

/// An answer that says what is wrong, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    error: String,
    hint: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: Option<String>) -> Self {
        Self { status, error: error.into(), hint }
    }

    /// The request is wrong; a hint follows its line `hint: `.
    pub(super) fn wrong(words: impl ToString) -> Self {
        Self::of_words(StatusCode::BAD_REQUEST, &words.to_string())
    }

    /// There is no such thing.
    pub(super) fn missing(words: impl ToString) -> Self {
        Self::of_words(StatusCode::NOT_FOUND, &words.to_string())
    }

    /// A fault of ours.
    pub(super) fn fault(words: impl ToString) -> Self {
        Self::of_words(StatusCode::INTERNAL_SERVER_ERROR, &words.to_string())
    }

    fn of_words(status: StatusCode, words: &str) -> Self {
        let (error, hint) = match words.split_once("\nhint: ") {
            Some((error, hint)) => (error, Some(hint.to_owned())),
            None => (words, None),
        };
        Self::new(status, error, hint)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unknown { .. }
            | StoreError::UnknownThread { .. }
            | StoreError::Missing { .. } => Self::missing(error),
            StoreError::Ambiguous { .. } => Self::wrong(error),
            _ => Self::fault(error),
        }
    }
}

impl From<SideError> for ApiError {
    fn from(error: SideError) -> Self {
        match error {
            SideError::Store(error) => error.into(),
            // A hint of the command line helps nobody here.
            SideError::First(label) => {
                Self::missing(format!("there is no turn before {label} in the capture"))
            }
            SideError::Gone => Self::missing(error),
            _ => Self::wrong(error),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::wrong(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}
