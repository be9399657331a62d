//! The base-URL listener: an upstream in the path, no CA and no proxy variable needed.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::relay::{Copies, End, relay_rewriting};
use super::rewrite::splice::{Route, Router, Splicer};
use super::upstream::{Name, Sent};
use super::{Engine, Notice, dial, process};
use crate::flow::{FlowId, Mode, Opened, Origin, Scheme, TlsSeen, Verdict};
use crate::observe::http1::{Decoder, Event, HEAD_BYTES_MAX, Head, Start};

/// Who may use the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Programs of this machine: the listener is on loopback, and requests that name another
    /// host (a web page whose name leads here) are refused.
    Loopback,
    /// Whoever has this word as the first part of the path.
    Token(String),
}

/// What the listener knows.
pub struct BaseUrl {
    /// Who may use it.
    pub access: Access,
    /// The URL that a provider's short name stands for.
    pub short_name: fn(&str) -> Option<&'static str>,
    /// Who takes connections that ask for no upstream: the page.
    pub door: Door,
}

/// Takes a connection that asks for no upstream. It must not wait: the relay runs on the thread
/// that calls it.
pub type Door = Arc<dyn Fn(Visit) + Send + Sync>;

/// A connection that asks for no upstream.
#[derive(Debug)]
pub struct Visit {
    /// The connection.
    pub stream: std::net::TcpStream,
    /// What was read of it: its first request's head, and maybe more.
    pub read: Vec<u8>,
    /// What to say of a path that the page does not have either.
    pub otherwise: Otherwise,
}

/// What is said of a path that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// The HTTP status.
    pub status: u16,
    /// What would lead somewhere.
    pub words: &'static str,
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An upstream, and path and query there.
    Upstream(Origin, String),
    /// The page, if it has the path.
    Page(Otherwise),
    /// Not allowed: the text says why.
    Forbidden(&'static str),
}

impl BaseUrl {
    /// Reads where a request goes. `None` if it is none.
    fn route(&self, head: &Head) -> Option<Target> {
        let Start::Request { target, .. } = &head.start else { return None };
        let found = self.target(target, head.values("host").next());
        Some(match found {
            Target::Upstream(..) if is_for_a_page(head) => Target::Forbidden(NO_PAGES),
            found => found,
        })
    }

    /// Reads a request's target and `Host`.
    pub fn target(&self, target: &str, host: Option<&str>) -> Target {
        let path = match &self.access {
            Access::Loopback if !host.is_none_or(names_this_machine) => {
                return Target::Forbidden("this listener answers to its own address only");
            }
            Access::Loopback => target.strip_prefix('/'),
            Access::Token(token) => {
                let rest = target.strip_prefix('/').and_then(|path| path.strip_prefix(token));
                match rest.map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
                    Some(path) => Some(path),
                    // The page has a token of its own.
                    None => return Target::Page(NO_TOKEN),
                }
            }
        };
        let upstream = path.and_then(|path| self.upstream(path));
        upstream.map_or(Target::Page(NO_UPSTREAM), |(o, t)| Target::Upstream(o, t))
    }

    fn upstream(&self, path: &str) -> Option<(Origin, String)> {
        for (scheme, marks) in
            [(Scheme::Https, ["https://", "https:/"]), (Scheme::Http, ["http://", "http:/"])]
        {
            // Some clients make one slash of two.
            if let Some(rest) = marks.iter().find_map(|mark| path.strip_prefix(mark)) {
                return split(scheme, rest);
            }
        }
        let end = path.find(['/', '?']).unwrap_or(path.len());
        let (name, rest) = path.split_at(end);
        let (scheme, base) = (self.short_name)(name)?.split_once("://")?;
        let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
        split(scheme, &format!("{base}{rest}"))
    }
}

/// How HTTP/2 begins (RFC 9113, section 3.4). It has no request line that could be rewritten.
const PREFACE_OF_HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What a path must look like.
const NO_UPSTREAM: Otherwise = Otherwise {
    status: 404,
    words: "the path names the upstream: /https://HOST/PATH, or a provider's short name such as \
            /openai/v1, /anthropic, /openrouter/api/v1",
};
/// What a path must begin with where other machines can send one.
const NO_TOKEN: Otherwise = Otherwise { status: 403, words: "the token is missing from the path" };

