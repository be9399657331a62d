#![cfg(test)]
//! The documents are true: README's commands and every example run, and what ARCHITECTURE.md
//! says of the code is so.

mod architecture;
mod examples;
mod grafana;
mod readme;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use overhear::demo::provider::{Options, Provider};
use tokio::sync::oneshot;

/// Every document that a reader starts from.
const DOCUMENTS: [&str; 15] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "certs/README.md",
    "docs/exchange.md",
    "docs/export.md",
    "docs/import.md",
    "docs/loki.md",
    "docs/mcp.md",
    "docs/metrics.md",
    "docs/prices.md",
    "docs/secrets.md",
    "docs/sinks.md",
    "docs/webhook.md",
];

#[test]
fn links_lead_to_files() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            let is_there = target.starts_with("https://") || folder.join(file).exists();
            assert!(is_there, "{document}: `{target}` leads nowhere");
        }
    }
}

#[test]
fn the_licence_is_both() {
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("license = \"MIT OR Apache-2.0\""));
    for (file, words) in [
        ("LICENSE", "at your option"),
        ("LICENSE-MIT", "Permission is hereby granted"),
        ("LICENSE-APACHE", "END OF TERMS AND CONDITIONS"),
    ] {
        assert!(read(file).contains(words), "{file}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The insides of a document's fenced blocks of one kind, indentation taken away.
fn blocks(document: &str, kind: &str) -> Vec<String> {
    let (mut blocks, mut open) = (Vec::new(), None::<(bool, usize, String)>);
    for line in document.lines() {
        let indent = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(found)) => open = Some((found == kind, indent, String::new())),
            (Some(_), Some(_)) => {
                let (wanted, _, text) = open.take().unwrap();
                blocks.extend(wanted.then_some(text));
            }
            (Some((_, indent, text)), None) => {
                *text += line.get(*indent..).unwrap_or_default();
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// The first cell and the others of each row of the tables below a heading.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no section `{heading}`"))
        .1;
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<Vec<String>> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .skip(1)
        .collect();
    assert!(!rows.is_empty(), "no table below `{heading}`");
    rows
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every Rust file below a folder.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path from the package's root.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The fake provider on a thread of its own.
struct Fake {
    addr: SocketAddr,
    ca_pem: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let provider = Provider::start(Options::default()).await.unwrap();
                ready.send((provider.addr, provider.ca_pem.clone())).unwrap();
                // An error is the end, too.
                let _ = stopped.await;
            });
        });
        let (addr, ca_pem) = started.recv().unwrap();
        Self { addr, ca_pem, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
