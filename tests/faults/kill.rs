//! `kill -9`: what the app had received is there after the next start, once.

use std::fs;
use std::time::Duration;

use overhear::demo::provider::Options;
use serde_json::Value;

use super::{HOST, answers, app};
use crate::stage::app::{KEY, answer_of, asked_of, chat, dechunked};
use crate::stage::{App, Serve, Stage, text, until};

/// Slow enough that a stream is never over when its proxy is killed.
const PACE: Duration = Duration::from_millis(5);

fn slow_stage() -> Stage {
    Stage::with(Options { pace: PACE, ..Options::default() })
}

/// The app reads what is left on its connection.
fn drain(app: &mut App) {
    while app.read() {}
}

/// The words of the events in a body that is cut, its chunks undone.
fn words(body: &[u8]) -> String {
    let body = text(&dechunked(body));
    // The last piece is an event only if its empty line has come.
    let mut events: Vec<_> = body.split("\n\n").collect();
    events.pop();
    let data = events.into_iter().filter_map(|event| event.strip_prefix("data: "));
    let content = |data: &str| {
        let event: Value = serde_json::from_str(data).unwrap();
        event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
    };
    data.map(content).collect()
}

fn raw(stage: &Stage, exchange: &Value, side: &str) -> Vec<u8> {
    let id = exchange["id"].as_str().unwrap();
    stage.overhear(["show", id, "--raw", side]).output().unwrap().stdout
}

/// What is behind the head of the last reply: in the head a cookie is replaced.
fn last_body(replies: &[u8]) -> &[u8] {
    let head = memchr::memmem::rfind(replies, b"HTTP/1.1 200").unwrap();
    let len = memchr::memmem::find(&replies[head..], b"\r\n\r\n").unwrap();
    &replies[head + len + 4..]
}

