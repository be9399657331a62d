//! The proxy port itself: odd `CONNECT`s, and answers in words.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::compare::Stage;
use super::play::read_head;
use crate::support::wire::{Reads, Shared, Wire, accept, prepare};

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn odd_connects_work() {
    let stage = Stage::new();
    for (name, lines) in [
        ("with Host", "HTTP/1.1\r\nHost: {}\r\n"),
        ("no Host", "HTTP/1.1\r\n"),
        ("another Host", "HTTP/1.1\r\nHost: elsewhere.test\r\n"),
        ("HTTP/1.0", "HTTP/1.0\r\n"),
        (
            "credentials for a proxy",
            "HTTP/1.1\r\nHost: {}\r\nProxy-Authorization: Basic ZmFrZTpmYWtl\r\n",
        ),
        ("Proxy-Connection", "HTTP/1.1\r\nhost: {}\r\nProxy-Connection: Keep-Alive\r\n"),
        ("a length of 0", "HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n"),
        ("Connection: close", "HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n"),
        ("lower case and odd spaces", "HTTP/1.1\r\nhost:{}\r\nuser-agent:  odd/1 \r\n"),
    ] {
        for piece in [1, usize::MAX] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let target = format!("odd.listed.test:{}", listener.local_addr().unwrap().port());
            let head = format!("CONNECT {target} {}\r\n", lines.replace("{}", &target));
            let mut app = open(stage.server.proxy);
            for piece in head.as_bytes().chunks(piece) {
                app.write_all(piece).unwrap();
            }
            let answer = read_head(&mut app).unwrap();
            assert!(answer.starts_with("HTTP/1.") && answer.contains(" 200 "), "{name}: {answer}");
            // RFC 9110, 9.3.6: what follows is the tunnel's, whatever these would say.
            for line in ["content-length", "transfer-encoding"] {
                assert!(!answer.to_lowercase().contains(line), "{name}: {answer}");
            }
            assert_eq!(exchanged(app, &listener), (GET.to_vec(), OK.to_vec()), "{name}");
        }
    }
    stage.server.stop();
}

/// An exchange in clear text inside the tunnel: what the origin got, and the app.
fn exchanged(app: TcpStream, listener: &TcpListener) -> (Vec<u8>, Vec<u8>) {
    let (asked, answered) = (Arc::new(Shared::default()), Arc::new(Shared::default()));
    thread::scope(|scope| {
        scope.spawn(|| {
            let socket = accept(listener).unwrap();
            let origin = Wire::new(socket, None, Reads::Now, Arc::clone(&asked));
            assert!(asked.wait_for_bytes(GET.len()));
            origin.send(OK, usize::MAX).unwrap();
            assert!(asked.wait_for_end());
        });
        let app = Wire::new(app, None, Reads::Now, Arc::clone(&answered));
        app.send(GET, usize::MAX).unwrap();
        assert!(answered.wait_for_bytes(OK.len()));
        app.fin();
        assert!(answered.wait_for_end());
    });
    (asked.seen().0, answered.seen().0)
}

#[test]
fn refusals_are_in_words() {
    let stage = Stage::new();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (proxy, web) = (stage.server.proxy, stage.server.web);
    for (request, status, words) in [
        (
            format!("CONNECT nobody.listed.test:{nobody} HTTP/1.1\r\nHost: x\r\n\r\n"),
            502,
            "nobody.listed.test",
        ),
        (
            format!("CONNECT nobody.unlisted.test:{nobody} HTTP/1.1\r\nHost: x\r\n\r\n"),
            502,
            "cannot reach",
        ),
        (format!("CONNECT 127.0.0.1:{nobody} HTTP/1.1\r\nHost: x\r\n\r\n"), 502, "refused"),
        (
            format!("GET http://nobody.listed.test:{nobody}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
            502,
            "refused",
        ),
        (format!("CONNECT {proxy} HTTP/1.1\r\nHost: x\r\n\r\n"), 508, "Overhear itself"),
        (
            format!("CONNECT localhost:{} HTTP/1.1\r\nHost: x\r\n\r\n", web.port()),
            508,
            "Overhear itself",
        ),
        (format!("GET http://{web}/ HTTP/1.1\r\nHost: x\r\n\r\n"), 508, "Overhear itself"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400, "HTTPS_PROXY"),
        ("GET https://a.listed.test/ HTTP/1.1\r\nHost: x\r\n\r\n".into(), 501, "CONNECT"),
    ] {
        let mut app = open(proxy);
        app.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut app).unwrap();
        let length: usize = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap();
        let mut body = vec![0; length];
        app.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert!(body.starts_with("overhear: ") && body.contains(words), "{request}: {body}");
    }
    let Stage { home, server, .. } = stage;
    server.stop();
    let kept = home.exported();
    assert!(kept.iter().all(|exchange| exchange["state"] != "complete"), "{kept:?}");
}

fn open(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    prepare(&socket);
    socket
}