fn split(scheme: Scheme, url: &str) -> Option<(Origin, String)> {
    let end = url.find(['/', '?']).unwrap_or(url.len());
    let (authority, target) = url.split_at(end);
    let origin = Origin::parse(scheme, authority).ok()?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some((origin, format!("{slash}{target}")))
}

/// What a browser is told that would show, or run, what an upstream sends.
const NO_PAGES: &str = "a base URL is for programs: a page of another host shown from here could \
                        read the capture";

/// Whether a browser would make a page, a frame, a worker or the like of the reply. It would run
/// as this address, with the right to all that the page may see, so it must never come. Programs,
/// a page's own `fetch` among them, send none of these lines (Fetch Metadata, section 2; Upgrade
/// Insecure Requests, section 3.2.1; Service Workers, section 6.7; Resource Hints).
fn is_for_a_page(head: &Head) -> bool {
    let has = |name: &str| head.values(name).next().is_some();
    let is = |name: &str, harmless: &[&str]| {
        head.values(name).any(|value| !harmless.iter().any(|word| value.eq_ignore_ascii_case(word)))
    };
    is("sec-fetch-dest", &["empty", "websocket"])
        || is("sec-fetch-mode", &["cors", "no-cors", "same-origin", "websocket"])
        || has("upgrade-insecure-requests")
        || has("service-worker")
        || has("sec-purpose")
        || ["purpose", "x-moz"].iter().any(|name| {
            head.values(name).any(|value| value.to_ascii_lowercase().contains("prefetch"))
        })
}

/// Whether a `Host` line means this machine by an address or a name that no DNS answer of
/// somebody else can give.
fn names_this_machine(host: &str) -> bool {
    let Ok(origin) = Origin::parse(Scheme::Http, host.trim()) else { return false };
    let name = origin.host.as_str();
    origin.host.ip().is_some()
        || name == "localhost"
        || name.ends_with(".localhost")
        || name == "host.docker.internal"
}

