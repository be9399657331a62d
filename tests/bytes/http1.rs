//! HTTP/1.0 and 1.1, as odd as it comes.

use super::case::{Case, Step, noise, post};
use super::compare::assert_unchanged;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";

#[test]
fn odd_requests() {
    let cases: &[(&str, &[u8])] = &[
        ("a body with a length", &post("Content-Length: 2\r\n", b"hi")),
        ("no body", GET),
        ("odd case", b"GET / HTTP/1.1\r\nhOST: case.test\r\nX-aPi-VERSION: 1\r\n\r\n"),
        ("order: Host last", b"GET / HTTP/1.1\r\nB: 1\r\nA: 2\r\nC: 3\r\nHost: case.test\r\n\r\n"),
        (
            "duplicates, apart and of other case",
            b"GET / HTTP/1.1\r\nHost: case.test\r\nX-A: 1\r\nX-B: 2\r\nx-a: 1\r\nX-A: 3\r\n\r\n",
        ),
        ("a folded line", b"GET / HTTP/1.1\r\nHost: case.test\r\nX-Long: one\r\n two\r\n\tthree\r\n\r\n"),
        ("bare LF", b"POST /v1/x HTTP/1.1\nHost: case.test\nContent-Length: 2\n\nhi"),
        ("LF and CR LF mixed", b"POST /v1/x HTTP/1.1\r\nHost: case.test\nContent-Length: 2\r\n\nhi"),
        ("no space after the colon", b"GET / HTTP/1.1\r\nHost:case.test\r\nA:1\r\n\r\n"),
        ("spaces and tabs around values", b"GET / HTTP/1.1\r\nHost: \t case.test \t \r\nA:   1  \r\n\r\n"),
        ("a space before the colon", b"GET / HTTP/1.1\r\nHost: case.test\r\nX-A : 1\r\n\r\n"),
        ("empty values", b"GET / HTTP/1.1\r\nHost: case.test\r\nX-A:\r\nX-B: \r\n\r\n"),
        ("values that are no ASCII", b"GET / HTTP/1.1\r\nHost: case.test\r\nX-A: caf\xe9 \xc3\xa9 \xff\r\n\r\n"),
        ("a name with every odd token character", b"GET / HTTP/1.1\r\nHost: case.test\r\n!#$%&'*+-.^_`|~09az: 1\r\n\r\n"),
        ("a header with an underscore", b"GET / HTTP/1.1\r\nHost: case.test\r\nx_api_version: 1\r\n\r\n"),
        ("empty lines before it", b"\r\n\r\nGET / HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("two spaces in the request line", b"GET  /  HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("an absolute target", b"GET https://case.test/v1?q=1 HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("an odd target", b"GET /v1//x/../y/%2f%7E;a=b?q=%20+&&=#f HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("a target that is no ASCII", b"GET /caf\xc3\xa9?\xe9=1 HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("an unknown method", b"BREW-2 /pot HTTP/1.1\r\nHost: case.test\r\nContent-Length: 0\r\n\r\n"),
        ("a method in lower case", b"get / HTTP/1.1\r\nHost: case.test\r\n\r\n"),
        ("no Host", b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"),
        ("two Hosts", b"GET / HTTP/1.1\r\nHost: case.test\r\nHost: other.test\r\n\r\n"),
        ("Host with another name and a port", b"GET / HTTP/1.1\r\nHost: elsewhere.test:99\r\n\r\n"),
        ("HTTP/1.0", b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"),
        ("HTTP/1.0 with keep-alive", b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
        ("DELETE with a body", b"DELETE /x HTTP/1.1\r\nHost: case.test\r\nContent-Length: 2\r\n\r\nhi"),
        ("GET with a body", b"GET /x HTTP/1.1\r\nHost: case.test\r\nContent-Length: 2\r\n\r\nhi"),
        ("hop-by-hop lines", b"GET / HTTP/1.1\r\nHost: case.test\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers, deflate;q=0.5\r\nVia: 1.1 a\r\nProxy-Connection: keep-alive\r\n\r\n"),
        ("every byte in a body", &post("Content-Length: 256\r\n", &all_bytes())),
        ("a body that looks like a request", &post("Content-Length: 45\r\n", b"GET / HTTP/1.1\r\nHost: evil.test\r\nA: 567890\r\n\r\n"[..45].as_ref())),
        ("a gzip body", &post(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", gzip().len()), &gzip())),
        ("a body that says gzip and is not", &post("Content-Encoding: gzip\r\nContent-Length: 7\r\n", b"no gzip")),
        ("an unknown content coding", &post("Content-Encoding: x-mine\r\nContent-Length: 2\r\n", b"hi")),
        ("JSON with odd spaces and escapes", &post("Content-Type: application/json\r\nContent-Length: 50\r\n", b"{ \"model\" :\t\"\\u006d\", \"messages\":[ ] , \"a\":1.0e+2}")),
        ("chunked", &post("Transfer-Encoding: chunked\r\n", b"2\r\nhi\r\n0\r\n\r\n")),
        ("chunk sizes in odd hex", &post("Transfer-Encoding: chunked\r\n", b"00A\r\n0123456789\r\n0000000000b\r\n0123456789a\r\nf\r\n0123456789abcde\r\n000\r\n\r\n")),
        ("chunk extensions", &post("Transfer-Encoding: chunked\r\n", b"2;a\r\nhi\r\n2;a=b;c=\"d;\\\"e\"\r\nho\r\n0;last\r\n\r\n")),
        ("spaces after a chunk's size", &post("Transfer-Encoding: chunked\r\n", b"2  \r\nhi\r\n0 \r\n\r\n")),
        ("trailers", &post("Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n", b"2\r\nhi\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n")),
        ("chunks of one byte", &post("Transfer-Encoding: chunked\r\n", &b"1\r\nx\r\n".repeat(200).into_iter().chain(*b"0\r\n\r\n").collect::<Vec<_>>())),
        ("chunked in odd case", &post("tRANSFER-eNCODING: ChUnKeD\r\n", b"2\r\nhi\r\n0\r\n\r\n")),
        ("chunked with bare LF", &post("Transfer-Encoding: chunked\r\n", b"2\nhi\n0\n\n")),
        ("gzip inside chunked", &post("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", &chunks(&gzip(), 7))),
        ("length and chunked both", &post("Content-Length: 12\r\nTransfer-Encoding: chunked\r\n", b"2\r\nhi\r\n0\r\n\r\n")),
        ("the same length twice", &post("Content-Length: 2\r\nContent-Length: 2\r\n", b"hi")),
        ("a length with a list", &post("Content-Length: 2, 2\r\n", b"hi")),
        ("a length with zeros in front", &post("Content-Length: 0000002\r\n", b"hi")),
        ("a multipart body", &post("Content-Type: multipart/form-data; boundary=\"-x\"\r\nContent-Length: 62\r\n", b"---x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n\0\xff\r\n---x--")),
    ];
    let cases = cases.iter().flat_map(|(name, request)| {
        Case::exchange(format!("request: {name}"), request, OK).whole_and_bytewise()
    });
    assert_unchanged(cases.collect());
}

#[test]
fn odd_replies() {
    let framed: &[(&str, &[u8])] = &[
        ("no reason phrase", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
        ("an empty reason phrase", b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"),
        ("a long and odd reason", b"HTTP/1.1 200 All is  well: \xe9\t!\r\nContent-Length: 2\r\n\r\nok"),
        ("odd case and duplicates", b"HTTP/1.1 200 OK\r\nx-A: 1\r\nX-a: 2\r\nset-Cookie-Not: a\r\ncontent-LENGTH: 2\r\n\r\nok"),
        ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        ("a folded line", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 2\r\n\r\nok"),
        ("an unknown status", b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nok"),
        ("204", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"),
        ("204 with a length", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("304 with the length of what is not sent", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"x\"\r\n\r\n"),
        ("length 0", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a redirect", b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"),
        ("100 before it", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("several 1xx before it", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("chunked with extensions and trailers", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n0002;x=\"y\"\r\nok\r\n1;\r\n!\r\n0;z\r\nT: 1\r\nt: 2\r\n\r\n"),
        ("chunked, and a length", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("SSE", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n: ping\n\ndata: {\"a\":1}\n\ndata\r\n9\r\n: [DONE]\n\r\n1\r\n\n\r\n0\r\n\r\n"),
        ("HTTP/1.0 with keep-alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
        ("hop-by-hop lines", b"HTTP/1.1 200 OK\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nAlt-Svc: h3=\":443\"; ma=86400\r\nUpgrade: h2c\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok"),
        ("an error", b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nslow"),
    ];
    let delimited: &[(&str, &[u8])] = &[
        ("ended by closing", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end"),
        ("HTTP/1.0, ended by closing", b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        ("ended by closing, empty", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
        ("SSE ended by closing", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: unterminated"),
        ("a length and Connection: close", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        ("chunked and Connection: close", b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ];
    let mut cases = Vec::new();
    for (name, reply) in framed {
        let state = if reply.windows(4).any(|w| w == b" 429") { "failed" } else { "complete" };
        let case = Case::exchange(format!("reply: {name}"), GET, reply).exchanges(&[state]);
        cases.extend(case.whole_and_bytewise());
    }
    for (name, reply) in delimited {
        let case = Case::until_close(format!("reply: {name}"), GET, reply);
        cases.extend(case.whole_and_bytewise());
    }
    let coded = gzip();
    let length = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", coded.len());
    let reply = [b"HTTP/1.1 200 OK\r\n", length.as_bytes(), &coded].concat();
    cases.extend(Case::exchange("reply: gzip", GET, &reply).whole_and_bytewise());
    let head = b"HEAD / HTTP/1.1\r\nHost: case.test\r\n\r\n";
    let no_body = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
    cases.extend(Case::exchange("reply: to HEAD", head, no_body).whole_and_bytewise());
    assert_unchanged(cases);
}

#[test]
fn conversations() {
    let (expect, continued) = (
        post("Expect: 100-continue\r\nContent-Length: 2\r\n", b""),
        b"HTTP/1.1 100 Continue\r\n\r\n",
    );
    let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
    let twice = |bytes: &[u8]| bytes.repeat(2);
    let head = b"HEAD / HTTP/1.1\r\nHost: case.test\r\n\r\n";
    let no_body = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let early = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    let large = post("Content-Length: 100000\r\n", b"");
    let mut cases = vec![
        Case::new(
            "Expect: 100-continue is waited for",
            vec![
                send(&expect),
                Step::Got(continued.len()),
                send(b"hi"),
                Step::Got(continued.len() + OK.len()),
                Step::Close,
            ],
            vec![
                Step::Got(expect.len()),
                send(continued),
                Step::Got(expect.len() + 2),
                send(OK),
                Step::Ended,
            ],
        ),
        Case::new(
            "Expect: 100-continue, and a refusal instead",
            vec![send(&expect), Step::Got(early.len()), Step::Close],
            vec![Step::Got(expect.len()), send(early), Step::Ended],
        )
        .exchanges(&["failed"]),
        Case::new(
            "keep-alive: one after the other",
            vec![send(GET), Step::Got(OK.len()), send(GET), Step::Got(2 * OK.len()), Step::Close],
            vec![Step::Got(GET.len()), send(OK), Step::Got(2 * GET.len()), send(OK), Step::Ended],
        )
        .exchanges(&["complete"; 2]),
        Case::exchange("pipelined, answered together", &twice(GET), &twice(OK))
            .exchanges(&["complete"; 2]),
        Case::exchange(
            "pipelined: HEAD, GET, POST",
            &[head, GET, &post("Content-Length: 2\r\n", b"hi")].concat(),
            &[&no_body[..], OK, OK].concat(),
        )
        .exchanges(&["complete"; 3]),
        Case::new(
            "pipelined, answered when the second is half there",
            vec![
                send(GET),
                send(&GET[..9]),
                Step::Got(OK.len()),
                send(&GET[9..]),
                Step::Got(2 * OK.len()),
                Step::Close,
            ],
            vec![
                Step::Got(GET.len() + 9),
                send(OK),
                Step::Got(2 * GET.len()),
                send(OK),
                Step::Ended,
            ],
        )
        .exchanges(&["complete"; 2]),
        Case::new(
            "an answer before the body is sent, and the body all the same",
            vec![
                send(&large),
                Step::Got(early.len()),
                Step::SendIn(9000, noise(1, 100_000)),
                Step::Close,
            ],
            vec![
                Step::Got(large.len()),
                send(early),
                Step::Got(large.len() + 100_000),
                Step::Ended,
            ],
        )
        .exchanges(&["failed"]),
        Case::new(
            "an answer before the body is sent, the body all the same, and another request",
            vec![
                send(&large),
                Step::Got(early.len()),
                Step::SendIn(9000, noise(1, 100_000)),
                send(GET),
                Step::Got(early.len() + OK.len()),
                Step::Close,
            ],
            vec![
                Step::Got(large.len()),
                send(early),
                Step::Got(large.len() + 100_000 + GET.len()),
                send(OK),
                Step::Ended,
            ],
        )
        .exchanges(&["failed", "complete"]),
        Case::new(
            "an answer before the body is sent, and never a body",
            vec![send(&large), Step::Got(early.len()), Step::Close],
            vec![Step::Got(large.len()), send(early), Step::Ended],
        )
        .exchanges(&["failed"]),
    ];
    let mut heads = Vec::new();
    for (name, line) in [("a long line", 60_000), ("a head of 200 KB", 200_000)] {
        let lines = format!("X-Long: {}\r\nContent-Length: 2\r\n", "x".repeat(line));
        heads.push(Case::exchange(format!("request: {name}"), &post(&lines, b"hi"), OK));
        let reply = format!("HTTP/1.1 200 OK\r\n{lines}\r\nok");
        heads.push(Case::exchange(format!("reply: {name}"), GET, reply.as_bytes()));
    }
    let lines: String = (0..2000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    heads.push(Case::exchange(
        "request: 2000 lines",
        &post(&format!("{lines}Content-Length: 2\r\n"), b"hi"),
        OK,
    ));
    let bytewise =
        cases.clone().into_iter().filter(|case| !case.name.contains("the body")).map(|case| {
            case.with(|case| {
                (case.piece, case.name) = (1, format!("{}, one byte at a time", case.name))
            })
        });
    let bytewise: Vec<_> = bytewise.collect();
    cases.extend(bytewise);
    cases.extend(heads);
    assert_unchanged(cases);
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

/// A gzip stream with a flush in the middle.
fn gzip() -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(b"{\"model\":").unwrap();
    gzip.flush().unwrap();
    gzip.write_all(b"\"m\"}").unwrap();
    gzip.finish().unwrap()
}

fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut chunked = Vec::new();
    for chunk in body.chunks(size) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    chunked
}
