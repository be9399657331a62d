//! HTTP/2 of a real client and server, and what becomes of it when reading has to begin in the
//! middle.

use std::path::Path;

use ::http::{Request, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::store::StoredExchange;
use crate::tape::{Place, Reader, is_ram};

type Pieces = Vec<(Side, Vec<u8>)>;

/// Carries one side's bytes to the other end and notes them.
async fn carry(
    side: Side,
    mut from: tokio::io::ReadHalf<DuplexStream>,
    mut to: tokio::io::WriteHalf<DuplexStream>,
    noted: std::rc::Rc<std::cell::RefCell<Pieces>>,
) {
    let mut piece = vec![0; 16 << 10];
    while let Ok(len @ 1..) = from.read(&mut piece).await {
        noted.borrow_mut().push((side, piece[..len].to_vec()));
        if to.write_all(&piece[..len]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn event(word: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"
    )
}

/// What a connection of `count` streamed chats carries, `at_once` of them at a time. The words
/// of a question come back in the answer.
fn connection(count: usize, at_once: usize, padding: usize) -> Pieces {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let noted = std::rc::Rc::new(std::cell::RefCell::new(Pieces::new()));
        let (client, client_end) = duplex(1 << 20);
        let (server, server_end) = duplex(1 << 20);
        let (from_client, to_client) = tokio::io::split(client_end);
        let (from_server, to_server) = tokio::io::split(server_end);
        let carried = [
            tokio::task::spawn_local(carry(APP, from_client, to_server, noted.clone())),
            tokio::task::spawn_local(carry(PROVIDER, from_server, to_client, noted.clone())),
        ];
        tokio::task::spawn_local(serve(server));
        let (send, connection) = h2::client::handshake(client).await.unwrap();
        let connection = tokio::task::spawn_local(connection);
        for batch in (0..count).collect::<Vec<_>>().chunks(at_once) {
            let chats = batch.iter().map(|number| chat(send.clone(), *number, padding));
            futures::future::join_all(chats).await;
        }
        drop(send);
        let _ = connection.await;
        for carried in carried {
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), carried).await;
        }
        noted.take()
    })
}

async fn chat(mut send: h2::client::SendRequest<Bytes>, number: usize, padding: usize) {
    std::future::poll_fn(|context| send.poll_ready(context)).await.unwrap();
    let request = Request::post("https://api.openai.com/v1/chat/completions")
        .header("authorization", format!("Bearer sk-fake-0123456789abcdef{number:04}"))
        .header("user-agent", "agent/2")
        .body(())
        .unwrap();
    let padding = "lorem ipsum ".repeat(padding / 12);
    let body = format!(
        r#"{{"model":"m","stream":true,"messages":[{{"role":"system","content":"{padding}"}},{{"role":"user","content":"question {number}"}}]}}"#
    );
    let (reply, mut stream) = send.send_request(request, false).unwrap();
    send_all(&mut stream, body.into()).await;
    let mut body = reply.await.unwrap().into_body();
    while let Some(piece) = body.data().await {
        let len = piece.unwrap().len();
        let _ = body.flow_control().release_capacity(len);
    }
}

async fn send_all(stream: &mut h2::SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let room = room.unwrap().unwrap().min(body.len());
        stream.send_data(body.split_to(room), body.is_empty()).unwrap();
    }
}

async fn serve(socket: DuplexStream) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::task::spawn_local(async move {
            let mut body = request.into_body();
            let mut asked = Vec::new();
            while let Some(piece) = body.data().await {
                let piece = piece.unwrap();
                let _ = body.flow_control().release_capacity(piece.len());
                asked.extend(piece);
            }
            let asked = String::from_utf8(asked).unwrap();
            let number =
                asked.rsplit("question ").next().unwrap().trim_end_matches(['"', '}', ']']);
            let reply =
                Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
            let mut stream = respond.send_response(reply, false).unwrap();
            for word in ["the ", "answer ", "to ", number] {
                stream.send_data(event(word).into(), false).unwrap();
                tokio::task::yield_now().await;
            }
            stream.send_data("data: [DONE]\n\n".into(), true).unwrap();
        });
    }
}

