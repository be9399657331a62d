//! The provider over real sockets.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use flate2::read::GzDecoder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

const OPENAI: &str = "authorization: Bearer sk-fake\r\n";
const ANTHROPIC: &str = "x-api-key: sk-ant-fake\r\nanthropic-version: 2023-06-01\r\n";

#[tokio::test]
async fn every_operation_gets_its_reply() {
    let provider = Provider::start(Options::default()).await.unwrap();
    let prompt = r#"{"model":"MODEL","messages":[{"role":"user","content":"hi"}]}"#;
    let with = |model| prompt.replace("MODEL", model);
    for (request, headers, body, status, words) in [
        ("POST /v1/chat/completions", OPENAI, with("fake"), 200, "You sent 1 words."),
        ("POST /v1/chat/completions", "", with("fake"), 401, "You didn't provide an API key."),
        (
            "POST /v1/chat/completions",
            "authorization: Bearer nonsense\r\n",
            with("fake"),
            401,
            "Incorrect API key provided: non*****.",
        ),
        ("POST /v1/chat/completions", OPENAI, "{".into(), 400, "could not parse the JSON"),
        ("POST /v1/chat/completions", OPENAI, "{}".into(), 400, "'messages'"),
        ("POST /v1/chat/completions", OPENAI, with("error-429"), 429, "rate_limit_exceeded"),
        ("POST /v1/chat/completions", OPENAI, with("error-mid-stream"), 500, "server_error"),
        ("POST /api/v1/embeddings", OPENAI, r#"{"input":"a"}"#.into(), 200, "\"embedding\":["),
        ("GET /v1/models", OPENAI, String::new(), 200, "fake-reasoner"),
        ("GET /v1/models/fake", OPENAI, String::new(), 200, "\"id\":\"fake\""),
        ("POST /v1/nonsense", OPENAI, String::new(), 404, "Invalid URL (POST /v1/nonsense)"),
        ("POST /v1/messages?beta=true", ANTHROPIC, with("c"), 200, "You sent 1 words."),
        ("POST /v1/messages", "x-api-key: sk-a\r\n", with("c"), 400, "anthropic-version"),
        ("POST /v1/messages", "anthropic-version: 1\r\n", with("c"), 401, "authentication_error"),
        ("POST /v1/messages", ANTHROPIC, with("error-overloaded"), 529, "overloaded_error"),
        ("POST /v1/messages/count_tokens", ANTHROPIC, with("c"), 200, "{\"input_tokens\":1}"),
        ("GET /v1/models?limit=9", ANTHROPIC, String::new(), 200, "claude-fake"),
        ("GET /api/claude_code/settings", "", String::new(), 404, "not_found_error"),
        ("POST /api/event_logging/v2/batch", "", "{}".into(), 200, "accepted_count"),
        ("GET /__requests", "", String::new(), 200, "/api/event_logging/v2/batch"),
    ] {
        let reply = ask(provider.addr, request, headers, &body).await;
        assert_eq!(reply.status, status, "{request}");
        assert_eq!(reply.header("content-type"), "application/json", "{request}");
        assert!(reply.text().contains(words), "{request}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_stream_says_what_the_whole_reply_says() {
    for (path, headers) in [("/v1/chat/completions", OPENAI), ("/v1/messages", ANTHROPIC)] {
        let (whole, stream) = (start().await, start().await);
        for asked in ["Grüße", "use the tools"] {
            let request = |stream| {
                let tool = |name| {
                    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
                    json!({"name": name, "input_schema": schema, "function": {
                        "name": name, "parameters": schema,
                    }})
                };
                json!({
                    "model": "fake-reasoner", "stream": stream,
                    "messages": [{"role": "user", "content": asked}],
                    "tools": [tool("one"), tool("two")],
                })
                .to_string()
            };
            let post = format!("POST {path}");
            let reply = ask(whole.addr, &post, headers, &request(false)).await;
            let whole: Value = serde_json::from_str(reply.text()).unwrap();
            let reply = ask(stream.addr, &post, headers, &request(true)).await;
            assert_eq!(reply.header("content-type"), "text/event-stream; charset=utf-8");
            let events = events(reply.text());
            assert_eq!(said(&events), said(&[whole]), "{path}, {asked}");
        }
    }
}

#[tokio::test]
async fn a_stream_breaks_as_the_model_is_named() {
    let provider = start().await;
    for (path, headers) in [("POST /v1/chat/completions", OPENAI), ("POST /v1/messages", ANTHROPIC)]
    {
        for (model, framing_ends) in [("error-mid-stream", true), ("cut-mid-stream", false)] {
            let body = json!({
                "model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}],
            });
            let reply = ask(provider.addr, path, headers, &body.to_string()).await;
            assert_eq!(reply.status, 200);
            assert!(reply.text().contains("\"Y\""), "{path} {model}: it had begun to answer");
            assert_eq!(reply.text().contains("\"error\""), framing_ends, "{path} {model}");
            assert_eq!(reply.framing_ends, framing_ends, "{path} {model}");
        }
    }
}

#[tokio::test]
async fn a_compressed_stream_can_be_read_at_each_event() {
    let options = Options { compression: Compression::Gzip, ..Options::default() };
    let provider = Provider::start(options).await.unwrap();
    let body = r#"{"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let headers = [OPENAI, "accept-encoding: gzip, br\r\n"].concat();
    let reply = ask(provider.addr, "POST /v1/chat/completions", &headers, body).await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"));
    let plain = ask(provider.addr, "POST /v1/chat/completions", OPENAI, body).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(events(plain.text()).len(), events(&text).len());
}

#[tokio::test]
async fn two_providers_answer_the_same_requests_with_the_same_bytes() {
    let (one, other) = (start().await, start().await);
    for body in ["{\"messages\":[{\"role\":\"user\",\"content\":\"a b\"}]}", "{}"] {
        let path = "POST /v1/chat/completions";
        let replies =
            [one.addr, other.addr].map(|addr| async move { ask(addr, path, OPENAI, body).await });
        let [one, other] = replies;
        assert_eq!(one.await.body, other.await.body);
    }
    assert_ne!(one.ca_pem, other.ca_pem, "each has an authority of its own");
}

#[tokio::test]
async fn requests_over_tls_are_remembered_as_sent() {
    let provider = start().await;
    let mut app = tls(&provider, tcp(&provider).await, "api.openai.com", &[]).await;
    let first = "POST /a HTTP/1.1\r\nhOST: api.openai.com\r\nX-b: 1\r\nx-A: 2\r\nX-B: 3\r\n\
                 transfer-encoding: chunked\r\n\r\n";
    let second = "GET /b?c=d HTTP/1.1\r\nHost: api.openai.com\r\nconnection: close\r\n\r\n";
    // Both at once: the second's bytes must not be taken for the first's.
    let bytes = [first, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", second].concat();
    app.write_all(bytes.as_bytes()).await.unwrap();
    app.read_to_end(&mut Vec::new()).await.unwrap();

    let requests = provider.requests();
    let [a, b] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(String::from_utf8_lossy(&a.head), first);
    assert_eq!(String::from_utf8_lossy(&b.head), second);
    assert_eq!((&a.body[..], &b.body[..]), (&b"abcde"[..], &b""[..]));
    let names: Vec<_> = a.headers.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, ["hOST", "X-b", "x-A", "X-B", "transfer-encoding"]);
    assert_eq!(a.sni.as_deref(), Some("api.openai.com"));
    assert_eq!((&b.method[..], &b.path[..], &b.version[..]), ("GET", "/b?c=d", "HTTP/1.1"));
    assert_eq!((a.connection, b.connection), (1, 1));
    assert_eq!(provider.request_count(), 2);
}

#[tokio::test]
async fn connect_leads_to_the_provider_itself() {
    let provider = start().await;
    let mut app = tcp(&provider).await;
    app.write_all(b"CONNECT openrouter.ai:443 HTTP/1.1\r\nHost: openrouter.ai\r\n\r\n")
        .await
        .unwrap();
    let mut established = vec![0; b"HTTP/1.1 200 Connection established\r\n\r\n".len()];
    app.read_exact(&mut established).await.unwrap();
    let app = tls(&provider, app, "openrouter.ai", &[]).await;
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    let reply = exchange(app, "POST /api/v1/chat/completions", OPENAI, body).await;
    assert!(reply.text().contains("\"cost\":"), "{}", reply.text());
}

#[tokio::test]
async fn http2_is_spoken_when_asked_for() {
    for (alpn, spoken) in [(Alpn::Http1, &b"http/1.1"[..]), (Alpn::Http2, b"h2")] {
        let provider = Provider::start(Options { alpn, ..Options::default() }).await.unwrap();
        let offer = [&b"h2"[..], b"http/1.1"];
        let app = tls(&provider, tcp(&provider).await, "api.openai.com", &offer).await;
        assert_eq!(app.get_ref().1.alpn_protocol(), Some(spoken));
        if alpn == Alpn::Http2 {
            let io = TokioIo::new(app);
            let (mut sender, h2) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(h2);
            let request = http::Request::get("https://api.openai.com/v1/models?a=b")
                .header("authorization", "Bearer sk-fake")
                .body(String::new())
                .unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
            let requests = provider.requests();
            assert_eq!((&requests[0].version[..], &requests[0].head[..]), ("HTTP/2.0", &b""[..]));
            assert_eq!(requests[0].path, "/v1/models?a=b");
        }
    }
}

#[tokio::test]
async fn a_dropped_provider_is_gone() {
    let provider = start().await;
    let addr = provider.addr;
    let mut app = tcp(&provider).await;
    drop(provider);
    assert_eq!(app.read(&mut [0]).await.unwrap_or(0), 0, "its connections end");
    assert!(TcpStream::connect(addr).await.is_err());
}

async fn start() -> Provider {
    Provider::start(Options::default()).await.unwrap()
}

async fn tcp(provider: &Provider) -> TcpStream {
    TcpStream::connect(provider.addr).await.unwrap()
}

async fn tls(
    provider: &Provider,
    tcp: TcpStream,
    name: &'static str,
    alpn: &[&[u8]],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(provider.ca_pem.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing_ends: bool,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        let line = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        line.map_or("", |(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn ask(addr: SocketAddr, request: &str, headers: &str, body: &str) -> Answered {
    exchange(TcpStream::connect(addr).await.unwrap(), request, headers, body).await
}

/// One request on a connection of its own, its reply taken apart.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    request: &str,
    headers: &str,
    body: &str,
) -> Answered {
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let mut room = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut room);
    let end = head.parse(&bytes).unwrap().unwrap();
    let value = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers: Vec<_> =
        head.headers.iter().map(|line| (line.name.to_owned(), value(line.value))).collect();
    let is_chunked = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    let (body, framing_ends) = match is_chunked {
        true => unchunked(&bytes[end..]),
        false => (bytes[end..].to_vec(), true),
    };
    Answered { status: head.code.unwrap(), headers, body, framing_ends }
}

fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(bytes) {
        let size = usize::try_from(size).unwrap();
        if size == 0 {
            return (body, true);
        }
        body.extend(&bytes[line..line + size]);
        bytes = &bytes[line + size + 2..];
    }
    (body, false)
}

fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Text, reasoning and calls of a reply or of a stream's events joined, whatever the dialect.
fn said(replies: &[Value]) -> [String; 3] {
    let mut said = [const { String::new() }; 3];
    for reply in replies {
        for (at, pointer) in [
            (0, "/choices/0/message/content"),
            (0, "/choices/0/delta/content"),
            (0, "/delta/text"),
            (1, "/choices/0/message/reasoning_content"),
            (1, "/choices/0/delta/reasoning_content"),
            (1, "/delta/thinking"),
            (2, "/choices/0/message/tool_calls/0/function/arguments"),
            (2, "/choices/0/message/tool_calls/1/function/arguments"),
            (2, "/choices/0/delta/tool_calls/0/function/arguments"),
            (2, "/delta/partial_json"),
        ] {
            said[at].push_str(reply.pointer(pointer).and_then(Value::as_str).unwrap_or(""));
        }
        for block in reply.get("content").and_then(Value::as_array).into_iter().flatten() {
            for (at, field) in [(0, "text"), (1, "thinking")] {
                said[at].push_str(block.get(field).and_then(Value::as_str).unwrap_or(""));
            }
            if let Some(input) = block.get("input") {
                said[2].push_str(&input.to_string());
            }
        }
    }
    said
}
