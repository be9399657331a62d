//! One outage, one refusal, one setting at a time.

use super::*;
use crate::stage::lines;

/// All kinds, each asked for what it has.
const KINDS: [Kind; 4] = [Kind::Langfuse, Kind::Loki, Kind::Otlp, Kind::Webhook];

fn started(stage: &Stage, kind: Kind) -> Option<Receiver> {
    let words: &[&str] = match kind {
        Kind::Webhook => &["--secret", receiver::SECRET],
        Kind::Langfuse | Kind::Loki | Kind::Otlp => &[],
    };
    Receiver::start(stage, kind, words)
}

/// The same with each kind, all at once: they wait more than they work.
fn with_each(test: fn(Kind)) {
    std::thread::scope(|scope| {
        for kind in KINDS {
            scope.spawn(move || test(kind));
        }
    });
}

/// Asks so many times; the last words are those of the question.
fn ask_all(serve: &Serve, count: usize) {
    for n in 0..count {
        assert!(ask(serve.web, "fake", &format!("question {n} of the weather")));
    }
}

#[test]
fn each_kind_gets_what_was_said_once() {
    let stage = Stage::new();
    let receivers: Vec<_> = KINDS.into_iter().filter_map(|kind| started(&stage, kind)).collect();
    let sinks: Vec<_> = receivers.iter().map(|one| one.sink("")).collect();
    let serve = serve(&stage, &sinks);
    ask_all(&serve, 5);
    stage.exchanges_of(5);
    for receiver in &receivers {
        assert_eq!(has_all(&stage, receiver), 5);
        assert_once(receiver);
        let text = receiver.text();
        for n in 0..5 {
            assert!(text.contains(&format!("question {n} of the weather")), "{:?}", receiver.kind);
        }
        assert!(!text.contains(crate::stage::app::KEY), "{:?}", receiver.kind);
    }
    // Nor does a key of ours stand anywhere.
    let sinks = stage.print(&["sinks"]);
    assert!(!sinks.contains("sk-lf-fake") && !sinks.contains("whsec"), "{sinks}");
}

#[test]
fn a_collector_gets_the_counters_too() {
    let stage = Stage::new();
    let Some(receiver) = started(&stage, Kind::Otlp) else { return };
    let serve = serve(&stage, &[receiver.sink("")]);
    ask_all(&serve, 2);
    stage.exchanges_of(2);
    assert!(serve.stop().success());
    let body = receiver.aside();
    for name in
        ["gen_ai.client.operation.duration", "gen_ai.client.token.usage", "overhear.exchanges"]
    {
        assert!(memchr::memmem::find(&body, name.as_bytes()).is_some(), "no {name}");
    }
}

#[test]
fn without_content_no_word_leaves() {
    let stage = Stage::new();
    let receivers: Vec<_> = KINDS.into_iter().filter_map(|kind| started(&stage, kind)).collect();
    let sinks: Vec<_> = receivers.iter().map(|one| one.sink("&content=false")).collect();
    let serve = serve(&stage, &sinks);
    ask_all(&serve, 3);
    stage.exchanges_of(3);
    for receiver in &receivers {
        assert_eq!(has_all(&stage, receiver), 3);
        let text = receiver.text();
        // Of the question, and of the provider's answer.
        for word in ["weather", "question", "你好", "\\u4f60\\u597d"] {
            assert!(!text.contains(word), "{:?}: {word}", receiver.kind);
        }
        assert!(text.contains("fake"), "{:?}: the model is told", receiver.kind);
    }
}

#[test]
fn a_wrong_key_stops_the_sink_and_says_why() {
    let stage = Stage::new();
    let Some(langfuse) = Receiver::start(&stage, Kind::Langfuse, &["--secret", "sk-lf-other"])
    else {
        return;
    };
    let serve = serve(&stage, &[langfuse.sink("")]);
    ask_all(&serve, 1);
    let why = until("the sink is stopped", || {
        let said = stage.print(&["sinks"]);
        said.contains("Invalid credentials").then_some(said)
    });
    assert!(why.contains("401"), "{why}");
    let before = langfuse.requests().len();
    ask_all(&serve, 3);
    stage.exchanges_of(4);
    assert!(serve.stop().success());
    assert_eq!(langfuse.requests().len(), before, "it is left alone");
    assert_eq!(langfuse.accepted().len(), 0);
}

/// The app asks as if nothing were wrong, and the receiver has it all when it is back.
#[test]
fn a_receiver_may_be_away() {
    with_each(is_away);
}

fn is_away(kind: Kind) {
    let stage = Stage::new();
    let words: &[&str] = if kind == Kind::Webhook { &["--secret", receiver::SECRET] } else { &[] };
    let Some(mut receiver) = Receiver::down(&stage, kind, words) else { return };
    let serve = super::serve(&stage, &[receiver.sink("")]);
    ask_all(&serve, 3);
    until("a try has failed", || {
        stage.print(&["sinks"]).contains("cannot be reached").then_some(())
    });
    // It starts again while the receiver is still away.
    serve.kill();
    let serve = super::serve(&stage, &[receiver.sink("")]);
    ask_all(&serve, 3);
    stage.exchanges_of(6);
    receiver.up();
    has_all(&stage, &receiver);
    assert_once(&receiver);
}