const APP: Side = Side::Downstream;
const PROVIDER: Side = Side::Upstream;

fn question(stored: &StoredExchange) -> String {
    let Some(Part::Text { text }) =
        stored.exchange.request.messages.last().and_then(|message| message.parts.first())
    else {
        return String::new();
    };
    text.clone()
}

fn assert_answered(stored: &StoredExchange) {
    let exchange = &stored.exchange;
    let number = question(stored).replace("question ", "");
    assert_eq!(text(stored), format!("the answer to {number}"));
    assert_eq!(exchange.http_version, "HTTP/2");
    assert_eq!((exchange.method.as_str(), exchange.status), ("POST", Some(200)));
    assert_eq!(exchange.path, "/v1/chat/completions");
    assert_eq!(exchange.app.user_agent.as_deref(), Some("agent/2"));
    assert_eq!(exchange.state, crate::model::State::Complete, "{:?}", exchange.notes);
    assert!(stored.request.bytes.starts_with(b"POST /v1/chat/completions HTTP/2\r\nhost: api."));
}

#[test]
fn streams_that_run_at_once_are_exchanges_of_their_own() {
    let pieces = connection(40, 10, 100);
    let lexicon = Lexicon::new([7; 32]);
    for size in [usize::MAX, 1, 7] {
        let cut: Vec<(Side, &[u8])> = pieces
            .iter()
            .flat_map(|(side, bytes)| bytes.chunks(size.min(bytes.len())).map(|b| (*side, b)))
            .collect();
        let entries = entries(&cut, &lexicon);
        let stored = exchanges(&entries);
        assert_eq!(stored.len(), 40);
        stored.iter().for_each(assert_answered);
        let mut asked: Vec<String> = stored.iter().map(question).collect();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), 40);
        assert!(!format!("{entries:?}").contains("sk-fake-0123456789abcdef"));
    }
}

#[test]
fn after_a_kill_reading_goes_on_from_the_header_tables_that_were_kept() {
    if !is_ram(Path::new("/dev/shm")) {
        println!("skipped: no RAM-backed folder");
        return;
    }
    // Long enough for several places to go on from, and requests that refer to the tables.
    let pieces = connection(60, 2, 100_000);
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let place = Place::make(Some(&folder.path().join("tapes"))).unwrap();
    let (tapes, heard) = Tapes::new(place, Budget::new(64 << 20));
    let mut writer = tapes.open(&opened());
    let Ok(Told::Taped(tape)) = heard.recv() else { panic!("no tape") };
    let path = tape.path().unwrap().to_owned();
    let mut reading = FlowReading::new(tape).unwrap();
    let lexicon = Lexicon::new([7; 32]);
    let mut before = Vec::new();
    let (first, rest) = pieces.split_at(pieces.len() * 3 / 4);
    for (side, bytes) in first {
        writer.append(*side, bytes);
        while reading.read(&lexicon, &mut Unfollowed).unwrap() {}
        before.extend(reading.take());
        let kept = reading.kept();
        reading.release(kept).unwrap();
    }
    let from = reading.kept().from;
    assert!(from > 2 << 20, "most of the tape is given back, not only {from} bytes");
    drop(reading);
    for (side, bytes) in rest {
        writer.append(*side, bytes);
    }
    drop(writer);
    let mut again = FlowReading::new(Reader::open(&path).unwrap()).unwrap();
    while again.read(&lexicon, &mut Unfollowed).unwrap() {}
    again.abandon(&lexicon, &mut Unfollowed);
    let mut by_id = std::collections::BTreeMap::new();
    for stored in exchanges(&before).into_iter().chain(exchanges(&again.take())) {
        assert_answered(&stored);
        by_id.insert(stored.exchange.id, question(&stored));
    }
    let mut asked: Vec<String> = by_id.into_values().collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 60, "each is there, none under two ids");
    again.remove().unwrap();
    assert!(!path.with_extension("state").exists());
}
