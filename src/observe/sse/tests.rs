use proptest::prelude::*;

use super::fuzz::{self, Seen, read};
use super::*;

fn event(name: &str, data: &str) -> Seen {
    Seen { name: name.into(), data: data.into(), id: String::new(), ending: Ending::Whole, cut: 0 }
}

fn unterminated(name: &str, data: &str) -> Seen {
    Seen { ending: Ending::Unterminated, ..event(name, data) }
}

fn with_id(id: &str, seen: Seen) -> Seen {
    Seen { id: id.into(), ..seen }
}

fn check(table: &[(&str, &[u8], &[Seen])]) {
    for (rule, bytes, expected) in table {
        assert_eq!(read(Decoder::new(), [*bytes]), *expected, "{rule}");
        assert_eq!(read(Decoder::new(), bytes.chunks(1)), *expected, "{rule}, one byte at a time");
    }
}

#[test]
fn fields() {
    check(&[
        ("a data line and an empty line are an event", b"data: a\n\n", &[event("", "a")]),
        ("two data lines join with LF", b"data: a\ndata: b\n\n", &[event("", "a\nb")]),
        ("empty data lines count", b"data\ndata\n\ndata:\n\n", &[event("", "\n"), event("", "")]),
        ("no data, no event", b"event: x\n\ndata: a\n\n", &[event("", "a")]),
        ("the last event field wins", b"event: x\nevent: y\ndata: a\n\n", &[event("y", "a")]),
        (
            "a name holds for one event",
            b"event:x\ndata:a\n\ndata:b\n\n",
            &[event("x", "a"), event("", "b")],
        ),
        (
            "one space after the colon goes",
            b"data:  a \n\ndata:b\n\n",
            &[event("", " a "), event("", "b")],
        ),
        ("a tab stays", b"data:\ta\n\n", &[event("", "\ta")]),
        ("a second colon is text", b"data: a: b\n\n", &[event("", "a: b")]),
        (
            "comments are ignored, data in them too",
            b": OPENROUTER PROCESSING\n\n:data: a\ndata: b\n:\n\n",
            &[event("", "b")],
        ),
        (
            "names are compared to the letter",
            b"Data: a\n data: b\ndata : c\n\ndata: d\n\n",
            &[event("", "d")],
        ),
        (
            "bare JSON is an event up to the empty line",
            b"data: a\n\n{\n  \"error\": {\n\n{\"b\": 1}\ndata: c\n\ndata: d\n\n",
            &[
                event("", "a"),
                event("", "{\n  \"error\": {"),
                event("", "{\"b\": 1}\ndata: c"),
                event("", "d"),
            ],
        ),
        ("unknown fields are ignored", b"obfuscation: x\nfoo\ndata: a\n\n", &[event("", "a")]),
        ("many empty lines are one end", b"\n\ndata: a\n\n\n\n", &[event("", "a")]),
    ]);
}

#[test]
fn lines() {
    check(&[
        ("CR LF is one line end", b"event: x\r\ndata: a\r\n\r\n", &[event("x", "a")]),
        (
            "CR is a line end",
            b"data: a\rdata: b\r\rdata: c\r\r",
            &[event("", "a\nb"), event("", "c")],
        ),
        (
            "line ends may be mixed",
            b"data: a\rdata: b\n\r\ndata: c\r\n\n",
            &[event("", "a\nb"), event("", "c")],
        ),
        ("LF CR is two line ends", b"data: a\n\rdata: b\n\r", &[event("", "a"), event("", "b")]),
        (
            "U+2028, VT, FF and NEL are text",
            "data: a\u{2028}b\u{b}c\u{c}d\u{85}\n\n".as_bytes(),
            &[event("", "a\u{2028}b\u{b}c\u{c}d\u{85}")],
        ),
        ("a NUL is text", b"data: a\0b\n\n", &[event("", "a\0b")]),
        ("one BOM at the start goes", b"\xEF\xBB\xBFdata: a\n\n", &[event("", "a")]),
        (
            "only one, and only there",
            b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\xEF\xBB\xBFdata: b\n\ndata: c\n\n",
            &[event("", "c")],
        ),
        ("a BOM before an empty line", b"\xEF\xBB\xBF\ndata: a\n\n", &[event("", "a")]),
        (
            "text outside ASCII",
            "data: Grüße, 世界 🌍\n\n".as_bytes(),
            &[event("", "Grüße, 世界 🌍")],
        ),
        (
            "invalid UTF-8 becomes U+FFFD",
            b"data: a\xFFb\xF0\x9F\n\n",
            &[event("", "a\u{FFFD}b\u{FFFD}")],
        ),
        (
            "half a character does not eat the line end",
            b"data: \xE4\ndata: b\n\n",
            &[event("", "\u{FFFD}\nb")],
        ),
    ]);
}

