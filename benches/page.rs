//! What an answer of the page costs: the built binary on a large capture, asked as a browser
//! asks.
//!
//! `cargo bench --bench page` prints, for each answer, its size and the time until its first
//! byte and its last. `EXCHANGES` says how many (100,000), `TURNS` how long the longest
//! conversation is (1,000); `DATA_DIR` keeps the capture in that folder.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use overhear::model::{
    Annotations, App, Choice, Cost, Exchange, Message, Part, Reply, Request, State, ThreadRule,
    Usage,
};
use overhear::store::{Entry, RawMessage, Store, StoredExchange, Texts};
use uuid::Uuid;

/// Turns of an ordinary conversation.
const SESSION: usize = 20;
/// How often each answer is asked for; the best and the median are printed.
const ROUNDS: usize = 7;
/// Exchanges of one transaction.
const BATCH: usize = 500;
/// The id of the first exchange; the others count on.
const FIRST: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;
/// The name of the longest conversation.
const LONG: &str = "the long one";

fn main() {
    let number = |name: &str, usual| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
    };
    let (exchanges, turns) = (number("EXCHANGES", 100_000), number("TURNS", 1000));
    let folder = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("DATA_DIR").map(PathBuf::from);
    let data = kept.unwrap_or_else(|| folder.path().join("data"));
    let capture = data.join("capture.db");
    if !capture.exists() {
        fill(&capture, exchanges, turns);
    }
    let serve = Serve::start(&data, folder.path());
    println!(
        "{:<46}{:>8}{:>10}{:>10}{:>10}{:>10}",
        "answer", "status", "KB", "first ms", "best ms", "median ms"
    );
    let last = Uuid::from_u128(FIRST + (exchanges + turns - 1) as u128);
    let long = LONG.replace(' ', "%20");
    let middle = exchanges + turns / 2;
    let window: Vec<String> = (middle..(middle + 20).min(exchanges + turns))
        .map(|n| Uuid::from_u128(FIRST + n as u128).to_string())
        .collect();
    let window = window.join(",");
    for (name, path) in [
        ("the page itself", "/exchanges".to_owned()),
        ("status", "/api/status".into()),
        ("list: the newest 100", "/api/exchanges".into()),
        ("list: of an app", "/api/exchanges?q=app%3Aapp-3".into()),
        ("list: of an app that is rare", "/api/exchanges?q=app%3Aapp-rare".into()),
        ("list: the dearest", "/api/exchanges?q=sort%3Acost".into()),
        ("list: failed, of the last week", "/api/exchanges?q=state%3Afailed%20since%3A7d".into()),
        ("search: a rare word", "/api/search?q=unfindable4711".into()),
        ("search: a common word", "/api/search?q=question".into()),
        ("search: Chinese", "/api/search?q=%E6%9D%AD%E5%B7%9E".into()),
        ("threads: the newest 100", "/api/threads".into()),
        ("threads: of an app", "/api/threads?q=app%3Aapp-3".into()),
        ("stats: by app, a day a bar", "/api/stats?by=app&span=day&zone=UTC".into()),
        (
            "stats: by model, an hour a bar, of 7 days",
            "/api/stats?by=model&span=hour&zone=UTC&q=since%3A7d".into(),
        ),
        ("egress", "/api/egress".into()),
        ("prompts", "/api/prompts".into()),
        ("live: hello", "/api/live".into()),
        ("a long thread: its tree", format!("/api/threads/{long}")),
        ("a long thread: a window of 20 turns", format!("/api/threads/{long}/turns?ids={window}")),
        ("a long thread: its anatomy", format!("/api/threads/{long}/anatomy")),
        ("a long thread: its last exchange, whole", format!("/api/exchanges/{last}")),
        ("a long thread: what changed in its last turn", format!("/api/diff?a={last}")),
    ] {
        serve.measure(name, &path);
    }
}

/// A running proxy; killed when dropped.
struct Serve {
    child: Child,
    web: SocketAddr,
    token: String,
}

