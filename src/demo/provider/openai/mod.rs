//! OpenAI's API, and what OpenRouter adds to it.

mod chat;
mod embeddings;
mod stream;

use serde_json::{Value, json};

use super::plan::{Plan, Trouble};
use super::prompt::Prompt;
use super::reply::{Ending, Reply};
use super::route::Asked;

use chat::Answer;

/// `POST …/chat/completions`.
pub(super) fn chat(asked: &Asked<'_>) -> Reply {
    let prompt = match check_key(asked).and_then(|()| parse(asked)) {
        Ok(prompt) => prompt,
        Err(refusal) => return dress(asked, refusal),
    };
    let plan = Plan::of(&prompt);
    let answer = Answer::new(asked, &prompt, &plan);
    let reply = match plan.trouble {
        Some(Trouble::RateLimited) => rate_limited(),
        Some(Trouble::Overloaded) => overloaded(),
        None if prompt.is_streamed() => Reply::events(stream::events(&answer), Ending::Whole),
        None => Reply::json(200, chat::whole(&answer)),
        Some(Trouble::FailsMidStream) if prompt.is_streamed() => {
            let mut events = stream::first_events(&answer);
            events.push(stream::event(&json!({ "error": failure() })));
            Reply::events(events, Ending::Whole)
        }
        Some(Trouble::CutMidStream) if prompt.is_streamed() => {
            Reply::events(stream::first_events(&answer), Ending::Cut)
        }
        Some(_) => Reply::json(500, json!({ "error": failure() })),
    };
    dress(asked, reply)
}

/// `POST …/embeddings`.
pub(super) fn embeddings(asked: &Asked<'_>) -> Reply {
    let reply = match check_key(asked) {
        Ok(()) => embeddings::reply(asked),
        Err(refusal) => refusal,
    };
    dress(asked, reply)
}

/// `GET …/models` and `GET …/models/NAME`.
pub(super) fn models(asked: &Asked<'_>) -> Reply {
    let model = |id: &str| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "fake-provider"});
    let reply = match (check_key(asked), asked.model()) {
        (Err(refusal), _) => refusal,
        (Ok(()), Some(id)) => Reply::json(200, model(id)),
        (Ok(()), None) => {
            let models: Vec<_> = MODELS.iter().map(|id| model(id)).collect();
            Reply::json(200, json!({"object": "list", "data": models}))
        }
    };
    dress(asked, reply)
}

/// Any path that is none of the API.
pub(super) fn not_found(method: &str, path: &str) -> Reply {
    error(404, &format!("Invalid URL ({method} {path})"), "invalid_request_error", Value::Null)
}

fn check_key(asked: &Asked<'_>) -> Result<(), Reply> {
    let message = match asked.bearer() {
        Some(key) if key.starts_with("sk-") => return Ok(()),
        Some(key) => {
            let shown: String = key.chars().take(3).collect();
            format!(
                "Incorrect API key provided: {shown}*****. You can find your API key at \
                 https://platform.openai.com/account/api-keys."
            )
        }
        None => "You didn't provide an API key. You need to provide your API key in an \
                 Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            .to_owned(),
    };
    Err(error(401, &message, "invalid_request_error", json!("invalid_api_key")))
}

fn parse(asked: &Asked<'_>) -> Result<Prompt, Reply> {
    let invalid = |message: &str| error(400, message, "invalid_request_error", Value::Null);
    let prompt: Prompt = asked.body().map_err(|why| {
        invalid(&format!("We could not parse the JSON body of your request. ({why})"))
    })?;
    if prompt.messages.is_empty() {
        return Err(invalid("Missing required parameter: 'messages'."));
    }
    Ok(prompt)
}

fn rate_limited() -> Reply {
    let message = "Rate limit reached for requests. Please try again in 1s.";
    error(429, message, "requests", json!("rate_limit_exceeded")).with("retry-after", "1")
}

fn overloaded() -> Reply {
    let message = "The server is currently overloaded with other requests. Sorry about that!";
    error(503, message, "server_error", Value::Null)
}

fn failure() -> Value {
    json!({
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": null,
        "code": null,
    })
}

fn error(status: u16, message: &str, kind: &str, code: Value) -> Reply {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    Reply::json(status, json!({ "error": error }))
}

/// The headers that come with every reply.
fn dress(asked: &Asked<'_>, reply: Reply) -> Reply {
    reply
        .with("x-request-id", format!("req_fake{:08}", asked.number))
        .with("openai-version", "2020-10-01")
        .with("openai-processing-ms", "12")
        .with("x-ratelimit-limit-requests", "5000")
        .with("x-ratelimit-remaining-requests", "4999")
        .with("set-cookie", "__cf_bm=fake-cookie; path=/; HttpOnly; Secure")
}

/// The time of every answer, in seconds since 1970: a clock would make each run another one.
const CREATED: u64 = 1_767_225_600;

const MODELS: &[&str] = &[
    "fake",
    "fake-reasoner",
    "fake-long",
    "fake-error-429",
    "fake-error-overloaded",
    "fake-error-mid-stream",
    "fake-cut-mid-stream",
];