/// Nothing is left where the tapes were.
fn assert_no_tapes(stage: &Stage) {
    let left: Vec<_> = fs::read_dir(stage.ram()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What was cut by the kill: the prompt is whole, every event that the app got is there.
fn assert_interrupted(stage: &Stage, exchange: &Value, asked: &str, app: &App) {
    assert_eq!(exchange["state"], "interrupted", "{exchange:#}");
    assert_eq!(asked_of(exchange), asked);
    let request = text(&raw(stage, exchange, "request"));
    let body = |request: &str| request.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert!(body(&request) == body(&chat("fake-long", asked, true)), "{request}");
    assert!(!request.contains(KEY));
    let reply = raw(stage, exchange, "reply");
    let (reply, received) = (last_body(&reply), last_body(&app.received));
    let same = reply.iter().zip(received).take_while(|(kept, got)| kept == got).count();
    assert_eq!(same, received.len(), "of {} bytes that are kept", reply.len());
    let (kept, got) = (answer_of(exchange), words(received));
    assert!(!got.is_empty());
    assert!(kept.starts_with(&got), "{kept}\n{got}");
}

#[test]
fn in_the_middle_of_a_stream() {
    let stage = slow_stage();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    let asked = format!("a prompt of many words: {}", "天地玄黃 ".repeat(20_000));
    app.send(chat("fake-long", &asked, true));
    app.read_events(60);
    serve.kill();
    drain(&mut app);
    assert!(stage.exchanges().is_empty(), "it was not over");

    let serve = stage.serve(&[]);
    let exchanges = stage.exchanges_of(1);
    assert_interrupted(&stage, &exchanges[0], &asked, &app);
    until("the user is told", || serve.said().contains("recovered 1 exchange").then_some(()));
    assert!(serve.stop().success());
    assert_eq!(stage.exchanges().len(), 1);
    assert_no_tapes(&stage);
}

#[test]
fn by_the_next_run_too() {
    let stage = slow_stage();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    app.send(chat("fake-long", "hello", true));
    app.read_events(10);
    serve.kill();
    drain(&mut app);
    assert!(stage.run(&["true"]).status.success());
    let exchanges = stage.exchanges();
    assert_eq!(exchanges.len(), 1);
    assert_interrupted(&stage, &exchanges[0], "hello", &app);
}

#[test]
fn in_an_upload() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    let request = chat("fake", &"half a prompt ".repeat(10_000), false);
    let (half, _) = request.split_at(request.len() / 2);
    app.send(half);
    // What the origin has not got, nobody has promised.
    std::thread::sleep(Duration::from_millis(200));
    serve.kill();
    let _serve = stage.serve(&[]);
    let exchanges = stage.exchanges_of(1);
    assert_eq!(exchanges[0]["state"], "interrupted");
    let kept = text(&raw(&stage, &exchanges[0], "request"));
    assert!(kept.ends_with(&half[half.len() - 1000..]), "{} of {}", kept.len(), half.len());
}

/// Exchanges on one connection, some of them stored when the kill comes: each is there once.
#[test]
fn after_several_exchanges_on_a_connection() {
    for (stored_first, model, padding) in
        [(0, "fake", 1), (1, "fake", 1), (4, "fake", 1), (8, "fake", 1), (3, "fake-long", 30_000)]
    {
        let stage = Stage::new();
        let serve = stage.serve(&[]);
        let mut app = app(&stage, &serve);
        let asked = |n: usize| format!("question {n} {}", "word ".repeat(n * padding));
        let mut expected: Vec<(String, String)> = Vec::new();
        for n in 0..8 {
            let stream = n % 2 == 1;
            let reply = app.ask(chat(model, &asked(n), stream));
            expected.push((asked(n), reply.answer()));
            if n + 1 == stored_first {
                stage.exchanges_of(stored_first);
            }
        }
        serve.kill();
        let serve = stage.serve(&[]);
        stage.exchanges_of(8);
        serve.stop();
        let exchanges = stage.exchanges();
        let found: Vec<_> = exchanges.iter().map(|one| (asked_of(one), answer_of(one))).collect();
        assert!(found == expected, "{stored_first} stored before: {:?}", states(&exchanges));
        let whole = |one: &Value| one["state"] == "complete";
        assert!(exchanges.iter().all(whole), "{:?}", states(&exchanges));
    }
}

fn states(exchanges: &[Value]) -> Vec<String> {
    let state = |one: &Value| format!("{} {}", one["state"], one["id"]);
    exchanges.iter().map(state).collect()
}

/// Half of the exchanges over and stored, one in the middle.
#[test]
fn in_a_stream_behind_other_exchanges() {
    let stage = slow_stage();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    for n in 0..3 {
        app.ask(chat("fake", &format!("question {n}"), false));
    }
    stage.exchanges_of(3);
    app.send(chat("fake-long", "the last question", true));
    app.read_events(30);
    serve.kill();
    drain(&mut app);
    let serve = stage.serve(&[]);
    stage.exchanges_of(4);
    serve.stop();
    let exchanges = stage.exchanges();
    assert_eq!(answers(&exchanges).len(), 4);
    assert_interrupted(&stage, &exchanges[3], "the last question", &app);
    assert_no_tapes(&stage);
}

/// The second kill comes while the first is being recovered, or after.
#[test]
fn again_and_again() {
    let stage = slow_stage();
    let mut apps = Vec::new();
    for n in 0..4 {
        let serve = stage.serve(&[]);
        let mut app = app(&stage, &serve);
        app.ask(chat("fake", &format!("whole {n}"), false));
        app.send(chat("fake-long", &format!("cut {n}"), true));
        app.read_events(10);
        serve.kill();
        drain(&mut app);
        apps.push(app);
        // One that is killed as soon as it has begun.
        stage.serve(&[]).kill();
    }
    let serve = stage.serve(&[]);
    stage.exchanges_of(8);
    serve.stop();
    let exchanges = stage.exchanges();
    let answers = answers(&exchanges);
    assert_eq!(answers.len(), 8);
    for (n, app) in apps.iter().enumerate() {
        assert!(answers[&format!("whole {n}")].contains("你好"));
        let cut = exchanges.iter().find(|one| asked_of(one) == format!("cut {n}")).unwrap();
        assert_interrupted(&stage, cut, &format!("cut {n}"), app);
    }
    assert_no_tapes(&stage);
}

/// Many connections at once, all of them in the middle of something.
#[test]
fn under_load() {
    let stage = slow_stage();
    let serve = stage.serve(&[]);
    let root = stage.root();
    let apps: Vec<App> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..30)
            .map(|n| {
                let (root, serve): (&str, &Serve) = (&root, &serve);
                scope.spawn(move || {
                    let mut app = App::connect(serve.proxy, HOST, root);
                    app.send(chat("fake-long", &format!("stream {n}"), true));
                    app.read_events(5 + n);
                    app
                })
            })
            .collect();
        begun.into_iter().map(|app| app.join().unwrap()).collect()
    });
    serve.kill();
    let serve = stage.serve(&[]);
    stage.exchanges_of(30);
    serve.stop();
    let exchanges = stage.exchanges();
    assert_eq!(answers(&exchanges).len(), 30);
    for (n, mut app) in apps.into_iter().enumerate() {
        drain(&mut app);
        let one = exchanges.iter().find(|one| asked_of(one) == format!("stream {n}")).unwrap();
        assert_interrupted(&stage, one, &format!("stream {n}"), &app);
    }
}
