//! The page: what a browser shows of real traffic, what captured text can do to it, what others
//! can do to its server, and its contract.

mod attacks;
mod browser;
mod contract;
mod metrics;
mod vendored;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::stage::app::Reply;
use crate::stage::{DEADLINE, Serve, Stage, text};

/// A running proxy, and what opens its page.
struct Page {
    stage: Stage,
    serve: Serve,
    token: String,
}

impl Page {
    fn start(words: &[&str]) -> Self {
        let stage = Stage::new();
        let serve = stage.serve(words);
        let token = std::fs::read_to_string(stage.data().join("page-token")).unwrap();
        Self { stage, serve, token: token.trim().to_owned() }
    }

    /// With an exchange of a model in its capture.
    fn with_an_exchange() -> (Self, String) {
        let page = Self::start(&[]);
        let body = r#"{"model":"fake","messages":[{"role":"user","content":"hello"}]}"#;
        let key = format!("Bearer {}", crate::stage::app::KEY);
        let headers = [("Authorization", key.as_str()), ("Connection", "close")];
        let request = crate::stage::app::post(
            "/openai/v1/chat/completions",
            &page.serve.web.to_string(),
            &headers,
            body,
        );
        assert!(text(&said(page.serve.web, request.as_bytes())).starts_with("HTTP/1.1 200"));
        let id = page.stage.exchanges_of(1)[0]["id"].as_str().unwrap().to_owned();
        (page, id)
    }

    /// A request for the page with the right `Host`, closed behind its answer.
    fn head(&self, method: &str, path: &str, lines: &[&str]) -> String {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let host = self.serve.web;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    fn cookie(&self) -> String {
        format!("Cookie: overhear-{}={}", self.serve.web.port(), self.token)
    }

    /// Asks as a program that has the token.
    fn get(&self, path: &str) -> Reply {
        self.ask(&self.head("GET", path, &[&self.bearer()]))
    }

    fn ask(&self, request: &str) -> Reply {
        let answer = said(self.serve.web, request.as_bytes());
        let reply = Reply::first_of(&answer).map(|(reply, _)| reply);
        reply.unwrap_or_else(|| panic!("no whole answer to {request}: {}", text(&answer)))
    }

    /// The contract.
    fn contract(&self) -> Value {
        self.get("/api/openapi.json").json()
    }
}

/// Every path of the contract with its methods, its parameters filled by what is nowhere.
fn documented(contract: &Value, id: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        let parts = path.split('/').map(|part| match part.strip_prefix('{') {
            Some("id}") => id,
            Some("side}") => "request",
            Some(_) => "1",
            None => part,
        });
        let path = format!("/api{}", parts.collect::<Vec<_>>().join("/"));
        for method in methods.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            all.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(all.len() > 4);
    all
}

/// All that is answered to `request` until the other side closes, or is silent for a while.
fn said(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(to).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    // What is refused may be closed before all of it was sent.
    let _ = tcp.write_all(request);
    rest(&mut tcp)
}

/// What comes until the end. A stream that does not end is read until its first events.
fn rest(tcp: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 64 << 10]);
    loop {
        match tcp.read(&mut piece) {
            Ok(0) => return all,
            Ok(len) => all.extend(&piece[..len]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return all,
        }
        if memchr::memmem::find(&all, b"event: hello").is_some() {
            return all;
        }
    }
}
