//! Whole tools, one prompt each, against the fake provider in Python.

use std::path::Path;

use serde_json::Value;

use super::fake::Fake;
use crate::stage::{Stage, skipped, text, tools};

/// What a tool's own tool says when the provider asks it to.
const SAYS: &str = "quokka-says-hello";
const PROMPT: &str = "what the wombat says";

#[test]
fn codex_over_a_websocket() {
    let Some(exchanges) = prompted("codex", &["key"], &[]) else { return };
    assert_turns(&exchanges, "openai.responses", "HTTP/1.1", 101);
}

#[test]
fn codex_over_http() {
    let Some(exchanges) = prompted("codex", &["key"], &["--no-websocket"]) else { return };
    assert_turns(&exchanges, "openai.responses", "HTTP/2", 200);
}

#[test]
fn codex_signed_in_over_a_websocket() {
    let Some(exchanges) = prompted("codex", &["login"], &[]) else { return };
    assert_turns(&exchanges, "openai.responses", "HTTP/1.1", 101);
}

#[test]
fn codex_signed_in_over_http_with_compressed_requests() {
    let Some(exchanges) = prompted("codex", &["login"], &["--no-websocket"]) else { return };
    let turns = assert_turns(&exchanges, "openai.responses", "HTTP/2", 200);
    for turn in turns {
        let headers = turn["request"]["headers"].to_string();
        assert!(headers.contains(r#"["content-encoding","zstd"]"#), "{headers}");
    }
}

#[test]
fn gemini_cli() {
    let Some(exchanges) = prompted("gemini", &[], &["--coding", "gzip"]) else { return };
    assert_turns(&exchanges, "gemini", "HTTP/1.1", 200);
}

#[test]
fn opencode_with_anthropic() {
    let Some(exchanges) = prompted("opencode", &["anthropic/claude-fake"], &[]) else { return };
    assert_turns(&exchanges, "anthropic.messages", "HTTP/1.1", 200);
}

#[test]
fn opencode_with_openai() {
    let Some(exchanges) = prompted("opencode", &["openai/fake"], &[]) else { return };
    assert_turns(&exchanges, "openai.responses", "HTTP/1.1", 200);
}

#[test]
fn llm() {
    let Some(exchanges) = prompted("llm", &[], &[]) else { return };
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0]["dialect"], "openai.chat");
    assert_eq!(exchanges[0]["request"]["system"], "Be brief.");
}

/// Runs a tool without us and with us, which must print the same, and gives the exchanges.
/// `provider` are options of the provider's.
fn prompted(tool: &str, words: &[&str], provider: &[&str]) -> Option<Vec<Value>> {
    let tools = tools()?;
    let bin = |program: &str| tools.join("bin").join(program);
    for program in [tool, "python"].map(bin) {
        if !program.exists() {
            skipped(&format!("`{}` is not there", program.display()));
            return None;
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/tools");
    let script = folder.join(format!("{tool}.sh"));
    let (alone, through) = (Stage::new(), Stage::new());
    let fake = |stage| Fake::start(stage, &bin("python"), provider);
    let (first, second) = (fake(&alone), fake(&through));
    let mut command = alone.program(&script);
    command.args(words);
    first.lead(&mut command);
    let without = command.output().unwrap();
    let mut run = through.overhear(["run"]);
    run.args(second.options()).arg("--").arg(&script).args(words);
    let with = run.output().unwrap();
    assert_eq!(with.status.code(), Some(0), "{}", text(&with.stderr));
    assert_eq!(text(&with.stdout), text(&without.stdout), "{}", text(&without.stderr));
    let found = through.print(&["grep", "-F", PROMPT, "--role", "user"]);
    assert!(found.contains(PROMPT), "{found}");
    Some(through.exchanges())
}

/// The two turns of the prompt: one that ends in a call of a tool, one that is given its result.
fn assert_turns<'a>(
    exchanges: &'a [Value],
    dialect: &str,
    version: &str,
    status: u16,
) -> Vec<&'a Value> {
    let read = exchanges.iter().filter(|exchange| exchange["dialect"] == dialect);
    // Beside them there are titles, choices of a model and openings of sockets.
    let turns: Vec<_> = read
        .filter(|exchange| {
            let asked = &exchange["request"];
            asked["tools"] != Value::Array(Vec::new()) || asked.to_string().contains(SAYS)
        })
        .collect();
    let [asked, answered] = turns[..] else { panic!("{} turns", turns.len()) };
    for turn in &turns {
        assert_eq!(turn["state"], "complete", "{turn:#}");
        assert_eq!(turn["http_version"], version);
        assert_eq!(turn["status"], status);
        // Codex may leave as soon as it has the answer's end.
        let mut notes = turn["notes"].as_array().unwrap().iter();
        assert!(notes.all(|note| note == "the app reset the stream: CANCEL"), "{turn:#}");
        assert!(turn["usage"]["input"].as_u64().unwrap() > 1000, "{}", turn["usage"]);
        assert!(turn["first_token_ms"].is_number());
    }
    assert!(asked["request"]["messages"].to_string().contains(PROMPT));
    let has = |turn: &Value, kind: &str| {
        let parts = turn["reply"]["choices"][0]["parts"].as_array().unwrap();
        parts.iter().any(|part| part["type"] == kind)
    };
    assert!(has(asked, "tool_call"), "{:#}", asked["reply"]);
    let result = answered["request"]["messages"].as_array().unwrap().last().unwrap();
    assert!(result.to_string().contains(SAYS), "{result:#}");
    assert!(has(answered, "text"), "{:#}", answered["reply"]);
    turns
}
