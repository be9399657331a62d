//! Messages under `permessage-deflate`.

use super::*;

#[test]
fn compression() {
    let texts: Vec<String> =
        (0..20).map(|n| format!("{{\"type\":\"delta\",\"text\":\"word {n}\"}}")).collect();
    let expected: Vec<String> = texts
        .iter()
        .map(|text| format!("Text({}, compressed)", text.as_bytes().escape_ascii()))
        .collect();
    let wire_of = |takeover: Takeover, window_bits: u8| {
        let mut deflater = Deflater::new(takeover, window_bits);
        let frames =
            texts.iter().map(|text| frame(LAST | RSV1 | TEXT, &deflater.message(text.as_bytes())));
        frames.collect::<Vec<_>>().concat()
    };
    for bits in 9..=15 {
        for (rule, takeover, extensions) in [
            ("context takeover", Takeover::Kept, deflate()),
            ("without takeover", Takeover::Reset, deflate_anew()),
            ("without takeover, though agreed on", Takeover::Reset, deflate()),
        ] {
            let wire = wire_of(takeover, bits);
            let whole = read(Decoder::server(&extensions), [&wire[..]]);
            assert_eq!(brief(&whole), expected, "{rule}, {bits} bits");
            let cut = read(Decoder::server(&extensions), wire.chunks(1));
            assert_eq!(cut.events, whole.events, "{rule}, {bits} bits, one byte at a time");
        }
    }
    let wire = wire_of(Takeover::Kept, 15);
    let whole = read(Decoder::server(&none()), [&wire[..]]);
    let events = brief(&whole);
    assert_eq!(events[0], "Note(CompressionNotAgreed)");
    assert_eq!(events[1..], expected, "not agreed on");
}

#[test]
fn compressed_and_plain_messages_mixed() {
    let mut deflater = Deflater::new(Takeover::Kept, 15);
    let (one, two) = (deflater.message(b"Hello, hello"), deflater.message(b"Hello, hello!"));
    let (head, tail) = two.split_at(2);
    check(
        || Decoder::server(&deflate()),
        &[(
            "plain ones and control frames are not in the window",
            [
                frame(LAST | RSV1 | TEXT, &one),
                frame(LAST | TEXT, b"plain"),
                frame(RSV1 | BINARY, b""),
                frame(CONTINUATION, head),
                frame(LAST | PING, b"p"),
                frame(CONTINUATION, tail),
                frame(LAST, b""),
                frame(LAST | RSV1 | TEXT, b""),
                frame(LAST | RSV1 | TEXT, b"\x00"),
            ]
            .concat(),
            &[
                "Text(Hello, hello, compressed)",
                "Text(plain)",
                "Ping(p)",
                "Binary(Hello, hello!, compressed)",
                "Text(, compressed)",
                "Text(, compressed)",
            ],
        )],
    );
}

#[test]
fn damaged_compression() {
    // A block of a type that there is not.
    let wire = |takeover: Takeover| {
        let mut deflater = Deflater::new(takeover, 15);
        let mut message = |text: &[u8]| frame(LAST | RSV1 | TEXT, &deflater.message(text));
        [
            message(b"good"),
            frame(LAST | RSV1 | TEXT, b"\xff\xff\xff"),
            message(b"good again"),
            frame(LAST | TEXT, b"plain"),
            message(b"good again"),
        ]
        .concat()
    };
    check(
        || Decoder::server(&deflate()),
        &[(
            "costs what follows if the window is kept",
            wire(Takeover::Kept),
            &[
                "Text(good, compressed)",
                "Note(Damaged)",
                "Text(, compressed)Damaged",
                "Note(ContextLost)",
                "Text(, compressed)Damaged",
                "Text(plain)",
                "Text(, compressed)Damaged",
            ],
        )],
    );
    check(
        || Decoder::server(&deflate_anew()),
        &[(
            "costs one message if it is not",
            wire(Takeover::Reset),
            &[
                "Text(good, compressed)",
                "Note(Damaged)",
                "Text(, compressed)Damaged",
                "Text(good again, compressed)",
                "Text(plain)",
                "Text(good again, compressed)",
            ],
        )],
    );
}

#[test]
fn bombs() {
    let make = |takeover| {
        let mut deflater = Deflater::new(takeover, 15);
        [
            frame(LAST | RSV1 | BINARY, &deflater.message(&vec![0; 20 << 20])),
            frame(LAST | RSV1 | TEXT, &deflater.message(b"a")),
        ]
        .concat()
    };
    for (rule, takeover, extensions, last) in [
        ("the window is lost", Takeover::Kept, deflate(), "Text(, compressed)Damaged"),
        ("there is no window to lose", Takeover::Reset, deflate_anew(), "Text(a, compressed)"),
    ] {
        let wire = make(takeover);
        let traces: Vec<Vec<String>> = [wire.len(), 1000, 1]
            .map(|piece| {
                let decoder = Decoder::server(&extensions).limited(2, 1 << 20);
                read(decoder, wire.chunks(piece)).events
            })
            .into();
        let events: Vec<&String> =
            traces[0].iter().filter(|event| !event.starts_with("Wire")).collect();
        assert_eq!(events[0], "Note(Bomb)", "{rule}");
        assert!(events[1].starts_with("Binary(\\x00\\x00, compressed, "), "{rule}: {}", events[1]);
        assert!(events[1].ends_with(" cut)Damaged"), "{rule}: {}", events[1]);
        assert_eq!(*events[events.len() - 1], last, "{rule}");
        assert!(traces.iter().all(|trace| *trace == traces[0]), "{rule}, cut");
    }
}
