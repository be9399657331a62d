//! The companies' SDKs, each against the fake provider in Python, without us and with us.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::fake::{Fake, Received};
use super::{assert_told_alike, with_host};
use crate::stage::{Serve, Stage, lines, skipped, text, tools};

/// How a client finds the provider.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It knows the names of its company and obeys `HTTPS_PROXY`.
    Names,
    /// It is given a name for plain HTTP, and obeys `HTTP_PROXY`.
    PlainName,
    /// It is given a base URL: ours, with the provider's behind it.
    PlainBaseUrl,
    /// The same, and the provider's has the real name.
    BaseUrl(&'static str),
}

/// The host of a machine that runs Ollama.
const OLLAMA: &str = "ollama.example";
/// Replies as they are, and in the best coding that a client accepts.
const CODINGS: [&str; 2] = ["", "zstd,br,gzip"];

#[test]
fn openai_responses_for_python() {
    script("python/openai_responses.py", Way::Names, |_| "openai.responses");
}

#[test]
fn openai_responses_over_a_websocket_for_python() {
    script("python/openai_responses_socket.py", Way::Names, |_| "openai.responses");
}

#[test]
fn openai_completions_for_python() {
    script("python/openai_completions.py", Way::Names, |call| match call {
        _ if call.starts_with("embeddings") => "openai.embeddings",
        _ => "openai.completions",
    });
}

#[test]
fn openai_realtime_for_python() {
    script("python/openai_realtime.py", Way::Names, |_| "openai.realtime");
}

#[test]
fn google_for_python() {
    script("python/google_generate.py", Way::Names, |_| "gemini");
}

#[test]
fn google_live_for_python() {
    script("python/google_live.py", Way::Names, |_| "gemini");
}

#[test]
fn bedrock_for_python() {
    script("python/bedrock_runtime.py", Way::Names, |_| "bedrock");
}

#[test]
fn mistral_for_python() {
    script("python/mistral_chat.py", Way::Names, chat_or_embeddings);
}

#[test]
fn cohere_for_python() {
    script("python/cohere_chat.py", Way::Names, |_| "cohere");
}

#[test]
fn ollama_for_python() {
    script("python/ollama_chat.py", Way::PlainBaseUrl, |_| "ollama");
}

#[test]
fn openai_responses_for_node() {
    script("node/openai_responses.mjs", Way::Names, |call| match call {
        "completion" => "openai.completions",
        "embeddings" => "openai.embeddings",
        _ => "openai.responses",
    });
}

#[test]
fn google_for_node() {
    script("node/google_generate.mjs", Way::Names, |_| "gemini");
}

#[test]
fn mistral_for_node() {
    script("node/mistral_chat.mjs", Way::Names, chat_or_embeddings);
}

#[test]
fn cohere_for_node() {
    script("node/cohere_chat.mjs", Way::Names, |_| "cohere");
}

#[test]
fn ollama_for_node() {
    script("node/ollama_chat.mjs", Way::PlainName, |_| "ollama");
}

#[test]
fn bedrock_for_node() {
    let way = Way::BaseUrl("bedrock-runtime.us-east-1.amazonaws.com");
    script("node/bedrock_runtime.mjs", way, |_| "bedrock");
}

fn chat_or_embeddings(call: &str) -> &'static str {
    if call == "embeddings" { "openai.embeddings" } else { "openai.chat" }
}

