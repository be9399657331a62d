//! The keys of the apps are in no file and in no output.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::HOST;
use crate::stage::app::post;
use crate::stage::kept::{Search, everything, files};
use crate::stage::origin::echo;
use crate::stage::{App, Origin, Serve, Stage, text, until};

/// Ways in which a credential is sent, each with a key of its own; what stands for it in a
/// search is `fake` and the number, and what is around it.
fn key(prefix: &str, n: u32) -> String {
    format!("{prefix}{}", &blake3::hash(&n.to_be_bytes()).to_hex()[..32])
}

fn assert_no_key(stage: &Stage, said: &str, keys: &[(String, String)]) {
    let mut all = everything(stage);
    all.push(("stderr".to_owned(), said.as_bytes().to_vec()));
    let search = Search::of(keys);
    let leaks: Vec<String> = all
        .iter()
        .flat_map(|(place, bytes)| {
            search.names_in(bytes).into_iter().map(move |how| format!("{how}: in {place}"))
        })
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

fn serve(stage: &Stage, origin: &Origin) -> Serve {
    fs::write(stage.home("origin.pem"), &origin.pem).unwrap();
    let resolve = format!("*:443:{}", origin.addr);
    let plain = format!("*:80:{}", stage.provider());
    let mut command = stage.overhear(["serve", "--resolve", &resolve, "--resolve", &plain]);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--web",
        "127.0.0.1:0",
        "--upstream-ca",
        "origin.pem",
    ]);
    Serve::start(command)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The headers that carry credentials, each with its key; some known by their look, most not.
fn headers(from: u32) -> Vec<(&'static str, String, String)> {
    let k = |prefix, n| key(prefix, from + n);
    let all = [
        ("Authorization", "Bearer ", k("sk-fake-", 0)),
        ("authorization", "Bearer ", k("", 1)),
        ("Authorization", "Token ", k("", 2)),
        ("x-api-key", "", k("sk-ant-fake-", 3)),
        ("X-Api-Key", "", k("", 4)),
        ("api-key", "", k("", 5)),
        ("x-goog-api-key", "", k("AIzaFAKE", 6)),
        ("x-goog-api-key", "", k("", 7)),
        ("Cookie", "session=", k("", 8)),
        ("Set-Cookie", "session=", k("", 9)),
        ("Proxy-Authorization", "Basic ", k("", 10)),
        ("X-Amz-Security-Token", "", k("", 11)),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAFAKE000000000000/20260101/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host, Signature=",
            k("", 12),
        ),
    ];
    all.map(|(name, before, key)| (name, format!("{before}{key}"), key)).to_vec()
}

/// In a header, and again in a body of every kind, plain and compressed, both ways.
#[test]
fn in_headers_and_bodies() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[], echo);
    let serve = serve(&stage, &origin);
    let root = stage.root();
    let mut keys = Vec::new();
    let mut app = App::connect(serve.proxy, HOST, &root);
    for (round, kind) in ["json", "events", "gzip", "gzip events", "chunks"].into_iter().enumerate()
    {
        for (name, value, key) in headers(100 * u32::try_from(round).unwrap()) {
            let body = match kind {
                "events" | "gzip events" => format!(
                    "data: {{\"choices\":[{{\"delta\":{{\"content\":\"your key is {key}\"}}}}]}}\n\ndata: {key}\n\n"
                ),
                _ => format!(
                    r#"{{"model":"m","messages":[{{"role":"user","content":"my key is {key}"}}],"error":{{"message":"Incorrect API key provided: {key}"}}}}"#
                ),
            };
            let reply =
                if kind.ends_with("events") { "text/event-stream" } else { "application/json" };
            let (coding, bytes) = match kind.starts_with("gzip") {
                true => ("gzip", gzip(&body)),
                false => ("identity", body.into_bytes()),
            };
            let mut request = format!(
                "POST /v1/chat/completions?n={round} HTTP/1.1\r\nHost: {HOST}\r\n{name}: {value}\r\n\
                 Content-Type: {reply}\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            )
            .into_bytes();
            request.extend(&bytes);
            if kind == "chunks" {
                // Pieces that cut the key.
                for piece in request.chunks(7) {
                    app.send(piece);
                }
                assert_eq!(app.reply().body, bytes);
            } else {
                assert_eq!(app.ask(request).body, bytes);
            }
            keys.push((format!("{name}, {kind}"), key));
        }
    }
    let sent = keys.len();
    stage.exchanges_of(sent);
    // Tapes have the keys as long as their flow lives, in memory; the stop takes them away.
    let said = serve.said();
    assert!(serve.stop().success());
    assert_no_key(&stage, &said, &keys);
}

