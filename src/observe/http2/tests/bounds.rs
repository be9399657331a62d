//! What is kept does not grow with what comes.

use super::Peer::{Client, Server};
use super::build::*;
use super::*;

#[test]
fn streams_that_are_over_are_forgotten() {
    let mut connection = Connection::new();
    events(&mut connection, &hello(), usize::MAX);
    let mut ends = 0;
    for stream in (1..200_000).step_by(2) {
        let request = frame(HEADERS, WHOLE | END, stream, GET);
        let reply = [frame(HEADERS, WHOLE, stream, OK), frame(DATA, END, stream, b"hi")].concat();
        for (from, bytes) in [(Client, request), (Server, reply)] {
            connection.feed(from, &bytes, &mut |event| {
                ends += usize::from(matches!(event, Event::End { how: Ending::Framed, .. }));
            });
        }
        assert!(connection.open_streams() == 0);
    }
    assert_eq!(ends, 200_000);
    assert!(connection.snapshot().unwrap().to_bytes().len() < 100);
}

#[test]
fn open_streams_are_bounded() {
    let mut connection = Connection::new();
    events(&mut connection, &hello(), usize::MAX);
    let first_too_many = 2 * OPEN_STREAMS_MAX as u32 + 1;
    for stream in (1..first_too_many).step_by(2) {
        connection.feed(Client, &frame(HEADERS, WHOLE | END, stream, GET), &mut |event| {
            assert!(!matches!(event, Event::Note { .. }));
        });
    }
    let more = vec![
        (Client, frame(HEADERS, WHOLE, first_too_many, &kept("a", "b"))),
        (Client, frame(DATA, END, first_too_many, b"a")),
        (Server, frame(RESET, NONE, 1, &[0; 4])),
        (Client, frame(HEADERS, WHOLE | END, first_too_many + 2, b"\xbe")),
    ];
    let told = events(&mut connection, &more, usize::MAX);
    assert_eq!(
        told,
        [
            format!("> {first_too_many} Note TooManyStreams"),
            format!("> {first_too_many} Note Late"),
            "< 1 Reset NO_ERROR".to_owned(),
            "< 1 Cut".to_owned(),
            format!("> {} Head a=b", first_too_many + 2),
            format!("> {} Framed", first_too_many + 2),
        ]
    );
}

#[test]
fn field_blocks_are_bounded() {
    // A field of 16 KiB a frame.
    let mut field = b"\x00\x01a\x7f\xfb\x7e".to_vec();
    field.resize(1 << 14, b'v');
    let block = |frames: usize| {
        let mut bytes = frame(HEADERS, END, 1, &field);
        for _ in 2..frames {
            bytes.extend(frame(CONTINUATION, NONE, 1, &field));
        }
        bytes.extend(frame(CONTINUATION, WHOLE, 1, &field));
        vec![(Client, bytes), (Client, frame(HEADERS, WHOLE | END, 3, GET))]
    };
    let most = BLOCK_BYTES_MAX >> 14;
    for (rule, frames, expected) in [
        ("at the limit", most, vec!["> 1 Head", "> 1 Framed", "> 3 Head", "> 3 Framed"]),
        (
            "beyond it",
            most + 1,
            vec![
                "> 1 Note BlockTooLong",
                "> 1 Head unreadable",
                "> 1 Framed",
                "> 3 Head unreadable",
                "> 3 Framed",
            ],
        ),
    ] {
        for piece in [usize::MAX, 1000] {
            let turns = [hello(), block(frames)].concat();
            let told = events(&mut Connection::new(), &turns, piece);
            let is_readable = |line: &str| line.contains(" Head ") && !line.contains("unreadable");
            let told: Vec<&str> =
                told.iter().map(|line| if is_readable(line) { &line[..8] } else { line }).collect();
            assert_eq!(told, expected, "{rule}");
        }
    }
}

#[test]
fn a_block_that_grows_is_given_up() {
    let value = "v".repeat(120);
    let bomb = [kept("n", &value), vec![0xbe; 1 << 15]].concat();
    let turns = [
        hello(),
        vec![
            (Client, frame(HEADERS, NONE, 1, &bomb[..1 << 14])),
            (Client, frame(CONTINUATION, WHOLE, 1, &bomb[1 << 14..])),
        ],
    ]
    .concat();
    let told = events(&mut Connection::new(), &turns, usize::MAX);
    assert_eq!(told[1..], ["> 1 Note BlockTooLong", "> 1 Head unreadable"]);
}

#[test]
fn a_body_is_handed_on_as_it_comes_and_not_copied() {
    let mut connection = Connection::new();
    let turns = [
        hello(),
        vec![
            (Server, frame(SETTINGS, NONE, 0, b"\0\x05\0\xff\xff\xff")),
            (Client, frame(HEADERS, WHOLE, 1, POST)),
            (Client, b"\xff\xff\xff\0\x01\0\0\0\x01".to_vec()),
        ],
    ]
    .concat();
    assert_eq!(events(&mut connection, &turns, usize::MAX).len(), 1);
    let bytes = vec![b'a'; 1 << 16];
    let mut left = (1 << 24) - 1;
    while left > 0 {
        let bytes = &bytes[..bytes.len().min(left)];
        let mut told = Vec::new();
        connection.feed(Client, bytes, &mut |event| {
            if let Event::Data { bytes: data, .. } = event {
                told.push((data.as_ptr(), data.len()));
            }
        });
        assert_eq!(told, [(bytes.as_ptr(), bytes.len())]);
        left -= bytes.len();
    }
    assert!(connection.is_at_boundary());
}

#[test]
fn the_words_of_a_goaway_are_bounded() {
    let words = vec![b'w'; 3 * DEBUG_BYTES_MAX];
    let turns = [hello(), vec![(Server, frame(GO_AWAY, NONE, 0, &[&[0; 8][..], &words].concat()))]]
        .concat();
    let told = events(&mut Connection::new(), &turns, 1000);
    assert_eq!(told, [format!("< GoAway 0 NO_ERROR {}", "w".repeat(DEBUG_BYTES_MAX))]);
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    let turn = |mark: u8, bytes: &[u8]| [&[mark | bytes.len() as u8], bytes].concat();
    let request = turn(0, &frame(HEADERS, WHOLE | END, 1, &kept("a", "b")));
    let reply = turn(0x80, &frame(HEADERS, WHOLE, 1, OK));
    let body = turn(0x80, &frame(DATA, PADDED | END, 1, b"\x01abc\0"));
    let reset = turn(0x80, &frame(RESET, NONE, 1, &[0; 4]));
    let push = turn(0x80, &frame(PUSH, WHOLE, 1, &[0, 0, 0, 2, 0x82]));
    for seed in [
        [&[0, 1][..], &request, &reply, &body].concat(),
        [&[0, 3][..], &request, &push, &reply, &reset].concat(),
        [&[1, 3][..], &reply, &body].concat(),
        [&[2, 2][..], b"\x18PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &request].concat(),
        b"\0".to_vec(),
        b"\x02\x01\x7fGET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        fuzz::run(&seed);
    }
}
