//! What others try: sites in the same browser, names that lead here, requests that mean two
//! things, connections that wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Page, documented, rest, said};
use crate::stage::app::{KEY, chat, post};
use crate::stage::{App, Serve, text};

/// What every answer says besides itself.
const MARKS: [&str; 6] = [
    "content-security-policy: default-src 'none'",
    "x-content-type-options: nosniff",
    "x-frame-options: DENY",
    "referrer-policy: no-referrer",
    "cross-origin-resource-policy: same-origin",
    "cache-control: ",
];

#[test]
fn every_documented_route_wants_the_token() {
    let (page, id) = Page::with_an_exchange();
    let own = format!("Origin: http://{}", page.serve.web);
    for (method, path) in documented(&page.contract(), &id) {
        for (rule, lines) in [
            ("none", vec![]),
            ("a wrong one", vec!["Authorization: Bearer 0123456789abcdef0123456789abcdef"]),
            ("another scheme", vec!["Authorization: Basic b3ZlcmhlYXI6eA=="]),
            ("an empty cookie", vec!["Cookie: overhear=; a=b"]),
        ] {
            let lines = [lines, vec![own.as_str(), "Content-Length: 0"]].concat();
            let reply = page.ask(&page.head(&method, &path, &lines));
            assert_eq!(reply.status, 401, "{method} {path}, {rule}: {}", reply.head);
            assert!(reply.json()["hint"].is_string(), "{method} {path}");
        }
        // In the address it opens nothing but the page's own link.
        let path = format!("{path}?token={}", page.token);
        let reply = page.ask(&page.head(&method, &path, &[&own, "Content-Length: 0"]));
        assert_eq!(reply.status, 401, "{method} {path}");
    }
}

#[test]
fn other_sites_and_other_names_are_refused() {
    let page = Page::start(&[]);
    let (web, cookie) = (page.serve.web, page.cookie());
    let port = web.port();
    let target = |target: &str, lines: &[String]| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        format!("GET {target} HTTP/1.1\r\n{lines}{cookie}\r\n\r\n")
    };
    let host = format!("Host: {web}");
    let status = "/api/status";
    let of = |line: &str| target(status, &[host.clone(), line.to_owned()]);
    for (rule, request, expected) in [
        ("ours", target(status, std::slice::from_ref(&host)), &[200][..]),
        ("our name", target(status, &[format!("Host: localhost:{port}")]), &[200]),
        (
            "a name that leads here",
            target(status, &[format!("Host: evil.test:{port}")]),
            &[403, 421],
        ),
        (
            "the name of a page elsewhere",
            target("/", &[format!("Host: evil.test:{port}")]),
            &[403, 421],
        ),
        ("a name below ours", target(status, &[format!("Host: a.localhost:{port}")]), &[403, 421]),
        ("ours with a dot", target(status, &[format!("Host: localhost.:{port}")]), &[200]),
        ("a port that leads to ours", target(status, &["Host: 127.0.0.1:1".into()]), &[200]),
        ("an address of a cloud", target(status, &["Host: 169.254.169.254".into()]), &[403, 421]),
        ("two hosts", target(status, &[host.clone(), "Host: evil.test".into()]), &[400, 403, 421]),
        (
            "two hosts, ours last",
            target(status, &["Host: evil.test".into(), host.clone()]),
            &[400, 403, 421],
        ),
        ("no host", target(status, &[]), &[400, 403, 421]),
        (
            "absolute form",
            target(&format!("http://{web}{status}"), std::slice::from_ref(&host)),
            &[400, 403, 404, 421],
        ),
        (
            "absolute form of others",
            target("http://evil.test/api/status", std::slice::from_ref(&host)),
            &[400, 403, 404, 421],
        ),
        ("another site's script", of("Origin: http://evil.test"), &[403]),
        ("another port's script", of("Origin: http://127.0.0.1:1"), &[403]),
        ("a frame without origin", of("Origin: null"), &[403]),
        ("our name over TLS", of(&format!("Origin: https://{web}")), &[403]),
        ("another site's picture", of("Sec-Fetch-Site: cross-site"), &[403]),
        ("another port's picture", of("Sec-Fetch-Site: same-site"), &[403]),
        ("typed", of("Sec-Fetch-Site: none"), &[200]),
    ] {
        let reply = page.ask(&request);
        assert!(expected.contains(&reply.status), "{rule}: {}", reply.head);
    }
}

