//! Memory for tapes that is too small: forwarding is untouched, what is missing is counted.

use rusqlite::Connection;
use serde_json::Value;

use super::HOST;
use crate::stage::app::{KEY, post};
use crate::stage::origin::echo;
use crate::stage::{App, Origin, Serve, Stage, until};

/// More than one MiB of tape holds, of text that no two places share.
fn big_body() -> String {
    let lines = (0..300_000).map(|n| format!("line {n:020}\\n"));
    format!(
        r#"{{"model":"big","messages":[{{"role":"user","content":"{}"}}]}}"#,
        lines.collect::<String>()
    )
}

fn serve(stage: &Stage, origin: &Origin, words: &[&str]) -> Serve {
    std::fs::write(stage.home("origin.pem"), &origin.pem).unwrap();
    let resolve = format!("*:*:{}", origin.addr);
    let free = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--upstream-ca", "origin.pem"];
    let mut command = stage.overhear(["serve", "--resolve", &resolve]);
    command.args(free).args(words);
    Serve::start(command)
}

#[test]
fn a_full_tape_disturbs_nobody_and_is_counted() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[], echo);
    let serve = serve(&stage, &origin, &["--tape-budget", "1"]);
    // Held, so that nothing is given back while the bodies pass.
    let other = Connection::open(stage.data().join("capture.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let body = big_body();
    let request = |body: &str| {
        post("/v1/chat/completions", HOST, &[("Authorization", &format!("Bearer {KEY}"))], body)
    };
    let mut app = App::connect(serve.proxy, HOST, &stage.root());
    for _ in 0..2 {
        let reply = app.ask(request(&body));
        assert!(reply.body == body.as_bytes(), "{} bytes", reply.body.len());
    }
    // A connection that opens when there is no tape left.
    let mut late = App::connect(serve.proxy, HOST, &stage.root());
    assert_eq!(late.ask(request("{}")).body, b"{}");
    other.execute_batch("COMMIT").unwrap();
    drop((app, late));
    until("the gap is told", || serve.said().contains("unrecorded").then_some(()));
    let exchanges = stage.exchanges_of(1);
    let first = &exchanges[0];
    assert_ne!(first["state"], "complete", "{}", first["notes"]);
    let gap: i64 =
        other.query_row("SELECT coalesce(sum(bytes), 0) FROM gap", [], |row| row.get(0)).unwrap();
    assert!(gap > 10 << 20, "{gap}");
    // There is room again: what comes now is recorded whole.
    let mut app = App::connect(serve.proxy, HOST, &stage.root());
    let small = r#"{"model":"m","messages":[{"role":"user","content":"after the gap"}]}"#;
    app.ask(request(small));
    let after = until("the next one is recorded", || {
        let all = stage.exchanges();
        all.into_iter().find(|one| one["request"].to_string().contains("after the gap"))
    });
    assert_eq!(after["state"], "complete");
    assert!(serve.stop().success());
}

/// The gap ends inside the connection: what is recorded after it is not mistaken.
#[test]
fn a_gap_is_not_read_as_something_else() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[], echo);
    let serve = serve(&stage, &origin, &["--tape-budget", "1"]);
    let mut app = App::connect(serve.proxy, HOST, &stage.root());
    let other = Connection::open(stage.data().join("capture.db")).unwrap();
    let body = big_body();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let reply = app.ask(post("/v1/chat/completions", HOST, &[], &body));
    assert!(reply.body == body.as_bytes());
    other.execute_batch("COMMIT").unwrap();
    for n in 0..40 {
        let small =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"small {n}"}}]}}"#);
        let reply = app.ask(post("/v1/chat/completions", HOST, &[], &small));
        assert!(reply.body == small.as_bytes());
    }
    assert!(serve.stop().success());
    let exchanges = stage.exchanges();
    assert_ne!(exchanges[0]["state"], "complete");
    let whole = |one: &&Value| one["state"] == "complete";
    for one in exchanges.iter().filter(whole) {
        let asked = crate::stage::app::asked_of(one);
        assert!(asked.starts_with("small "), "{asked}");
        let id = one["id"].as_str().unwrap();
        let [request, reply] =
            ["request", "reply"].map(|side| stage.print(&["show", id, "--raw", side]));
        let body = |raw: &str| raw.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&request), body(&reply), "the halves belong together");
    }
}
