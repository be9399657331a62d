//! A hudsucker `HttpHandler` that reads the exchanges it sees with Overhear's decoders.
//!
//! For programs that are a hudsucker proxy already. Bodies are copied while they pass: nothing
//! is buffered or held back. What hudsucker itself does to the bytes it still does; Overhear's
//! own relay does not (see ARCHITECTURE.md).
//!
//! ```text
//! cargo run --example hudsucker_handler -- --port 8080
//! curl -x http://127.0.0.1:8080 http://127.0.0.1:11434/v1/chat/completions -d '{…}'
//! ```
//!
//! This one has no certificate authority: it reads plain HTTP (a local Ollama, vLLM, llama.cpp)
//! and passes `CONNECT` on unread. With `RcgenAuthority` in `with_ca`, `with_rustls_connector`,
//! and without `should_intercept_connect`, the same handler reads HTTPS.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use http::request::Parts;
use http::{HeaderMap, Request, Response, header, uri};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hudsucker::certificate_authority::CertificateAuthority;
use hudsucker::{Body, HttpContext, HttpHandler, Proxy, RequestOrResponse};
use hyper_util::client::legacy::connect::HttpConnector;
use jiff::Timestamp;
use overhear::dialect::{self, Asked, Frame, Reading};
use overhear::model::{Headers, Part};
use overhear::observe::{coding, sse};
use tokio::net::TcpListener;

/// A plain-HTTP proxy that prints the prompts and answers that pass through it.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let proxy = Proxy::builder()
        .with_listener(listener)
        .with_ca(NoAuthority)
        .with_http_connector(HttpConnector::new())
        .with_http_handler(Listening::default())
        .build()?;
    Ok(proxy.start().await?)
}

/// Reads one exchange; hudsucker clones it for each.
#[derive(Clone, Default)]
struct Listening {
    /// The request under way.
    request: Option<Arc<Asking>>,
}

/// A request, its body as far as it has passed.
struct Asking {
    head: Parts,
    body: Mutex<Vec<u8>>,
}

impl HttpHandler for Listening {
    async fn handle_request(
        &mut self,
        _: &HttpContext,
        request: Request<Body>,
    ) -> RequestOrResponse {
        let (head, body) = request.into_parts();
        let asking = Arc::new(Asking { head: head.clone(), body: Mutex::default() });
        self.request = Some(Arc::clone(&asking));
        let body = copied(body, move |piece| lock(&asking.body).extend_from_slice(piece));
        Request::from_parts(head, body).into()
    }

    async fn handle_response(&mut self, _: &HttpContext, reply: Response<Body>) -> Response<Body> {
        let Some(asking) = self.request.take() else { return reply };
        let Some(answer) = Answer::begin(&asking, &reply) else { return reply };
        let (head, body) = reply.into_parts();
        let answer = Mutex::new(answer);
        Response::from_parts(head, copied(body, move |piece| lock(&answer).feed(piece)))
    }

    async fn should_intercept_connect(&mut self, _: &HttpContext, _: &Request<Body>) -> bool {
        false
    }
}

/// The body, each piece shown to `see` on its way.
fn copied(body: Body, mut see: impl FnMut(&[u8]) + Send + Sync + 'static) -> Body {
    let seen = body.map_frame(move |frame| {
        if let Some(piece) = frame.data_ref() {
            see(piece);
        }
        frame
    });
    Body::from(BoxBody::new(seen))
}

/// The reply, being read while it passes; told when its body is dropped, however that ends.
struct Answer {
    status: u16,
    reading: Option<Box<dyn Reading>>,
    coding: coding::Decoder,
    /// A stream of events, or else a body that is read whole.
    body: Result<sse::Decoder, Vec<u8>>,
}

impl Answer {
    /// `None` if no dialect claims the request, or the reply is coded as we cannot read it.
    fn begin(asking: &Asking, reply: &Response<Body>) -> Option<Self> {
        let headers = lines(&asking.head.headers);
        let content = asking.head.headers.get(header::CONTENT_ENCODING);
        let mut body = Vec::new();
        let mut request = coding::Decoder::new(text(content)).ok()?;
        request.feed(&lock(&asking.body), &mut |piece| body.extend_from_slice(piece)).ok()?;
        let asked = Asked {
            method: asking.head.method.as_str(),
            host: asking.head.uri.host().unwrap_or_default(),
            path: asking.head.uri.path_and_query().map_or("/", uri::PathAndQuery::as_str),
            headers: &headers,
            body: &body,
        };
        let (dialect, _) = dialect::claim(&asked)?;
        let is_stream = text(reply.headers().get(header::CONTENT_TYPE)).contains("event-stream");
        Some(Self {
            status: reply.status().as_u16(),
            reading: Some(dialect.begin(&asked)),
            coding: coding::Decoder::new(text(reply.headers().get(header::CONTENT_ENCODING)))
                .ok()?,
            body: if is_stream { Ok(sse::Decoder::new()) } else { Err(Vec::new()) },
        })
    }

    fn feed(&mut self, piece: &[u8]) {
        let Self { reading: Some(reading), coding, body, .. } = self else { return };
        // What is broken is read up to there, and the dialect says what is missing.
        let _ = coding.feed(piece, &mut |piece| match body {
            Ok(events) => events.feed(piece, &mut |sent| {
                reading.reply(Frame::Event(sent.event), Timestamp::now(), &mut |_| {});
            }),
            Err(whole) => whole.extend_from_slice(piece),
        });
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let Some(mut reading) = self.reading.take() else { return };
        let now = Timestamp::now();
        match &mut self.body {
            Ok(events) => events.finish(&mut |sent| {
                reading.reply(Frame::Event(sent.event), now, &mut |_| {});
            }),
            Err(body) => {
                let whole = Frame::Body { body, status: self.status };
                reading.reply(whole, now, &mut |_| {});
            }
        }
        let decoded = reading.finish();
        let mut told = String::new();
        for message in &decoded.request.messages {
            told += &format!("{}: {}\n", message.role, words(&message.parts));
        }
        for choice in &decoded.reply.choices {
            told += &format!("answer: {}\n", words(&choice.parts));
        }
        // Nobody may be listening any more.
        let _ = std::io::stdout().write_all(told.as_bytes());
    }
}

/// The texts among `parts`.
fn words(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn lines(headers: &HeaderMap) -> Headers {
    headers.iter().map(|(name, value)| (name.to_string(), text(Some(value)).to_owned())).collect()
}

fn text(value: Option<&header::HeaderValue>) -> &str {
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A panic elsewhere leaves bytes that can still be read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signs nothing, and is never asked to: what comes by `CONNECT` is not intercepted.
struct NoAuthority;

impl CertificateAuthority for NoAuthority {
    async fn gen_server_config(&self, _: &uri::Authority) -> Arc<rustls::ServerConfig> {
        let resolver = rustls::server::ResolvesServerCertUsingSni::new();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_cert_resolver(Arc::new(resolver)))
    }
}