#[test]
fn retry_after_is_obeyed() {
    let stage = Stage::new();
    let Some(otlp) = started(&stage, Kind::Otlp) else { return };
    otlp.faults(&json!([
        { "how": "answer", "status": 429, "headers": { "Retry-After": "3" }, "body": "slowly" },
    ]));
    let serve = serve(&stage, &[otlp.sink("")]);
    ask_all(&serve, 1);
    stage.exchanges_of(1);
    has_all(&stage, &otlp);
    // What was accepted is written down before the request that had it.
    let requests = until("both requests are told of", || {
        Some(otlp.requests()).filter(|requests| requests.len() > 1)
    });
    let at = |n: usize| requests[n]["at"].as_f64().unwrap();
    assert_eq!(requests[0]["status"], 429);
    assert!(at(1) - at(0) >= 3.0, "{requests:?}");
    drop(serve);
}

/// Whatever happens to a connection, what was not accepted comes again.
#[test]
fn faults_of_every_kind_lose_nothing() {
    with_each(is_faulty);
}

fn is_faulty(kind: Kind) {
    let stage = Stage::new();
    let Some(receiver) = started(&stage, kind) else { return };
    let mut faults = json!([
        { "how": "reset-unread" },
        { "how": "reset" },
        { "how": "answer", "status": 503, "headers": { "Retry-After": "0" } },
        { "how": "accept-reset" },
        { "how": "accept-half" },
        { "how": "accept-garbage" },
        { "how": "answer", "status": 502, "body": "<html>bad gateway</html>" },
    ]);
    let each = faults.as_array_mut().unwrap();
    let serve = serve(&stage, &[receiver.sink("")]);
    for (n, fault) in each.iter().enumerate() {
        receiver.faults(&json!([fault]));
        ask_all(&serve, 1);
        stage.exchanges_of(n + 1);
        has_all(&stage, &receiver);
    }
    // A collector knows no duplicates, and tells nobody what it has.
    if kind != Kind::Otlp {
        assert_once(&receiver);
    }
    assert!(serve.stop().success());
}

#[test]
fn one_that_is_refused_holds_up_no_other() {
    with_each(refuses_one);
}

fn refuses_one(kind: Kind) {
    let stage = Stage::new();
    let Some(mut receiver) = started(&stage, kind) else { return };
    receiver.poison("hemlock");
    let serve = serve(&stage, &[receiver.sink("")]);
    receiver.kill();
    for says in ["one", "two", "some hemlock", "three", "four"] {
        assert!(ask(serve.web, "fake", says));
    }
    stage.exchanges_of(5);
    receiver.up();
    receiver.poison("hemlock");
    let exchanges = stage.exchanges();
    let is_good = |one: &&serde_json::Value| !one.to_string().contains("hemlock");
    let good: Vec<_> = exchanges
        .iter()
        .filter(is_good)
        .map(|one| kind.key_of(one["id"].as_str().unwrap()))
        .collect();
    assert_eq!(good.len(), 4);
    until(&format!("{kind:?} has the others"), || {
        let counts = receiver.counts();
        good.iter().all(|key| counts.contains_key(key)).then_some(())
    });
    let said = until("the refused one is told of", || {
        let said = stage.print(&["sinks"]);
        said.contains("poison").then_some(said)
    });
    assert!(!said.contains("hemlock"), "{said}");
    assert_once(&receiver);
    assert!(!receiver.text().contains("hemlock"));
    assert!(serve.stop().success());
}

#[test]
fn a_webhook_that_is_gone_is_left_alone() {
    let stage = Stage::new();
    let Some(gone) = Receiver::start(&stage, Kind::Webhook, &["--gone"]) else { return };
    let serve = serve(&stage, &[gone.sink("")]);
    ask_all(&serve, 1);
    until("it is stopped", || stage.print(&["sinks"]).contains("410").then_some(()));
    ask_all(&serve, 2);
    stage.exchanges_of(3);
    assert!(serve.stop().success());
    assert_eq!(gone.requests().len(), 1);
}

/// What is delivered live is not delivered again by hand, nor by hand twice.
#[test]
fn the_past_is_delivered_once() {
    let stage = Stage::new();
    let before = super::serve(&stage, &[]);
    ask_all(&before, 4);
    stage.exchanges_of(4);
    assert!(before.stop().success());
    for kind in KINDS {
        let Some(receiver) = started(&stage, kind) else { return };
        let sink = receiver.sink("");
        for _ in 0..2 {
            let export = stage.overhear(["export", "--sink", &sink, "--since", "1d"]);
            let output = { export }.output().unwrap();
            let said = text(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        }
        assert_eq!(has_all(&stage, &receiver), stage.exchanges().len());
        assert_once(&receiver);
    }
}

/// Loki takes no line that is too old: those are given up, however many, and the next is sent.
#[test]
fn an_old_backlog_stops_nothing() {
    let stage = Stage::new();
    // A second; an exchange is not sent before it has two.
    let Some(mut loki) = Receiver::start(&stage, Kind::Loki, &["--max-age", "0.0003"]) else {
        return;
    };
    let serve = serve(&stage, &[loki.sink("")]);
    ask_all(&serve, 7);
    let given_up = until("all of them are given up", || {
        let said = lines(&stage.print(&["sinks", "--json"]));
        said.into_iter().find(|sink| sink["refused"] == 7)
    });
    assert_eq!(given_up["stopped"], serde_json::Value::Null, "{given_up}");
    let why = given_up["refusal"].as_str().unwrap();
    assert!(why.contains("has timestamp too old"), "{why}");
    loki.kill();
    loki.words.clear();
    loki.up();
    ask_all(&serve, 1);
    until("the next one is taken", || (loki.accepted().len() == 1).then_some(()));
}