/// What an upstream sends must never run as the page's own: it could read the capture.
#[test]
fn a_browser_is_shown_no_page_by_the_base_url() {
    let (page, _) = Page::with_an_exchange();
    for line in [
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Dest: iframe",
        "Sec-Fetch-Dest: serviceworker",
        "Sec-Fetch-Mode: navigate",
        "Upgrade-Insecure-Requests: 1",
        "Service-Worker: script",
        "Sec-Purpose: prefetch",
    ] {
        for path in ["/https://evil.test/x.html", "/http://127.0.0.1:1/", "/openai/v1/models"] {
            let reply = page.ask(&page.head("GET", path, &[line]));
            assert_eq!(reply.status, 403, "{path}, {line}: {}", reply.head);
        }
    }
}

#[test]
fn writes_come_from_our_script_alone() {
    let (page, id) = Page::with_an_exchange();
    let path = format!("/api/exchanges/{id}/annotations");
    let body = r#"{"tag":"evil"}"#;
    let ask = |lines: &[&str]| {
        let length = format!("Content-Length: {}", body.len());
        let lines = [lines, &[&length, "Content-Type: application/json"]].concat();
        page.ask(&(page.head("POST", &path, &lines) + body)).status
    };
    let (cookie, own) = (page.cookie(), format!("Origin: http://{}", page.serve.web));
    assert_eq!(ask(&[&cookie]), 403, "no origin");
    assert_eq!(ask(&[&cookie, "Origin: http://evil.test"]), 403);
    assert_eq!(ask(&[&cookie, &own, "Sec-Fetch-Site: cross-site"]), 403);
    assert_eq!(ask(&[&own]), 401, "no token");
    // As a form of another site could send it, if it could have an origin of ours.
    let form = page.head(
        "POST",
        &path,
        &[&cookie, &own, "Content-Type: text/plain", "Content-Length: 14"],
    );
    assert!((400..500).contains(&page.ask(&(form + body)).status), "no JSON by its type");
    assert!(!page.stage.print(&["show", &id]).contains("evil"));
    assert_eq!(ask(&[&cookie, &own]), 200, "ours");
    assert!(page.stage.print(&["show", &id, "--json"]).contains("evil"));
}

