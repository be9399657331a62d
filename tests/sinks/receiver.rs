//! A fake receiver: a process of its own that is killed and started again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::stage::{Stage, skipped, text};

/// The kinds, as their files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Langfuse,
    Loki,
    Otlp,
    Webhook,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Langfuse => "langfuse",
            Self::Loki => "loki",
            Self::Otlp => "otlp",
            Self::Webhook => "webhook",
        }
    }

    /// What a record is known by: of a span its id, of a line the exchange and its part.
    fn key(self, record: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match self {
            Self::Langfuse | Self::Otlp => text(&record["span"]),
            Self::Loki => {
                let metadata = &record["metadata"];
                let part = metadata["part"].as_str().unwrap_or("1/1");
                format!("{} {part}", text(&metadata["exchange"]))
            }
            Self::Webhook => text(&record["id"]),
        }
    }

    /// By what an exchange is known there.
    pub fn key_of(self, id: &str) -> String {
        match self {
            Self::Langfuse | Self::Otlp => id.replace('-', "").split_off(16),
            Self::Loki => format!("{id} 1/1"),
            Self::Webhook => id.to_owned(),
        }
    }
}

/// A secret that opens nothing.
pub const SECRET: &str = "whsec_ZmFrZSBmYWtlIGZha2UgZmFrZSBmYWtl";

/// A receiver, running or not.
pub struct Receiver {
    pub kind: Kind,
    pub port: u16,
    log: PathBuf,
    /// What it is started with.
    pub words: Vec<String>,
    child: Option<Child>,
}

impl Receiver {
    /// One that is not started yet, at a port that is free now; `None` without Python.
    pub fn down(stage: &Stage, kind: Kind, words: &[&str]) -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            skipped("no python3");
            return None;
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let log = stage.home(&format!("{}-{port}.log", kind.name()));
        let words = words.iter().map(ToString::to_string).collect();
        Some(Self { kind, port, log, words, child: None })
    }

    pub fn start(stage: &Stage, kind: Kind, words: &[&str]) -> Option<Self> {
        let mut receiver = Self::down(stage, kind, words)?;
        receiver.up();
        Some(receiver)
    }

    /// The bodies of what it was sent beside exchanges, one behind the other.
    pub fn aside(&self) -> Vec<u8> {
        let mut path = self.log.clone().into_os_string();
        path.push(".aside");
        fs::read(path).unwrap_or_default()
    }

    /// What `--sink` takes to deliver to it; `options` go behind.
    pub fn sink(&self, options: &str) -> String {
        let (name, port) = (self.kind.name(), self.port);
        let (user, own) = match self.kind {
            // As long as the fake takes to show what it has, and a little.
            Kind::Langfuse => ("pk-lf-fake:sk-lf-fake@", "&settle=2".to_owned()),
            Kind::Loki | Kind::Otlp => ("", String::new()),
            Kind::Webhook => ("", format!("&secret={SECRET}")),
        };
        format!("{name}+http://{user}127.0.0.1:{port}#name={name}{own}{options}")
    }

    /// Starts it, or starts it again: it goes on from what it accepted.
    pub fn up(&mut self) {
        let name = format!("tests/sinks/fake_{}.py", self.kind.name());
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
        let mut child = Command::new("python3")
            .arg("-B")
            .arg(script)
            .args(["--port", &self.port.to_string(), "--log"])
            .arg(&self.log)
            .args(&self.words)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), format!("listening on {}", self.port));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What it has accepted, oldest first.
    pub fn accepted(&self) -> Vec<Value> {
        whole_lines(&self.log)
    }

    /// How often it has accepted what.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for record in self.accepted() {
            *counts.entry(self.kind.key(&record)).or_default() += 1;
        }
        counts
    }

    /// Its requests, and how each was answered.
    pub fn requests(&self) -> Vec<Value> {
        let requests = whole_lines(&self.log.with_extension("log.requests"));
        requests.into_iter().filter(|one| one["status"].is_number()).collect()
    }

    /// All that was received, as text.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the next requests meet.
    pub fn faults(&self, faults: &Value) {
        self.tell("/_faults", &faults.to_string());
    }

    /// A text that it refuses.
    pub fn poison(&self, word: &str) {
        self.tell("/_poison", word);
    }

    fn tell(&self, path: &str, body: &str) {
        let mut tcp = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let len = body.len();
        write!(
            tcp,
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", text(&answer));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

/// JSON lines; one that is being written is none yet.
fn whole_lines(path: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}
