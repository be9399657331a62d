//! One connection: what it speaks, and the requests on it.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::encoding::{Encoding, accepts_gzip};
use super::inbox::Inbox;
use super::reply::Body;
use super::tee::{Tee, Unclaimed};
use super::{Compression, Options, Received, received, route};

/// What the connections of a provider share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) inbox: Inbox,
    compression: Compression,
    pace: Duration,
    tls: Arc<ServerConfig>,
}

impl Service {
    pub(super) fn new(options: Options, tls: Arc<ServerConfig>) -> Self {
        let Options { compression, pace, .. } = options;
        Self { inbox: Inbox::default(), compression, pace, tls }
    }
}

/// Serves a connection until either side ends it. An error ends the connection: the app sees
/// it, and nobody else asks.
pub(super) async fn serve(tcp: TcpStream, number: u64, service: Arc<Service>) {
    let _ = open(tcp, number, service).await;
}

async fn open(mut tcp: TcpStream, number: u64, service: Arc<Service>) -> io::Result<()> {
    // A small event must not wait for the acknowledgement of the one before.
    tcp.set_nodelay(true)?;
    let mut first = first_byte(&tcp).await?;
    if first == b'C' {
        skip_head(&mut tcp).await?;
        tcp.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        first = first_byte(&tcp).await?;
    }
    if first == TLS_HANDSHAKE {
        let tls = TlsAcceptor::from(Arc::clone(&service.tls)).accept(tcp).await?;
        let sni = tls.get_ref().1.server_name().map(str::to_owned);
        converse(tls, Connection { number, sni, service }).await
    } else {
        converse(tcp, Connection { number, sni: None, service }).await
    }
}

async fn first_byte(tcp: &TcpStream) -> io::Result<u8> {
    let mut first = [0];
    match tcp.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0]),
    }
}

/// Reads a `CONNECT` to its empty line and not a byte further: what follows is TLS.
async fn skip_head(tcp: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == CONNECT_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(tcp.read_u8().await?);
    }
    Ok(())
}

struct Connection {
    number: u64,
    sni: Option<String>,
    service: Arc<Service>,
}

/// Answers the requests on a stream, HTTP/1 or HTTP/2 by its first bytes.
async fn converse<S>(stream: S, connection: Connection) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let unclaimed = Unclaimed::default();
    let stream = TokioIo::new(Tee::new(stream, unclaimed.clone()));
    let connection = Arc::new(connection);
    let answer = service_fn(move |request| {
        let (connection, unclaimed) = (Arc::clone(&connection), unclaimed.clone());
        async move { Ok::<_, Infallible>(connection.answer(request, &unclaimed).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // So that a client which looks for a name in one case only fails here too.
    server.http1().title_case_headers(true);
    server.serve_connection(stream, answer).await.map_err(io::Error::other)
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>, unclaimed: &Unclaimed) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let head = match parts.version {
            Version::HTTP_2 => Vec::new(),
            _ => unclaimed.claim(|bytes| (head(bytes).to_vec(), 0)),
        };
        let mut received = Received::new(self.number, self.sni.clone(), &parts, head);
        received.body = whole(body).await.to_vec();
        unclaimed.claim(|bytes| match parts.version {
            Version::HTTP_2 => ((), bytes.len()),
            _ => ((), received::extent(bytes).map_or(bytes.len(), |(_, end)| end)),
        });
        let encoding = match self.service.compression {
            Compression::Gzip if accepts_gzip(received.header("accept-encoding").unwrap_or("")) => {
                Encoding::gzip()
            }
            _ => Encoding::identity(),
        };
        let inbox = &self.service.inbox;
        let reply = if received.path == "/__requests" {
            route::requests(&inbox.requests())
        } else {
            let number = inbox.push(received.clone());
            route::answer(&received, number)
        };
        reply.into_response(encoding, self.service.pace)
    }
}

fn head(bytes: &[u8]) -> &[u8] {
    let end = received::extent(bytes).map_or(0, |(head, _)| head);
    bytes.get(..end).unwrap_or_default()
}

/// The body, or as much of it as came.
async fn whole(mut body: Incoming) -> Bytes {
    let mut whole = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    whole.freeze()
}

/// First byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Longest `CONNECT` taken, in bytes: a name, a port and a few headers.
const CONNECT_BYTES_MAX: usize = 16 << 10;
