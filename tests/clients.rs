//! Real clients: what they send and get is the same with and without us, and what we say of
//! it is what they say of it. `tests/clients/README.md` has their lines.

mod fake;
mod sdks;
mod tools;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use overhear::demo::provider::{Compression, Options, Received};
use serde_json::{Value, json};

use crate::stage::app::KEY;
use crate::stage::{Stage, lines, skipped, text, tools};

/// How a client without us is led to the provider.
#[derive(Clone, Copy, PartialEq)]
enum Direct {
    /// The provider answers `CONNECT`.
    Proxy,
    /// A base URL: for Node 20, which knows no proxy. Differs in `Host`.
    BaseUrl,
}

#[test]
fn openai_for_python() {
    script("python", "python/openai_chat.py", Direct::Proxy);
}

#[test]
fn anthropic_for_python() {
    script("python", "python/anthropic_messages.py", Direct::Proxy);
}

#[test]
fn openai_for_node() {
    script("node", "node/openai_chat.mjs", Direct::Proxy);
}

#[test]
fn anthropic_for_node() {
    script("node", "node/anthropic_messages.mjs", Direct::Proxy);
}

#[test]
fn openai_for_an_older_node() {
    script("/usr/bin/node", "node/openai_chat.mjs", Direct::BaseUrl);
}

#[test]
fn anthropic_for_an_older_node() {
    script("/usr/bin/node", "node/anthropic_messages.mjs", Direct::BaseUrl);
}

/// Runs a script without us and with us, each against a provider of its own, with and without
/// compressed replies.
fn script(program: &str, name: &str, direct: Direct) {
    let Some(tools) = tools() else { return };
    let program = match Path::new(program).is_absolute() {
        true => PathBuf::from(program),
        false => tools.join("bin").join(program),
    };
    if !program.exists() {
        return skipped(&format!("`{}` is not there", program.display()));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
    let tool = [program.to_str().unwrap(), script.to_str().unwrap()];
    for compression in [Compression::Off, Compression::Gzip] {
        let stage = || Stage::with(Options { compression, ..Options::default() });
        let (alone, through) = (stage(), stage());
        let without = run_alone(&alone, &tool, direct);
        let with = through.run(&tool);
        assert_eq!(with.status.code(), Some(0), "{}", text(&with.stderr));
        assert_eq!(text(&with.stdout), text(&without.stdout), "what {name} got");
        assert_received_alike(&alone.received(), &through.received(), direct);
        let calls = lines(&text(&with.stdout));
        let exchanges = through.exchanges();
        let told = format!("{} exchanges captured", calls.len());
        assert!(text(&with.stderr).contains(&told), "{}", text(&with.stderr));
        assert_eq!(exchanges.len(), calls.len());
        for (call, exchange) in calls.iter().zip(&exchanges) {
            let dialect = match call["call"].as_str().unwrap() {
                "embeddings" | "models" => None,
                _ if exchange["provider"] == "anthropic" => Some("anthropic.messages"),
                _ => Some("openai.chat"),
            };
            assert_told_alike(call, exchange, dialect);
        }
        let newest = calls.len().to_string();
        let mut listed = lines(&through.print(&["ls", "--json", "-n", &newest]));
        listed.sort_by_key(|exchange| exchange["started_at"].to_string());
        assert_eq!(listed, exchanges, "`ls --json` and `export` say the same");
    }
}

fn run_alone(stage: &Stage, tool: &[&str], direct: Direct) -> Output {
    let mut command = stage.program(tool[0]);
    command.args(&tool[1..]);
    lead(&mut command, stage, direct);
    let output = command.output().unwrap();
    assert!(output.status.success(), "without us: {}", text(&output.stderr));
    output
}

fn lead(command: &mut Command, stage: &Stage, direct: Direct) {
    let provider = stage.provider();
    for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"] {
        command.env(name, stage.provider_ca());
    }
    match direct {
        Direct::Proxy => {
            command.env("HTTPS_PROXY", format!("http://{provider}")).env("NODE_USE_ENV_PROXY", "1")
        }
        Direct::BaseUrl => command
            .env("OPENAI_BASE_URL", format!("https://{provider}/v1"))
            .env("ANTHROPIC_BASE_URL", format!("https://{provider}")),
    };
}