/// A browser that uses us as its proxy, or a site that leads it to one.
#[test]
fn nothing_leads_through_our_own_proxy_to_the_page() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = {
        let stage = crate::stage::Stage::new();
        let web = free.to_string();
        let resolve = format!("evil.test:*:{web}");
        let words = ["serve", "--listen", "127.0.0.1:0", "--web", &web, "--resolve", &resolve];
        let serve =
            Serve::start(stage.overhear([&words[..], &["--intercept", "evil.test"]].concat()));
        let token = std::fs::read_to_string(stage.data().join("page-token")).unwrap();
        Page { stage, serve, token: token.trim().to_owned() }
    };
    let (proxy, port) = (page.serve.proxy, page.serve.web.port());
    let names = [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "evil.test",
    ];
    for name in names {
        let host = format!("{name}:{port}");
        let cookie = page.cookie();
        let plain = format!(
            "GET http://{host}/api/status HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = text(&said(proxy, plain.as_bytes()));
        assert!(!answer.contains("\"version\""), "plainly to {host}: {answer}");
        let mut tcp = TcpStream::connect(proxy).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(tcp, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut head = [0; 4096];
        let read = tcp.read(&mut head).unwrap_or(0);
        if head[..read].starts_with(b"HTTP/1.1 200") {
            let _ = tcp.write_all(page.head("GET", "/api/status", &[&cookie]).as_bytes());
            let answer = text(&rest(&mut tcp));
            assert!(!answer.contains("\"version\""), "by CONNECT to {host}: {answer}");
        }
    }
}

/// Of a request that can be read in two ways none is answered as two.
#[test]
fn requests_that_mean_two_things_are_refused() {
    let page = Page::start(&[]);
    let (host, bearer) = (format!("Host: {}", page.serve.web), page.bearer());
    let second = format!("GET /api/status HTTP/1.1\r\n{host}\r\n{bearer}\r\n\r\n");
    let post = |lines: &str, body: &str| {
        format!("POST /api/status HTTP/1.1\r\n{host}\r\n{bearer}\r\n{lines}\r\n{body}{second}")
    };
    let get = |lines: &str| format!("GET /api/status HTTP/1.1\r\n{host}\r\n{lines}\r\n\r\n");
    for (rule, request) in [
        (
            "length and chunks",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 50\r\n", "")),
        ("a list of lengths", post("Content-Length: 0, 50\r\n", "")),
        ("a signed length", post("Content-Length: +0\r\n", "")),
        ("chunks by another name", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        ("chunks before a space", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
        ("chunks that are not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        ("a folded line", get(&format!("X-A: b\r\n {bearer}"))),
        ("a NUL in a value", get(&format!("X-A: a\0b\r\n{bearer}"))),
        ("a NUL in a name", get(&format!("X-\0A: b\r\n{bearer}"))),
        ("a bare CR", get(&format!("X-A: a\rb\r\n{bearer}"))),
        ("a space in a name", get(&format!("X A: b\r\n{bearer}"))),
        (
            "a target with a space",
            format!("GET /api/ status HTTP/1.1\r\n{host}\r\n{bearer}\r\n\r\n"),
        ),
        ("no version", format!("GET /api/status\r\n{host}\r\n{bearer}\r\n\r\n")),
    ] {
        let answer = text(&said(page.serve.web, request.as_bytes()));
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{rule} is two requests: {answer}");
        assert!(!answer.contains("\"version\""), "{rule}: {answer}");
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{rule}: {answer}");
    }
    // What comes behind a whole request is no second one: the answer closes.
    let two = [get(&bearer), second].concat();
    assert_eq!(text(&said(page.serve.web, two.as_bytes())).matches("HTTP/1.1 ").count(), 1);
}

#[test]
fn paths_lead_to_no_other_file() {
    let page = Page::start(&[]);
    for path in [
        "/page/..%2f..%2fCargo.toml",
        "/page/..%2f..%2f..%2fCargo.toml",
        "/page/../mod.rs",
        "/page/../../../Cargo.toml",
        "/page/%2e%2e/%2e%2e/%2e%2e/Cargo.toml",
        "/page/lib/../../mod.rs",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page///etc/passwd",
        "/page/..\\mod.rs",
        "/page/index.html%00.js",
        "/page/page-token",
        "/page/",
        "/page/.",
        "/page/lib",
        "/page/lib/",
        "//page/index.html",
        "/.git/config",
        "/nothing",
    ] {
        let reply = page.get(path);
        let body = text(&reply.body);
        assert!((400..500).contains(&reply.status), "{path}: {}", reply.head);
        assert!(!body.contains("[package]") && !body.contains("root:") && !body.contains("mod "));
        assert!(reply.body.len() < 600, "{path}: {body}");
    }
}

#[test]
fn every_answer_is_marked() {
    let (page, id) = Page::with_an_exchange();
    let (bearer, wrong) = (page.bearer(), "Origin: http://evil.test");
    let one = format!("/api/exchanges/{id}");
    for (expected, request) in [
        (200, page.head("GET", "/", &[])),
        (200, page.head("GET", "/page/app.js", &[])),
        (200, page.head("GET", &one, &[&bearer])),
        (200, page.head("GET", "/api/live", &[&bearer])),
        (303, page.head("GET", &format!("/?token={}", page.token), &[])),
        (400, page.head("GET", "/api/exchanges?q=state:nonsense", &[&bearer])),
        (401, page.head("GET", &one, &[])),
        (403, page.head("GET", &one, &[&bearer, wrong])),
        (404, page.head("GET", "/nothing", &[])),
        (404, page.head("GET", "/page/nothing.js", &[])),
        (404, page.head("GET", "/api/nothing", &[&bearer])),
        (404, page.head("GET", "/api/exchanges/ffffffff", &[&bearer])),
        (405, page.head("POST", "/api/exchanges", &[&bearer, "Content-Length: 0"])),
        (
            421,
            page.head("GET", &one, &[&bearer])
                .replace(&format!("Host: {}", page.serve.web), "Host: 169.254.169.254"),
        ),
    ] {
        let answer = text(&said(page.serve.web, request.as_bytes()));
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{request}: {answer}");
        let head = answer.split("\r\n\r\n").next().unwrap();
        for mark in MARKS {
            assert!(head.contains(mark), "{request}: no {mark} in {head}");
        }
        assert!(head.contains("require-trusted-types-for 'script'"), "{head}");
        assert!(!head.to_lowercase().contains("access-control-allow"), "{head}");
    }
}

#[test]
fn the_cookie_is_for_us_alone() {
    let page = Page::start(&[]);
    let reply = page.ask(&page.head("GET", &format!("/stats?token={}", page.token), &[]));
    assert_eq!(reply.status, 303);
    let cookie = reply.head.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/api/", &page.token] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let location = reply.head.lines().find(|line| line.starts_with("location: ")).unwrap();
    assert_eq!(location, "location: /stats", "the token leaves the address");
    let wrong = page.ask(&page.head("GET", "/stats?token=0123456789abcdef0123456789abcdef", &[]));
    assert!(!wrong.head.contains("set-cookie"), "{}", wrong.head);
}

#[test]
fn the_token_is_in_no_answer() {
    let (page, id) = Page::with_an_exchange();
    let mut paths = vec!["/".to_owned(), "/start".into(), "/page/app.js".into(), "/nothing".into()];
    let documented = documented(&page.contract(), &id);
    paths
        .extend(documented.into_iter().filter(|(method, _)| method == "GET").map(|(_, path)| path));
    for path in paths {
        for request in
            [page.head("GET", &path, &[&page.bearer()]), page.head("GET", &path, &[&page.cookie()])]
        {
            let answer = text(&said(page.serve.web, request.as_bytes()));
            assert!(answer.len() > 100, "{path}: {answer}");
            assert!(!answer.contains(&page.token), "{path}: {answer}");
        }
    }
    assert!(page.stage.exchanges().iter().all(|one| !one.to_string().contains(&page.token)));
}

/// What a browser would show as it pleases comes as a file.
#[test]
fn raw_bytes_are_files() {
    let (page, id) = Page::with_an_exchange();
    for side in ["request", "reply"] {
        let reply = page.get(&format!("/api/exchanges/{id}/raw/{side}"));
        assert_eq!(reply.status, 200, "{}", reply.head);
        let head = reply.head.to_lowercase();
        assert!(head.contains("content-disposition: attachment"), "{head}");
        assert!(head.contains("content-type: application/octet-stream"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        let raw = page.stage.overhear(["show", &id, "--raw", side]).output().unwrap().stdout;
        assert_eq!(text(&reply.body), text(&raw), "{side}");
    }
}

/// One connection asks for an upstream, then for the page, and the reverse.
#[test]
fn a_connection_may_ask_for_an_upstream_and_the_page() {
    let page = Page::start(&[]);
    let web = page.serve.web;
    let body = r#"{"model":"fake","messages":[{"role":"user","content":"hello"}]}"#;
    let key = format!("Bearer {KEY}");
    let model =
        post("/openai/v1/chat/completions", &web.to_string(), &[("Authorization", &key)], body);
    let view = page.head("GET", "/api/status", &[&page.bearer()]);

    let mut tcp = TcpStream::connect(web).unwrap();
    tcp.set_read_timeout(Some(crate::stage::DEADLINE)).unwrap();
    tcp.write_all(model.as_bytes()).unwrap();
    let mut received = Vec::new();
    while crate::stage::app::Reply::first_of(&received).is_none() {
        let mut piece = [0; 4096];
        let read = tcp.read(&mut piece).unwrap();
        assert!(read > 0, "{}", text(&received));
        received.extend(&piece[..read]);
    }
    tcp.write_all(view.as_bytes()).unwrap();
    let answer = text(&rest(&mut tcp));
    assert!(answer.contains("\"version\""), "the page behind an upstream: {answer}");

    let both = [view.as_bytes(), model.as_bytes()].concat();
    let answer = text(&said(web, &both));
    assert!(answer.contains("\"version\""), "{answer}");
    // The page closes behind its answer, so that nothing is sent to the wrong one.
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    let again =
        text(&said(web, model.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()));
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    assert_eq!(page.stage.exchanges_of(2).len(), 2);
}

/// Connections that send nothing, or a letter now and then, cost the others nothing.
#[test]
fn those_that_wait_hold_up_nobody() {
    let page = Page::start(&[]);
    let mut waiting = Vec::new();
    for n in 0..300 {
        for to in [page.serve.web, page.serve.proxy] {
            let mut tcp = TcpStream::connect(to).unwrap();
            // Every third has begun a head, every ninth has a head of the page without its body.
            let begun = match n % 9 {
                0 => page.head("POST", "/api/status", &[&page.bearer(), "Content-Length: 9"]),
                3 | 6 => format!("GET /api/status HTTP/1.1\r\nHost: {to}\r\nX-Slow: "),
                _ => String::new(),
            };
            let _ = tcp.write_all(begun.as_bytes());
            waiting.push(tcp);
        }
    }
    let mut app = App::connect(page.serve.proxy, "api.openai.com", &page.stage.root());
    for round in 0..3 {
        let begun = Instant::now();
        assert_eq!(page.get("/api/status").status, 200);
        assert_eq!(page.get("/").status, 200);
        assert_eq!(app.ask(chat("fake", "hello", false)).status, 200);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "round {round} took {took:?}");
        for tcp in &mut waiting {
            let _ = tcp.write_all(b"a");
        }
    }
    drop(waiting);
    assert!(page.serve.stop().success());
}
