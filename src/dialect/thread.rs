//! Which conversation an exchange belongs to, as the app itself names it.
//!
//! Guessing from the messages is not done here: it needs the other exchanges, and is the work
//! of `store/thread/`.

use serde_json::{Map, Value};

use crate::model::{Headers, NamedThread, ThreadRule};

/// The conversation's name. The rules are tried in order, the first that matches wins:
///
/// 1. Claude Code's session, with the sub-agent's id behind a slash,
/// 2. the session inside Anthropic's `metadata.user_id`,
/// 3. Codex's session and thread,
/// 4. session headers of other apps and gateways,
/// 5. fields of the body that name a session or a conversation,
/// 6. the trace id of `traceparent`,
/// 7. `prompt_cache_key`, unless it is too plain to be an id.
///
/// The last two are weak: a trace is often a single turn, and a cache key may be one for all
/// users of an app. Where an exchange is stored, its messages are asked before them.
///
/// `params` are the fields of the request's body.
pub(super) fn thread(headers: &Headers, params: &Map<String, Value>) -> Option<NamedThread> {
    let header = |name| header(headers, name);
    let param = |name| params.get(name).and_then(text);
    let rules: [(ThreadRule, &dyn Fn() -> Option<String>); 7] = [
        (ThreadRule::Header, &|| {
            let session = header("x-claude-code-session-id")?;
            Some(joined(session, header("x-claude-code-agent-id")))
        }),
        (ThreadRule::Metadata, &|| user_session(params.get("metadata")?.get("user_id")?.as_str()?)),
        (ThreadRule::Header, &|| match (header("session-id"), header("thread-id")) {
            (Some(session), thread) => Some(joined(session, thread)),
            (None, Some(thread)) => Some(thread.to_owned()),
            (None, None) => header("session_id").map(str::to_owned),
        }),
        (ThreadRule::Header, &|| APP_HEADERS.into_iter().find_map(header).map(str::to_owned)),
        (ThreadRule::Field, &|| {
            param("litellm_session_id")
                .or_else(|| text(params.get("metadata")?.get("litellm_session_id")?))
                .or_else(|| text(params.get("metadata")?.get("session_id")?))
                .or_else(|| param("session_id"))
                .or_else(|| param("conversation"))
                .or_else(|| text(params.get("conversation")?.get("id")?))
                .or_else(|| text(params.get("trace")?.get("trace_id")?))
        }),
        (ThreadRule::Trace, &|| trace_id(header("traceparent")?)),
        (ThreadRule::CacheKey, &|| param("prompt_cache_key").filter(|key| is_id(key))),
    ];
    let found = rules.iter().find_map(|(rule, name)| Some((*rule, name()?)));
    found.map(|(rule, name)| NamedThread { name, rule })
}

/// Fewest characters of a cache key that can be the id of one conversation, and fewest digits
/// among them: a UUID or a random word has both, the name of an app or of a prompt has not.
const ID_CHARS_MIN: usize = 16;
const ID_DIGITS_MIN: usize = 4;

fn is_id(key: &str) -> bool {
    key.len() >= ID_CHARS_MIN
        && !key.contains(char::is_whitespace)
        && key.bytes().filter(u8::is_ascii_digit).count() >= ID_DIGITS_MIN
}

/// Headers by which apps and gateways name a conversation.
const APP_HEADERS: [&str; 8] = [
    "x-session-id",
    "x-session-affinity",
    "x-opencode-session",
    "x-amp-thread-id",
    "helicone-session-id",
    "x-litellm-session-id",
    "x-conversation-id",
    "x-grok-conv-id",
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
    use ThreadRule::{CacheKey, Field, Header, Metadata, Trace};
    use serde_json::json;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let header = |name| Some((Header, name));
        let metadata = |name| Some((Metadata, name));
        let field = |name| Some((Field, name));
        let trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
        for (rule, headers, params, expected) in [
            ("nothing", vec![], json!({}), None),
            (
                "Claude Code before its metadata",
                vec![("X-Claude-Code-Session-Id", "s1")],
                json!({"metadata": {"user_id": "{\"session_id\":\"s2\"}"}}),
                header("s1"),
            ),
            (
                "a sub-agent is a thread of its own",
                vec![("x-claude-code-session-id", "s"), ("x-claude-code-agent-id", "a")],
                json!({}),
                header("s/a"),
            ),
            (
                "metadata as JSON",
                vec![("traceparent", trace)],
                json!({"metadata": {"user_id": "{\"device_id\":\"d\",\"session_id\":\"s2\"}"}}),
                metadata("s2"),
            ),
            (
                "metadata of older versions",
                vec![],
                json!({"metadata": {"user_id": "user_ab_account_cd_session_ef-01"}}),
                metadata("ef-01"),
            ),
            ("a user is no session", vec![], json!({"metadata": {"user_id": "u"}}), None),
            (
                "Codex: session and thread",
                vec![("session-id", "s"), ("thread-id", "t")],
                json!({}),
                header("s/t"),
            ),
            (
                "Codex: one id",
                vec![("session-id", "s"), ("thread-id", "s")],
                json!({}),
                header("s"),
            ),
            ("Codex, older", vec![("session_id", "s")], json!({}), header("s")),
            ("opencode", vec![("x-opencode-session", "o")], json!({}), header("o")),
            ("OpenRouter", vec![], json!({"session_id": "r"}), field("r")),
            ("a conversation", vec![], json!({"conversation": "c1"}), field("c1")),
            ("a conversation's object", vec![], json!({"conversation": {"id": "c"}}), field("c")),
            (
                "a trace",
                vec![("traceparent", trace)],
                json!({"prompt_cache_key": "01234567-89ab-cdef-0123-456789abcdef"}),
                Some((Trace, "0123456789abcdef0123456789abcdef")),
            ),
            (
                "a cache key that is an id",
                vec![],
                json!({"prompt_cache_key": "01234567-89ab-cdef-0123-456789abcdef"}),
                Some((CacheKey, "01234567-89ab-cdef-0123-456789abcdef")),
            ),
            (
                "a cache key for everybody",
                vec![],
                json!({"prompt_cache_key": "support-assistant-v12"}),
                None,
            ),
        ] {
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let params = params.as_object().unwrap();
            let found = thread(&headers, params);
            let found = found.as_ref().map(|found| (found.rule, found.name.as_str()));
            assert_eq!(found, expected, "{rule}");
        }
    }
}
