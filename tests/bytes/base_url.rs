//! The base URL's listener: of a request, only the target and `Host` change; replies not at
//! all.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::case::{Case, noise};
use super::compare::{Stage, parted};
use crate::support::server::Server;
use crate::support::wire::{
    Ended, Notified, OnFailure, Reads, Shared, Wire, accept, prepare, shake,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An origin that takes one connection, waits for `expected` bytes and answers.
struct Turn<'a> {
    host: &'a str,
    expected: usize,
    replies: Vec<&'a [u8]>,
    closes: Closes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closes {
    First,
    Last,
}

/// Serves one connection; gives what came.
fn serve(stage: &Stage, listener: &TcpListener, turn: &Turn<'_>) -> Vec<u8> {
    let mut socket = accept(listener).unwrap();
    let case = Case::exchange("origin", b"", b"");
    let mut tls = stage.tls.origin(&case, turn.host);
    shake(&mut socket, &mut tls, usize::MAX, OnFailure::Alert).unwrap();
    assert_eq!(tls.alpn_protocol(), Some(&b"http/1.1"[..]));
    let shared = Arc::new(Shared::default());
    let wire = Wire::new(socket, Some(tls), Reads::Now, Arc::clone(&shared));
    assert!(shared.wait_for_bytes(turn.expected), "{} got {:?}", turn.host, shared.seen());
    for reply in &turn.replies {
        wire.send(reply, 7).unwrap();
    }
    if turn.closes == Closes::First {
        wire.close_notify();
        wire.fin();
    }
    assert!(shared.wait_for_end());
    wire.close_notify();
    wire.fin();
    shared.seen().0
}

fn app(server: &Server, shared: &Arc<Shared>) -> Wire {
    let socket = TcpStream::connect(server.web).unwrap();
    prepare(&socket);
    Wire::new(socket, None, Reads::Now, Arc::clone(shared))
}

/// What the app sends, what the origin gets, what is answered.
struct Exchange<'a> {
    name: &'a str,
    sent: Vec<u8>,
    got: Vec<u8>,
    reply: Vec<u8>,
}

fn exchange<'a>(name: &'a str, sent: &[u8], got: &[u8], reply: &[u8]) -> Exchange<'a> {
    Exchange { name, sent: sent.to_vec(), got: got.to_vec(), reply: reply.to_vec() }
}

