//! What a real client and a real server say to each other.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;

/// One end of a connection; what it writes falls onto the tape.
struct Taped {
    socket: DuplexStream,
    peer: Peer,
    tape: Arc<Mutex<Turns>>,
}

impl AsyncRead for Taped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Taped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.tape.lock().unwrap().push((self.peer, bytes[..count].to_vec()));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// A request and its reply, or what was seen of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exchange {
    request: Vec<(String, String)>,
    request_body: Vec<u8>,
    request_trailers: Vec<(String, String)>,
    reply: Vec<(String, String)>,
    reply_body: Vec<u8>,
    reply_trailers: Vec<(String, String)>,
    ends: Vec<String>,
}

/// How many requests one connection carries.
const REQUESTS: usize = 40;

fn body(seed: usize) -> Vec<u8> {
    let length = [0, 1, 17, 1000, 16_384, 16_385, 50_000][seed % 7];
    (0..length).map(|at| (at * 31 + seed) as u8).collect()
}

fn extra_fields(seed: usize) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert("x-seed", seed.to_string().parse().unwrap());
    fields.insert("user-agent", format!("agent/{}", seed % 3).parse().unwrap());
    fields.append("x-twice", "first, é".parse().unwrap());
    fields.append("x-twice", format!("second {}", seed % 11).parse().unwrap());
    if seed % 10 == 9 {
        // Longer than a frame: it goes on in CONTINUATION.
        fields.insert("x-long", "0123456789".repeat(1800 + seed).parse().unwrap());
    }
    fields
}

fn trailers(seed: usize) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert("grpc-status", (seed % 17).to_string().parse().unwrap());
    fields
}

fn lines(fields: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    fields.iter().map(|(n, v)| (n.to_string(), text(v.as_bytes()))).collect()
}

fn expected(seed: usize) -> Exchange {
    let mut request = vec![
        (":method".to_owned(), "POST".to_owned()),
        (":scheme".to_owned(), "https".to_owned()),
        (":authority".to_owned(), "a.test".to_owned()),
        (":path".to_owned(), format!("/v1/{seed}")),
    ];
    request.extend(lines(&extra_fields(seed)));
    let mut reply = vec![(":status".to_owned(), (200 + seed % 5).to_string())];
    reply.extend(lines(&extra_fields(seed + 1)));
    Exchange {
        request,
        request_body: body(seed),
        request_trailers: if seed.is_multiple_of(4) { lines(&trailers(seed)) } else { vec![] },
        reply,
        reply_body: body(seed + 3),
        reply_trailers: if seed.is_multiple_of(3) { lines(&trailers(seed + 1)) } else { vec![] },
        ends: vec!["Client Framed".to_owned(), "Server Framed".to_owned()],
    }
}

async fn send(stream: &mut h2::SendStream<Bytes>, body: Vec<u8>, trailers: Option<HeaderMap>) {
    let mut body = Bytes::from(body);
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let granted = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
        stream.send_data(body.split_to(granted), false).unwrap();
    }
    match trailers {
        Some(trailers) => stream.send_trailers(trailers).unwrap(),
        None => stream.send_data(Bytes::new(), true).unwrap(),
    }
}

async fn receive(stream: &mut h2::RecvStream) {
    while let Some(bytes) = stream.data().await {
        let length = bytes.unwrap().len();
        stream.flow_control().release_capacity(length).unwrap();
    }
    stream.trailers().await.unwrap();
}

async fn answer(request: Request<h2::RecvStream>, mut respond: h2::server::SendResponse<Bytes>) {
    let seed: usize = request.headers()["x-seed"].to_str().unwrap().parse().unwrap();
    let mut body_in = request.into_body();
    if seed.is_multiple_of(2) {
        receive(&mut body_in).await;
    }
    let mut reply = Response::builder().status(200 + (seed % 5) as u16).body(()).unwrap();
    *reply.headers_mut() = extra_fields(seed + 1);
    let mut stream = respond.send_response(reply, false).unwrap();
    let fields = seed.is_multiple_of(3).then(|| trailers(seed + 1));
    send(&mut stream, body(seed + 3), fields).await;
    if !seed.is_multiple_of(2) {
        receive(&mut body_in).await;
    }
}

async fn ask(mut client: h2::client::SendRequest<Bytes>, seed: usize) {
    std::future::poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    let uri = format!("https://a.test/v1/{seed}");
    let mut request = Request::post(uri).version(http::Version::HTTP_2).body(()).unwrap();
    *request.headers_mut() = extra_fields(seed);
    let (reply, mut stream) = client.send_request(request, false).unwrap();
    let fields = seed.is_multiple_of(4).then(|| trailers(seed));
    let sending = tokio::spawn(async move { send(&mut stream, body(seed), fields).await });
    receive(reply.await.unwrap().body_mut()).await;
    sending.await.unwrap();
}

