//! The JSON of Realtime: what the app sends, and what a message of the provider has besides
//! the fields of a response's events.

use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, Text, record};
use crate::dialect::openai_responses::wire::Told;

record! {
    /// A message of the app.
    Sent {
        kind: Text<'a> = "type",
        event_id: Text<'a> = "event_id",
        session: Option<&'a RawValue> = "session",
        item: Option<&'a RawValue> = "item",
        previous_item_id: Text<'a> = "previous_item_id",
        audio: Text<'a> = "audio",
        response: Option<&'a RawValue> = "response",
    }
    ignores []
}

record! {
    /// What the app asks for in place of the session.
    Own {
        input: Content<'a> = "input",
    }
    ignores []
}

/// Fields that only Realtime's messages have.
pub(super) struct More<'a> {
    pub(super) session: Option<&'a RawValue>,
    pub(super) previous_item_id: Text<'a>,
    pub(super) audio_end_ms: Count,
    pub(super) rate_limits: Option<&'a RawValue>,
    pub(super) usage: Option<&'a RawValue>,
}

impl<'a> More<'a> {
    pub(super) fn of(told: &Told<'a>) -> Self {
        let field =
            |name| told.rest.iter().find(|(had, _)| had.as_str() == name).map(|(_, raw)| *raw);
        fn read<'a, T: serde::Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
            raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
        }
        Self {
            session: field("session"),
            previous_item_id: read(field("previous_item_id")),
            audio_end_ms: read(field("audio_end_ms")),
            rate_limits: field("rate_limits"),
            usage: field("usage"),
        }
    }
}