impl Serve {
    fn start(data: &Path, home: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_overhear"))
            .args(["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--keep-days", "0"])
            .env("OVERHEAR_DATA_DIR", data)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
        let web = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("as a base URL   http://")?;
            rest.split('/').next()?.parse().ok()
        });
        // What it says on must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(data.join("page-token")).expect("a token");
        Self { child, web: web.expect("an address"), token: token.trim().to_owned() }
    }

    /// Asks some times and prints the best.
    fn measure(&self, name: &str, path: &str) {
        let mut asked: Vec<_> = (0..ROUNDS).map(|_| self.ask(path)).collect();
        asked.sort_by_key(|asked| asked.whole);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let first = asked.iter().map(|asked| asked.first).min().unwrap_or_default();
        println!(
            "{name:<46}{:>8}{:>10.1}{:>10.2}{:>10.2}{:>10.2}",
            asked[0].status,
            asked[0].bytes as f64 / 1e3,
            ms(first),
            ms(asked[0].whole),
            ms(asked[ROUNDS / 2].whole),
        );
    }

    fn ask(&self, path: &str) -> Asked {
        let begun = Instant::now();
        let mut tcp = TcpStream::connect(self.web).expect("connected");
        let (host, token) = (self.web, &self.token);
        write!(tcp, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")
            .expect("asked");
        let (mut answer, mut piece, mut first) = (Vec::new(), [0; 64 << 10], None);
        while let Ok(read @ 1..) = tcp.read(&mut piece) {
            first.get_or_insert_with(|| begun.elapsed());
            answer.extend_from_slice(&piece[..read]);
            // A stream of events does not end.
            if answer.windows(13).any(|window| window == b"event: hello\n") {
                break;
            }
        }
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        Asked {
            status,
            bytes: answer.len(),
            first: first.unwrap_or_default(),
            whole: begun.elapsed(),
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How an answer came.
struct Asked {
    status: String,
    bytes: usize,
    first: Duration,
    whole: Duration,
}

fn fill(path: &Path, exchanges: usize, turns: usize) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let mut store = Store::open(path).expect("a capture");
    let begun = Instant::now();
    let mut batch = Vec::new();
    let mut history = Vec::new();
    for n in 0..exchanges + turns {
        let is_long = n >= exchanges;
        let turn = if is_long { n - exchanges } else { n % SESSION };
        if turn == 0 {
            history.clear();
        }
        let topic = match n % 97 {
            0 => "杭州的天气",
            _ => "the kettle in the harbour",
        };
        let rare = if n == exchanges / 2 { " unfindable4711" } else { "" };
        history.push(say("user", format!("question {n} about {topic}{rare}")));
        batch.push(entry(n, exchanges + turns, is_long, &history));
        history.push(say("assistant", format!("answer {n}: {}", "some words of it. ".repeat(8))));
        if batch.len() >= BATCH {
            store.write(&batch).expect("stored");
            batch.clear();
        }
    }
    store.write(&batch).expect("stored");
    println!("{} exchanges stored in {:.1?}", exchanges + turns, begun.elapsed());
    let begun = Instant::now();
    while store.index_some().expect("indexed") > 0 {}
    println!("indexed in {:.1?}\n", begun.elapsed());
}

fn say(role: &str, text: String) -> Message {
    Message { role: role.into(), parts: vec![Part::text(text)] }
}

/// The `n`th of `all`, which end now and lie evenly in 30 days.
fn entry(n: usize, all: usize, is_long: bool, history: &[Message]) -> Entry {
    let ago = (all - n) as i64 * 2_592_000_000 / all as i64;
    let at = Timestamp::now().as_millisecond() - ago;
    let session = n / SESSION;
    let app = match session % 8 {
        7 if session.is_multiple_of(1000) => "app-rare/1.0".to_owned(),
        app => format!("app-{app}/2.{}", session % 5),
    };
    let model = ["gpt-example-6", "claude-example-5", "small-example-1"][session % 3];
    let is_failed = n.is_multiple_of(50);
    let exchange = Exchange {
        id: Uuid::from_u128(FIRST + n as u128),
        flow: Uuid::from_u128(session as u128 + 1),
        thread: Some(if is_long { LONG.to_owned() } else { format!("session {session}") }),
        thread_rule: Some(ThreadRule::Header),
        parent: None,
        inherited: None,
        state: if is_failed { State::Failed } else { State::Complete },
        started_at: Timestamp::from_millisecond(at).expect("a time"),
        first_byte_ms: Some(210.0),
        first_token_ms: Some(300.0 + (n % 700) as f64),
        duration_ms: Some(2000.0 + (n % 9000) as f64),
        app: App { user_agent: Some(app), ..App::default() },
        provider: Some("openai".into()),
        dialect: Some("openai.chat".into()),
        operation: Some("chat".into()),
        origin: "https://api.openai.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        http_version: "HTTP/1.1".into(),
        status: Some(if is_failed { 500 } else { 200 }),
        streamed: true,
        request: Request {
            model: Some(model.into()),
            system: Some(format!("You are the app of session kind {}. Be brief.", session % 8)),
            messages: history.to_vec(),
            ..Request::default()
        },
        reply: Some(Reply {
            model: Some(model.into()),
            choices: vec![Choice {
                parts: vec![Part::text(format!("answer {n}: {}", "some words of it. ".repeat(8)))],
                finish_reason: Some("stop".into()),
            }],
            ..Reply::default()
        }),
        usage: Some(Usage {
            input: Some(900 + (n % 5000) as u64),
            input_cached: Some((n % 800) as u64),
            output: Some(40 + (n % 300) as u64),
            ..Usage::default()
        }),
        cost_usd: Some((n % 1000) as f64 * 0.00013),
        cost_source: Some(Cost::Reported),
        error: None,
        notes: vec![],
        annotations: Annotations::default(),
    };
    Entry::Exchange(Box::new(StoredExchange {
        exchange,
        place: 0,
        request: RawMessage::default(),
        reply: None,
        texts: Texts::default(),
        leaks: Vec::new(),
        is_open: false,
    }))
}