/// In the target, in base-URL mode, over plain HTTP, and when the flow is cut or killed.
#[test]
fn in_targets_and_other_ways_in() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[], echo);
    let serve = serve(&stage, &origin);
    let root = stage.root();
    let mut keys = Vec::new();
    let mut exchanges = 0;
    let body =
        |key: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{key}"}}]}}"#);

    let mut app = App::connect(serve.proxy, HOST, &root);
    for (n, name) in (1000..).zip(["key", "api_key", "access_token", "sig", "X-Amz-Signature"]) {
        let key = key("", n);
        app.ask(post(
            &format!("/v1beta/models/m:generate?alt=sse&{name}={key}"),
            HOST,
            &[],
            &body(&key),
        ));
        keys.push((format!("?{name}="), key));
        exchanges += 1;
    }
    for (n, path) in
        (1100..).zip(["/https://api.openai.com/v1/chat/completions", "/openai/v1/chat/completions"])
    {
        let key = key("", n);
        let url_key = self::key("", n + 50);
        let mut tcp = TcpStream::connect(serve.web).unwrap();
        let authorization = format!("Bearer {key}");
        let target = format!("{path}?key={url_key}");
        let request = post(
            &target,
            "127.0.0.1",
            &[("Authorization", &authorization), ("Connection", "close")],
            &body(&key),
        );
        tcp.write_all(request.as_bytes()).unwrap();
        let mut reply = [0; 12];
        tcp.read_exact(&mut reply).unwrap();
        assert_eq!(text(&reply), "HTTP/1.1 200");
        keys.push((path.to_owned(), key));
        keys.push((format!("{path}?key="), url_key));
        exchanges += 1;
    }
    let (plain, userinfo) = (key("", 1200), key("", 1201));
    let mut tcp = TcpStream::connect(serve.proxy).unwrap();
    let target = format!("http://{HOST}/v1/chat/completions?key={userinfo}");
    let authorization = format!("Bearer {plain}");
    tcp.write_all(
        post(&target, HOST, &[("Authorization", &authorization)], &body(&plain)).as_bytes(),
    )
    .unwrap();
    let mut reply = [0; 12];
    tcp.read_exact(&mut reply).unwrap();
    assert!(text(&reply).starts_with("HTTP/1.1 "), "{}", text(&reply));
    keys.push(("plain HTTP".to_owned(), plain));
    keys.push(("plain HTTP, ?key=".to_owned(), userinfo));
    exchanges += 1;

    // Requests that end in the middle of a credential, or just behind it.
    for (n, cut) in (1300..).zip([0, 8, 16]) {
        let key = key("", n);
        let mut app = App::connect(serve.proxy, HOST, &root);
        let head =
            format!("POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {key}");
        app.send(&head[..head.len() - cut]);
        app.tls.conn.send_close_notify();
        app.tls.flush().unwrap();
        app.tls.sock.shutdown(std::net::Shutdown::Write).unwrap();
        drop(app);
        keys.push((
            format!("a head without its last {cut} bytes"),
            key[..key.len() - cut].to_owned(),
        ));
        exchanges += 1;
    }
    stage.exchanges_of(exchanges);
    // A flow that a kill cuts, read by the next proxy.
    let killed = key("", 1400);
    let mut app = App::connect(serve.proxy, HOST, &root);
    let request = post("/v1/chat/completions", HOST, &[("api-key", &killed)], &body(&killed));
    app.send(&request[..request.len() - 1]);
    until("it is on the tape", || {
        let mut all = Vec::new();
        files(stage.ram(), &mut all);
        let found = |bytes: &[u8]| memchr::memmem::find(bytes, killed.as_bytes()).is_some();
        all.iter().any(|(_, bytes)| found(bytes)).then_some(())
    });
    let said = serve.said();
    serve.kill();
    keys.push(("a flow that was killed".to_owned(), killed));
    let serve = self::serve(&stage, &origin);
    stage.exchanges_of(exchanges + 1);
    let said = said + &serve.said();
    assert!(serve.stop().success());
    assert_no_key(&stage, &said, &keys);
}

