//! What is no HTTP/2, or goes beyond what was agreed on, in tables.

use super::Peer::{Client, Server};
use super::build::*;
use super::*;

#[test]
fn what_is_no_frame() {
    let lost = |note: &'static str, bytes: Vec<u8>| {
        let opaque = format!("< Opaque {}x", bytes.escape_ascii());
        let turns = vec![get(), (Server, bytes), (Server, b"x".to_vec())];
        let told = vec![
            GET_TOLD.to_owned(),
            "> 1 Framed".to_owned(),
            format!("< Desynchronised {note}"),
            "< 1 Cut".to_owned(),
            opaque,
        ];
        (turns, told)
    };
    for (rule, note, bytes) in [
        ("DATA of the connection", "FrameGarbled", frame(DATA, NONE, 0, b"a")),
        ("HEADERS of the connection", "FrameGarbled", frame(HEADERS, WHOLE, 0, OK)),
        ("SETTINGS of a stream", "FrameGarbled", frame(SETTINGS, NONE, 1, b"")),
        ("half a setting", "FrameGarbled", frame(SETTINGS, NONE, 0, b"abc")),
        ("an acknowledgement with settings", "FrameGarbled", frame(SETTINGS, ACK, 0, &[0; 6])),
        ("a ping of another length", "FrameGarbled", frame(PING, NONE, 0, b"abc")),
        ("a reset of another length", "FrameGarbled", frame(RESET, NONE, 1, b"abc")),
        ("a GOAWAY that is too short", "FrameGarbled", frame(GO_AWAY, NONE, 0, b"abc")),
        ("a promise that is too short", "FrameGarbled", frame(PUSH, WHOLE, 1, b"abc")),
        ("padding without its length", "FrameGarbled", frame(DATA, PADDED, 1, b"")),
        ("more padding than frame", "FrameGarbled", frame(DATA, PADDED, 1, b"\x03ab")),
        ("CONTINUATION of nothing", "FrameGarbled", frame(CONTINUATION, WHOLE, 1, OK)),
        ("text", "FrameGarbled", b"HTTP/1.1 500 No\r\n\r\n".to_vec()),
    ] {
        let (turns, told) = lost(note, bytes);
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        check(&[(rule, turns, &told)]);
    }
    let within = |next: Vec<u8>| {
        let turns = vec![(Client, frame(HEADERS, END, 1, GET)), (Client, next.clone())];
        (turns, format!("> Opaque {}", next.escape_ascii()))
    };
    for (rule, next) in [
        ("DATA within a block", frame(DATA, NONE, 1, b"a")),
        ("a block of another stream", frame(CONTINUATION, WHOLE, 3, b"a")),
        ("what is not known, within a block", frame(0xfa, NONE, 1, b"a")),
    ] {
        let (turns, opaque) = within(next);
        check(&[(rule, turns, &["> Desynchronised BlockInterrupted", &opaque])]);
    }
    check(&[(
        "a client that promises",
        vec![(Client, frame(PUSH, WHOLE, 1, &[0; 4]))],
        &[
            "> Desynchronised FrameGarbled",
            "> Opaque \\x00\\x00\\x04\\x05\\x04\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x00",
        ],
    )]);
}

#[test]
fn the_other_direction_goes_on() {
    check(&[
        (
            "the app's bytes are lost",
            vec![
                post(),
                (Client, frame(DATA, NONE, 0, b"")),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, END, 1, b"a")),
                (Server, frame(HEADERS, WHOLE | END, 3, OK)),
            ],
            &[
                POST_TOLD,
                "> Desynchronised FrameGarbled",
                "> 1 Cut",
                "> Opaque \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
                "< 1 Head :status=200",
                "< 1 Data a",
                "< 1 Framed",
                "< 3 Note Unasked",
                "< 3 Head :status=200",
                "< 3 Framed",
                "> 3 Cut",
            ],
        ),
        (
            "the origin's bytes are lost",
            vec![(Server, frame(DATA, NONE, 0, b"")), post(), (Client, frame(DATA, END, 1, b"a"))],
            &[
                "< Desynchronised FrameGarbled",
                "< Opaque \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
                POST_TOLD,
                "< 1 Cut",
                "> 1 Data a",
                "> 1 Framed",
            ],
        ),
    ]);
}

#[test]
fn frames_beyond_what_is_allowed() {
    let long = vec![b'a'; (1 << 14) + 1];
    let run = |turns: Turns| {
        let told = events(&mut Connection::new(), &[hello(), turns].concat(), usize::MAX);
        told.into_iter().filter(|line| !line.contains(" Data ")).collect::<Vec<_>>()
    };
    let allow = (Server, frame(SETTINGS, NONE, 0, b"\0\x05\0\0\x40\x01\0\x05\0\0\x40\0"));
    for (rule, turns, expected) in [
        (
            "told once",
            vec![
                post(),
                (Client, frame(DATA, NONE, 1, &long)),
                (Client, frame(DATA, END, 1, &long)),
            ],
            &[POST_TOLD, "> 1 Note FrameTooLong", "> 1 Framed"][..],
        ),
        (
            "the receiver allows it",
            vec![allow.clone(), post(), (Client, frame(DATA, END, 1, &long))],
            &[POST_TOLD, "> 1 Framed"],
        ),
        (
            "the receiver alone does",
            vec![
                allow,
                get(),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, END, 1, &long)),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "< 1 Head :status=200",
                "< 1 Note FrameTooLong",
                "< 1 Framed",
            ],
        ),
    ] {
        assert_eq!(run(turns), expected, "{rule}");
    }
    let unknown = run(vec![(Client, frame(0x54, NONE, 1, &long))]);
    assert_eq!(unknown[0], "> Desynchronised FrameGarbled", "a kind that nobody knows");
}
