//! Errors, in the shapes that providers give them.

use serde_json::Value;

use crate::model::ExchangeError;

/// Most that is kept of an error that is not JSON, in characters: some are whole web pages.
const PAGE_CHARS_MAX: usize = 500;

/// The error that a body of a failed reply tells of.
pub(super) fn of_body(body: &str, status: u16) -> ExchangeError {
    let found = serde_json::from_str::<Value>(body).ok().and_then(|value| of_value(&value));
    let mut error = found.unwrap_or_else(|| ExchangeError {
        kind: String::new(),
        message: body.trim().chars().take(PAGE_CHARS_MAX).collect(),
    });
    if error.kind.is_empty() {
        error.kind = format!("http_{status}");
    }
    error
}

/// The error that `value` tells of; `None` if it tells of none.
///
/// Seen: `{"error": {type, code, message}}`, `{"error": "…"}` with and without `code` beside
/// it, `{"detail": "…" | […]}`, `{"message": "…", type, code}`, `{"errors": […]}`, and each
/// of them alone in a list.
pub(super) fn of_value(value: &Value) -> Option<ExchangeError> {
    match value {
        Value::Array(items) => items.first().and_then(of_value),
        Value::Object(_) => {
            let inner = ["error", "errors", "detail"]
                .into_iter()
                .filter_map(|name| value.get(name))
                .find(|inner| is_truthy(inner));
            match inner {
                Some(inner @ Value::Object(_)) => Some(ExchangeError {
                    kind: kind(inner).or_else(|| kind(value)).unwrap_or_default(),
                    message: message(inner),
                }),
                Some(inner) => Some(ExchangeError {
                    kind: kind(value).unwrap_or_default(),
                    message: words(inner),
                }),
                None => value.get("message").map(|inner| ExchangeError {
                    kind: kind(value).unwrap_or_default(),
                    message: words(inner),
                }),
            }
        }
        _ => None,
    }
}

/// Its type or code in the provider's word; a status in their place reads as `http_429`.
fn kind(value: &Value) -> Option<String> {
    ["type", "code", "status"].into_iter().filter_map(|name| value.get(name)).find_map(|found| {
        match found {
            Value::String(word) if !word.is_empty() && word != "error" => Some(word.clone()),
            Value::Number(number) => Some(match number.as_u64() {
                Some(status @ 100..600) => format!("http_{status}"),
                _ => number.to_string(),
            }),
            _ => None,
        }
    })
}

fn message(value: &Value) -> String {
    ["message", "msg", "error", "details", "detail"]
        .into_iter()
        .filter_map(|name| value.get(name))
        .find(|found| is_truthy(found))
        .map_or_else(|| words(value), words)
}

/// A text as it is, a list of errors line by line, anything else as JSON.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(_) => message(item),
                _ => words(item),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Null => String::new(),
        _ => value.to_string(),
    }
}

fn is_truthy(value: &Value) -> bool {
    !super::json::is_empty(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_gives_its_words() {
        for (rule, status, body, kind, message) in [
            (
                "OpenAI",
                404,
                r#"{"error":{"message":"no","type":"invalid_request_error","code":"model_not_found"}}"#,
                "invalid_request_error",
                "no",
            ),
            (
                "Anthropic",
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "overloaded_error",
                "Overloaded",
            ),
            ("a code alone", 429, r#"{"error":{"message":"slow","code":429}}"#, "http_429", "slow"),
            ("a text", 400, r#"{"error":"bad"}"#, "http_400", "bad"),
            ("xAI", 400, r#"{"code":"invalid-argument","error":"bad"}"#, "invalid-argument", "bad"),
            ("detail as text", 401, r#"{"detail":"Unauthorized"}"#, "http_401", "Unauthorized"),
            (
                "detail as list",
                422,
                r#"{"detail":[{"loc":["body"],"msg":"missing"},{"msg":"wrong"}]}"#,
                "http_422",
                "missing\nwrong",
            ),
            (
                "Mistral",
                400,
                r#"{"object":"error","message":"bad","type":"invalid_request_error","code":"3051"}"#,
                "invalid_request_error",
                "bad",
            ),
            ("Bedrock", 400, r#"{"message":"bad"}"#, "http_400", "bad"),
            ("in a list", 400, r#"[{"error":{"code":400,"message":"bad"}}]"#, "http_400", "bad"),
            ("a web page", 502, "<html>Bad Gateway</html>", "http_502", "<html>Bad Gateway</html>"),
            ("nothing", 500, "", "http_500", ""),
        ] {
            let error = of_body(body, status);
            assert_eq!((error.kind.as_str(), error.message.as_str()), (kind, message), "{rule}");
        }
    }
}
