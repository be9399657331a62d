use proptest::prelude::*;

use super::fuzz::{self, Trace, read};
use super::*;

/// The events without `Wire` and without what a head says beside its first word.
fn brief(trace: &Trace) -> Vec<String> {
    trace
        .events
        .iter()
        .filter(|event| !event.starts_with("Wire("))
        .map(|event| event.replace("End { how: ", "End(").replace(" }", ")"))
        .map(|event| match event.strip_prefix("Head(Head { start: ") {
            Some(_) => "Head".to_owned(),
            None if event.starts_with("Interim(") => "Interim".to_owned(),
            None => event,
        })
        .collect()
}

fn check(make: impl Fn() -> Decoder, table: &[(&str, &[u8], &[&str])]) {
    for (rule, bytes, expected) in table {
        let whole = read(make(), [*bytes]);
        assert_eq!(brief(&whole), *expected, "{rule}");
        let cut = read(make(), bytes.chunks(1));
        assert_eq!(whole.events, cut.events, "{rule}, one byte at a time");
        assert_eq!((&whole.bytes[..], &cut.bytes[..]), (*bytes, *bytes), "{rule}, all bytes");
    }
}

#[test]
fn requests() {
    let body_of_5 = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    check(
        Decoder::requests,
        &[
            ("no length, no body", b"GET / HTTP/1.1\r\n\r\n", &["Head", "End(Framed)"]),
            ("a length", body_of_5, &["Head", "Body(hello)", "End(Framed)"]),
            (
                "a length of 0",
                b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                &["Head", "End(Framed)"],
            ),
            (
                "one after the other",
                &[&body_of_5[..], b"GET / HTTP/1.1\r\n\r\n", body_of_5].concat(),
                &[
                    "Head",
                    "Body(hello)",
                    "End(Framed)",
                    "Head",
                    "End(Framed)",
                    "Head",
                    "Body(hello)",
                    "End(Framed)",
                ],
            ),
            (
                "empty lines between",
                &[b"\r\n\n", &body_of_5[..], b"\r\n", body_of_5, b"\r\n"].concat(),
                &["Head", "Body(hello)", "End(Framed)", "Head", "Body(hello)", "End(Framed)"],
            ),
            (
                "bare LF",
                b"POST / HTTP/1.1\nContent-Length: 2\n\nab",
                &["Head", "Body(ab)", "End(Framed)"],
            ),
            (
                "HTTP/1.0",
                b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
                &["Head", "Body(ab)", "End(Framed)"],
            ),
            (
                "Expect does not change the framing",
                b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
                &["Head", "Body(ab)", "End(Framed)"],
            ),
            (
                "an upgrade is HTTP/1 until it is granted",
                b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\n\r\n",
                &["Head", "End(Framed)", "Head", "End(Framed)"],
            ),
            (
                "lengths that differ",
                b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
                &["Head", "Note(LengthGarbled)", "Body(abc)", "End(CloseDelimited)"],
            ),
            (
                "a method that begins as the preface does",
                b"PRINT / HTTP/1.1\r\n\r\nPRI * HTTP/1.1\r\n\r\n",
                &["Head", "End(Framed)", "Head", "End(Framed)"],
            ),
            (
                "cut in the body",
                b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel",
                &["Head", "Body(hel)", "End(Cut)"],
            ),
            ("cut in the head", b"POST / HTTP/1.1\r\nContent-Le", &["Note(HeadCut)"]),
            ("cut in the start line", b"PO", &["Note(HeadCut)"]),
            ("cut in what may be the preface", b"PRI * HTTP", &["Note(HeadCut)"]),
            ("nothing", b"", &[]),
            ("only empty lines", b"\r\n\r\n", &[]),
        ],
    );
}

