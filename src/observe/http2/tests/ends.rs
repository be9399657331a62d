//! How streams and connections begin and end, in tables.

use super::Peer::{Client, Server};
use super::build::*;
use super::*;

#[test]
fn beginnings() {
    let settings = frame(SETTINGS, NONE, 0, b"");
    for (rule, turns, expected) in [
        (
            "no preface",
            vec![(Client, b"GET / HTTP/1.1\r\n\r\n".to_vec())],
            &["> Desynchronised NotHttp2", "> Opaque GET / HTTP/1.1\\r\\n\\r\\n"][..],
        ),
        (
            "another preface",
            vec![(Client, b"PRI * HTTP/3.0\r\n\r\n".to_vec())],
            &["> Desynchronised NotHttp2", "> Opaque PRI * HTTP/3.0\\r\\n\\r\\n"],
        ),
        (
            "an answer in HTTP/1",
            vec![
                (Client, [PREFACE, &settings, &get().1].concat()),
                (Server, b"HTTP/1.1 400 No\r\n\r\n".to_vec()),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "< Desynchronised NotHttp2",
                "< 1 Cut",
                "< Opaque HTTP/1.1 400 No\\r\\n\\r\\n",
            ],
        ),
        (
            "another frame before SETTINGS",
            vec![(Client, [PREFACE, &frame(PING, NONE, 0, b"")].concat())],
            &[
                "> Desynchronised NotHttp2",
                "> Opaque \\x00\\x00\\x00\\x06\\x00\\x00\\x00\\x00\\x00",
            ],
        ),
    ] {
        for piece in [usize::MAX, 1] {
            assert_eq!(events(&mut Connection::new(), &turns, piece), expected, "{rule}, {piece}");
        }
    }
}

#[test]
fn the_request_of_an_upgrade_is_stream_1() {
    let turns = [
        hello(),
        vec![
            (Server, frame(HEADERS, WHOLE, 1, OK)),
            (Client, frame(HEADERS, WHOLE | END, 3, GET)),
            (Server, frame(DATA, END, 1, b"a")),
            (Client, frame(DATA, END, 1, b"b")),
        ],
    ]
    .concat();
    for piece in [usize::MAX, 1] {
        assert_eq!(
            events(&mut Connection::upgraded(), &turns, piece),
            [
                "< 1 Head :status=200",
                "> 3 Head :method=GET :path=/ :scheme=https",
                "> 3 Framed",
                "< 1 Data a",
                "< 1 Framed",
                "> 1 Note Late",
            ]
        );
    }
}

#[test]
fn endings() {
    let two = || vec![post(), (Client, frame(HEADERS, WHOLE, 3, POST))];
    let post_3 = "> 3 Head :method=POST :path=/ :scheme=https";
    check(&[
        (
            "a server resets what it need not read",
            vec![
                post(),
                (Server, frame(HEADERS, WHOLE | END, 1, OK)),
                (Server, frame(RESET, NONE, 1, &[0; 4])),
                (Client, frame(DATA, NONE, 1, b"late")),
                (Client, frame(DATA, END, 1, b"late")),
            ],
            &[
                POST_TOLD,
                "< 1 Head :status=200",
                "< 1 Framed",
                "< 1 Reset NO_ERROR",
                "> 1 Cut",
                "> 1 Note Late",
            ],
        ),
        (
            "an app cancels",
            vec![
                get(),
                (Server, frame(HEADERS, WHOLE, 1, OK)),
                (Server, frame(DATA, NONE, 1, b"a")),
                (Client, frame(RESET, NONE, 1, &[0, 0, 0, 8])),
                (Server, frame(DATA, NONE, 1, b"b")),
                (Server, frame(RESET, NONE, 1, &[0, 0, 0, 8])),
            ],
            &[
                GET_TOLD,
                "> 1 Framed",
                "< 1 Head :status=200",
                "< 1 Data a",
                "> 1 Reset CANCEL",
                "< 1 Cut",
                "< 1 Note Late",
            ],
        ),
        (
            "a reset before the reply",
            vec![post(), (Server, frame(RESET, NONE, 1, &[0, 0, 0, 7]))],
            &[POST_TOLD, "< 1 Reset REFUSED_STREAM", "> 1 Cut", "< 1 Cut"],
        ),
        (
            "a client goes after its request",
            vec![
                get(),
                (Client, frame(GO_AWAY, NONE, 0, &[0; 8])),
                (Server, frame(HEADERS, WHOLE | END, 1, OK)),
            ],
            &[GET_TOLD, "> 1 Framed", "> GoAway 0 NO_ERROR ", "< 1 Head :status=200", "< 1 Framed"],
        ),
        (
            "a server refuses the later streams",
            [
                two(),
                vec![
                    (Server, frame(GO_AWAY, NONE, 0, b"\0\0\0\x01\0\0\0\x0btoo many")),
                    (Server, frame(HEADERS, WHOLE | END, 1, OK)),
                ],
            ]
            .concat(),
            &[
                POST_TOLD,
                post_3,
                "< GoAway 1 ENHANCE_YOUR_CALM too many",
                "> 3 Cut",
                "< 3 Cut",
                "< 1 Head :status=200",
                "< 1 Framed",
            ],
        ),
        (
            "a server goes in good time",
            [two(), vec![(Server, frame(GO_AWAY, NONE, 0, b"\x7f\xff\xff\xff\0\0\0\0"))]].concat(),
            &[POST_TOLD, post_3, "< GoAway 2147483647 NO_ERROR "],
        ),
        (
            "two ends",
            vec![post(), (Client, frame(DATA, END, 1, b"a")), (Client, frame(DATA, END, 1, b"b"))],
            &[POST_TOLD, "> 1 Data a", "> 1 Framed", "> 1 Note Late"],
        ),
    ]);
}

