//! Which request gets which reply.

use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::Reply;
use super::{Received, anthropic, openai};

/// The reply to the request with that number.
pub(super) fn answer(received: &Received, number: u64) -> Reply {
    let path = received.path.split('?').next().unwrap_or_default();
    let is_anthropic = received.header("anthropic-version").is_some();
    let asked = Asked { received, path, number };
    match received.method.as_str() {
        "POST" if path.ends_with("/chat/completions") => openai::chat(&asked),
        "POST" if path.ends_with("/embeddings") => openai::embeddings(&asked),
        "POST" if path.ends_with("/messages/count_tokens") => anthropic::count_tokens(&asked),
        "POST" if path.ends_with("/messages") => anthropic::messages(&asked),
        "GET" if is_anthropic && path.contains("/models") => anthropic::models(&asked),
        "GET" if path.contains("/models") => openai::models(&asked),
        // What Anthropic's apps report about themselves.
        "POST" if path.starts_with("/api/event_logging") => {
            Reply::json(200, json!({"accepted_count": 0, "rejected_count": 0}))
        }
        _ if is_anthropic || path.starts_with("/api/") || path == "/" => anthropic::not_found(),
        method => openai::not_found(method, path),
    }
}

/// The reply to `GET /__requests`, for scripts: all requests received.
pub(super) fn requests(received: &[Received]) -> Reply {
    let requests: Vec<_> = received.iter().map(Received::to_json).collect();
    Reply::json(200, Value::Array(requests))
}

/// A request, its path without the query, and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) received: &'a Received,
    pub(super) path: &'a str,
    pub(super) number: u64,
}

impl<'a> Asked<'a> {
    /// The key in an `Authorization` of type `Bearer`.
    pub(super) fn bearer(&self) -> Option<&'a str> {
        let authorization = self.received.header("authorization")?;
        authorization.strip_prefix("Bearer ")
    }

    /// The body as JSON; else what is wrong with it.
    pub(super) fn body<T: Deserialize<'a>>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.received.body).map_err(|error| error.to_string())
    }

    /// The model named by the path `…/models/NAME`.
    pub(super) fn model(&self) -> Option<&'a str> {
        self.path.rsplit_once("/models/").map(|(_, name)| name)
    }
}
