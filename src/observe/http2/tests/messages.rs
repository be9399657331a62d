//! What a message is made of, in tables.

use super::Peer::{Client, Server};
use super::build::*;
use super::*;

#[test]
fn messages() {
    check(&[
        (
            "a request and its reply",
            vec![
                post(),
                (Client, frame(DATA, NONE, 1, b"he")),
                (Client, frame(DATA, END, 1, b"llo")),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, END, 1, b"hi")),
            ],
            &[
                POST_TOLD,
                "> 1 Data hello",
                "> 1 Framed",
                "< 1 Head :status=200",
                "< 1 Data hi",
                "< 1 Framed",
            ],
        ),
        (
            "an empty frame may end a body",
            vec![
                get(),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, NONE, 1, b"")),
                (Server, frame(DATA, END, 1, b"")),
            ],
            &[GET_TOLD, "> 1 Framed", "< 1 Head :status=200", "< 1 Framed"],
        ),
        (
            "streams interleave",
            vec![
                get(),
                (Client, frame(HEADERS, WHOLE | END, 3, GET)),
                (Server, frame(HEADERS, WHOLE, 3, OK)),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, NONE, 3, b"three")),
                (Server, frame(DATA, END, 1, b"one")),
                (Server, frame(DATA, END, 3, b"!")),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "> 3 Head :method=GET :path=/ :scheme=https",
                "> 3 Framed",
                "< 3 Head :status=200",
                "< 1 Head :status=200",
                "< 3 Data three",
                "< 1 Data one",
                "< 1 Framed",
                "< 3 Data !",
                "< 3 Framed",
            ],
        ),
        (
            "1xx comes before the reply",
            vec![
                get(),
                (Server, frame(HEADERS, WHOLE, 1, &plain(":status", "100"))),
                (Server, frame(HEADERS, WHOLE, 1, &plain(":status", "103"))),
                (Server, frame(HEADERS, WHOLE | END, 1, &plain(":status", "204"))),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "< 1 Interim :status=100",
                "< 1 Interim :status=103",
                "< 1 Head :status=204",
                "< 1 Framed",
            ],
        ),
        (
            "trailers of both",
            vec![
                post(),
                (Client, frame(DATA, NONE, 1, b"a")),
                (Client, frame(HEADERS, WHOLE | END, 1, &plain("x", "y"))),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(HEADERS, WHOLE | END, 1, &plain("grpc-status", "0"))),
            ],
            &[
                POST_TOLD,
                "> 1 Data a",
                "> 1 Trailers x=y",
                "> 1 Framed",
                "< 1 Head :status=200",
                "< 1 Trailers grpc-status=0",
                "< 1 Framed",
            ],
        ),
        (
            "a WebSocket by extended CONNECT",
            vec![
                (
                    Client,
                    frame(
                        HEADERS,
                        WHOLE,
                        1,
                        &[plain(":method", "CONNECT"), plain(":protocol", "websocket")].concat(),
                    ),
                ),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Client, frame(DATA, NONE, 1, b"\x81\x80")),
                (Server, frame(DATA, NONE, 1, b"\x81\x00")),
            ],
            &[
                "> 1 Head :method=CONNECT :protocol=websocket",
                "< 1 Head :status=200",
                "> 1 Data \\x81\\x80",
                "< 1 Data \\x81\\x00",
            ],
        ),
        (
            "a reply that comes before the request's end",
            vec![
                post(),
                (Server, frame(HEADERS, WHOLE | END, 1, OK)),
                (Client, frame(DATA, END, 1, b"a")),
            ],
            &[POST_TOLD, "< 1 Head :status=200", "< 1 Framed", "> 1 Data a", "> 1 Framed"],
        ),
    ]);
}