#[test]
fn only_the_target_and_host_change() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("up.unlisted.test:{}", listener.local_addr().unwrap().port());
    let every_byte: Vec<u8> = (0..=255).collect();
    let with = |head: &str, body: &[u8]| [head.replace("{at}", &at).as_bytes(), body].concat();
    let same = |name, before: &str, after: &str, body: &[u8]| {
        exchange(name, &with(before, body), &with(after, body), OK)
    };
    let exchanges = [
        same(
            "a request as clients send it",
            "POST /https://{at}/v1/x?q=%20 HTTP/1.1\r\nHost: 127.0.0.1:4141\r\nContent-Length: 256\r\n\r\n",
            "POST /v1/x?q=%20 HTTP/1.1\r\nHost: {at}\r\nContent-Length: 256\r\n\r\n",
            &every_byte,
        ),
        same(
            "one slash of two is left",
            "GET /https:/{at}/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /v1 HTTP/1.1\r\nHost: {at}\r\n\r\n",
            b"",
        ),
        same(
            "no path",
            "GET /https://{at} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: {at}\r\n\r\n",
            b"",
        ),
        same(
            "odd case, order, duplicates, spaces, folds",
            "GET  /https://{at}/a//b/../c;d HTTP/1.1\r\nX-B: 1\r\nhOsT: \t localhost:4141 \r\nx-b:2\r\nX-F: 1\r\n  2\r\nX-B : 3\r\n\r\n",
            "GET  /a//b/../c;d HTTP/1.1\r\nX-B: 1\r\nhOsT: \t {at} \r\nx-b:2\r\nX-F: 1\r\n  2\r\nX-B : 3\r\n\r\n",
            b"",
        ),
        same(
            "bare LF",
            "POST /https://{at}/ HTTP/1.1\nHost: localhost\nContent-Length: 2\n\n",
            "POST / HTTP/1.1\nHost: {at}\nContent-Length: 2\n\n",
            b"hi",
        ),
        same(
            "HTTP/1.0 without Host",
            "POST /https://{at}/ HTTP/1.0\r\nContent-Length: 2\r\n\r\n",
            "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n",
            b"hi",
        ),
        same(
            "chunked, with a path to another host in its body",
            "POST /https://{at}/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: {at}\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0019;x=\"y\"\r\nGET /https://b/ HTTP/1.1\n\r\n0\r\nHost: trailer\r\n\r\n",
        ),
        same(
            "hop-by-hop lines",
            "GET /https://{at}/ HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, x\r\nX: 1\r\nProxy-Connection: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: {at}\r\nConnection: keep-alive, x\r\nX: 1\r\nProxy-Connection: a\r\n\r\n",
            b"",
        ),
        exchange(
            "an odd reply",
            &with("GET /https://{at}/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
            &with("GET / HTTP/1.1\r\nHost: {at}\r\n\r\n", b""),
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200\r\nx-A: 1\r\nX-a: 2\nLocation: https://elsewhere.test/\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nT: 1\r\n\r\n",
        ),
        exchange(
            "a HEAD",
            &with("HEAD /https://{at}/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
            &with("HEAD / HTTP/1.1\r\nHost: {at}\r\n\r\n", b""),
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
        ),
        exchange(
            "two after each other",
            &with("GET /https://{at}/1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /https://{at}/2 HTTP/1.1\r\nHost: [::1]\r\n\r\n", b""),
            &with("GET /1 HTTP/1.1\r\nHost: {at}\r\n\r\nGET /2 HTTP/1.1\r\nHost: {at}\r\n\r\n", b""),
            &OK.repeat(2),
        ),
        exchange(
            "an upgrade, and frames that look like requests",
            &with("GET /https://{at}/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b""),
            &with("GET /ws HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b""),
            &[b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", &noise(51, 500)[..]].concat(),
        ),
    ];
    let mut faults = Vec::new();
    for exchange in &exchanges {
        for (piece, closes) in
            [(usize::MAX, Closes::Last), (1, Closes::Last), (usize::MAX, Closes::First)]
        {
            let turn = Turn {
                host: "up.unlisted.test",
                expected: exchange.got.len(),
                replies: vec![&exchange.reply],
                closes,
            };
            let shared = Arc::new(Shared::default());
            let got = thread::scope(|scope| {
                let served = scope.spawn(|| serve(&stage, &listener, &turn));
                let app = app(&stage.server, &shared);
                app.send(&exchange.sent, piece).unwrap();
                assert!(shared.wait_for_bytes(exchange.reply.len()), "{}", exchange.name);
                if closes == Closes::First {
                    assert!(shared.wait_for_end());
                }
                app.fin();
                assert!(shared.wait_for_end(), "{}", exchange.name);
                served.join().unwrap()
            });
            let (replied, ended) = shared.seen();
            for (which, expected, found) in
                [("request", &exchange.got, &got), ("reply", &exchange.reply, &replied)]
            {
                if expected != found {
                    faults.push(format!(
                        "{}: the {which}{}",
                        exchange.name,
                        parted(expected, found)
                    ));
                }
            }
            assert_eq!(ended, Some(Ended::Fin(Notified::No)), "{}", exchange.name);
        }
    }
    let Stage { home, server, .. } = stage;
    server.stop();
    let exported = home.exported();
    let count: usize = 3 * (exchanges.len() + 1);
    assert_eq!(exported.len(), count, "exchanges");
    let wire: Vec<u8> =
        exported.iter().flat_map(|e| home.raw(e["id"].as_str().unwrap(), "request")).collect();
    let expected: Vec<u8> = exchanges.iter().flat_map(|e| e.got.repeat(3)).collect();
    if wire != expected {
        faults.push(format!("what is kept{}", parted(&expected, &wire)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn one_connection_for_two_upstreams() {
    let stage = Stage::with(&["--tunnel", "secret.listed.test"]);
    let [a, b] = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let at = |host: &str, listener: &TcpListener| {
        format!("{host}:{}", listener.local_addr().unwrap().port())
    };
    let (at_a, at_b) = (at("a.listed.test", &a), at("b.listed.test", &b));
    let request = |path: &str, host: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\nhi").into_bytes()
    };
    let sent = [
        request(&format!("/https://{at_a}/1"), "localhost"),
        request(&format!("/https://{at_a}/2"), "localhost"),
        request(&format!("/https://{at_b}/3"), "localhost"),
        request(&format!("/https://{at_a}/4"), "localhost"),
    ];
    let expected = [
        [request("/1", &at_a), request("/2", &at_a)].concat(),
        request("/3", &at_b),
        request("/4", &at_a),
    ];
    for pipelined in [false, true] {
        let shared = Arc::new(Shared::default());
        let got = thread::scope(|scope| {
            let served = scope.spawn(|| {
                let serve = |listener, host, expected: &Vec<u8>, count| {
                    let turn = Turn {
                        host,
                        expected: expected.len(),
                        replies: vec![OK; count],
                        closes: Closes::Last,
                    };
                    serve(&stage, listener, &turn)
                };
                [
                    serve(&a, "a.listed.test", &expected[0], 2),
                    serve(&b, "b.listed.test", &expected[1], 1),
                    serve(&a, "a.listed.test", &expected[2], 1),
                ]
            });
            let app = app(&stage.server, &shared);
            if pipelined {
                app.send(&sent.concat(), usize::MAX).unwrap();
            } else {
                // The first origin answers when it has got both of its own.
                app.send(&sent[..2].concat(), usize::MAX).unwrap();
                assert!(shared.wait_for_bytes(2 * OK.len()));
                for (at, request) in sent.iter().enumerate().skip(2) {
                    app.send(request, 1).unwrap();
                    assert!(shared.wait_for_bytes((at + 1) * OK.len()));
                }
            }
            assert!(shared.wait_for_bytes(4 * OK.len()), "{pipelined}: {:?}", shared.seen());
            app.fin();
            assert!(shared.wait_for_end());
            served.join().unwrap()
        });
        assert_eq!(got, expected, "pipelined: {pipelined}");
        assert_eq!(shared.seen().0, OK.repeat(4), "pipelined: {pipelined}");
    }
    let Stage { home, server, .. } = stage;
    server.stop();
    let states: Vec<_> = home.exported().iter().map(|e| e["state"].clone()).collect();
    assert_eq!(states, vec!["complete"; 8]);
}

#[test]
fn who_may_use_it() {
    let answered = |server: &Server, request: &str| {
        let shared = Arc::new(Shared::default());
        let app = app(server, &shared);
        app.send(request.as_bytes(), usize::MAX).unwrap();
        assert!(shared.wait_for_end(), "our own answers close");
        String::from_utf8(shared.seen().0).unwrap()
    };
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let stage = Stage::new();
    let nobody = stage.server.web.port();
    for (path, host, status) in [
        ("/", "127.0.0.1:4141", 200),
        ("/", "evil.test", 403),
        ("/https://up.listed.test/", "evil.test:4141", 403),
        ("/https://up.listed.test/", "localhost.evil.test", 403),
        ("/nothing/here", "localhost", 404),
        ("/https://user@up.listed.test/", "localhost", 404),
        ("/https://127.0.0.1:1/", "localhost", 502),
        (&format!("/http://127.0.0.1:{nobody}/"), "localhost", 502),
        ("/openai/v1/models", "evil.test", 403),
    ] {
        let answer = answered(&stage.server, &get(path, host));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} at {host}: {answer}");
    }
    stage.server.stop();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("api.openai.com:443:{}", listener.local_addr().unwrap());
    let stage = Stage::with(&["--web", "0.0.0.0:0", "--resolve", &to]);
    let token = stage.server.token.clone().expect("it is open to others: there is a token");
    assert!(token.len() >= 32, "{token}");
    assert!(stage.server.said().contains("WARNING"));
    for (path, status) in [
        // The page has a guard of its own.
        ("/", 421),
        ("/openai/v1/models", 403),
        ("/https://up.listed.test/", 403),
        (&*format!("/{}/openai/v1/models", "0".repeat(token.len())), 403),
        (&*format!("/{token}x/openai/v1/models"), 404),
        (&*format!("/{token}/"), 404),
        (&*format!("/{token}/nothing"), 404),
    ] {
        let answer = answered(&stage.server, &get(path, "host.docker.internal:4141"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
    stage.server.stop();
}

/// A provider's short name stands for its URL, with a token and without.
#[test]
fn short_names() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("api.openai.com:443:{}", listener.local_addr().unwrap());
    for web in ["127.0.0.1:0", "0.0.0.0:0"] {
        let stage = Stage::with(&["--web", web, "--resolve", &to]);
        let path = match &stage.server.token {
            Some(token) => format!("/{token}/openai/v1/models?a=b"),
            None => "/openai/v1/models?a=b".to_owned(),
        };
        let sent = format!("GET {path} HTTP/1.1\r\nHost: localhost:4141\r\nX-A: b\r\n\r\n");
        let expected = "GET /v1/models?a=b HTTP/1.1\r\nHost: api.openai.com\r\nX-A: b\r\n\r\n";
        let turn = Turn {
            host: "api.openai.com",
            expected: expected.len(),
            replies: vec![OK],
            closes: Closes::Last,
        };
        let shared = Arc::new(Shared::default());
        let got = thread::scope(|scope| {
            let served = scope.spawn(|| serve(&stage, &listener, &turn));
            let app = app(&stage.server, &shared);
            app.send(sent.as_bytes(), usize::MAX).unwrap();
            assert!(shared.wait_for_bytes(OK.len()), "{:?}", shared.seen());
            app.fin();
            assert!(shared.wait_for_end());
            served.join().unwrap()
        });
        assert_eq!(String::from_utf8(got).unwrap(), expected);
        assert_eq!(shared.seen().0, OK);
        let Stage { home, server, .. } = stage;
        server.stop();
        let exported = home.exported();
        assert_eq!(exported.len(), 1);
        assert_eq!(exported[0]["provider"], "openai");
        assert_eq!(exported[0]["origin"], "https://api.openai.com");
    }
}
