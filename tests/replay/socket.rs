//! Recorded WebSockets, over an upgrade of HTTP/1.1 and over a stream of HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream, server};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use overhear::dialect::Asked;
use overhear::model::Headers;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::case::MARK;
use super::ends::{self, OriginTls, Proxy, read};
use super::frames::{Encoder, Extension, Kind, Mask};
use super::http1::head_len;
use super::http2;
use super::script::{PATIENCE, Script};
use crate::golden::replay::Said;
use crate::support::chance::Chance;

/// A WebSocket on the wire.
pub struct Socket {
    pub number: usize,
    /// The row, or the folder of a golden case.
    pub id: String,
    /// The family it is counted with.
    pub api: String,
    pub host: String,
    pub path: String,
    pub version: Version,
    pub said: Vec<Said>,
    headers: Headers,
    extension: Extension,
    steps: Vec<Step>,
}

/// What carries a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

/// What a socket is made of.
pub struct Recording<'a> {
    pub id: &'a str,
    pub api: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub headers: &'a Headers,
    pub said: Vec<Said>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    App,
    Origin,
}

/// What one side sends before the other goes on.
struct Step {
    by: Speaker,
    bytes: Vec<u8>,
}

/// A connection, or a stream, that carries frames.
trait Line {
    async fn put(&mut self, bytes: &[u8]) -> Result<(), String>;
    async fn take(&mut self, len: usize) -> Result<Vec<u8>, String>;
}

struct Connection<'a, T> {
    tls: &'a mut T,
    received: Vec<u8>,
}

struct Stream {
    sends: SendStream<Bytes>,
    receives: RecvStream,
    received: Vec<u8>,
}

impl Socket {
    pub fn new(
        number: usize,
        recording: Recording<'_>,
        version: Version,
        extension: Extension,
    ) -> Self {
        let Recording { id, api, host, path, headers, said } = recording;
        let ours = |name: &str| {
            let handshake = name.starts_with("sec-websocket-") && name != "sec-websocket-protocol";
            handshake || ["host", "connection", "upgrade"].contains(&name)
        };
        let headers = headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        let mut socket = Self {
            number,
            id: id.to_owned(),
            api: api.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            version,
            said,
            headers: headers.filter(|(name, _)| !ours(name)).collect(),
            extension,
            steps: Vec::new(),
        };
        socket.steps = socket.write_steps();
        socket
    }

    /// The handshake as a dialect sees it.
    pub fn asked<'a>(&'a self, headers: &'a Headers) -> Asked<'a> {
        let method = match self.version {
            Version::Http1 => "GET",
            Version::Http2 => "CONNECT",
        };
        Asked { method, host: &self.host, path: &self.path, headers, body: &[] }
    }

    /// The header lines of the handshake.
    pub fn request_lines(&self) -> Headers {
        let mut lines = match self.version {
            Version::Http1 => owned(&[
                ("host", &self.host),
                ("upgrade", "websocket"),
                ("connection", "Upgrade"),
                ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ]),
            Version::Http2 => Headers::new(),
        };
        lines.extend(owned(&[("sec-websocket-version", "13")]));
        lines.extend(self.headers.iter().cloned());
        lines.push((MARK.to_owned(), self.number.to_string()));
        lines.extend(self.extension.line());
        lines
    }

    /// Whether one of the two has closed the socket in order.
    pub fn is_closed(&self) -> bool {
        self.version == Version::Http1 && self.number.is_multiple_of(2)
    }

    fn write_steps(&self) -> Vec<Step> {
        let seed = self.number as u64;
        let mut app = Encoder::new(seed, Mask::Drawn, self.extension);
        let mut origin = Encoder::new(seed + 1, Mask::None, self.extension);
        let mut steps: Vec<Step> = Vec::new();
        for said in &self.said {
            let (by, encoder) = match said.from.as_str() {
                "app" => (Speaker::App, &mut app),
                _ => (Speaker::Origin, &mut origin),
            };
            let bytes = match (&said.text, &said.binary) {
                (Some(text), _) => encoder.message(Kind::Text, text.as_bytes()),
                (None, Some(bytes)) => encoder.message(Kind::Binary, bytes.as_bytes()),
                (None, None) => panic!("{}: a message without words", self.id),
            };
            match steps.last_mut().filter(|last| last.by == by) {
                Some(last) => last.bytes.extend(bytes),
                None => steps.push(Step { by, bytes }),
            }
        }
        if self.is_closed() {
            let bytes = app.message(Kind::Close, &1000_u16.to_be_bytes());
            steps.push(Step { by: Speaker::App, bytes });
        }
        steps
    }

