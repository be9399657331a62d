//! Errors of Google's: `{"error": {code, message, status, details}}`, alone or in a list.

use serde_json::Value;

use super::enums::Family;
use crate::dialect::failure;
use crate::model::ExchangeError;

/// The error that a body of a failed reply tells of.
pub(super) fn of_body(body: &str, status: u16) -> ExchangeError {
    let mut error = failure::of_body(body, status);
    let value = serde_json::from_str(body).ok();
    if let Some(word) = value.as_ref().and_then(status_word) {
        error.kind = word;
    }
    error
}

/// The error that `value` tells of; `None` if it tells of none.
pub(super) fn of_value(value: &Value) -> Option<ExchangeError> {
    let mut error = failure::of_value(value)?;
    if let Some(word) = status_word(value) {
        error.kind = word;
    }
    Some(error)
}

/// The error that a prompt was blocked; `None` if `feedback` tells of no reason.
pub(super) fn of_feedback(feedback: &Value, family: Family) -> Option<ExchangeError> {
    let told = |camel: &str, snake: &str| match feedback.get(camel).or_else(|| feedback.get(snake))
    {
        Some(Value::String(word)) if !word.is_empty() => Some(word.clone()),
        Some(number @ Value::Number(_)) => Some(number.to_string()),
        _ => None,
    };
    let reason = family.block_reason(&told("blockReason", "block_reason")?);
    if reason.ends_with("_UNSPECIFIED") {
        return None;
    }
    let message = match told("blockReasonMessage", "block_reason_message") {
        Some(words) => format!("{reason}: {words}"),
        None => reason,
    };
    Some(ExchangeError { kind: "prompt_blocked".to_owned(), message })
}

/// Google's own word, such as `RESOURCE_EXHAUSTED`: it says more than the number beside it.
fn status_word(value: &Value) -> Option<String> {
    let value = match value {
        Value::Array(items) => items.first()?,
        value => value,
    };
    let word = value.get("error")?.get("status")?.as_str()?;
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn googles_word_is_the_kind() {
        for (rule, body, kind, message) in [
            (
                "whole",
                r#"{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}"#,
                "RESOURCE_EXHAUSTED",
                "slow",
            ),
            (
                "in a list",
                r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
                "INVALID_ARGUMENT",
                "bad",
            ),
            (
                "an interaction's",
                r#"{"error":{"code":"invalid_request","message":"no"}}"#,
                "invalid_request",
                "no",
            ),
            ("without a word", r#"{"error":{"code":503,"message":"busy"}}"#, "http_503", "busy"),
            ("no JSON", "Service Unavailable", "http_500", "Service Unavailable"),
        ] {
            let error = of_body(body, 500);
            assert_eq!((error.kind.as_str(), error.message.as_str()), (kind, message), "{rule}");
        }
    }

    #[test]
    fn a_blocked_prompt_is_an_error() {
        for (feedback, expected) in [
            (json!({"blockReason": "SAFETY"}), Some("SAFETY")),
            (json!({"blockReason": 4}), Some("PROHIBITED_CONTENT")),
            (
                json!({"blockReason": "OTHER", "blockReasonMessage": "not today"}),
                Some("OTHER: not today"),
            ),
            (json!({"block_reason": "BLOCK_REASON_UNSPECIFIED"}), None),
            (json!({"safetyRatings": []}), None),
        ] {
            let error = of_feedback(&feedback, Family::Gemini);
            assert_eq!(error.map(|error| error.message).as_deref(), expected, "{feedback}");
        }
    }
}
