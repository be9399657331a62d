//! Recorded exchanges over HTTP/2: many streams at once on one connection.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use h2::{Reason, RecvStream, SendStream, client, server};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use overhear::model::Headers;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::case::{Case, Cut, Ending, MARK};
use super::ends::{OriginTls, Proxy};
use super::script::{PATIENCE, Scene, Script};
use crate::support::chance::Chance;

/// Streams that the origin allows at once.
const STREAMS_MAX: u32 = 30;

/// The flow-control window of a stream and, times four, of a connection: larger than the
/// standard one, as browsers' and SDKs' are.
const WINDOW: u32 = 1 << 20;

type Sent = Result<(), h2::Error>;

/// The header lines of the request that are compared: in the order in which they are sent.
pub fn request_head(case: &Case) -> Result<Request<()>, http::Error> {
    let uri = format!("https://{}{}", case.row.authority(), case.row.path());
    let method = Method::from_bytes(case.row.method.as_bytes())?;
    let mut request = Request::builder().method(method).uri(uri).body(())?;
    *request.headers_mut() = header_map(&case.request_lines())?;
    if case.number.is_multiple_of(2) && !case.request.bytes.is_empty() {
        request.headers_mut().insert("content-length", case.request.bytes.len().into());
    }
    Ok(request)
}

/// The reply's header lines, and those that come behind the body.
pub fn reply_head(case: &Case) -> (HeaderMap, Option<HeaderMap>) {
    let mut head = header_map(&case.reply_lines()).unwrap();
    let content_type = head.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    // The recording of gRPC has no trailers, but no reply is without.
    let trailers = content_type.starts_with(b"application/grpc").then(|| {
        let status = ("grpc-status".to_owned(), "0".to_owned());
        header_map(&vec![status, ("grpc-message".to_owned(), String::new())]).unwrap()
    });
    if case.number.is_multiple_of(3) && case.ending == Ending::Whole && case.row.method != "HEAD" {
        head.insert("content-length", case.reply.bytes.len().into());
    }
    (head, trailers)
}

fn header_map(lines: &Headers) -> Result<HeaderMap, http::Error> {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        map.append(name, HeaderValue::from_bytes(value.as_bytes())?);
    }
    Ok(map)
}

/// The origin: to each request the reply that was recorded.
pub async fn answer(tls: OriginTls, script: &Arc<Script>) {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .data_frame_budget(usize::MAX)
        .enable_connect_protocol();
    let Ok(mut connection) = builder.handshake::<_, Bytes>(tls).await else { return };
    let hang_up = Arc::new(Notify::new());
    loop {
        let (request, respond) = tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok(accepted)) => accepted,
                Some(Err(_)) | None => return,
            },
            () = hang_up.notified() => return,
        };
        let (script, hang_up) = (Arc::clone(script), Arc::clone(&hang_up));
        tokio::spawn(async move {
            match script.scene(request.headers()[MARK].to_str().unwrap()) {
                Scene::Socket(socket) => socket.answer_http2(request, respond, &script).await,
                Scene::Exchange(case) => {
                    if let Err(e) = answer_case(request, respond, &case, &hang_up).await {
                        script.fault(case.number, format!("the origin: {e}"));
                    }
                }
            }
        });
    }
}

async fn answer_case(
    request: Request<RecvStream>,
    mut respond: server::SendResponse<Bytes>,
    case: &Case,
    hang_up: &Notify,
) -> Result<(), String> {
    let said = |e: h2::Error| e.to_string();
    let (head, mut body) = request.into_parts();
    let expected = request_head(case).unwrap();
    if (&head.method, &head.uri, &head.headers)
        != (expected.method(), expected.uri(), expected.headers())
    {
        return Err("the request's head was changed".to_owned());
    }
    if let Ending::Request(at) = case.ending {
        receive(&mut body, at).await.map_err(said)?;
        case.got.notify_one();
        // It is the app that ends it.
        let _ = receive(&mut body, usize::MAX).await;
        return Ok(());
    }
    let (received, _) = receive(&mut body, usize::MAX).await.map_err(said)?;
    if received != case.request.bytes {
        return Err("the request's body was changed".to_owned());
    }
    let (headers, trailers) = reply_head(case);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(case.row.status.unwrap()).unwrap();
    *response.headers_mut() = headers;
    let bytes = &case.reply.bytes[..];
    let Ending::Reply(at, cut) = case.ending else {
        let is_over = bytes.is_empty() && trailers.is_none();
        let mut stream = respond.send_response(response, is_over).map_err(said)?;
        if !is_over {
            send(&mut stream, case, bytes, trailers).await.map_err(said)?;
        }
        return Ok(());
    };
    let mut stream = respond.send_response(response, false).map_err(said)?;
    send_pieces(&mut stream, case, &bytes[..at]).await.map_err(said)?;
    case.got.notified().await;
    match cut {
        Cut::OriginResets => stream.send_reset(Reason::INTERNAL_ERROR),
        Cut::OriginCloses => hang_up.notify_one(),
        Cut::AppCloses | Cut::AppResets => {}
    }
    Ok(())
}

