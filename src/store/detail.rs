//! The part of an exchange that no list reads and no message holds, as JSON.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::StoreError;
use crate::model::{Exchange, Headers};

/// What the columns of `exchange` and its messages leave out.
#[derive(Serialize, Deserialize)]
pub(super) struct Detail<'a> {
    pub(super) request_headers: Cow<'a, Headers>,
    pub(super) params: Cow<'a, Map<String, Value>>,
    pub(super) reply: Option<ReplyDetail<'a>>,
    pub(super) usage: Option<UsageDetail<'a>>,
    pub(super) error_message: Option<Cow<'a, str>>,
    pub(super) notes: Cow<'a, [String]>,
}

/// Its presence says that there was a reply.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyDetail<'a> {
    pub(super) headers: Cow<'a, Headers>,
    pub(super) id: Option<Cow<'a, str>>,
    /// Of each answer; the answers themselves are messages.
    pub(super) finish_reasons: Vec<Option<Cow<'a, str>>>,
}

/// Its presence says that the provider counted.
#[derive(Serialize, Deserialize)]
pub(super) struct UsageDetail<'a> {
    pub(super) source: Cow<'a, str>,
    pub(super) raw: Cow<'a, Value>,
    /// Counts that have no column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_audio_cached: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_image_cached: Option<u64>,
}

impl<'a> Detail<'a> {
    pub(super) fn of(exchange: &'a Exchange) -> Self {
        Self {
            request_headers: Cow::Borrowed(&exchange.request.headers),
            params: Cow::Borrowed(&exchange.request.params),
            reply: exchange.reply.as_ref().map(|reply| ReplyDetail {
                headers: Cow::Borrowed(&reply.headers),
                id: reply.id.as_deref().map(Cow::Borrowed),
                finish_reasons: reply
                    .choices
                    .iter()
                    .map(|choice| choice.finish_reason.as_deref().map(Cow::Borrowed))
                    .collect(),
            }),
            usage: exchange.usage.as_ref().map(|usage| UsageDetail {
                source: Cow::Borrowed(&usage.source),
                raw: Cow::Borrowed(&usage.raw),
                input_audio_cached: usage.input_audio_cached,
                input_image_cached: usage.input_image_cached,
            }),
            error_message: exchange.error.as_ref().map(|e| Cow::Borrowed(e.message.as_str())),
            notes: Cow::Borrowed(&exchange.notes),
        }
    }
}

/// JSON for the file. Cannot fail for our types; if it did, the column would say `null`
/// and the raw bytes would still be there.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

/// Reads JSON of the file. Without the usual limit of depth: a value that a dialect could just
/// parse stands a few levels deeper here, and must come back.
pub(super) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, StoreError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.disable_recursion_limit();
    T::deserialize(&mut deserializer).map_err(StoreError::corrupt)
}