/// In flows that are not read: HTTP/2, WebSocket, and what is no HTTP at all.
#[test]
fn in_flows_that_are_kept_raw() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[b"h2", b"http/1.1"], |mut tls| {
        let mut piece = [0; 1 << 14];
        while let Ok(len @ 1..) = tls.read(&mut piece) {
            let whole = piece[..len].to_vec();
            let upgrade = memchr::memmem::find(&whole, b"Upgrade: websocket").is_some();
            let reply = match upgrade {
                true => b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec(),
                false => whole,
            };
            if tls.write_all(&reply).and_then(|()| tls.flush()).is_err() {
                return;
            }
        }
    });
    let serve = serve(&stage, &origin);
    let root = stage.root();
    let mut keys = Vec::new();
    let mut send = |how: &str, alpn: &[&[u8]], key: String, pieces: &[Vec<u8>]| {
        let mut app = App::connect_as(serve.proxy, HOST, &root, alpn);
        for piece in pieces {
            app.send(piece);
            app.read();
        }
        keys.push((how.to_owned(), key));
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for (n, name) in (2000..).zip(["authorization", "x-api-key", "cookie"]) {
        let key = key("sk-ant-fake-", n);
        send(
            &format!("HTTP/2, {name}"),
            &[b"h2"],
            key.clone(),
            &[preface.clone(), literal(name, &key)],
        );
        let bare = self::key("", n + 100);
        send(
            &format!("HTTP/2, {name}, of no known look"),
            &[b"h2"],
            bare.clone(),
            &[preface.clone(), literal(name, &bare)],
        );
        let cut = self::key("sk-ant-fake-", n + 200);
        let frame = literal(name, &cut);
        let (a, b) = frame.split_at(frame.len() - 20);
        send(
            &format!("HTTP/2, {name}, in two pieces"),
            &[b"h2"],
            cut.clone(),
            &[preface.clone(), a.to_vec(), b.to_vec()],
        );
    }
    let upgrade = |key: &str| {
        format!("GET /v1/realtime HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
    };
    let known = key("", 3000);
    send(
        "WebSocket, head and frame",
        &[],
        known.clone(),
        &[upgrade(&known), masked(known.as_bytes())],
    );
    let looks = key("sk-ant-fake-", 3001);
    send(
        "WebSocket, frame",
        &[],
        looks.clone(),
        &[upgrade("sk-fake-00000000000000000000"), masked(looks.as_bytes())],
    );
    let flows = keys.len();
    until("all flows are recorded", || (stage.exchanges().len() >= flows).then_some(()));
    let said = serve.said();
    assert!(serve.stop().success());
    assert_no_key(&stage, &said, &keys);
}

/// A text frame as an app sends it (RFC 6455 section 5.2), under the mask of nought: on the
/// wire, and wherever it is kept, it is as readable as it can be.
fn masked(text: &[u8]) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap();
    [&[0x81, 0x80 | len, 0, 0, 0, 0], text].concat()
}

/// A HEADERS frame with one literal header, not Huffman-coded.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let len = |text: &str| u8::try_from(text.len()).unwrap();
    let mut block = vec![0x83, 0x87, 0x84, 0x10, len(name)];
    block.extend(name.as_bytes());
    block.push(len(value));
    block.extend(value.as_bytes());
    let mut frame = vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1];
    frame.extend(block);
    frame
}
