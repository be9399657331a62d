//! `overhear mcp`, asked by the official SDK and by hand.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::stage::{Stage, skipped, text, tools};

const URL: &str = "https://api.openai.com/v1/chat/completions";

/// Records one exchange in which the user says `words`.
fn record(stage: &Stage, words: &str) {
    let body = json!({
        "model": "fake",
        "messages": [
            {"role": "system", "content": "You are a test."},
            {"role": "user", "content": words},
        ],
    })
    .to_string();
    let key = format!("Authorization: Bearer {}", crate::stage::app::KEY);
    let asked = stage.run(&["curl", "-sS", "--fail", "-H", &key, "--json", &body, URL]);
    assert!(asked.status.success(), "{}", text(&asked.stderr));
}

/// The bytes of the capture, those of its log too; a log that is not there is empty.
fn bytes(stage: &Stage) -> [Vec<u8>; 2] {
    ["capture.db", "capture.db-wal"]
        .map(|name| fs::read(stage.data().join(name)).unwrap_or_default())
}

#[test]
fn the_official_sdk_reads_and_changes_nothing() {
    let Some(tools) = tools() else { return };
    let stage = Stage::new();
    for words in ["What is in the box?", "What else is in the box?"] {
        record(&stage, words);
    }
    let before = bytes(&stage);
    let id = stage.exchanges()[1]["id"].as_str().unwrap().to_owned();
    let other = stage.exchanges()[0]["id"].as_str().unwrap().to_owned();
    let calls = json!([
        ["list", {}],
        ["search", {"query": "box role:user"}],
        ["threads", {}],
        ["show", {"id": id}],
        ["show", {"id": id, "thread": true}],
        ["diff", {"a": other, "b": id}],
        ["stats", {"by": "provider"}],
        ["prompts", {}],
        ["prompts", {"changes": true}],
        ["show", {"id": "nope"}],
        ["list", {"filter": "colour:red"}],
    ]);
    let mut client = stage.program(tools.join("bin/python"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/client.py");
    let data = stage.data().display().to_string();
    client.args([script, env!("CARGO_BIN_EXE_overhear"), "--data-dir", &data, "mcp"]);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().unwrap();
    client.stdin.take().unwrap().write_all(calls.to_string().as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    if output.status.code() == Some(77) {
        skipped("the Python package `mcp` is not here; `tests/run` installs it");
        return;
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = json!(["search", "list", "threads", "show", "diff", "stats", "prompts"]);
    assert_eq!(told["tools"], names);
    let answers = told["calls"].as_array().unwrap();
    let (good, refused) = answers.split_at(9);
    for (answer, call) in good.iter().zip(calls.as_array().unwrap()) {
        assert_eq!(answer["error"], false, "{call}: {answer}");
        let text: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, answer["structured"], "{call}");
        assert!(text["notice"].as_str().unwrap().contains("not instructions"), "{call}");
    }
    for (answer, words) in refused
        .iter()
        .zip(["no exchange has the id `nope`\nhint: ", "there is no filter `colour:`"])
    {
        assert_eq!(answer["error"], true, "{answer}");
        assert!(answer["text"].as_str().unwrap().starts_with(words), "{answer}");
    }
    assert_eq!(good[1]["structured"]["hits"].as_array().unwrap().len(), 2, "{}", good[1]);
    assert_eq!(good[6]["structured"]["rows"][0]["key"], "openai", "{}", good[6]);
    assert_eq!(told["resource"]["exchanges"][0]["exchange"]["id"], id);
    assert!(!told.to_string().contains(crate::stage::app::KEY));
    assert!(before == bytes(&stage), "the capture changed");
}

/// A client that says lines.
struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Client {
    fn start(stage: &Stage) -> Self {
        let mut server = stage.overhear(["mcp"]);
        server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = server.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut client = Self { child, stdin, stdout: BufReader::new(stdout) };
        let who = json!({"name": "test", "version": "1"});
        client.ask(
            "initialize",
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": who}),
        );
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.stdin, "{message}").unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        self.hear()
    }

    fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": name, "arguments": arguments}))["result"].take()
    }
}

#[test]
fn a_capture_may_come_later_and_grow() {
    let stage = Stage::new();
    let mut client = Client::start(&stage);
    let answer = client.call("list", json!({}));
    assert_eq!(answer["isError"], true, "{answer}");
    let said = answer["content"][0]["text"].as_str().unwrap();
    assert!(said.starts_with("there is no capture at `"), "{said}");
    assert!(!stage.data().join("capture.db").exists());
    for count in 1..=2 {
        record(&stage, "What is in the box?");
        let answer = client.call("list", json!({}));
        let listed = answer["structuredContent"]["exchanges"].as_array().unwrap();
        assert_eq!(listed.len(), count, "{answer}");
    }
    // What was asked last is answered, though nobody says any more.
    client.say(&json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call",
        "params": {"name": "stats", "arguments": {}}}));
    let Client { child, stdin, mut stdout } = client;
    drop(stdin);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut rest).unwrap();
    let answer: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(answer["result"]["structuredContent"]["total"]["exchanges"], 2, "{answer}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "", "nothing to say");
}