/// The provider saw the same connections, heads byte for byte, and bodies.
fn assert_received_alike(alone: &[Received], through: &[Received], direct: Direct) {
    assert_eq!(through.len(), alone.len());
    assert!(!alone.is_empty());
    for (expected, found) in alone.iter().zip(through) {
        let path = &expected.path;
        let mut head = text(&expected.head);
        if direct == Direct::BaseUrl {
            head = with_host(&head, found.header("host").unwrap());
        } else {
            assert_eq!(found.sni, expected.sni, "{path}");
        }
        assert_eq!(text(&found.head), head, "{path}");
        assert_eq!(text(&found.body), text(&expected.body), "{path}");
        assert_eq!(found.version, expected.version, "{path}");
        assert_eq!(found.connection, expected.connection, "which connection {path} came on");
    }
}

/// The same head with another value of `Host`.
fn with_host(head: &str, host: &str) -> String {
    let lines = head.split_inclusive("\r\n").map(|line| match line.split_once(": ") {
        Some((name, _)) if name.eq_ignore_ascii_case("host") => format!("{name}: {host}\r\n"),
        _ => line.to_owned(),
    });
    lines.collect()
}

/// An exchange says what the SDK said of its call; what the SDK does not say is not compared.
fn assert_told_alike(call: &Value, exchange: &Value, dialect: Option<&str>) {
    let name = call["call"].as_str().unwrap();
    let context = format!("call `{name}`: {exchange:#}");
    if dialect.is_some() {
        assert_eq!(exchange["dialect"], json!(dialect), "{context}");
    }
    assert_eq!(exchange["streamed"], json!(name.contains("stream")), "{context}");
    let error = &call["error"];
    let state = if error.is_null() { "complete" } else { "failed" };
    assert_eq!(exchange["state"], state, "{context}");
    if !error.is_null() {
        for field in ["type", "message"].into_iter().filter(|field| !error[field].is_null()) {
            assert_eq!(exchange["error"][field], error[field], "{context}");
        }
        if !error["status"].is_null() {
            assert_eq!(exchange["status"], error["status"], "{context}");
        }
    } else {
        assert_eq!(exchange["error"], Value::Null, "{context}");
        let is_socket = exchange["request"]["headers"].to_string().contains(r#","websocket"]"#);
        assert_eq!(exchange["status"], if is_socket { 101 } else { 200 }, "{context}");
    }
    if call["choices"].is_null() {
        return;
    }
    for field in ["id", "model"].into_iter().filter(|field| !call[field].is_null()) {
        assert_eq!(exchange["reply"][field], call[field], "{context}");
    }
    let choices = exchange["reply"]["choices"].as_array().unwrap();
    let told: Vec<_> = choices.iter().map(choice).collect();
    assert_eq!(json!(told), call["choices"], "{context}");
    let Some(usage) = call["usage"].as_object() else { return };
    for (field, counted) in usage {
        assert_eq!(&exchange["usage"][field], counted, "usage.{field}, {context}");
    }
}

/// A choice in the words of the scripts.
fn choice(choice: &Value) -> Value {
    let parts = || choice["parts"].as_array().unwrap().iter();
    let joined = |kind| {
        let of_kind = parts().filter(|part| part["type"] == kind);
        of_kind.map(|part| part["text"].as_str().unwrap()).collect::<String>()
    };
    let calls = parts().filter(|part| part["type"] == "tool_call").map(
        |part| json!({"id": part["id"], "name": part["name"], "arguments": part["arguments"]}),
    );
    json!({
        "text": joined("text"),
        "reasoning": joined("reasoning"),
        "tool_calls": calls.collect::<Vec<_>>(),
        "finish_reason": choice["finish_reason"],
    })
}

#[test]
fn curl() {
    if tools().is_none() {
        return;
    }
    let authorization = format!("Authorization: Bearer {KEY}");
    for (stream, model) in
        [(false, "fake"), (true, "fake"), (false, "fake-error-429"), (true, "fake-cut-mid-stream")]
    {
        let body = json!({
            "model": model, "stream": stream, "messages": [{"role": "user", "content": "Grüße"}],
        });
        let body = body.to_string();
        let tool = [
            "curl",
            "--silent",
            "--no-buffer",
            "--include",
            "--suppress-connect-headers",
            "--header",
            &authorization,
            "--header",
            "x-ODD-case: twice",
            "--header",
            "X-odd-CASE: twice",
            "--json",
            &body,
            "https://api.openai.com/v1/chat/completions",
        ];
        let (alone, through) = (Stage::new(), Stage::new());
        let mut command = alone.program(tool[0]);
        command.args(&tool[1..]);
        lead(&mut command, &alone, Direct::Proxy);
        let without = command.output().unwrap();
        let with = through.run(&tool);
        assert_eq!(with.status.code(), without.status.code(), "{}", text(&with.stderr));
        assert_eq!(undated(&with.stdout), undated(&without.stdout), "{model}");
        assert!(with.stdout.len() > 200, "{model}");
        assert_received_alike(&alone.received(), &through.received(), Direct::Proxy);

        let exchanges = through.exchanges();
        assert_eq!(exchanges.len(), 1);
        let state = match model {
            "fake" => "complete",
            "fake-cut-mid-stream" => "interrupted",
            _ => "failed",
        };
        assert_eq!(exchanges[0]["state"], state, "{exchanges:?}");
        let id = exchanges[0]["id"].as_str().unwrap();
        let request = through.print(&["show", id, "--raw", "request"]);
        let received = through.received().remove(0);
        let (kept, sent) = (
            request.split("\r\n").filter(|line| !line.starts_with("Authorization")),
            [text(&received.head), text(&received.body)].concat(),
        );
        let sent = sent.split("\r\n").filter(|line| !line.starts_with("Authorization"));
        assert_eq!(kept.collect::<Vec<_>>(), sent.collect::<Vec<_>>());
        assert!(!request.contains(KEY));
        let reply = through.overhear(["show", id, "--raw", "reply"]).output().unwrap().stdout;
        assert!(!reply.is_empty());
    }
}

fn undated(reply: &[u8]) -> String {
    let reply = text(reply);
    reply.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: ")).collect()
}

#[test]
fn claude_code() {
    let Some(tools) = tools() else { return };
    let claude = tools.join("bin/claude");
    if !claude.exists() {
        return skipped("Claude Code is not there");
    }
    let stage = Stage::new();
    let mut run = stage.overhear_to_provider("run", &["--"]);
    run.arg(claude)
        .args(["-p", "Say what the wombat says"])
        .env("ANTHROPIC_API_KEY", "sk-ant-fake-0123456789abcdef")
        // The tests speak with nobody outside.
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1");
    let output = run.output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out} {err}");
    let received = stage.received();
    let asked = received.iter().find(|one| {
        one.path.starts_with("/v1/messages?") && text(&one.body).contains("wombat says")
    });
    let body: Value = serde_json::from_slice(&asked.expect("it asked").body).unwrap();
    assert!(out.contains("你好，世界"), "the answer is printed: {out}");
    assert!(err.contains("captured"), "{err}");

    let system = body["system"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    let sentence = system.lines().find(|line| line.len() > 20).unwrap().trim();
    let tool = body["tools"][0]["name"].as_str().unwrap();
    let found = stage.print(&["grep", "-F", sentence, "--role", "system"]);
    assert!(found.contains(sentence), "{sentence}: {found}");
    assert!(!stage.print(&["grep", "-F", tool]).is_empty(), "{tool}");
    assert!(!stage.print(&["grep", "wombat s..s"]).is_empty());
    let exchange = stage.exchanges().into_iter().find(|exchange| {
        exchange["operation"] == "chat" && exchange["request"].to_string().contains("wombat")
    });
    let id = exchange.unwrap()["id"].as_str().unwrap().to_owned();
    let shown = stage.print(&["show", &id]);
    for words in [sentence, tool, "Say what the wombat says", "你好，世界"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