/// Runs a script without us and with us, each against a provider of its own.
fn script(name: &str, way: Way, dialect: fn(&str) -> &'static str) {
    let Some(tools) = tools() else { return };
    let bin = |program: &str| tools.join("bin").join(program);
    let (python, program) = (bin("python"), bin(name.split('/').next().unwrap()));
    for program in [&python, &program] {
        if !program.exists() {
            return skipped(&format!("`{}` is not there", program.display()));
        }
    }
    for coding in CODINGS {
        let (alone, through) = (Stage::new(), Stage::new());
        let provider = |stage| Fake::start(stage, &python, &["--coding", coding]);
        let (first, second) = (provider(&alone), provider(&through));
        let without = run_alone(&alone, &first, &program, name, way);
        let with = run_through(&through, &second, &program, name, way);
        assert_eq!(with.status.code(), Some(0), "{}", text(&with.stderr));
        assert_eq!(text(&with.stdout), text(&without.stdout), "what {name} got");
        assert_received_alike(first.received(), second.received(), name, way);
        let calls = lines(&text(&with.stdout));
        let mut exchanges = through.exchanges_of(calls.len());
        // A socket's opening is no call.
        exchanges.retain(|exchange| exchange["operation"] != "connect");
        assert_eq!(exchanges.len(), calls.len());
        for (call, exchange) in calls.iter().zip(&exchanges) {
            // That we counted where the provider did not is no fault of the reading.
            let notes = exchange["notes"].as_array().unwrap().iter();
            let notes: Vec<_> =
                notes.filter(|note| !note.as_str().unwrap().contains("no token count")).collect();
            assert!(notes.is_empty(), "{call}: {exchange:#}");
            assert_told_alike(call, exchange, Some(dialect(call["call"].as_str().unwrap())));
        }
    }
}

fn run_alone(stage: &Stage, fake: &Fake, program: &Path, name: &str, way: Way) -> Output {
    let mut command = stage.program(program);
    command.arg(path(name));
    fake.lead(&mut command);
    let url = match way {
        Way::BaseUrl(_) => format!("https://localhost:{}", fake.addr.port()),
        _ => format!("http://{}", fake.addr),
    };
    point(&mut command, way, &url);
    let output = command.output().unwrap();
    assert!(output.status.success(), "without us: {}", text(&output.stderr));
    output
}

fn run_through(stage: &Stage, fake: &Fake, program: &Path, name: &str, way: Way) -> Output {
    let (mut command, serve) = match way {
        Way::Names | Way::PlainName => {
            let mut run = stage.overhear(["run", "--intercept", OLLAMA]);
            run.args(fake.options()).arg("--").arg(program);
            (run, None)
        }
        Way::PlainBaseUrl | Way::BaseUrl(_) => {
            let free = ["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
            let mut serve = stage.overhear(free);
            serve.args(fake.options());
            (stage.program(program), Some(Serve::start(serve)))
        }
    };
    let behind = match way {
        Way::BaseUrl(host) => format!("https://{host}"),
        _ => format!("http://{}", fake.addr),
    };
    let ours = serve.as_ref().map(|serve| format!("http://{}/{behind}", serve.web));
    command.arg(path(name));
    point(&mut command, way, &ours.unwrap_or_default());
    let output = command.output().unwrap();
    if let Some(serve) = serve {
        assert!(serve.stop().success());
    }
    output
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Gives the client the URL that it takes for the provider's, where it takes one.
fn point(command: &mut Command, way: Way, url: &str) {
    // Amazon's SDK tells what it uses, in the order of a set.
    command.env("PYTHONHASHSEED", "0").env("PYTHONDONTWRITEBYTECODE", "1");
    match way {
        Way::Names => command,
        Way::PlainName => command.env("OLLAMA_HOST", format!("http://{OLLAMA}:11434")),
        Way::PlainBaseUrl => command.env("OLLAMA_HOST", url),
        Way::BaseUrl(_) => command.env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url),
    };
}

/// The provider saw the same connections, heads byte for byte, and bodies.
fn assert_received_alike(
    mut alone: Vec<Received>,
    mut through: Vec<Received>,
    name: &str,
    way: Way,
) {
    assert!(!alone.is_empty());
    for (expected, found) in alone.iter_mut().zip(&mut through) {
        if matches!(way, Way::PlainBaseUrl | Way::BaseUrl(_)) {
            expected.name = found.name.clone();
            for line in expected.head.iter_mut().chain(&mut found.head) {
                *line = with_host(line, "…");
            }
        }
        // Node keeps a connection if a stream's end was there when its last event was read.
        if name.starts_with("node/") {
            expected.connection = found.connection;
        }
        assert_eq!(found, expected, "what the provider received of {name}");
    }
    assert_eq!(through.len(), alone.len(), "requests of {name}");
}
