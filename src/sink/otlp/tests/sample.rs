//! Exchanges of all kinds: a chat with a tool and its result, a failed one, one that broke off,
//! embeddings, a Responses call and Gemini's.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::{
    Annotations, App, Choice, Cost, Exchange, ExchangeError, Message, Part, Reply, Request, State,
    ThreadRule, Tool, Usage,
};
use crate::sink::{Delivery, ToolRun, Trace, span_id, tool_span_id, trace_id};

/// Deliveries, the oldest first.
pub(super) fn deliveries() -> Vec<Delivery> {
    let asks = delivery(asks());
    let answers = answers(&asks);
    vec![
        asks,
        answers,
        delivery(fails()),
        delivery(breaks_off()),
        delivery(embeds()),
        delivery(responds()),
        delivery(generates()),
        delivery(unknown()),
    ]
}

/// The delivery of an exchange that stands alone.
pub(super) fn delivery(exchange: Exchange) -> Delivery {
    let trace = Trace { id: trace_id(exchange.id), parent: None, state: String::new() };
    Delivery { turn: exchange.id, exchange, trace, ran: Vec::new() }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn at(seconds: i64) -> Timestamp {
    let first: Timestamp = "2026-11-23T10:15:30.123456789Z".parse().unwrap();
    first + SignedDuration::from_secs(seconds)
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.into(), parts }
}

fn base(n: u8, params: Value) -> Exchange {
    Exchange {
        id: id(n.into()),
        flow: Uuid::from_u128(7),
        thread: Some("session-42".into()),
        thread_rule: Some(ThreadRule::Metadata),
        parent: None,
        inherited: None,
        state: State::Complete,
        started_at: at(i64::from(n) - 10),
        first_byte_ms: Some(212.5),
        first_token_ms: Some(431.25),
        duration_ms: Some(1830.5),
        app: App {
            user_agent: Some("ExampleAgent/2.1 (linux)".into()),
            process: Some("node".into()),
            pid: Some(4711),
        },
        provider: Some("anthropic".into()),
        dialect: Some("anthropic.messages".into()),
        operation: Some("chat".into()),
        origin: "https://api.anthropic.com".into(),
        method: "POST".into(),
        path: "/v1/messages".into(),
        http_version: "HTTP/2".into(),
        status: Some(200),
        streamed: true,
        request: Request {
            model: Some("example-model".into()),
            system: Some("You answer in one sentence.".into()),
            messages: vec![message("user", vec![Part::text("What is the weather in Ghent?")])],
            params: params.as_object().unwrap().clone(),
            ..Request::default()
        },
        reply: Some(Reply {
            id: Some("msg_1".into()),
            model: Some("example-model-2026-10".into()),
            ..Reply::default()
        }),
        usage: Some(Usage {
            input: Some(1000),
            input_cached: Some(600),
            input_cache_written: Some(300),
            input_cache_written_1h: Some(100),
            output: Some(50),
            reasoning: Some(20),
            source: "provider".into(),
            ..Usage::default()
        }),
        cost_usd: Some(0.0125),
        cost_source: Some(Cost::Table),
        error: None,
        notes: vec![],
        annotations: Annotations::default(),
    }
}

fn answering(mut exchange: Exchange, parts: Vec<Part>, reason: Option<&str>) -> Exchange {
    let finish_reason = reason.map(str::to_owned);
    if let Some(reply) = &mut exchange.reply {
        reply.choices = vec![Choice { parts, finish_reason }];
    }
    exchange
}

fn call() -> Part {
    Part::ToolCall {
        id: Some("toolu_1".into()),
        name: "weather".into(),
        arguments: json!({"city": "Ghent"}),
    }
}

/// Streamed, with a tool, a cache, a session and a user.
fn asks() -> Exchange {
    let params = json!({"max_tokens": 1024, "temperature": 0.2, "stream": true, "top_k": 5,
        "metadata": {"user_id": "user_ab_account__session_session-42"}});
    let mut exchange = base(10, params);
    exchange.request.tools = vec![
        Tool {
            name: "weather".into(),
            description: Some("Gives the weather of a city.".into()),
            schema: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
        },
        Tool {
            name: "web_search".into(),
            description: None,
            schema: json!({"type": "web_search_20260318", "max_uses": 3}),
        },
    ];
    exchange.annotations.tags = vec!["keep".into()];
    let thought = Part::Reasoning { text: "A tool knows.".into(), signature: Some("s".into()) };
    answering(exchange, vec![thought, Part::text("Let me look."), call()], Some("tool_use"))
}