/// Serves until the process ends.
pub(super) async fn serve(engine: Arc<Engine>, listener: TcpListener, base_url: Arc<BaseUrl>) {
    loop {
        match listener.accept().await {
            Ok((app, address)) => {
                dial::keep_alive(&app);
                let connection = Connection {
                    engine: Arc::clone(&engine),
                    base_url: Arc::clone(&base_url),
                    ip: address.ip(),
                };
                tokio::spawn(connection.serve(app));
            }
            // Out of file descriptors, say: those that are there go on, new ones wait.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
}

struct Connection {
    engine: Arc<Engine>,
    base_url: Arc<BaseUrl>,
    ip: IpAddr,
}

impl Connection {
    async fn serve(self, mut app: TcpStream) {
        let mut read = Vec::new();
        loop {
            let Some(head) = first_request(&mut app, &mut read).await else {
                if read.starts_with(PREFACE_OF_HTTP2) {
                    (self.engine.notify)(Notice::ClearHttp2);
                }
                return;
            };
            let (origin, _) = match self.base_url.route(&head) {
                Some(Target::Upstream(origin, path)) => (origin, path),
                Some(Target::Page(otherwise)) => return self.enter(app, read, otherwise),
                Some(Target::Forbidden(why)) => return answer(app, "403 Forbidden", why).await,
                None => return,
            };
            let (tcp, tls) = match self.reach(&origin).await {
                Ok(reached) => reached,
                Err(words) => return answer(app, "502 Bad Gateway", &words).await,
            };
            match self.relay(app, origin, tcp, tls, &read).await {
                Some((next, handover)) => (app, read) = (next, handover),
                None => return,
            }
        }
    }

    /// Relays requests to `origin` until the connection ends or one for somebody else comes.
    async fn relay(
        &self,
        app: TcpStream,
        origin: Origin,
        tcp: TcpStream,
        tls: Option<rustls::ClientConnection>,
        read: &[u8],
    ) -> Option<(TcpStream, Vec<u8>)> {
        let opened = Opened {
            flow: FlowId::now(),
            at: Timestamp::now(),
            mode: Mode::BaseUrl,
            origin: origin.clone(),
            verdict: Verdict::Intercept,
            tls: tls.as_ref().map(|tls| TlsSeen {
                sni: Some(origin.host.as_str().to_owned()),
                alpn: tls.alpn_protocol().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
                downstream_version: None,
                upstream_version: tls.protocol_version().map(|v| format!("{v:?}")),
            }),
            connect_user_agent: None,
        };
        let process = match (app.peer_addr(), app.local_addr()) {
            (Ok(peer), Ok(local)) if self.ip.is_loopback() => Some(process::look_up(peer, local)),
            _ => None,
        };
        let copies = Copies::Tape { tape: self.engine.tapes.open(&opened), process };
        let upstream = match tls {
            Some(tls) => End::tls(tcp, tls),
            None => End::plain(tcp),
        };
        let splicer = Splicer::new(self.router(), origin);
        let app = End::plain(app);
        relay_rewriting(app, upstream, read, copies, splicer, &self.engine.metrics).await
    }

    fn router(&self) -> Router {
        let base_url = Arc::clone(&self.base_url);
        Arc::new(move |head| match base_url.route(head) {
            Some(Target::Upstream(origin, target)) => Route::Upstream { origin, target },
            _ => Route::Ours,
        })
    }

    async fn reach(
        &self,
        origin: &Origin,
    ) -> Result<(TcpStream, Option<rustls::ClientConnection>), String> {
        if self.engine.is_own(&origin.host, origin.port) {
            return Err(format!("`{origin}` is Overhear itself"));
        }
        let tcp = self.engine.dialer.dial(origin).await.map_err(|e| e.to_string())?;
        if origin.scheme == Scheme::Http {
            return Ok((tcp, None));
        }
        let sent = if origin.host.ip().is_some() { Sent::No } else { Sent::Yes };
        let name = Name { host: &origin.host, sent };
        // The app speaks HTTP/1.1 with us, so that is what the origin is offered.
        let alpn = [b"http/1.1".to_vec()];
        let shaken = self.engine.upstream_tls.handshake(tcp, name, &alpn).await;
        let (tcp, tls) = shaken.map_err(|reason| format!("`{origin}`: {reason}"))?;
        Ok((tcp, Some(tls)))
    }

    /// Hands the connection to the page.
    fn enter(&self, app: TcpStream, read: Vec<u8>, otherwise: Otherwise) {
        // A connection that cannot be taken over is broken: closing it is all that is left.
        if let Ok(stream) = app.into_std() {
            (self.base_url.door)(Visit { stream, read, otherwise });
        }
    }
}

/// Reads until the first request's head is whole; `read` keeps every byte. `None` if there
/// will be none.
async fn first_request(app: &mut TcpStream, read: &mut Vec<u8>) -> Option<Head> {
    let mut decoder = Decoder::requests();
    let mut fed = 0;
    loop {
        let mut found = None;
        let mut opaque = false;
        decoder.feed(read.get(fed..).unwrap_or_default(), &mut |event| match event {
            Event::Head(head) if found.is_none() => {
                found = Some(head);
            }
            Event::Opaque(_) => opaque = true,
            _ => {}
        });
        fed = read.len();
        if found.is_some() || opaque || read.len() > HEAD_BYTES_MAX {
            return found;
        }
        if app.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer of our own; the connection ends with it.
async fn answer(mut app: TcpStream, status: &str, words: &str) {
    let text = format!("overhear: {words}\n");
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        text.len()
    );
    // The app may be gone: then nobody misses the answer.
    if app.write_all(head.as_bytes()).await.is_err()
        || app.write_all(text.as_bytes()).await.is_err()
    {
        return;
    }
    let _ = app.shutdown().await;
    // What the app still sends is read, else closing would reset the answer away.
    let mut rest = vec![0; 16 << 10];
    let drained = async { while app.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), drained).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_url(access: Access) -> BaseUrl {
        let short_name = |name: &str| match name {
            "openai" => Some("https://api.openai.com"),
            "router" => Some("https://router.example/api"),
            "local" => Some("http://127.0.0.1:11434"),
            _ => None,
        };
        BaseUrl { access, short_name, door: Arc::new(|_| {}) }
    }

    #[test]
    fn a_path_names_its_upstream() {
        let base_url = base_url(Access::Loopback);
        for (path, expected) in [
            (
                "/https://openrouter.ai/api/v1/chat?x=1",
                Some(("https://openrouter.ai", "/api/v1/chat?x=1")),
            ),
            ("/https:/openrouter.ai/api", Some(("https://openrouter.ai", "/api"))),
            ("/https://a.example:8443", Some(("https://a.example:8443", "/"))),
            ("/https://a.example?x", Some(("https://a.example", "/?x"))),
            ("/http://127.0.0.1:11434/api/chat", Some(("http://127.0.0.1:11434", "/api/chat"))),
            ("/http://[::1]:11434/api", Some(("http://[::1]:11434", "/api"))),
            ("/openai/v1/models", Some(("https://api.openai.com", "/v1/models"))),
            ("/openai", Some(("https://api.openai.com", "/"))),
            ("/openai?x", Some(("https://api.openai.com", "/?x"))),
            ("/router/v1", Some(("https://router.example", "/api/v1"))),
            ("/local/api/chat", Some(("http://127.0.0.1:11434", "/api/chat"))),
            ("/favicon.ico", None),
            ("/https://", None),
            ("/https://user@host/", None),
        ] {
            let found = match base_url.target(path, Some("127.0.0.1:4141")) {
                Target::Upstream(origin, target) => Some((origin.to_string(), target)),
                _ => None,
            };
            let expected = expected.map(|(o, t)| (o.to_owned(), t.to_owned()));
            assert_eq!(found, expected, "{path}");
        }
        assert!(matches!(base_url.target("/", None), Target::Page(_)));
    }

    #[test]
    fn a_name_that_somebody_else_may_own_is_refused_on_loopback() {
        let base_url = base_url(Access::Loopback);
        for (host, allowed) in [
            ("127.0.0.1:4141", true),
            ("localhost:4141", true),
            ("[::1]:4141", true),
            ("host.docker.internal:4141", true),
            ("evil.example:4141", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            let found = base_url.target("/openai/v1", Some(host));
            assert_eq!(matches!(found, Target::Upstream(..)), allowed, "{host}");
        }
    }

    #[test]
    fn a_browser_gets_no_page_of_another_host() {
        let base_url = base_url(Access::Loopback);
        let page = "sec-fetch-dest: document\r\nsec-fetch-mode: navigate\r\n";
        for (rule, path, lines, allowed) in [
            ("a program", "/openai/v1", "", true),
            (
                "a script's fetch",
                "/openai/v1",
                "sec-fetch-dest: empty\r\nsec-fetch-mode: cors\r\n",
                true,
            ),
            ("a program with a purpose", "/openai/v1", "purpose: fine-tune\r\n", true),
            ("a page", "/https://a.example/x", page, false),
            ("a frame", "/https://a.example/x", "Sec-Fetch-Dest: iframe\r\n", false),
            ("a worker", "/https://a.example/x", "sec-fetch-dest: worker\r\n", false),
            ("a service worker", "/https://a.example/x", "service-worker: script\r\n", false),
            ("a script", "/https://a.example/x", "sec-fetch-dest: script\r\n", false),
            ("a page, without metadata", "/openai", "Upgrade-Insecure-Requests: 1\r\n", false),
            ("fetched ahead", "/openai", "purpose: prefetch\r\n", false),
            (
                "twice, one harmless",
                "/openai",
                "sec-fetch-dest: empty\r\nsec-fetch-dest: frame\r\n",
                false,
            ),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:4141\r\n{lines}\r\n");
            let mut found = None;
            Decoder::requests().feed(request.as_bytes(), &mut |event| {
                if let Event::Head(head) = event {
                    found = base_url.route(&head);
                }
            });
            assert_eq!(matches!(found, Some(Target::Upstream(..))), allowed, "{rule}");
            assert_eq!(matches!(found, Some(Target::Forbidden(_))), !allowed, "{rule}");
        }
    }

    #[test]
    fn with_a_token_only_the_token_counts() {
        let base_url = base_url(Access::Token("t0k3n".into()));
        for (path, allowed) in [
            ("/t0k3n/openai/v1", true),
            ("/t0k3n/https://a.example/", true),
            ("/openai/v1", false),
            ("/wrong/openai/v1", false),
        ] {
            let found = base_url.target(path, Some("overhear.example:4141"));
            assert_eq!(matches!(found, Target::Upstream(..)), allowed, "{path}");
        }
        assert!(matches!(base_url.target("/t0k3n/", None), Target::Page(_)));
        assert!(matches!(base_url.target("/t0k3nx/openai", None), Target::Page(_)));
    }
}
