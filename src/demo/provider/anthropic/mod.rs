//! Anthropic's API.

mod messages;
mod stream;

use serde_json::{Value, json};

use super::plan::{Plan, Trouble};
use super::prompt::Prompt;
use super::reply::{Ending, Reply};
use super::route::Asked;

use messages::Answer;

/// `POST …/v1/messages`.
pub(super) fn messages(asked: &Asked<'_>) -> Reply {
    let prompt = match check_key(asked).and_then(|()| parse(asked)) {
        Ok(prompt) => prompt,
        Err(refusal) => return dress(asked, refusal),
    };
    let plan = Plan::of(&prompt);
    let answer = Answer::new(asked, &prompt, &plan);
    let reply = match plan.trouble {
        Some(Trouble::RateLimited) => rate_limited(),
        Some(Trouble::Overloaded) => Reply::json(529, overloaded()),
        None if prompt.is_streamed() => Reply::events(stream::events(&answer), Ending::Whole),
        None => Reply::json(200, messages::whole(&answer)),
        Some(Trouble::FailsMidStream) if prompt.is_streamed() => {
            let mut events = stream::first_events(&answer);
            events.push(stream::event(&overloaded()));
            Reply::events(events, Ending::Whole)
        }
        Some(Trouble::CutMidStream) if prompt.is_streamed() => {
            Reply::events(stream::first_events(&answer), Ending::Cut)
        }
        Some(_) => Reply::json(500, error("api_error", "Internal server error")),
    };
    dress(asked, reply)
}

/// `POST …/v1/messages/count_tokens`.
pub(super) fn count_tokens(asked: &Asked<'_>) -> Reply {
    let reply = match check_key(asked).and_then(|()| parse(asked)) {
        Ok(prompt) => Reply::json(200, json!({"input_tokens": prompt.tokens()})),
        Err(refusal) => refusal,
    };
    dress(asked, reply)
}

/// `GET …/v1/models` and `GET …/v1/models/NAME`.
pub(super) fn models(asked: &Asked<'_>) -> Reply {
    let model = |id: &str| {
        json!({
            "type": "model",
            "id": id,
            "display_name": format!("Fake ({id})"),
            "created_at": "2026-01-01T00:00:00Z",
        })
    };
    let reply = match (check_key(asked), asked.model()) {
        (Err(refusal), _) => refusal,
        (Ok(()), Some(id)) => Reply::json(200, model(id)),
        (Ok(()), None) => {
            let [first, last] = ["claude-fake", "claude-fake-long"];
            let data = [model(first), model(last)];
            Reply::json(
                200,
                json!({"data": data, "has_more": false, "first_id": first, "last_id": last}),
            )
        }
    };
    dress(asked, reply)
}

/// Any path that is none of the API.
pub(super) fn not_found() -> Reply {
    Reply::json(404, error("not_found_error", "Not found"))
}

/// A key, or the token of a subscription.
fn check_key(asked: &Asked<'_>) -> Result<(), Reply> {
    let key = asked.received.header("x-api-key").or_else(|| asked.bearer());
    match key {
        Some(key) if key.starts_with("sk-") => Ok(()),
        Some(_) => Err(refusal(401, "authentication_error", "invalid x-api-key")),
        None => Err(refusal(401, "authentication_error", "x-api-key header is required")),
    }
}

fn parse(asked: &Asked<'_>) -> Result<Prompt, Reply> {
    let invalid = |message: &str| refusal(400, "invalid_request_error", message);
    if asked.received.header("anthropic-version").is_none() {
        return Err(invalid("anthropic-version: header is required"));
    }
    let prompt: Prompt = asked
        .body()
        .map_err(|why| invalid(&format!("The request body is not valid JSON: {why}")))?;
    if prompt.messages.is_empty() {
        return Err(invalid("messages: Field required"));
    }
    Ok(prompt)
}

fn rate_limited() -> Reply {
    let message = "This request would exceed your organization's rate limit.";
    refusal(429, "rate_limit_error", message).with("retry-after", "1")
}

fn overloaded() -> Value {
    error("overloaded_error", "Overloaded")
}

fn refusal(status: u16, kind: &str, message: &str) -> Reply {
    Reply::json(status, error(kind, message))
}

fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

/// The headers that come with every reply.
fn dress(asked: &Asked<'_>, reply: Reply) -> Reply {
    reply
        .with("request-id", format!("req_fake{:08}", asked.number))
        .with("anthropic-organization-id", "00000000-0000-4000-8000-00000000fa4e")
        .with("anthropic-ratelimit-requests-limit", "4000")
        .with("anthropic-ratelimit-requests-remaining", "3999")
        .with("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z")
}
