//! Exchanges to store: one that looks like a real one, and arbitrary ones.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::flow::{FlowId, Mode, Opened, Origin, Scheme, TunnelReason, Verdict};
use crate::model::{
    Annotations, App, Choice, Cost, Exchange, ExchangeError, Message, Part, Reply, Request, State,
    Tool, Usage,
};
use crate::store::{Entry, FlowRow, RawMessage, Store, StoredExchange, Texts};

/// A capture in a directory that goes away with it.
pub(crate) struct Capture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Capture {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data/capture.db")).unwrap();
        Self { dir, store }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("data/capture.db")
    }

    pub(crate) fn reader(&self) -> crate::store::Reader {
        crate::store::Reader::open(&self.path()).unwrap()
    }

    pub(crate) fn write(&mut self, exchanges: &[Exchange]) {
        let entries: Vec<_> = exchanges.iter().map(|e| entry(stored(e.clone()))).collect();
        self.store.write(&entries).unwrap();
    }
}

pub(crate) fn entry(stored: StoredExchange) -> Entry {
    Entry::Exchange(Box::new(stored))
}

pub(crate) fn stored(exchange: Exchange) -> StoredExchange {
    StoredExchange {
        exchange,
        place: 3,
        request: RawMessage {
            bytes: b"POST / HTTP/1.1\r\n\r\n{}".to_vec(),
            marks: vec![(0, 0), (10, 500_000)],
            cut: 0,
        },
        reply: Some(RawMessage {
            bytes: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
            ..RawMessage::default()
        }),
        texts: Texts::default(),
        leaks: Vec::new(),
        is_open: false,
    }
}

pub(crate) fn flow(id: Uuid, at: &str) -> FlowRow {
    FlowRow {
        opened: Opened {
            flow: FlowId(id),
            at: at.parse().unwrap(),
            mode: Mode::Intercept,
            origin: Origin::parse(Scheme::Https, "api.example.com:443").unwrap(),
            verdict: Verdict::Intercept,
            tls: None,
            connect_user_agent: None,
        },
        closed_at: None,
        app: App::default(),
        bytes: [0, 0],
        endings: [None, None],
        gap_bytes: 0,
        notes: vec![],
    }
}

/// A flow of `process` to `authority`; `why` is how the app refused our certificate, if it did.
pub(crate) fn passed(n: u128, process: &str, authority: &str, why: Option<&str>) -> FlowRow {
    let mut row = flow(Uuid::from_u128(n), "2026-11-23T10:00:00Z");
    row.app.process = Some(process.to_owned());
    row.opened.origin = Origin::parse(Scheme::Https, authority).unwrap();
    if let Some(why) = why {
        row.opened.verdict = Verdict::Tunnel(TunnelReason::Distrusted(why.to_owned()));
    }
    row.bytes = [100, 1_000];
    row
}

/// The `n`th exchange of an agent's session: it sends again what was said before.
pub(crate) fn turn(n: u32) -> Exchange {
    let say =
        |role: &str, text: String| Message { role: role.into(), parts: vec![Part::text(text)] };
    let messages = (0..n)
        .flat_map(|n| {
            [say("user", format!("question {n}")), say("assistant", format!("answer {n}"))]
        })
        .chain([say("user", format!("question {n}"))])
        .collect();
    let started_at = Timestamp::from_second(1_800_000_000 + i64::from(n)).unwrap();
    Exchange {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)),
        flow: Uuid::from_u128(7),
        thread: None,
        thread_rule: None,
        parent: None,
        inherited: None,
        state: State::Complete,
        started_at,
        first_byte_ms: Some(12.5),
        first_token_ms: None,
        duration_ms: Some(100.0),
        app: App { user_agent: Some("agent/1".into()), process: Some("node".into()), pid: Some(4) },
        provider: Some("openai".into()),
        dialect: Some("openai.chat".into()),
        operation: Some("chat".into()),
        origin: "https://api.example.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        http_version: "HTTP/1.1".into(),
        status: Some(200),
        streamed: true,
        request: Request {
            model: Some("model-a".into()),
            system: Some("be brief".into()),
            messages,
            tools: vec![Tool {
                name: "shell".into(),
                description: Some("Runs a command".into()),
                schema: json!({"type": "object"}),
            }],
            ..Request::default()
        },
        reply: Some(Reply {
            model: Some("model-a-2026".into()),
            choices: vec![Choice {
                parts: vec![Part::text(format!("answer {n}"))],
                finish_reason: Some("stop".into()),
            }],
            ..Reply::default()
        }),
        usage: Some(Usage { input: Some(10), output: Some(3), ..Usage::default() }),
        cost_usd: Some(0.001),
        cost_source: Some(Cost::Reported),
        error: None,
        notes: vec![],
        annotations: Annotations::default(),
    }
}

/// What was handed to the store: what links exchanges is the store's own.
pub(crate) fn told(exchange: &Exchange) -> Exchange {
    let unlinked = Exchange { thread: None, thread_rule: None, ..exchange.clone() };
    Exchange { parent: None, inherited: None, ..unlinked }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    any::<Option<String>>()
}