#[test]
fn field_blocks() {
    let path = plain(":path", "/a");
    let (begin, end) = path.split_at(4);
    check(&[
        (
            "CONTINUATION",
            vec![
                (Client, frame(HEADERS, END, 1, begin)),
                (Client, frame(CONTINUATION, NONE, 1, b"")),
                (Client, frame(CONTINUATION, WHOLE, 1, end)),
            ],
            &["> 1 Head :path=/a", "> 1 Framed"],
        ),
        (
            "padding and priority",
            vec![(
                Client,
                frame(
                    HEADERS,
                    WHOLE | END | PADDED | WITH_PRIORITY,
                    1,
                    &[&[3, 0, 0, 0, 0, 16][..], &path, b"\0\0\0"].concat(),
                ),
            )],
            &["> 1 Head :path=/a", "> 1 Framed"],
        ),
        (
            "padding of DATA",
            vec![
                post(),
                (Client, frame(DATA, PADDED, 1, b"\x02ab\0\0")),
                (Client, frame(DATA, PADDED, 1, b"\x00cd")),
                (Client, frame(DATA, PADDED, 1, b"\x01\0")),
                (Client, frame(DATA, PADDED | END, 1, b"\x00")),
            ],
            &[POST_TOLD, "> 1 Data abcd", "> 1 Framed"],
        ),
        (
            "the tables of the two directions are two",
            vec![
                (Client, frame(HEADERS, WHOLE | END, 1, &kept("a", "b"))),
                (Server, frame(HEADERS, WHOLE | END, 1, &kept("c", "d"))),
                (Client, frame(HEADERS, WHOLE | END, 3, b"\xbe")),
                (Server, frame(HEADERS, WHOLE | END, 3, b"\xbe")),
            ],
            &[
                "> 1 Head a=b",
                "> 1 Framed",
                "< 1 Head c=d",
                "< 1 Framed",
                "> 3 Head a=b",
                "> 3 Framed",
                "< 3 Head c=d",
                "< 3 Framed",
            ],
        ),
        (
            "blocks that are of no use are decoded all the same",
            vec![
                get(),
                (Client, frame(HEADERS, WHOLE, 1, &kept("a", "b"))),
                (Client, frame(HEADERS, WHOLE, 4, &kept("c", "d"))),
                (Client, frame(HEADERS, WHOLE | END, 3, b"\xbf\xbe")),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "> 1 Note Late",
                "> 4 Note NotItsStream",
                "> 3 Head a=b c=d",
                "> 3 Framed",
            ],
        ),
        (
            "a smaller table, before and after its acknowledgement",
            vec![
                (Client, frame(HEADERS, WHOLE | END, 1, &kept("a", "b"))),
                (Server, frame(SETTINGS, NONE, 0, b"\0\x01\0\0\0\0")),
                (Client, frame(HEADERS, WHOLE | END, 3, b"\xbe")),
                (Client, frame(SETTINGS, ACK, 0, b"")),
                (Client, frame(HEADERS, WHOLE | END, 5, &[b"\x20", &kept("c", "d")[..]].concat())),
                (Client, frame(HEADERS, WHOLE | END, 7, b"\xbe")),
            ],
            &[
                "> 1 Head a=b",
                "> 1 Framed",
                "> 3 Head a=b",
                "> 3 Framed",
                "> 5 Head c=d",
                "> 5 Framed",
                "> 7 Note BlockGarbled",
                "> 7 Head unreadable",
                "> 7 Framed",
            ],
        ),
        (
            "after a garbled block bodies and ends go on",
            vec![
                post(),
                (Client, frame(HEADERS, WHOLE, 3, b"\xbe")),
                (Client, frame(DATA, END, 1, b"a")),
                (Client, frame(DATA, NONE, 3, b"b")),
                (Client, frame(HEADERS, WHOLE | END, 3, b"\x82")),
                (Server, frame(HEADERS, WHOLE | END, 3, OK)),
            ],
            &[
                POST_TOLD,
                "> 3 Note BlockGarbled",
                "> 3 Head unreadable",
                "> 1 Data a",
                "> 1 Framed",
                "> 3 Data b",
                "> 3 Trailers unreadable",
                "> 3 Framed",
                "< 3 Head :status=200",
                "< 3 Framed",
            ],
        ),
        (
            "a push",
            vec![
                get(),
                (Server, frame(PUSH, NONE, 1, &[&[0, 0, 0, 2][..], &path].concat())),
                (Server, frame(CONTINUATION, WHOLE, 1, b"")),
                (Server, frame(HEADERS, WHOLE, 2, OK)),
                (Server, frame(DATA, END, 2, b"p")),
                (Server, frame(PUSH, WHOLE, 1, b"\0\0\0\x02\x82")),
                (Server, frame(PUSH, WHOLE | PADDED, 1, b"\x01\0\0\0\x03\x82\0")),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "< 2 Push on 1 :path=/a",
                "< 2 Head :status=200",
                "< 2 Data p",
                "< 2 Framed",
                "< 2 Note NotItsStream",
                "< 3 Note NotItsStream",
            ],
        ),
    ]);
}

#[test]
fn frames_that_say_nothing() {
    check(&[(
        "priorities, pings, windows, settings, and what is not known",
        vec![
            post(),
            (Client, frame(PRIORITY, NONE, 9, b"\0\0\0\0\x01")),
            (Client, frame(PING, NONE, 0, &[7; 8])),
            (Server, frame(PING, ACK, 0, &[7; 8])),
            (Server, frame(WINDOW, NONE, 0, &[1; 4])),
            (Server, frame(WINDOW, NONE, 1, &[1; 4])),
            (Server, frame(SETTINGS, ACK, 0, b"")),
            (Server, frame(SETTINGS, NONE, 0, &b"\0\x03\0\0\0\x64".repeat(2000))),
            (Server, frame(0x0a, 0xff, 0, b"alt-svc")),
            (Client, frame(0x10, NONE, 0, b"\0\0\0\x01u=1, i")),
            (Client, frame(0xfa, 0xff, 77, b"grease")),
            (Client, frame(DATA, END, 1, b"a")),
        ],
        &[POST_TOLD, "> 1 Data a", "> 1 Framed"],
    )]);
}
