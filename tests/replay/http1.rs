//! Recorded exchanges over HTTP/1.1.

use overhear::model::Headers;
use tokio::io::AsyncWriteExt;

use super::case::{Body, Case, Cut, Ending, Framing, MARK, Over};
use super::ends::{AppTls, OriginTls, Proxy, read, reset, send};
use super::script::{Scene, Script};
use crate::support::chance::Chance;

/// The request's bytes.
pub fn request(case: &Case) -> Vec<u8> {
    let Over::Http1(framing, _) = case.over else { panic!("not HTTP/1.1") };
    let mut lines = vec![("host".to_owned(), case.row.authority().to_owned())];
    lines.extend(case.request_lines());
    let start = format!("{} {} HTTP/1.1", case.row.method, case.row.path());
    message(case, &start, lines, framing, &case.request)
}

/// The reply's bytes.
pub fn reply(case: &Case) -> Vec<u8> {
    let Over::Http1(_, framing) = case.over else { panic!("not HTTP/1.1") };
    let start = format!("HTTP/1.1 {} -", case.row.status.unwrap());
    message(case, &start, case.reply_lines(), framing, &case.reply)
}

fn message(case: &Case, start: &str, mut lines: Headers, framing: Framing, body: &Body) -> Vec<u8> {
    let mut line = |name: &str, value: &str| lines.push((name.to_owned(), value.to_owned()));
    match framing {
        Framing::None => {}
        Framing::Length => line("content-length", &body.bytes.len().to_string()),
        Framing::Chunked => line("transfer-encoding", "chunked"),
        Framing::Close => line("connection", "close"),
    }
    let lines: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut message = format!("{start}\r\n{lines}\r\n").into_bytes();
    match framing {
        Framing::None => {}
        Framing::Length | Framing::Close => message.extend_from_slice(&body.bytes),
        Framing::Chunked => {
            let longest = case.longest_piece(body.bytes.len());
            for chunk in Chance::new(case.number as u64).pieces(&body.bytes, longest) {
                message.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
                message.extend(chunk);
                message.extend(b"\r\n");
            }
            message.extend(b"0\r\n\r\n");
        }
    }
    message
}

/// How long the head at the start of `bytes` is.
pub fn head_len(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// The origin: to each request the reply that was recorded. A request that is not as the app
/// sent it gets none.
pub async fn answer(mut tls: OriginTls, script: &Script) {
    let mut received = Vec::new();
    loop {
        let Some(mark) = mark_of(&received) else {
            match read(&mut tls, &mut received).await {
                true => continue,
                false => return,
            }
        };
        match script.scene(&mark) {
            Scene::Socket(socket) => return socket.answer_http1(tls, received, script).await,
            Scene::Exchange(case) => {
                if !answer_case(&mut tls, &case, &std::mem::take(&mut received), script).await {
                    return;
                }
            }
        }
    }
}

/// The mark of the request whose head is at the start of `bytes`.
fn mark_of(bytes: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(&bytes[..head_len(bytes)?]).unwrap();
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| *name == MARK).map(|(_, value)| value.to_owned())
}

/// Answers one request, of which the beginning was read; `false` if the connection is over.
async fn answer_case(tls: &mut OriginTls, case: &Case, begun: &[u8], script: &Script) -> bool {
    let mut received = begun.to_vec();
    let sent = request(case);
    let sent = match case.ending {
        Ending::Request(at) => &sent[..at],
        _ => &sent[..],
    };
    while received.len() < sent.len() {
        if !read(tls, &mut received).await {
            script.fault(case.number, "the request ended early");
            return false;
        }
    }
    if received != sent {
        script.fault(case.number, "the request was changed");
        return false;
    }
    let reply = reply(case);
    let reply = match case.ending {
        Ending::Whole => &reply[..],
        Ending::Request(_) => &[],
        Ending::Reply(at, _) => &reply[..at],
    };
    let longest = case.longest_piece(reply.len());
    let pieces = Chance::new(case.number as u64 + 2).pieces(reply, longest);
    if send(tls, &pieces).await.is_err() {
        script.fault(case.number, "the reply cannot be sent");
        return false;
    }
    match (case.ending, case.over) {
        (Ending::Whole, Over::Http1(_, Framing::Close)) => {}
        (Ending::Whole, _) => return true,
        (Ending::Request(_), _) => {
            case.got.notify_one();
            while read(tls, &mut received).await {}
        }
        (Ending::Reply(_, Cut::AppCloses | Cut::AppResets), _) => {
            while read(tls, &mut received).await {}
        }
        (Ending::Reply(_, Cut::OriginResets), _) => {
            case.got.notified().await;
            reset(tls.get_ref().0);
            return false;
        }
        (Ending::Reply(_, Cut::OriginCloses), _) => case.got.notified().await,
    }
    let _ = tls.shutdown().await;
    false
}

/// The app: one request after the other on a connection that is kept as long as it may.
pub async fn ask(batch: &[&Case], proxy: &Proxy, script: &Script) {
    let mut kept: Option<AppTls> = None;
    for case in batch {
        let mut tls = match kept.take() {
            Some(tls) => tls,
            None => proxy.connect(case.address(), b"http/1.1").await,
        };
        match ask_one(&mut tls, case).await {
            Ok(true) => kept = Some(tls),
            Ok(false) => {}
            Err(what) => script.fault(case.number, what),
        }
    }
}

/// `true` if the connection goes on.
async fn ask_one(tls: &mut AppTls, case: &Case) -> Result<bool, &'static str> {
    let asked = request(case);
    let asked = match case.ending {
        Ending::Request(at) => &asked[..at],
        _ => &asked[..],
    };
    // Requests come whole or in few pieces: apps do not stream them.
    let longest = if case.number.is_multiple_of(3) { asked.len() / 3 + 1 } else { asked.len() };
    let pieces = Chance::new(case.number as u64 + 3).pieces(asked, longest);
    send(tls, &pieces).await.map_err(|_| "the request cannot be sent")?;
    if let Ending::Request(_) = case.ending {
        case.got.notified().await;
        let _ = tls.shutdown().await;
        return Ok(false);
    }
    let told = reply(case);
    let told = match case.ending {
        Ending::Reply(at, _) => &told[..at],
        _ => &told[..],
    };
    let mut received = Vec::new();
    while received.len() < told.len() {
        if !read(tls, &mut received).await {
            return Err("the reply ended early");
        }
    }
    let goes_on = match (case.ending, case.over) {
        (Ending::Whole, Over::Http1(_, Framing::Close)) => false,
        (Ending::Whole, _) => true,
        (Ending::Reply(_, Cut::AppResets), _) => {
            reset(tls.get_ref().0);
            return Ok(false);
        }
        (Ending::Reply(_, Cut::AppCloses), _) | (Ending::Request(_), _) => {
            let _ = tls.shutdown().await;
            return Ok(false);
        }
        (Ending::Reply(..), _) => {
            case.got.notify_one();
            false
        }
    };
    if !goes_on && read(tls, &mut received).await {
        return Err("more than was sent");
    }
    if received != told {
        return Err("the reply was changed");
    }
    Ok(goes_on)
}