#[test]
fn odd_streams() {
    check(&[
        (
            "a body before its head",
            vec![
                (Client, frame(DATA, END, 1, b"a")),
                get(),
                (Server, frame(DATA, END, 1, b"b")),
                (Server, frame(HEADERS, WHOLE | END, 1, OK)),
            ],
            &[
                "> 1 Note Early",
                GET_TOLD,
                "> 1 Framed",
                "< 1 Note Early",
                "< 1 Head :status=200",
                "< 1 Framed",
            ],
        ),
        (
            "a reply that nobody asked for, until somebody does",
            vec![(Server, frame(HEADERS, WHOLE | END, 1, OK)), get()],
            &["< 1 Note Unasked", "< 1 Head :status=200", "< 1 Framed", GET_TOLD, "> 1 Framed"],
        ),
        (
            "a push that nobody promised",
            vec![(Server, frame(HEADERS, WHOLE | END, 2, OK))],
            &["< 2 Note Unasked", "< 2 Head :status=200", "< 2 Framed"],
        ),
        (
            "a stream below the highest was closed when that was begun",
            vec![(Client, frame(HEADERS, WHOLE | END, 3, GET)), get()],
            &["> 3 Head :method=GET :path=/ :scheme=https", "> 3 Framed", "> 1 Note Late"],
        ),
        (
            "trailers that end nothing",
            vec![
                post(),
                (Client, frame(HEADERS, WHOLE, 1, &plain("a", "b"))),
                (Client, frame(DATA, END, 1, b"c")),
            ],
            &[
                POST_TOLD,
                "> 1 Trailers a=b",
                "> 1 Note TrailersWithoutEnd",
                "> 1 Data c",
                "> 1 Framed",
            ],
        ),
    ]);
}

#[test]
fn a_connection_that_ends() {
    let opened =
        [hello(), vec![post(), get_3(), (Server, frame(HEADERS, WHOLE | END, 1, OK))]].concat();
    for (rule, more, expected) in [
        ("between frames", vec![], &["> 1 Cut", "< 3 Cut"][..]),
        (
            "in a frame's head",
            vec![(Server, vec![0, 0])],
            &["> 1 Cut", "< Note FrameCut", "< 3 Cut"],
        ),
        (
            "in a frame",
            vec![(Client, frame(DATA, NONE, 1, b"ab")[..10].to_vec())],
            &["> Note FrameCut", "> 1 Cut", "< 3 Cut"],
        ),
        (
            "in a field block",
            vec![(Server, frame(HEADERS, END, 3, OK))],
            &["> 1 Cut", "< Note FrameCut", "< 3 Cut"],
        ),
    ] {
        let mut connection = Connection::new();
        events(&mut connection, &[opened.clone(), more].concat(), usize::MAX);
        let mut told = Vec::new();
        for from in [Client, Server, Client, Server] {
            connection.close(from, &mut |event| told.push(brief(&event)));
        }
        assert_eq!(told, expected, "{rule}");
        let after = events(&mut connection, &vec![(Client, b"more".to_vec())], usize::MAX);
        assert_eq!(after, ["> Opaque more"], "{rule}");
    }
    let mut told = Vec::new();
    let mut connection = Connection::new();
    connection.feed(Client, b"PRI", &mut |_| ());
    connection.close(Client, &mut |event| told.push(brief(&event)));
    assert_eq!(told, ["> Note FrameCut"], "in the preface");
    let mut connection = Connection::new();
    connection.close(Client, &mut |event| panic!("{event:?}"));
    connection.close(Server, &mut |event| panic!("{event:?}"));
}

fn get_3() -> (Peer, Vec<u8>) {
    (Client, frame(HEADERS, WHOLE | END, 3, GET))
}
