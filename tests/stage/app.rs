//! An app: TLS through a `CONNECT`, requests as text, replies as bytes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::{DEADLINE, text};

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A key of the right shape that opens nothing.
pub const KEY: &str = "sk-fake-0123456789abcdef";

/// A connection, and all that came on it.
pub struct App {
    pub tls: Tls,
    pub received: Vec<u8>,
    /// How much of it was taken as replies.
    taken: usize,
}

impl App {
    /// To port 443 of `host` through the proxy, trusting `root` alone.
    pub fn connect(proxy: SocketAddr, host: &'static str, root: &str) -> Self {
        Self::connect_as(proxy, host, root, &[])
    }

    pub fn connect_as(proxy: SocketAddr, host: &'static str, root: &str, alpn: &[&[u8]]) -> Self {
        Self::connect_to(proxy, (host, 443), root, alpn)
    }

    /// To any port of a host or an address.
    pub fn connect_to(
        proxy: SocketAddr,
        (host, port): (&str, u16),
        root: &str,
        alpn: &[&[u8]],
    ) -> Self {
        let mut tcp = TcpStream::connect(proxy).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        write!(tcp, "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", text(&head));
        let mut config = client(root);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        Self { tls: StreamOwned::new(tls, tcp), received: Vec::new(), taken: 0 }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tls.write_all(bytes.as_ref()).unwrap();
        self.tls.flush().unwrap();
    }

    /// Reads once; `false` at the end.
    pub fn read(&mut self) -> bool {
        let mut piece = [0; 64 << 10];
        let read = match self.tls.read(&mut piece) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(e) => panic!("{e}"),
        };
        self.received.extend(&piece[..read]);
        read > 0
    }

    /// Reads until that many events have come.
    pub fn read_events(&mut self, count: usize) {
        let begun = self.taken;
        while text(&self.received[begun..]).matches("\ndata: ").count() < count {
            assert!(self.read(), "the stream ended early: {}", text(&self.received));
        }
    }

    /// The next whole reply.
    pub fn reply(&mut self) -> Reply {
        loop {
            if let Some((reply, len)) = Reply::first_of(&self.received[self.taken..]) {
                self.taken += len;
                return reply;
            }
            assert!(self.read(), "no whole reply: {}", text(&self.received));
        }
    }

    /// Asks and gets.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request);
        self.reply()
    }
}

/// A reply, its framing undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The answer of a chat completion, streamed or not.
    pub fn answer(&self) -> String {
        let body = text(&self.body);
        if body.starts_with('{') {
            return self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        }
        let events = body.split("\n\n").filter_map(|event| event.strip_prefix("data: {"));
        let deltas =
            events.map(|data| serde_json::from_str::<Value>(&format!("{{{data}")).unwrap());
        let content = deltas.map(|event| {
            event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
        });
        content.collect()
    }

    /// The reply at the start of `bytes`, and its length there.
    pub fn first_of(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut room = [httparse::EMPTY_HEADER; 100];
        let mut reply = httparse::Response::new(&mut room);
        let httparse::Status::Complete(head) = reply.parse(bytes).unwrap() else { return None };
        let header = |name: &str| {
            let line = reply.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name))?;
            Some(text(line.value))
        };
        let rest = &bytes[head..];
        let (body, len) = match header("content-length") {
            Some(len) => {
                let len = len.parse::<usize>().unwrap();
                (rest.get(..len)?.to_vec(), len)
            }
            None => dechunk(rest)?,
        };
        let status = reply.code.unwrap();
        Some((Self { status, head: text(&bytes[..head]), body }, head + len))
    }
}

/// A whole chunked body, and its length with the framing.
fn dechunk(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    // Cheap, and enough where replies do not overlap: not every piece is worth a look.
    if !bytes.ends_with(b"0\r\n\r\n") {
        return None;
    }
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let httparse::Status::Complete((line, size)) =
            httparse::parse_chunk_size(bytes.get(at..)?).unwrap()
        else {
            return None;
        };
        let size = usize::try_from(size).unwrap();
        body.extend(bytes.get(at + line..at + line + size)?);
        at += line + size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// What a chunked body holds, as far as it has come.
pub fn dechunked(bytes: &[u8]) -> Vec<u8> {
    let (mut body, mut rest) = (Vec::new(), bytes);
    while let Ok(httparse::Status::Complete((line, size @ 1..))) = httparse::parse_chunk_size(rest)
    {
        let size = usize::try_from(size).unwrap();
        let data = &rest[line..];
        body.extend(&data[..size.min(data.len())]);
        rest = data.get(size + 2..).unwrap_or_default();
    }
    body
}

/// A request for a chat completion.
pub fn chat(model: &str, says: &str, stream: bool) -> String {
    chat_with(model, says, stream, &[("Authorization", &format!("Bearer {KEY}"))])
}

pub fn chat_with(model: &str, says: &str, stream: bool, headers: &[(&str, &str)]) -> String {
    let body = json!({
        "model": model, "stream": stream, "messages": [{"role": "user", "content": says}],
    });
    post("/v1/chat/completions", "api.openai.com", headers, &body.to_string())
}

pub fn post(target: &str, host: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let len = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

/// The text of an exchange's answer, as exported.
pub fn answer_of(exchange: &Value) -> String {
    let parts = exchange["reply"]["choices"][0]["parts"].as_array();
    let texts = parts.into_iter().flatten().filter(|part| part["type"] == "text");
    texts.map(|part| part["text"].as_str().unwrap()).collect()
}

/// What an exchange's user said last.
pub fn asked_of(exchange: &Value) -> String {
    let said = exchange["request"]["messages"].as_array().and_then(|all| all.last());
    said.and_then(|last| last["parts"][0]["text"].as_str()).unwrap_or_default().to_owned()
}

/// Trusts `root` alone.
pub fn client(root: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.unwrap().with_root_certificates(roots).with_no_client_auth()
}