#[test]
fn ids_and_retry() {
    check(&[
        (
            "an id holds until the next",
            b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
            &[with_id("1", event("", "a")), with_id("1", event("", "b")), event("", "c")],
        ),
        (
            "an id with NUL is ignored",
            b"id: 1\nid: 2\0\ndata: a\n\n",
            &[with_id("1", event("", "a"))],
        ),
        (
            "an id without data is kept for later",
            b"id: 7\n\ndata: a\n\n",
            &[with_id("7", event("", "a"))],
        ),
        ("retry is no event", b"retry: 10\n\n", &[]),
    ]);
    for (rule, bytes, expected) in [
        ("digits", &b"retry: 1500\n"[..], Some(1500)),
        ("a sign is not a digit", b"retry: +5\n", None),
        ("nothing is no number", b"retry\n", None),
        ("too large a number is ignored", b"retry: 99999999999999999999999\n", None),
        ("the last good one wins", b"retry: 1\nretry: 2\nretry: x\n", Some(2)),
    ] {
        let mut decoder = Decoder::new();
        decoder.feed(bytes, &mut |_| ());
        assert_eq!(decoder.retry(), expected.map(Duration::from_millis), "{rule}");
    }
}

#[test]
fn the_end_of_the_stream() {
    check(&[
        ("an event without its empty line is kept", b"data: a\n", &[unterminated("", "a")]),
        (
            "so is one without its line end",
            b"data: a\n\ndata: b",
            &[event("", "a"), unterminated("", "b")],
        ),
        ("so is one cut between CR and LF", b"data: a\r\n\r", &[event("", "a")]),
        ("a name alone is no event", b"event: x\n", &[]),
        ("a cut field name is an unknown field", b"data: a\n\ndat", &[event("", "a")]),
        ("nothing is nothing", b"", &[]),
    ]);
}

#[test]
fn an_event_comes_with_the_byte_that_ends_it() {
    for (rule, bytes) in [
        ("LF", &b"data: a\n\n"[..]),
        ("CR", b"data: a\r\r"),
        ("CR LF: the CR ends the line", b"data: a\r\n\r"),
    ] {
        let mut decoder = Decoder::new();
        let mut events = 0;
        let (last, before) = bytes.split_last().unwrap();
        decoder.feed(before, &mut |_| events += 1);
        assert_eq!(events, 0, "{rule}");
        decoder.feed(&[*last], &mut |_| events += 1);
        assert_eq!(events, 1, "{rule}");
    }
}

#[test]
fn limits() {
    for (rule, bytes, data, cut) in [
        ("a line at the limit is whole", &b"data: 3456\n\n"[..], "3456", 0),
        ("a longer one is cut and counted", b"data: 3456789\n\n", "3456", 3),
        (
            "so are many short lines",
            b"data: 345\ndata: 345\ndata: 67\ndata: 8\n\n",
            "345\n345\n67",
            2,
        ),
        ("a long comment costs nothing", b": 34567890\ndata: 3\n\n", "3", 0),
    ] {
        let expected = [Seen { cut, ..event("", data) }];
        assert_eq!(read(Decoder::limited(10), [bytes]), expected, "{rule}");
        assert_eq!(
            read(Decoder::limited(10), bytes.chunks(1)),
            expected,
            "{rule}, one byte at a time"
        );
    }
}

#[test]
fn an_endless_line_costs_no_memory() {
    let mut decoder = Decoder::limited(1 << 10);
    decoder.feed(b"data: ", &mut |_| ());
    for _ in 0..1000 {
        decoder.feed(&[b'x'; 1 << 10], &mut |_| ());
    }
    assert!(decoder.line.capacity() <= 2 << 10);
    let mut cut = 0;
    decoder.feed(b"\n\n", &mut |dispatch| cut = dispatch.cut);
    assert_eq!(cut, (1000 << 10) + 6 - (1 << 10));
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x01\x05data: a\r\n\r\nevent: x\ndata: b\ndata: c\n\nid: 1\nretry: 5\ndata"[..],
        b"\x03\x00\xEF\xBB\xBFdata: \xF0\x9F\x8C\x8D\r\r",
        b"",
    ] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_events_are_the_same(
        words in prop::collection::vec(prop::sample::select(vec![
            "data", "event", "id", "retry", ":", " ", "\n", "\r", "\r\n", "\n\n", "\u{feff}",
            "a", "{\"x\":1}", "12", "\0", "ü", "🌍", "\u{2028}",
        ]), 0..40),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        piece in 1..9_u8,
        limit in 1..40_u8,
    ) {
        let mut data = vec![piece, limit];
        data.extend(words.concat().bytes());
        if let Some((at, byte)) = damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        fuzz::run(&data);
    }
}
