//! The HTTP front of the proxy port, on hudsucker: `CONNECT` is taken over here, plain-HTTP
//! requests go through its client.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, header};
use hudsucker::certificate_authority::CertificateAuthority;
use hudsucker::{Body, HttpContext, HttpHandler, Proxy, RequestOrResponse};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};

use super::rewrite::plain::Exchange;
use super::tunnel::{Connected, tunnel};
use super::{Engine, Notice, dial};
use crate::flow::{Origin, Scheme};

/// Serves until the process ends.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener) -> Result<(), hudsucker::Error> {
    let local = listener.local_addr()?;
    let front = Front { engine: Arc::clone(&engine), local, exchange: None };
    Proxy::builder()
        .with_listener(listener)
        .with_ca(NeverAsked)
        .with_http_connector(engine.dialer.clone())
        .with_http_handler(front)
        .with_client(client())
        .with_server(server())
        .build()?
        .start()
        .await
}

/// Header names go on as they came, as far as hyper can.
fn client() -> legacy::Builder {
    let mut client = legacy::Client::builder(TokioExecutor::new());
    client.http1_preserve_header_case(true);
    client
}

/// HTTP/1 alone: a `CONNECT` inside HTTP/2 has no connection of its own to take over.
fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().preserve_header_case(true);
    server
}

/// One for each request: hudsucker clones it.
#[derive(Clone)]
struct Front {
    engine: Arc<Engine>,
    local: SocketAddr,
    /// The plain-HTTP exchange under way, if it is read.
    exchange: Option<Arc<Exchange>>,
}

impl HttpHandler for Front {
    async fn handle_request(
        &mut self,
        context: &HttpContext,
        request: Request<Body>,
    ) -> RequestOrResponse {
        if request.method() == Method::CONNECT {
            return self.connect(context, request).await.into();
        }
        self.plain(context, request)
    }

    async fn handle_response(&mut self, _: &HttpContext, reply: Response<Body>) -> Response<Body> {
        match self.exchange.take() {
            Some(exchange) => exchange.reply(reply),
            None => reply,
        }
    }

    async fn handle_error(&mut self, _: &HttpContext, error: legacy::Error) -> Response<Body> {
        self.exchange = None;
        let mut words = error.to_string();
        if let Some(cause) = error.source() {
            words = format!("{words}: {cause}");
        }
        refuse(StatusCode::BAD_GATEWAY, &words)
    }
}

impl Front {
    async fn connect(&self, context: &HttpContext, mut request: Request<Body>) -> Response<Body> {
        let authority = request.uri().authority().map(Authority::as_str).unwrap_or_default();
        let target = match Origin::parse(Scheme::Https, authority) {
            Ok(target) => target,
            Err(e) => return refuse(StatusCode::BAD_REQUEST, &e.to_string()),
        };
        if self.engine.is_own(&target.host, target.port) {
            return refuse(
                StatusCode::LOOP_DETECTED,
                &format!("`{}` is Overhear itself", target.authority()),
            );
        }
        let upstream = match self.engine.dialer.dial(&target).await {
            Ok(upstream) => upstream,
            Err(e) => {
                if self.engine.rules.intercept.covers(target.host.as_str()) {
                    (self.engine.notify)(Notice::Unreachable { why: e.to_string() });
                }
                return refuse(StatusCode::BAD_GATEWAY, &e.to_string());
            }
        };
        let user_agent = request
            .headers()
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let engine = Arc::clone(&self.engine);
        let addresses = (context.client_addr, self.local);
        tokio::spawn(async move {
            // The app may hang up before it reads our 200: then there is no flow.
            let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
            let Ok(parts) = auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) else { return };
            let app = parts.io.into_inner();
            dial::keep_alive(&app);
            let early = parts.read_buf.to_vec();
            tunnel(engine, Connected { app, early, upstream, target, user_agent, addresses }).await;
        });
        Response::new(Body::empty())
    }

    fn plain(&mut self, context: &HttpContext, mut request: Request<Body>) -> RequestOrResponse {
        let Some(authority) = request.uri().authority() else {
            return refuse(
                StatusCode::BAD_REQUEST,
                "this is Overhear's proxy port: set it as HTTPS_PROXY, it serves no pages itself",
            )
            .into();
        };
        let scheme = match request.uri().scheme_str() {
            Some("https") => Scheme::Https,
            _ => Scheme::Http,
        };
        let origin = match Origin::parse(scheme, authority.as_str()) {
            Ok(origin) => origin,
            Err(e) => return refuse(StatusCode::BAD_REQUEST, &e.to_string()).into(),
        };
        if self.engine.is_own(&origin.host, origin.port) {
            let words = format!("`{}` is Overhear itself", origin.authority());
            return refuse(StatusCode::LOOP_DETECTED, &words).into();
        }
        if scheme == Scheme::Https {
            return refuse(
                StatusCode::NOT_IMPLEMENTED,
                "an `https://` target must come by CONNECT",
            )
            .into();
        }
        strip_proxy_headers(&mut request);
        let rules = &self.engine.rules;
        let host = origin.host.as_str();
        if rules.intercept.covers(host) && !rules.tunnel.covers(host) {
            let addresses = (context.client_addr, self.local);
            let (exchange, taped) = Exchange::begin(&self.engine, origin, request, addresses);
            self.exchange = Some(exchange);
            return taped.into();
        }
        request.into()
    }
}

/// `Proxy-*` is for us, not for the origin (RFC 9110 section 7.6.1).
fn strip_proxy_headers(request: &mut Request<Body>) {
    let ours: Vec<_> = request
        .headers()
        .keys()
        .filter(|name| name.as_str().starts_with("proxy-"))
        .cloned()
        .collect();
    for name in ours {
        request.headers_mut().remove(name);
    }
}

/// An answer of our own, in words.
fn refuse(status: StatusCode, words: &str) -> Response<Body> {
    let mut reply = Response::new(Body::from(format!("overhear: {words}\n")));
    *reply.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply
}

/// Hudsucker's own interception is not used: every `CONNECT` is answered before it.
struct NeverAsked;

impl CertificateAuthority for NeverAsked {
    async fn gen_server_config(&self, _: &Authority) -> Arc<rustls::ServerConfig> {
        let builder = rustls::ServerConfig::builder().with_no_client_auth();
        let resolver = rustls::server::ResolvesServerCertUsingSni::new();
        Arc::new(builder.with_cert_resolver(Arc::new(resolver)))
    }
}
