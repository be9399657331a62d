//! What people say of an exchange: pins, tags, notes.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{Answer, Shared};
use crate::model::Annotations;
use crate::store::{Erase, Keep, Remark};
use crate::web::error::ApiError;

/// Most bytes of what is said: a page of prose.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    let say = post(say).layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Router::new().route("/exchanges/{id}/annotations", say)
}

/// What is said, or taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    pin: Option<bool>,
    tag: Option<String>,
    note: Option<String>,
    /// Whether tag or note is taken away.
    #[serde(default)]
    remove: bool,
}

impl Said {
    /// Each remark, and whether it is taken back.
    fn remarks(self) -> Result<Vec<(Remark, bool)>, ApiError> {
        let pin = self.pin.map(|pin| (Remark::Pin, !pin));
        let tag = self.tag.as_deref().map(Remark::tag).transpose().map_err(ApiError::wrong)?;
        let note = self.note.map(Remark::note).transpose().map_err(ApiError::wrong)?;
        let said = tag.into_iter().chain(note).map(|remark| (remark, self.remove));
        let all: Vec<_> = pin.into_iter().chain(said).collect();
        match all.is_empty() {
            true => Err(ApiError::wrong("nothing is said\nhint: give `pin`, `tag` or `note`")),
            false => Ok(all),
        }
    }
}

/// `POST /api/exchanges/ID/annotations`: gives all that is said of it now.
async fn say(
    State(api): State<Shared>,
    Path(id): Path<String>,
    said: Result<Json<Said>, JsonRejection>,
) -> Answer<Annotations> {
    let Json(said) =
        said.map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text(), None))?;
    let remarks = said.remarks()?;
    let capture = api.settings.capture.clone();
    api.ask(move |reader| {
        let (seq, _) = reader.find(&id)?;
        // The proxy writes meanwhile: this takes its turn, as a command does.
        let mut keep = Keep::open(&capture, Erase::Free)?;
        for (remark, is_taken_back) in &remarks {
            match is_taken_back {
                false => keep.remark(&[seq], remark)?,
                true => keep.unremark(&[seq], remark)?,
            };
        }
        Ok(reader.annotations(seq)?)
    })
    .await
    .map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_a_remark_or_a_fault() {
        let read = |json: &str| serde_json::from_str::<Said>(json).map(Said::remarks);
        for (json, expected) in [
            (r#"{"pin": true}"#, Some((Remark::Pin, false))),
            (r#"{"pin": false}"#, Some((Remark::Pin, true))),
            (r#"{"tag": " a ", "remove": true}"#, Some((Remark::Tag("a".into()), true))),
            (r#"{"note": "a b"}"#, Some((Remark::Note("a b".into()), false))),
            (r#"{"tag": "a b"}"#, None),
            (r#"{"note": " "}"#, None),
            ("{}", None),
        ] {
            let found = read(json).unwrap().ok();
            assert_eq!(found, expected.map(|remark| vec![remark]), "{json}");
        }
        assert!(read(r#"{"pinned": true}"#).is_err());
    }
}