/// What both sides wrote, in turn, while many requests ran at once.
fn tape(client_table: u32, server_table: u32) -> Turns {
    let tape = Arc::new(Mutex::new(Turns::new()));
    let (here, there) = tokio::io::duplex(10_000);
    let here = Taped { socket: here, peer: Peer::Client, tape: tape.clone() };
    let there = Taped { socket: there, peer: Peer::Server, tape: tape.clone() };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        tokio::spawn(async move {
            let mut builder = h2::server::Builder::new();
            let builder = builder.header_table_size(server_table).max_frame_size(20_000);
            let mut server = builder.handshake::<_, Bytes>(there).await.unwrap();
            while let Some(request) = server.accept().await {
                let (request, respond) = request.unwrap();
                tokio::spawn(answer(request, respond));
            }
        });
        let mut builder = h2::client::Builder::new();
        let builder = builder.header_table_size(client_table).initial_window_size(1 << 20);
        let (client, connection) = builder.handshake::<_, Bytes>(here).await.unwrap();
        let connection = tokio::spawn(connection);
        let asking: Vec<_> =
            (0..REQUESTS).map(|seed| tokio::spawn(ask(client.clone(), seed))).collect();
        for asked in asking {
            asked.await.unwrap();
        }
        drop(client);
        connection.await.unwrap().unwrap();
    });
    Arc::try_unwrap(tape)
        .map_or_else(|tape| tape.lock().unwrap().clone(), |tape| tape.into_inner().unwrap())
}

/// What is told of the streams that begin in `turns`.
fn seen(
    connection: &mut Connection,
    turns: &[(Peer, Vec<u8>)],
    piece: usize,
) -> BTreeMap<u32, Exchange> {
    let mut seen: BTreeMap<u32, Exchange> = BTreeMap::new();
    for (from, bytes) in turns {
        for bytes in bytes.chunks(piece) {
            connection.feed(*from, bytes, &mut |event| {
                let Some(stream) = event.stream() else { return };
                let exchange = seen.entry(stream).or_default();
                match event {
                    Event::Head { from: Peer::Client, fields, .. } => {
                        exchange.request = fields.lines().to_vec();
                    }
                    Event::Head { fields, .. } => exchange.reply = fields.lines().to_vec(),
                    Event::Data { from: Peer::Client, bytes, .. } => {
                        exchange.request_body.extend_from_slice(bytes);
                    }
                    Event::Data { bytes, .. } => exchange.reply_body.extend_from_slice(bytes),
                    Event::Trailers { from: Peer::Client, fields, .. } => {
                        exchange.request_trailers = fields.lines().to_vec();
                    }
                    Event::Trailers { fields, .. } => {
                        exchange.reply_trailers = fields.lines().to_vec();
                    }
                    Event::End { from, how, .. } => exchange.ends.push(format!("{from:?} {how:?}")),
                    other => panic!("{other:?}"),
                }
            });
        }
    }
    for exchange in seen.values_mut() {
        exchange.ends.sort();
    }
    seen
}

#[test]
fn every_message_of_a_busy_connection_comes_out_as_it_went_in() {
    for (client_table, server_table, pieces) in [
        (4096, 4096, &[usize::MAX, 1][..]),
        (0, 65_536, &[usize::MAX, 1009]),
        (100, 300, &[usize::MAX, 13]),
    ] {
        let tape = tape(client_table, server_table);
        for piece in pieces {
            let seen = seen(&mut Connection::new(), &tape, *piece);
            assert_eq!(seen.len(), REQUESTS);
            for exchange in seen.values() {
                let seed = exchange.request.iter().find(|(name, _)| name == "x-seed").unwrap();
                let same = *exchange == expected(seed.1.parse().unwrap());
                assert!(same, "the exchange of seed {}, pieces of {piece}", seed.1);
            }
        }
    }
}

#[test]
fn a_busy_connection_is_read_on_from_any_boundary() {
    let tape = tape(4096, 4096);
    let whole = seen(&mut Connection::new(), &tape, usize::MAX);
    let mut connection = Connection::new();
    let mut boundaries = 0;
    for (at, (from, bytes)) in tape.iter().enumerate() {
        if let Some(snapshot) = connection.snapshot() {
            // Each costs the reading of all that follows.
            if boundaries % 10 == 0 {
                let begun = connection.highest_streams().client;
                let later = seen(&mut Connection::resumed(&snapshot), &tape[at..], usize::MAX);
                let expected: BTreeMap<_, _> = whole.range(begun + 1..).collect();
                assert!(later.iter().eq(expected), "from turn {at} on");
            }
            boundaries += 1;
        }
        connection.feed(*from, bytes, &mut |_| ());
    }
    assert!(boundaries > tape.len() / 2, "{boundaries} boundaries of {}", tape.len());
}