fn part() -> impl Strategy<Value = Part> {
    let flat = prop_oneof![
        any::<String>().prop_map(Part::text),
        (any::<String>(), maybe_text())
            .prop_map(|(text, signature)| Part::Reasoning { text, signature }),
        (maybe_text(), any::<String>(), json_value())
            .prop_map(|(id, name, arguments)| Part::ToolCall { id, name, arguments }),
        (maybe_text(), maybe_text(), maybe_text(), any::<Option<u64>>()).prop_map(
            |(mime_type, url, file_id, bytes)| Part::Image { mime_type, url, file_id, bytes }
        ),
        (maybe_text(), maybe_text(), maybe_text(), any::<Option<u64>>()).prop_map(
            |(mime_type, id, transcript, bytes)| Part::Audio { mime_type, id, transcript, bytes }
        ),
        (
            maybe_text(),
            maybe_text(),
            maybe_text(),
            maybe_text(),
            maybe_text(),
            any::<Option<u64>>()
        )
            .prop_map(|(name, mime_type, file_id, url, text, bytes)| {
                Part::File { name, mime_type, file_id, url, text, bytes }
            }),
        json_value().prop_map(|value| Part::Other { value }),
    ];
    flat.prop_recursive(2, 6, 3, |inner| {
        (maybe_text(), maybe_text(), prop::collection::vec(inner, 0..3), any::<Option<bool>>())
            .prop_map(|(id, name, parts, is_error)| Part::ToolResult { id, name, parts, is_error })
    })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(part(), 0..3)
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(any::<(String, String)>(), 0..3)
}

fn params() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any::<String>(), json_value()), 0..3).prop_map(Map::from_iter)
}

fn request() -> impl Strategy<Value = Request> {
    let message = (any::<String>(), parts()).prop_map(|(role, parts)| Message { role, parts });
    let tool = (any::<String>(), maybe_text(), json_value())
        .prop_map(|(name, description, schema)| Tool { name, description, schema });
    let messages = prop::collection::vec(message, 0..4);
    let tools = prop::collection::vec(tool, 0..3);
    (headers(), maybe_text(), maybe_text(), messages, tools, params()).prop_map(
        |(headers, model, system, messages, tools, params)| Request {
            headers,
            model,
            system,
            messages,
            tools,
            params,
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let choice =
        (parts(), maybe_text()).prop_map(|(parts, finish_reason)| Choice { parts, finish_reason });
    (headers(), maybe_text(), maybe_text(), prop::collection::vec(choice, 0..3))
        .prop_map(|(headers, id, model, choices)| Reply { headers, id, model, choices })
}

fn usage() -> impl Strategy<Value = Usage> {
    // SQLite has no integer beyond `i64`; a count beyond it is kept in `raw` alone.
    let tokens = || prop::option::of(0..=i64::MAX.cast_unsigned());
    let more = (tokens(), tokens(), tokens(), tokens(), tokens(), tokens(), tokens());
    (tokens(), tokens(), tokens(), tokens(), tokens(), more, any::<String>(), json_value())
        .prop_map(
            |(input, input_cached, input_cache_written, output, reasoning, more, source, raw)| {
                Usage {
                    input_cache_written_1h: more.0,
                    input_audio: more.1,
                    input_image: more.2,
                    output_audio: more.3,
                    output_image: more.4,
                    input_audio_cached: more.5,
                    input_image_cached: more.6,
                    input,
                    input_cached,
                    input_cache_written,
                    output,
                    reasoning,
                    source,
                    raw,
                }
            },
        )
}

prop_compose! {
    fn about()(
        thread in maybe_text(),
        provider in maybe_text(),
        dialect in maybe_text(),
        operation in maybe_text(),
        user_agent in maybe_text(),
        process in maybe_text(),
        pid: Option<u32>,
        origin: String,
        method: String,
        path: String,
    ) -> Exchange {
        Exchange {
            thread, provider, dialect, operation, origin, method, path,
            app: App { user_agent, process, pid },
            ..turn(0)
        }
    }
}

prop_compose! {
    /// Any exchange that can be: of the years that the capture has (to 2262).
    pub(crate) fn exchange()(
        about in about(),
        id: [u8; 16],
        flow: [u8; 16],
        started_at in any::<i64>(),
        state in prop::sample::select(
            &[State::Complete, State::Interrupted, State::Failed, State::Truncated][..],
        ),
        times in prop::array::uniform3(prop::option::of(prop::num::f64::NORMAL)),
        status: Option<u16>,
        streamed: bool,
        request in request(),
        reply in prop::option::of(reply()),
        usage in prop::option::of(usage()),
        error in prop::option::of(any::<(String, String)>()),
        notes: Vec<String>,
        cost_usd in prop::option::of(prop::num::f64::NORMAL),
    ) -> Exchange {
        let [first_byte_ms, first_token_ms, duration_ms] = times;
        Exchange {
            id: Uuid::from_bytes(id),
            flow: Uuid::from_bytes(flow),
            started_at: Timestamp::from_nanosecond(i128::from(started_at)).unwrap(),
            state, first_byte_ms, first_token_ms, duration_ms, status, streamed,
            request, reply, usage, notes, cost_usd,
            cost_source: cost_usd.map(|_| Cost::Reported),
            error: error.map(|(kind, message)| ExchangeError { kind, message }),
            ..about
        }
    }
}
