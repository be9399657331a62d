//! What peers do wrong.

use super::*;

#[test]
fn faults() {
    check(
        || Decoder::server(&none()),
        &[
            (
                "a server that masks, told once",
                [masked(LAST | TEXT, b"a"), masked(LAST | TEXT, b"b")].concat(),
                &["Note(Mask)", "Text(a)", "Text(b)"],
            ),
            (
                "reserved bits",
                [frame(LAST | 0x20 | TEXT, b"a"), frame(LAST | 0x10 | BINARY, b"b")].concat(),
                &["Note(ReservedBits)", "Text(a)", "Binary(b)"],
            ),
            (
                "a reserved bit on a later fragment",
                [frame(TEXT, b"a"), frame(LAST | RSV1, b"b")].concat(),
                &["Note(ReservedBits)", "Text(ab)"],
            ),
            (
                "a reserved opcode",
                [frame(LAST | 3, b"a"), frame(LAST | 11, b"b"), frame(LAST | TEXT, b"c")].concat(),
                &["Note(ReservedOpcode)", "Text(c)"],
            ),
            (
                "both are no frame",
                [frame(LAST | TEXT, b"a"), frame(0x70 | 7, b"{}")].concat(),
                &["Text(a)", "Note(NotWebSocket)", "Opaque({})"],
            ),
            (
                "an unknown opcode within a message",
                [frame(TEXT, b"a"), frame(LAST | 3, b"x"), frame(LAST, b"b")].concat(),
                &["Note(ReservedOpcode)", "Text(ab)"],
            ),
            (
                "a fragment of nothing",
                [frame(CONTINUATION, b"a"), frame(LAST, b"b"), frame(LAST, b"c")].concat(),
                &["Note(NothingToContinue)", "Binary(ab)", "Binary(c)"],
            ),
            (
                "a message within another",
                [frame(TEXT, b"a"), frame(LAST | TEXT, b"b")].concat(),
                &["Note(MessageWithoutEnd)", "Text(a)Cut", "Text(b)"],
            ),
            (
                "a control frame that is too long",
                [frame(LAST | PING, &[b'x'; 200]), frame(LAST | TEXT, b"a")].concat(),
                &["Note(ControlGarbled)", &format!("Ping({})", "x".repeat(125)), "Text(a)"],
            ),
            (
                "a control frame in fragments",
                [frame(PING, b"a"), frame(LAST | TEXT, b"b")].concat(),
                &["Note(ControlGarbled)", "Ping(a)", "Text(b)"],
            ),
            ("half a code", frame(LAST | CLOSE, b"\x03"), &["Note(CloseGarbled)", "Close(None, )"]),
            (
                "a text that is none, told once",
                [frame(LAST | TEXT, b"a\xff"), frame(LAST | TEXT, b"\xff")].concat(),
                &["Note(NotText)", "Text(a\\xff)", "Text(\\xff)"],
            ),
            (
                "an HTTP reply where a frame should be",
                b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec(),
                &["Note(NotWebSocket)", "Opaque(TP/1.1 502 Bad Gateway\\r\\n\\r\\n)"],
            ),
        ],
    );
    check(
        || Decoder::client(&none()),
        &[(
            "a client that does not mask",
            [frame(LAST | TEXT, b"a"), frame(LAST | PING, b"b")].concat(),
            &["Note(Mask)", "Text(a)", "Ping(b)"],
        )],
    );
    check(
        || Decoder::server(&Extensions::agreed(&["x-rot13"])),
        &[
            (
                "an unknown extension",
                [frame(LAST | RSV1 | TEXT, b"uryyb"), frame(LAST | 0x10 | TEXT, b"a")].concat(),
                &["Note(Extension { name: \"x-rot13\" })", "Text(uryyb, compressed)", "Text(a)"],
            ),
            (
                "its opcodes with its bits",
                [frame(LAST | 0x30 | 4, b"?"), frame(LAST | TEXT, b"a")].concat(),
                &["Note(Extension { name: \"x-rot13\" })", "Note(ReservedOpcode)", "Text(a)"],
            ),
            ("it need not be used", frame(LAST | TEXT, b"a"), &["Text(a)"]),
        ],
    );
}
