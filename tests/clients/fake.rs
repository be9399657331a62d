//! The fake provider in Python, which speaks every API that the SDKs and tools ask for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::stage::{Stage, lines};

/// A running provider; killed when dropped.
pub struct Fake {
    child: Child,
    pub addr: SocketAddr,
    /// Its authority's certificate.
    pub ca: PathBuf,
    received: PathBuf,
}

/// A request, or a message of a WebSocket, as the provider received it.
#[derive(Debug, PartialEq)]
pub struct Received {
    /// The how-manieth connection that something came on.
    pub connection: usize,
    /// The name in the TLS handshake.
    pub name: Value,
    pub version: Value,
    pub method: String,
    pub target: String,
    /// Its lines; none for a message.
    pub head: Vec<String>,
    /// Text, or base64 if it is none.
    pub body: String,
}

/// What tells the runtimes of the clients whom to trust.
const TRUST: [&str; 4] =
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "CODEX_CA_CERTIFICATE"];
/// Headers whose values are another each time.
const UNSTEADY: [&str; 5] =
    ["authorization", "x-amz-date", "amz-sdk-invocation-id", "sec-websocket-key", "traceparent"];

impl Fake {
    pub fn start(stage: &Stage, python: &Path, words: &[&str]) -> Self {
        let received = stage.home("received.jsonl");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/provider");
        let mut command = stage.program(python);
        command.arg(folder).arg("--folder").arg(stage.home("provider"));
        command.arg("--received").arg(&received).args(words);
        // No bytecode beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let Some((port, ca)) = greeting.trim().split_once(' ') else {
            panic!("the provider did not start");
        };
        let addr = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        Self { child, addr, ca: ca.into(), received }
    }

    /// Gives a client that goes without us what leads it here under the real names.
    pub fn lead(&self, command: &mut Command) {
        let proxy = format!("http://{}", self.addr);
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            command.env(name, &proxy);
        }
        command.env("NO_PROXY", "localhost,127.0.0.1").env("NODE_USE_ENV_PROXY", "1");
        for name in TRUST {
            command.env(name, &self.ca);
        }
    }

    /// The options that lead everything here that goes through us.
    pub fn options(&self) -> [String; 4] {
        let resolve = format!("*:*:{}", self.addr);
        ["--resolve".into(), resolve, "--upstream-ca".into(), self.ca.display().to_string()]
    }

    /// What it has received so far, as it came.
    pub fn received(&self) -> Vec<Received> {
        let mut numbers = BTreeMap::new();
        let told = lines(&fs::read_to_string(&self.received).unwrap_or_default());
        let received = told.into_iter().map(|one| {
            let count = numbers.len();
            let connection = *numbers.entry(one["connection"].as_u64()).or_insert(count);
            let text = |name: &str| one[name].as_str().map(str::to_owned);
            let of = |name: &str| text(name).or_else(|| text(&format!("{name}_base64")));
            let head = text("head").unwrap_or_default();
            Received {
                connection,
                name: one["name"].clone(),
                version: one["version"].clone(),
                method: text("method").unwrap(),
                target: text("target").unwrap(),
                head: head.lines().map(steady).collect(),
                body: of("body").or_else(|| of("message")).unwrap_or_default(),
            }
        });
        received.collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line without a value that is another each time.
fn steady(line: &str) -> String {
    match line.split_once(": ") {
        Some((name, _)) if UNSTEADY.contains(&name.to_lowercase().as_str()) => format!("{name}: …"),
        _ => line.to_owned(),
    }
}