/// The next of the same turn: two results in one message, one of them a failure.
fn answers(asked: &Delivery) -> Delivery {
    let mut exchange = base(11, json!({"max_tokens": 1024, "stream": true}));
    exchange.parent = Some(asked.exchange.id);
    exchange.inherited = Some(2);
    let result = |id: &str, words: &str, is_error| Part::ToolResult {
        id: Some(id.into()),
        name: None,
        parts: vec![Part::text(words)],
        is_error,
    };
    exchange.request.messages.extend([
        message("assistant", vec![Part::text("Let me look."), call()]),
        message(
            "user",
            vec![result("toolu_1", "rain, 9 °C", None), result("toolu_2", "no key", Some(true))],
        ),
    ]);
    let exchange = answering(exchange, vec![Part::text("It rains.")], Some("end_turn"));
    let run = |place: usize, call: &str, words: &str, is_error| ToolRun {
        span: tool_span_id(asked.exchange.id, Some(call), place),
        caller: asked.exchange.id,
        call: Some(call.into()),
        name: "weather".into(),
        arguments: json!({"city": "Ghent"}),
        result: vec![Part::text(words)],
        is_error,
        began: asked.exchange.started_at,
        ended: exchange.started_at,
    };
    let ran = vec![run(0, "toolu_1", "rain, 9 °C", false), run(1, "toolu_2", "no key", true)];
    let parent = Some(span_id(asked.exchange.id));
    let trace = Trace { id: asked.trace.id, parent, state: "vendor=1".into() };
    Delivery { exchange, turn: asked.turn, trace, ran }
}

/// Refused by the provider, which sent no answer.
fn fails() -> Exchange {
    let mut exchange = base(12, json!({"max_tokens": 1}));
    exchange.state = State::Failed;
    exchange.streamed = false;
    exchange.status = Some(529);
    exchange.first_token_ms = None;
    (exchange.usage, exchange.cost_usd, exchange.cost_source) = (None, None, None);
    exchange.error = Some(ExchangeError {
        kind: "overloaded_error".into(),
        message: "Overloaded \u{1b}[31m<b>\0".into(),
    });
    exchange
}

/// The app went away in the middle; the conversation is one that Overhear put together.
fn breaks_off() -> Exchange {
    let mut exchange = base(13, json!({"max_tokens": 10}));
    exchange.state = State::Interrupted;
    exchange.thread_rule = Some(ThreadRule::Chain);
    exchange.notes = vec!["the stream ended before its last event".into()];
    answering(exchange, vec![Part::text("It r")], None)
}

/// No conversation.
fn embeds() -> Exchange {
    let mut exchange = base(14, json!({"dimensions": 256, "encoding_format": "float"}));
    (exchange.thread, exchange.thread_rule) = (None, None);
    exchange.provider = Some("openai".into());
    exchange.dialect = Some("openai.embeddings".into());
    exchange.operation = Some("embeddings".into());
    exchange.origin = "https://api.openai.com".into();
    exchange.streamed = false;
    exchange.first_token_ms = None;
    exchange.request.system = None;
    exchange.request.messages =
        ["one", "two"].map(|text| message("user", vec![Part::text(text)])).into();
    exchange.usage = Some(Usage { input: Some(2), source: "provider".into(), ..Usage::default() });
    let value = json!({"embeddings": 2, "dimensions": 256});
    answering(exchange, vec![Part::Other { value }], None)
}

/// OpenAI's Responses, with instructions apart, JSON asked for, and a picture.
fn responds() -> Exchange {
    let params = json!({"max_output_tokens": 99, "user": "u-1", "service_tier": "auto",
        "text": {"format": {"type": "json_schema", "name": "x"}}});
    let mut exchange = base(15, params);
    exchange.provider = None;
    exchange.dialect = Some("openai.responses".into());
    exchange.origin = "http://127.0.0.1:8080".into();
    exchange.app = App { user_agent: None, process: Some("python3".into()), pid: None };
    let picture = Part::Image {
        mime_type: Some("image/png".into()),
        url: None,
        file_id: None,
        bytes: Some(1234),
    };
    let linked = Part::Image {
        mime_type: None,
        url: Some("https://example.com/a.png".into()),
        file_id: None,
        bytes: None,
    };
    exchange.request.messages =
        vec![message("user", vec![Part::text("What is this?"), picture, linked])];
    answering(exchange, vec![Part::text(r#"{"what": "a cat"}"#)], Some("completed"))
}

/// Gemini's names for everything, and a system prompt that stands among the messages.
fn generates() -> Exchange {
    let params = json!({"generationConfig": {"temperature": 0.0, "maxOutputTokens": 5,
        "stopSequences": ["x"], "responseMimeType": "text/plain"}});
    let mut exchange = base(16, params);
    exchange.provider = Some("gemini".into());
    exchange.dialect = Some("gemini".into());
    exchange.origin = "https://generativelanguage.googleapis.com".into();
    exchange.request.messages = vec![
        message("system", vec![Part::text("You answer in one sentence.")]),
        message("model", vec![Part::text("Hello.")]),
        message("user", vec![Part::text("Hi.")]),
    ];
    answering(exchange, vec![Part::text("Well")], Some("MAX_TOKENS"))
}

/// Nothing is known of it but where it went.
fn unknown() -> Exchange {
    let mut exchange = base(17, json!({}));
    (exchange.provider, exchange.dialect, exchange.operation) = (None, None, None);
    (exchange.thread, exchange.thread_rule) = (None, None);
    exchange.origin = "https://[2001:db8::1]:8443".into();
    exchange.request = Request::default();
    (exchange.usage, exchange.reply, exchange.duration_ms) = (None, None, None);
    exchange.app = App::default();
    exchange
}