    fn switched(&self) -> String {
        let mut head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
                        Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n"
            .to_owned();
        if let Some((name, value)) = self.extension.line() {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    async fn play(&self, line: &mut impl Line, as_who: Speaker) -> Result<(), String> {
        let mut chance = Chance::new(self.number as u64 + 2);
        for (at, step) in self.steps.iter().enumerate() {
            if step.by == as_who {
                let longest = [1, 50, step.bytes.len()][chance.of(0..3)];
                let few = step.bytes.len() / 500 + 1;
                for piece in chance.pieces(&step.bytes, longest.max(few)) {
                    line.put(piece).await?;
                }
            } else if line.take(step.bytes.len()).await? != step.bytes {
                return Err(format!("step {at} was changed"));
            }
        }
        Ok(())
    }

    /// The app.
    pub async fn ask(&self, proxy: &Proxy, script: &Script) {
        let asked = async {
            match self.version {
                Version::Http1 => self.ask_http1(proxy).await,
                Version::Http2 => self.ask_http2(proxy).await,
            }
        };
        let wrong = match timeout(PATIENCE, asked).await {
            Ok(Ok(())) => return,
            Ok(Err(what)) => what,
            Err(_) => "it takes too long".to_owned(),
        };
        script.fault(self.number, format!("the app: {wrong}"));
    }

    async fn ask_http1(&self, proxy: &Proxy) -> Result<(), String> {
        let mut tls = proxy.connect((self.host.clone(), 443), b"http/1.1").await;
        let lines: String = self
            .request_lines()
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!("GET {} HTTP/1.1\r\n{lines}\r\n", self.path);
        let mut line = Connection { tls: &mut tls, received: Vec::new() };
        line.put(head.as_bytes()).await?;
        let switched = self.switched();
        if line.take(switched.len()).await? != switched.as_bytes() {
            return Err("the upgrade was changed".to_owned());
        }
        self.play(&mut line, Speaker::App).await?;
        let _ = tls.shutdown().await;
        Ok(())
    }

    /// The origin, once it has read the request's head.
    pub async fn answer_http1(&self, mut tls: OriginTls, received: Vec<u8>, script: &Script) {
        let rest = received[head_len(&received).unwrap()..].to_vec();
        let mut line = Connection { tls: &mut tls, received: rest };
        let switched = self.switched();
        let answered = async {
            line.put(switched.as_bytes()).await?;
            self.play(&mut line, Speaker::Origin).await
        };
        if let Err(what) = answered.await {
            script.fault(self.number, format!("the origin: {what}"));
        }
        let mut beyond = Vec::new();
        while read(&mut tls, &mut beyond).await {}
        let _ = tls.shutdown().await;
    }

    async fn ask_http2(&self, proxy: &Proxy) -> Result<(), String> {
        let said = |e: h2::Error| e.to_string();
        let tls = proxy.connect((self.host.clone(), 443), b"h2").await;
        let (client, connection) = http2::app().handshake(tls).await.map_err(said)?;
        let driver = tokio::spawn(connection);
        let mut client = client.ready().await.map_err(said)?;
        while !client.is_extended_connect_protocol_enabled() {
            sleep(Duration::from_millis(1)).await;
        }
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = format!("https://{}{}", self.host, self.path).parse().unwrap();
        for (name, value) in self.request_lines() {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(&value).unwrap());
        }
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let (reply, sends) = client.send_request(request, false).map_err(said)?;
        let receives = reply.await.map_err(said)?.into_body();
        let mut line = Stream { sends, receives, received: Vec::new() };
        self.play(&mut line, Speaker::App).await?;
        line.sends.send_data(Bytes::new(), true).map_err(said)?;
        let more = line.rest().await;
        drop((line, client));
        let _ = driver.await;
        if more.is_empty() { Ok(()) } else { Err(format!("more than was sent: {more:?}")) }
    }

    /// The origin, once it has the request's head.
    pub async fn answer_http2(
        &self,
        request: Request<RecvStream>,
        mut respond: server::SendResponse<Bytes>,
        script: &Script,
    ) {
        let said = |e: h2::Error| e.to_string();
        let answered = async {
            if request.extensions().get::<Protocol>().map(Protocol::as_str) != Some("websocket") {
                return Err("the protocol was lost".to_owned());
            }
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::OK;
            if let Some((name, value)) = self.extension.line() {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                response.headers_mut().append(name, HeaderValue::from_str(&value).unwrap());
            }
            let sends = respond.send_response(response, false).map_err(said)?;
            let mut line = Stream { sends, receives: request.into_body(), received: Vec::new() };
            self.play(&mut line, Speaker::Origin).await?;
            line.rest().await;
            line.sends.send_data(Bytes::new(), true).map_err(said)
        };
        if let Err(what) = answered.await {
            script.fault(self.number, format!("the origin: {what}"));
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Line for Connection<'_, T> {
    async fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        ends::send(self.tls, &[bytes]).await.map_err(|e| e.to_string())
    }

    async fn take(&mut self, len: usize) -> Result<Vec<u8>, String> {
        while self.received.len() < len {
            if !read(self.tls, &mut self.received).await {
                return Err("the socket ended early".to_owned());
            }
        }
        let rest = self.received.split_off(len);
        Ok(std::mem::replace(&mut self.received, rest))
    }
}

impl Stream {
    /// What comes until the end, in whatever way it comes.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.received);
        while let Some(Ok(piece)) = self.receives.data().await {
            rest.extend_from_slice(&piece);
        }
        rest
    }
}

impl Line for Stream {
    async fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        let sent = self.sends.send_data(Bytes::copy_from_slice(bytes), false);
        sent.map_err(|e| e.to_string())
    }

    async fn take(&mut self, len: usize) -> Result<Vec<u8>, String> {
        while self.received.len() < len {
            let piece = self.receives.data().await.ok_or("the stream ended early")?;
            let piece = piece.map_err(|e| e.to_string())?;
            self.received.extend_from_slice(&piece);
            let released = self.receives.flow_control().release_capacity(piece.len());
            released.map_err(|e| e.to_string())?;
        }
        let rest = self.received.split_off(len);
        Ok(std::mem::replace(&mut self.received, rest))
    }
}

fn owned(lines: &[(&str, &str)]) -> Headers {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
