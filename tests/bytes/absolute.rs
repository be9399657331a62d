//! Plain HTTP through the proxy port: written again, the meaning kept, `Proxy-*` for us alone,
//! and a note that says so.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::compare::Stage;
use crate::support::wire::{Reads, Shared, Wire, accept, prepare};

/// First line, header lines in any order, and the rest.
fn read(message: &[u8]) -> (String, Vec<String>, Vec<u8>) {
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(message[..end].to_vec()).unwrap();
    let mut lines = head.lines().map(str::to_owned);
    let first = lines.next().unwrap();
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    (first, lines, message[end + 4..].to_vec())
}

#[test]
fn the_meaning_is_kept() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut expected_notes = 0;
    for (host, method, body) in [
        ("plain.listed.test", "POST", "{\"model\":\"m\"}"),
        ("plain.listed.test", "GET", ""),
        ("plain.unlisted.test", "POST", "hi"),
    ] {
        let at = format!("{host}:{port}");
        let lines =
            format!("X-Api-Version: 1\r\nX-A: 1\r\nX-A: 2\r\nAccept: */*\r\nHost: {at}\r\n");
        let length = match method {
            "POST" => format!("Content-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let ours = "Proxy-Authorization: Basic ZmFrZTpmYWtl\r\nProxy-Connection: keep-alive\r\n";
        let sent = format!(
            "{method} http://{at}/v1/x?q=%20+1 HTTP/1.1\r\n{lines}{ours}{length}\r\n{body}"
        );
        let reply = "HTTP/1.1 201 Created\r\nX-Odd: 1\r\nx-b: 2\r\nContent-Length: 4\r\n\r\ndone";
        let expected = format!("{method} /v1/x?q=%20+1 HTTP/1.1\r\n{lines}{length}\r\n{body}");
        let (asked, answered) = (Arc::new(Shared::default()), Arc::new(Shared::default()));
        thread::scope(|scope| {
            scope.spawn(|| {
                let socket = accept(&listener).unwrap();
                let origin = Wire::new(socket, None, Reads::Now, Arc::clone(&asked));
                assert!(asked.wait_for_bytes(expected.len()), "{:?}", asked.seen());
                origin.send(reply.as_bytes(), usize::MAX).unwrap();
                origin.fin();
            });
            let mut app = TcpStream::connect(stage.server.proxy).unwrap();
            prepare(&app);
            app.write_all(sent.as_bytes()).unwrap();
            let app = Wire::new(app, None, Reads::Now, Arc::clone(&answered));
            assert!(answered.wait_for_bytes(reply.len()), "{:?}", answered.seen());
            app.fin();
            assert!(answered.wait_for_end());
        });
        assert_eq!(read(&asked.seen().0), read(expected.as_bytes()), "{method} {host}");
        let (first, lines, body) = read(&answered.seen().0);
        assert_eq!((first.as_str(), &body[..]), ("HTTP/1.1 201 Created", &b"done"[..]));
        for line in ["X-Odd: 1", "x-b: 2"] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
        }
        expected_notes += usize::from(host == "plain.listed.test");
    }
    let Stage { home, server, .. } = stage;
    server.stop();
    let exported = home.exported();
    assert_eq!(exported.len(), expected_notes);
    for exchange in &exported {
        assert_eq!(exchange["state"], "complete");
        assert_eq!(exchange["status"], 201);
        let notes = exchange["notes"].as_array().unwrap();
        assert!(
            notes.iter().any(|note| note.as_str().unwrap().starts_with("rewritten")),
            "{notes:?}"
        );
        let raw = home.raw(exchange["id"].as_str().unwrap(), "reply");
        assert!(raw.ends_with(b"done"));
    }
    let sent = String::from_utf8(home.raw(exported[0]["id"].as_str().unwrap(), "request")).unwrap();
    assert!(
        sent.starts_with("POST /v1/x?q=%20+1 HTTP/1.1\r\n") && sent.ends_with("{\"model\":\"m\"}")
    );
    assert!(!sent.to_lowercase().contains("proxy-"), "{sent}");
}