async fn send_pieces(stream: &mut SendStream<Bytes>, case: &Case, bytes: &[u8]) -> Sent {
    let longest = case.longest_piece(bytes.len());
    for piece in Chance::new(case.number as u64 + 4).pieces(bytes, longest) {
        stream.send_data(Bytes::copy_from_slice(piece), false)?;
        // Others' frames come between.
        yield_now().await;
    }
    Ok(())
}

/// A whole body; the end is told with the last piece, apart, or with the trailers.
async fn send(
    stream: &mut SendStream<Bytes>,
    case: &Case,
    bytes: &[u8],
    trailers: Option<HeaderMap>,
) -> Sent {
    if let Some(trailers) = trailers {
        send_pieces(stream, case, bytes).await?;
        return stream.send_trailers(trailers);
    }
    let apart = case.number.is_multiple_of(3);
    let (before, last) = bytes.split_at(if apart { bytes.len() } else { bytes.len() / 2 });
    send_pieces(stream, case, before).await?;
    stream.send_data(Bytes::copy_from_slice(last), true)
}

/// A body to its end, or at least `enough` bytes of it.
async fn receive(
    body: &mut RecvStream,
    enough: usize,
) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut received = Vec::new();
    while received.len() < enough {
        match body.data().await {
            Some(piece) => {
                let piece = piece?;
                received.extend_from_slice(&piece);
                body.flow_control().release_capacity(piece.len())?;
            }
            None => return Ok((received, body.trailers().await?)),
        }
    }
    Ok((received, None))
}

/// Streams of which the ends did not come: dropping them would reset them.
struct Held {
    _sends: SendStream<Bytes>,
    _receives: Option<RecvStream>,
}

/// An app's settings: it takes DATA frames however small.
pub fn app() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .initial_max_send_streams(STREAMS_MAX as usize)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .data_frame_budget(usize::MAX);
    builder
}

/// The app: all requests at once on one connection.
pub async fn ask(batch: &[&Case], proxy: &Proxy, script: &Script) {
    let tls = proxy.connect(batch[0].address(), b"h2").await;
    let (client, connection) = app().handshake(tls).await.unwrap();
    let driver = tokio::spawn(connection);
    let asked = join_all(batch.iter().map(|case| async {
        match timeout(PATIENCE, ask_one(client.clone(), case)).await {
            Ok(Ok(held)) => held,
            Ok(Err(what)) => {
                script.fault(case.number, format!("the app: {what}"));
                None
            }
            Err(_) => {
                script.fault(case.number, "it takes too long");
                None
            }
        }
    }));
    let held = asked.await;
    let drops =
        |cut| batch.iter().find(|case| matches!(case.ending, Ending::Reply(_, had) if had == cut));
    if let Some(case) = drops(Cut::OriginCloses) {
        case.got.notify_one();
        let _ = driver.await;
    } else if drops(Cut::AppResets).is_some() {
        driver.abort();
        let _ = driver.await;
    } else {
        drop((client, held));
        let _ = driver.await;
    }
}

/// Gives the stream if it is to be held open.
async fn ask_one(client: client::SendRequest<Bytes>, case: &Case) -> Result<Option<Held>, String> {
    let said = |e: h2::Error| e.to_string();
    let request = request_head(case).unwrap();
    let bytes = &case.request.bytes[..];
    let mut client = client.ready().await.map_err(said)?;
    let (reply, mut stream) = client.send_request(request, bytes.is_empty()).map_err(said)?;
    if let Ending::Request(at) = case.ending {
        send_pieces(&mut stream, case, &bytes[..at]).await.map_err(said)?;
        case.got.notified().await;
        stream.send_reset(Reason::CANCEL);
        return Ok(None);
    }
    if !bytes.is_empty() {
        send(&mut stream, case, bytes, None).await.map_err(said)?;
    }
    let (head, mut body) = reply.await.map_err(said)?.into_parts();
    let (headers, trailers) = reply_head(case);
    if head.headers != headers || Some(head.status.as_u16()) != case.row.status {
        return Err("the reply's head was changed".to_owned());
    }
    let (expected, enough) = match case.ending {
        Ending::Reply(at, _) => (&case.reply.bytes[..at], at),
        _ => (&case.reply.bytes[..], usize::MAX),
    };
    let received = receive(&mut body, enough).await.map_err(said)?;
    if received != (expected.to_vec(), trailers.filter(|_| case.ending == Ending::Whole)) {
        return Err("the reply was changed".to_owned());
    }
    match case.ending {
        Ending::Reply(_, Cut::OriginResets) => {
            case.got.notify_one();
            match body.data().await {
                Some(Err(e)) if e.is_reset() => Ok(None),
                other => Err(format!("a reset was expected, and came {other:?}")),
            }
        }
        Ending::Reply(_, Cut::AppCloses) => {
            stream.send_reset(Reason::CANCEL);
            Ok(None)
        }
        Ending::Reply(_, Cut::OriginCloses | Cut::AppResets) => {
            Ok(Some(Held { _sends: stream, _receives: Some(body) }))
        }
        Ending::Whole | Ending::Request(_) => Ok(None),
    }
}
