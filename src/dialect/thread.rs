//! Which conversation an exchange belongs to, as the app itself named it.
//!
//! Guessing from the messages is not done here: it needs the other exchanges.

use serde_json::{Map, Value};

use crate::model::Headers;

/// The conversation's id. The rules are tried in order, the first that matches wins:
///
/// 1. Claude Code's session, with the sub-agent's id behind a slash,
/// 2. the session inside Anthropic's `metadata.user_id`,
/// 3. Codex's session and thread,
/// 4. session headers of other apps and gateways, and their fields in the body,
/// 5. the trace id of `traceparent`,
/// 6. `prompt_cache_key`.
///
/// `params` are the fields of the request's body.
pub(super) fn thread(headers: &Headers, params: &Map<String, Value>) -> Option<String> {
    let header = |name| header(headers, name);
    let param = |name| params.get(name).and_then(text);
    let rules: [&dyn Fn() -> Option<String>; 6] = [
        &|| {
            let session = header("x-claude-code-session-id")?;
            Some(joined(session, header("x-claude-code-agent-id")))
        },
        &|| user_session(params.get("metadata")?.get("user_id")?.as_str()?),
        &|| match (header("session-id"), header("thread-id")) {
            (Some(session), thread) => Some(joined(session, thread)),
            (None, Some(thread)) => Some(thread.to_owned()),
            (None, None) => header("session_id").map(str::to_owned),
        },
        &|| {
            APP_HEADERS
                .into_iter()
                .find_map(header)
                .map(str::to_owned)
                .or_else(|| param("litellm_session_id"))
                .or_else(|| text(params.get("metadata")?.get("litellm_session_id")?))
                .or_else(|| text(params.get("metadata")?.get("session_id")?))
                .or_else(|| param("session_id"))
                .or_else(|| text(params.get("trace")?.get("trace_id")?))
        },
        &|| trace_id(header("traceparent")?),
        &|| param("prompt_cache_key"),
    ];
    rules.iter().find_map(|rule| rule())
}

/// Headers by which apps and gateways name a conversation.
const APP_HEADERS: [&str; 6] = [
    "x-session-id",
    "x-session-affinity",
    "x-opencode-session",
    "x-amp-thread-id",
    "helicone-session-id",
    "x-litellm-session-id",
];

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(had, value)| had.eq_ignore_ascii_case(name) && !value.trim().is_empty())
        .map(|(_, value)| value.trim())
}

fn joined(session: &str, part: Option<&str>) -> String {
    match part {
        Some(part) if part != session => format!("{session}/{part}"),
        _ => session.to_owned(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The session in `{"session_id": "…"}` or in `user_…_account_…_session_…`.
fn user_session(user_id: &str) -> Option<String> {
    if user_id.starts_with('{') {
        let fields: Value = serde_json::from_str(user_id).ok()?;
        return text(fields.get("session_id")?);
    }
    let (_, session) = user_id.rsplit_once("_session_")?;
    (!session.is_empty()).then(|| session.to_owned())
}

/// The second field of `00-<trace id>-<parent id>-<flags>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && id.bytes().any(|byte| byte != b'0')).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
        for (rule, headers, params, expected) in [
            ("nothing", vec![], json!({}), None),
            (
                "Claude Code before its metadata",
                vec![("X-Claude-Code-Session-Id", "s1")],
                json!({"metadata": {"user_id": "{\"session_id\":\"s2\"}"}}),
                Some("s1"),
            ),
            (
                "a sub-agent is a thread of its own",
                vec![("x-claude-code-session-id", "s"), ("x-claude-code-agent-id", "a")],
                json!({}),
                Some("s/a"),
            ),
            (
                "metadata as JSON",
                vec![("traceparent", trace)],
                json!({"metadata": {"user_id": "{\"device_id\":\"d\",\"session_id\":\"s2\"}"}}),
                Some("s2"),
            ),
            (
                "metadata of older versions",
                vec![],
                json!({"metadata": {"user_id": "user_ab_account_cd_session_ef-01"}}),
                Some("ef-01"),
            ),
            ("a user is no session", vec![], json!({"metadata": {"user_id": "u"}}), None),
            (
                "Codex: session and thread",
                vec![("session-id", "s"), ("thread-id", "t")],
                json!({}),
                Some("s/t"),
            ),
            ("Codex: one id", vec![("session-id", "s"), ("thread-id", "s")], json!({}), Some("s")),
            ("Codex, older", vec![("session_id", "s")], json!({}), Some("s")),
            ("opencode", vec![("x-opencode-session", "o")], json!({}), Some("o")),
            ("OpenRouter", vec![], json!({"session_id": "r"}), Some("r")),
            (
                "a trace",
                vec![("traceparent", trace)],
                json!({"prompt_cache_key": "k"}),
                Some("0123456789abcdef0123456789abcdef"),
            ),
            ("a cache key", vec![], json!({"prompt_cache_key": "k"}), Some("k")),
        ] {
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let params = params.as_object().unwrap();
            assert_eq!(thread(&headers, params).as_deref(), expected, "{rule}");
        }
    }
}