#[test]
fn chunks() {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let table: &[(&str, &[u8], &[&str])] = &[
        ("two chunks", b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", &["Body(hello!)", "End(Framed)"]),
        ("no chunk", b"0\r\n\r\n", &["End(Framed)"]),
        ("extensions", b"5;a=b\r\nhello\r\n0;c=\"d;e\"\r\n\r\n", &["Body(hello)", "End(Framed)"]),
        (
            "odd sizes",
            b" 0005 \r\nhello\r\nA\nhello hell\n000\r\n\r\n",
            &["Body(hellohello hell)", "End(Framed)"],
        ),
        (
            "trailers",
            b"0\r\nX: y\r\nz:1\r\n\r\n",
            &["Trailers([(\"X\", \"y\"), (\"z\", \"1\")])", "End(Framed)"],
        ),
        (
            "line ends in the data",
            b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
            &["Body(\\r\\n\\r\\n)", "End(Framed)"],
        ),
        (
            "the next message",
            b"1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            &["Body(a)", "End(Framed)", "Head", "End(Framed)"],
        ),
        ("no size", b"hello\r\n", &["Note(ChunkGarbled)", "End(Cut)"]),
        ("an empty size", b"\r\n5\r\n", &["Note(ChunkGarbled)", "End(Cut)", "Opaque(5\\r\\n)"]),
        (
            "more data than the size says",
            b"1\r\nabc\r\n0\r\n\r\n",
            &["Body(a)", "Note(ChunkGarbled)", "End(Cut)", "Opaque(\\r\\n0\\r\\n\\r\\n)"],
        ),
        (
            "a size beyond 64 bits",
            b"fffffffffffffffff\r\na",
            &["Note(ChunkGarbled)", "End(Cut)", "Opaque(a)"],
        ),
        ("cut in a size", b"1\r\na\r\n1", &["Body(a)", "End(Cut)"]),
        ("cut in a chunk", b"5\r\nhel", &["Body(hel)", "End(Cut)"]),
        ("cut after a chunk", b"1\r\na\r", &["Body(a)", "End(Cut)"]),
        ("cut before the last line end", b"1\r\na\r\n0\r\n", &["Body(a)", "End(Cut)"]),
    ];
    for (rule, body, expected) in table {
        let bytes = [HEAD, body].concat();
        let expected: Vec<&str> = ["Head"].iter().chain(*expected).copied().collect();
        check(Decoder::requests, &[(rule, &bytes, &expected)]);
    }
}

#[test]
fn replies() {
    let replies_to = |methods: &'static [&str]| {
        move || {
            let mut decoder = Decoder::replies();
            methods.iter().for_each(|method| decoder.asked(method));
            decoder
        }
    };
    check(replies_to(&["POST", "POST"]), &[
        ("no length: up to the close", b"HTTP/1.0 200 OK\r\n\r\nhello", &["Head", "Body(hello)", "End(CloseDelimited)"]),
        ("no length and no body", b"HTTP/1.1 200 OK\r\n\r\n", &["Head", "End(CloseDelimited)"]),
        ("204 and 304 have no body", b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", &["Head", "End(Framed)", "Head", "End(Framed)"]),
        ("100 comes before the reply", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", &["Interim", "Interim", "Head", "Body(a)", "End(Framed)"]),
        ("no reason", b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", &["Head", "Body(a)", "End(Framed)"]),
        ("a lone header line without a colon", b"HTTP/1.1 200 OK\r\nwhat\r\nContent-Length: 1\r\n\r\na", &["Head", "Body(a)", "End(Framed)"]),
        ("101 ends HTTP/1", b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 9\r\n\r\n\x81\x01a", &["Head", "End(Framed)", "Opaque(\\x81\\x01a)"]),
        ("more than the length", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", &["Head", "Body(a)", "End(Framed)", "Note(NotHttp)", "Opaque(b)"]),
        ("a line that is no status line", b"Hello\r\nHTTP/1.1 200 OK\r\n\r\n", &["Note(NotHttp)", "Opaque(HTTP/1.1 200 OK\\r\\n\\r\\n)"]),
        ("another protocol", b"\x16\x03\x01", &["Note(NotHttp)", "Opaque(\\x16\\x03\\x01)"]),
        ("more replies than requests", b"HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 B\r\n\r\nHTTP/1.1 408 C\r\nContent-Length: 1\r\n\r\na", &["Head", "End(Framed)", "Head", "End(Framed)", "Head", "Body(a)", "End(Framed)"]),
    ]);
    check(replies_to(&["HEAD", "GET", "HEAD"]), &[(
        "replies answer in order, 1xx answers nothing",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        &["Interim", "Head", "End(Framed)", "Head", "Body(abc)", "End(Framed)", "Head", "End(Framed)"],
    )]);
    check(replies_to(&["CONNECT", "CONNECT"]), &[(
        "a refused CONNECT is HTTP/1, a granted one ends it",
        b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x16\x03",
        &["Head", "Body(no)", "End(Framed)", "Head", "End(Framed)", "Opaque(\\x16\\x03)"],
    )]);
}

#[test]
fn the_preface_of_http_2_is_handed_on_whole() {
    let bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0";
    check(
        Decoder::requests,
        &[(
            "the preface",
            bytes,
            &["Opaque(PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\x00\\x00\\x00)"],
        )],
    );
}

#[test]
fn a_granted_upgrade_ends_http_1_after_the_message() {
    let mut decoder = Decoder::requests();
    let mut trace = Trace::default();
    decoder.feed(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", &mut |e| trace.add(&e));
    decoder.upgraded();
    decoder.feed(b"b\x81\x80", &mut |e| trace.add(&e));
    decoder.feed(b"GET", &mut |e| trace.add(&e));
    decoder.close(Closing::Clean, &mut |e| trace.add(&e));
    trace.join();
    assert_eq!(brief(&trace), ["Head", "Body(ab)", "End(Framed)", "Opaque(\\x81\\x80GET)"]);
}

#[test]
fn a_reset_is_not_the_end_of_a_reply() {
    let mut decoder = Decoder::replies();
    let mut events = Vec::new();
    decoder.feed(b"HTTP/1.1 200 OK\r\n\r\na", &mut |_| ());
    decoder.close(Closing::Abrupt, &mut |event| events.push(format!("{event:?}")));
    assert_eq!(events, ["End { how: Cut }"]);
}

#[test]
fn bytes_come_out_at_once_and_before_what_they_complete() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nH";
    for piece in 1..=bytes.len() {
        let trace = read(Decoder::replies(), bytes.chunks(piece));
        let wires: Vec<&String> =
            trace.events.iter().filter(|event| event.starts_with("Wire(")).collect();
        assert_eq!(
            wires,
            [
                r"Wire(HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n)",
                r"Wire(2\r\nab\r\n0\r\n\r\n)",
                "Wire(H)"
            ]
        );
    }
    let mut decoder = Decoder::replies();
    let chunk = bytes.len() - b"ab\r\n0\r\n\r\nH".len();
    for (at, byte) in bytes.iter().enumerate() {
        let mut wire = 0;
        let mut body = 0;
        decoder.feed(&[*byte], &mut |event| match event {
            Event::Wire(bytes) => wire += bytes.len(),
            Event::Body(bytes) => {
                assert_eq!(wire, 1, "the wire comes first");
                body += bytes.len();
            }
            _ => {}
        });
        assert_eq!(wire, 1);
        assert_eq!(body, usize::from((chunk..chunk + 2).contains(&at)));
    }
}

#[test]
fn a_head_says_what_was_sent() {
    let bytes = b"POST /v1/x HTTP/1.1\r\nhost: a.test\r\nX-A: 1\r\nx-a : 2\r\n 3\r\nContent-Length: 2\r\n\r\n";
    let mut heads = Vec::new();
    Decoder::requests().feed(bytes, &mut |event| {
        if let Event::Head(head) = event {
            heads.push(head);
        }
    });
    let [head] = &heads[..] else { panic!("one head: {heads:?}") };
    let start = Start::Request { method: "POST".into(), target: "/v1/x".into() };
    assert_eq!((&head.start, head.version.as_str()), (&start, "HTTP/1.1"));
    assert_eq!(head.framing, Framing::Length(2));
    assert_eq!(head.values("X-a").collect::<Vec<_>>(), ["1", "2 3"]);
    let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host", "X-A", "x-a", "Content-Length"]);
}

#[test]
fn heads_are_bounded() {
    let head = |bytes: usize| {
        let mut head = b"GET / HTTP/1.1\r\nA: ".to_vec();
        head.resize(bytes - 4, b'a');
        head.extend_from_slice(b"\r\n\r\n");
        head
    };
    let many_lines =
        [b"GET / HTTP/1.1\r\n".to_vec(), b"a:b\r\n".repeat(HEAD_BYTES_MAX / 5)].concat();
    let endless_chunk_size =
        [&b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;"[..], &[b'a'; HEAD_BYTES_MAX]]
            .concat();
    let endless_trailers = [
        &b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"[..],
        &b"a:b\r\n".repeat(HEAD_BYTES_MAX / 5 + 1),
    ]
    .concat();
    for (rule, bytes, expected) in [
        ("at the limit", head(HEAD_BYTES_MAX), &["Head", "End(Framed)"][..]),
        ("one byte more", head(HEAD_BYTES_MAX + 1), &["Note(HeadTooLong)"]),
        ("many lines", many_lines, &["Note(HeadTooLong)"]),
        ("a start line", vec![b'A'; HEAD_BYTES_MAX + 1], &["Note(HeadTooLong)"]),
        ("a chunk-size line", endless_chunk_size, &["Head", "Note(ChunkGarbled)", "End(Cut)"]),
        ("trailers", endless_trailers, &["Head", "Note(HeadTooLong)", "End(Cut)"]),
    ] {
        let whole = read(Decoder::requests(), [&bytes[..]]);
        let seen: Vec<String> =
            brief(&whole).into_iter().filter(|event| !event.starts_with("Opaque")).collect();
        assert_eq!(seen, expected, "{rule}");
        assert!(whole.bytes == bytes, "{rule}");
        let cut = read(Decoder::requests(), bytes.chunks(7));
        assert!(cut.events == whole.events, "{rule}, cut");
    }
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\0\x01POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na:b\r\n\r\nPRI * HTTP/2.0\r\n\r\n"[..],
        b"\x05\x03HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 101 A\r\n\r\nabc",
        b"\0\x02PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"",
    ] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_events_are_the_same(
        choice in any::<u8>(),
        piece in 1..20_u8,
        words in prop::collection::vec(prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "POST /v1 HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\n", "PRI * HTTP/2.0\r\n",
            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204\r\n", "HTTP/1.0 101 Up\r\n",
            "Content-Length: 3\r\n", "content-length:0\n", "Content-Length: x\r\n", "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n", "Upgrade: h2c\r\n", " folded\r\n", "\r\n", "\n", "\r",
            "abc", "3\r\nabc\r\n", "3;x=y\r\nabc\r\n", "0\r\n", "0\r\n\r\n", "\0", "ü",
        ]), 0..24),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut data = vec![choice, piece];
        data.extend(words.concat().bytes());
        if let Some((at, byte)) = damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        fuzz::run(&data);
    }
}
