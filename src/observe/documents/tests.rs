use proptest::prelude::*;
use serde_json::Value;

use super::fuzz::{self, Seen, read};
use super::*;

fn whole(text: &str) -> Seen {
    Seen { text: text.into(), ending: Ending::Whole, cut: 0 }
}

fn broken(text: &str) -> Seen {
    Seen { ending: Ending::Unterminated, ..whole(text) }
}

fn check(make: fn() -> Decoder, table: &[(&str, &[u8], &[Seen])]) {
    for (rule, bytes, expected) in table {
        assert_eq!(read(make(), [*bytes]), *expected, "{rule}");
        assert_eq!(read(make(), bytes.chunks(1)), *expected, "{rule}, one byte at a time");
    }
}

#[test]
fn lines() {
    let ab = [whole("{\"a\":1}"), whole("{\"b\":2}")];
    check(
        Decoder::lines,
        &[
            ("nothing", b"", &[]),
            ("a line each", b"{\"a\":1}\n{\"b\":2}\n", &ab),
            ("CR LF", b"{\"a\":1}\r\n{\"b\":2}\r\n", &ab),
            ("CR", b"{\"a\":1}\r{\"b\":2}\r", &ab),
            ("empty lines", b"\n\r\n{\"a\":1}\n\n \n{\"b\":2}\n\n", &ab),
            ("the last line end is missing", b"{\"a\":1}\n{\"b\":2}", &ab),
            ("a byte order mark", b"\xef\xbb\xbf{\"a\":1}\n{\"b\":2}\n", &ab),
            ("a sequence of RFC 7464", b"\x1e{\"a\":1}\n\x1e{\"b\":2}\n", &ab),
            ("several on a line", b"{\"a\":1}{\"b\":2}\n", &ab),
            ("and a space between", b"  {\"a\":1} {\"b\":2}  \n", &ab),
            ("and commas after them", b"{\"a\":1},\n{\"b\":2},\n", &ab),
            (
                "one over several lines",
                b"{\n  \"a\": [\n    {\n      \"b\": \"}\"\n    },\n    {}\n  ]\n}\n{\"b\":2}\n",
                &[
                    whole("{\n  \"a\": [\n    {\n      \"b\": \"}\"\n    },\n    {}\n  ]\n}"),
                    whole("{\"b\":2}"),
                ],
            ),
            (
                "without indentation",
                b"[\n{\n\"a\":\n{\n}\n}\n,\n{\n}\n]\n",
                &[whole("[\n{\n\"a\":\n{\n}\n}\n,\n{\n}\n]")],
            ),
            (
                "strings are not looked into",
                br#"{"a":"}{][\"\\"}{"b":"\\\\"}"#,
                &[whole(r#"{"a":"}{][\"\\"}"#), whole(r#"{"b":"\\\\"}"#)],
            ),
            (
                "arrays and strings",
                b"[1,[2]]\n\"a b\"\n[]",
                &[whole("[1,[2]]"), whole("\"a b\""), whole("[]")],
            ),
            (
                "numbers and words",
                b"1\n-2.5e3 \ntrue\r\nnull",
                &[whole("1"), whole("-2.5e3"), whole("true"), broken("null")],
            ),
            (
                "what is no JSON is a line",
                b"upstream error: {1}\n{\"b\":2}\n<html>\n",
                &[whole("upstream error: {1}"), whole("{\"b\":2}"), whole("<html>")],
            ),
            (
                "invalid UTF-8 becomes U+FFFD",
                b"{\"a\":\"\xff\"}\n",
                &[whole("{\"a\":\"\u{fffd}\"}")],
            ),
            (
                "characters of many bytes",
                "{\"ü\":\"🌍\u{2028}\"}\n".as_bytes(),
                &[whole("{\"ü\":\"🌍\u{2028}\"}")],
            ),
            ("half a byte order mark", b"\xef\xbbx\n", &[whole("\u{fffd}x")]),
            ("less of one", b"\xef", &[broken("\u{fffd}")]),
        ],
    );
}

#[test]
fn documents_that_are_broken_off() {
    let b = || whole("{\"b\":2}");
    check(
        Decoder::lines,
        &[
            ("by the end", b"{\"b\":2}\n{\"a\":[1,", &[b(), broken("{\"a\":[1,")]),
            ("in a string", b"{\"a\":\"x\n{\"b\":2}\n", &[broken("{\"a\":\"x"), b()]),
            ("after a backslash", b"{\"a\":\"\\\n{\"b\":2}\n", &[broken("{\"a\":\"\\"), b()]),
            ("after a bracket", b"{\"a\":{\n{\"b\":2}\n", &[broken("{\"a\":{"), b()]),
            ("after an object", b"{\"a\":{}\r\n \n{\"b\":2}\n", &[broken("{\"a\":{}"), b()]),
            (
                "by a sequence's next",
                b"\x1e{\"a\":[1,\x1e{\"b\":2}\n",
                &[broken("{\"a\":[1,"), b()],
            ),
            ("after a string", b"{\"a\"\n{\"b\":2}\n", &[broken("{\"a\""), b()]),
            (
                "after a comma the next one is taken for a part of it",
                b"{\"a\":[{},\n{\"b\":2}\n{\"b\":2}\n",
                &[broken("{\"a\":[{},\n{\"b\":2}"), b()],
            ),
            ("brackets that close nothing", b"}]\n{\"b\":2}\n", &[whole("}]"), b()]),
        ],
    );
}

#[test]
fn elements() {
    let ab = [whole("{\"a\":1}"), whole("{\"b\":[2]}")];
    check(
        Decoder::array,
        &[
            ("nothing", b"", &[]),
            ("an empty array", b" [ ] ", &[]),
            ("elements", b"[{\"a\":1},{\"b\":[2]}]", &ab),
            ("as Google sends them", b"[{\"a\":1}\n,\r\n{\"b\":[2]}\n]\n", &ab),
            ("a byte order mark", b"\xef\xbb\xbf[{\"a\":1},{\"b\":[2]}]", &ab),
            ("an array without end", b"[{\"a\":1},{\"b\":[2]}", &ab),
            ("and a comma", b"[{\"a\":1},{\"b\":[2]},", &ab),
            (
                "an error",
                b"[{\n  \"error\": {\n    \"code\": 429\n  }\n}\n]\n",
                &[whole("{\n  \"error\": {\n    \"code\": 429\n  }\n}")],
            ),
            (
                "an error in place of the array",
                b"{\n  \"error\": {\n    \"code\": 429\n  }\n}\n",
                &[whole("{\n  \"error\": {\n    \"code\": 429\n  }\n}")],
            ),
            ("no commas", b"[{\"a\":1}{\"b\":[2]}]", &ab),
            ("no array", b"{\"a\":1}\n{\"b\":[2]}", &ab),
            ("one array after the other", b"[{\"a\":1}]\n[{\"b\":[2]}]", &ab),
            ("an object after it", b"[{\"a\":1}]{\"b\":[2]}", &ab),
            (
                "an element over several lines",
                b"[{\n  \"a\": [\n    {\n    }\n  ]\n}\n,\n{\n}]",
                &[whole("{\n  \"a\": [\n    {\n    }\n  ]\n}"), whole("{\n}")],
            ),
            (
                "elements of other types",
                b"[1, \"a,]\\\"\" ,[2,[3]],null,true ]",
                &[whole("1"), whole("\"a,]\\\"\""), whole("[2,[3]]"), whole("null"), whole("true")],
            ),
            (
                "an element that is cut",
                b"[{\"a\":1},{\"b\":\"x",
                &[whole("{\"a\":1}"), broken("{\"b\":\"x")],
            ),
            ("a word that is cut", b"[tru", &[broken("tru")]),
            (
                "words after it",
                b"[{\"a\":1}]\nerror: it broke\n",
                &[whole("{\"a\":1}"), whole("error: it broke")],
            ),
            ("words in its place", b"error: it broke\n", &[whole("error: it broke")]),
            (
                "a bracket that closes nothing",
                b"[}}, {\"a\":1}]",
                &[whole("}}"), whole("{\"a\":1}")],
            ),
        ],
    );
}

#[test]
fn a_document_comes_with_its_last_byte() {
    for (rule, make, bytes) in [
        ("a line", Decoder::lines as fn() -> Decoder, &b"{\"a\":1}"[..]),
        ("a string", Decoder::lines, b"\"a\""),
        ("a word needs its line end", Decoder::lines, b"12\n"),
        ("an element", Decoder::array, b"[{\"a\":1}"),
        ("a word needs what follows", Decoder::array, b"[12,"),
    ] {
        let mut decoder = make();
        let mut documents = 0;
        let (last, before) = bytes.split_last().unwrap();
        decoder.feed(before, &mut |_| documents += 1);
        assert_eq!(documents, 0, "{rule}");
        decoder.feed(&[*last], &mut |_| documents += 1);
        assert_eq!(documents, 1, "{rule}");
    }
}

#[test]
fn a_document_within_the_input_is_not_copied() {
    for (make, bytes) in
        [(Decoder::lines as fn() -> Decoder, &b"{\"a\":1}\n"[..]), (Decoder::array, b"[{\"a\":1}]")]
    {
        let mut is_within = false;
        make().feed(bytes, &mut |document| {
            is_within = bytes.as_ptr_range().contains(&document.text.as_ptr());
        });
        assert!(is_within);
    }
}

#[test]
fn limits() {
    for (rule, bytes, text, cut) in [
        ("a document at the limit is whole", &b"[\"345678\"]\n"[..], "[\"345678\"]", 0),
        ("a longer one is cut and counted", b"[\"34567890\"]\n", "[\"34567890", 2),
        ("so is a word", b"1234567890123\n", "1234567890", 3),
    ] {
        let expected = [Seen { cut, ..whole(text) }];
        let make = || Decoder::lines().limited(10);
        assert_eq!(read(make(), [bytes]), expected, "{rule}");
        assert_eq!(read(make(), bytes.chunks(1)), expected, "{rule}, one byte at a time");
    }
}

#[test]
fn an_endless_document_costs_no_memory() {
    let mut decoder = Decoder::array().limited(1 << 10);
    decoder.feed(b"[\"", &mut |_| ());
    for _ in 0..1000 {
        decoder.feed(&[b'['; 1 << 10], &mut |_| ());
    }
    assert!(decoder.held.capacity() <= 2 << 10);
    let mut cut = 0;
    decoder.feed(b"\"]", &mut |document| cut = document.cut);
    assert_eq!(cut, (1000 << 10) + 2 - (1 << 10));
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x01\x05\xef\xbb\xbf{\"a\":\"\\\"\"}\r\n{\n\"b\":[1]}{\"c\"\n{}\n\x1e1"[..],
        b"\x02\x00[{\"a\":1}\n,\n{\"b\":[\"]\"]},12,null]x",
        b"",
    ] {
        fuzz::run(seed);
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
        "[\\[\\]{}\",:\\\\\n\r\u{1e} ]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((".{0,6}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// How a document is written.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Compact,
    Pretty,
}

fn layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(vec![Layout::Compact, Layout::Pretty])
}

fn write(value: &Value, layout: Layout) -> String {
    let written = match layout {
        Layout::Compact => serde_json::to_string(value),
        Layout::Pretty => serde_json::to_string_pretty(value),
    };
    written.unwrap()
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        documents in prop::collection::vec((json(), layout()), 0..8),
        separator in prop::sample::select(vec!["\n", "\r\n", "\n\n", "\n\u{1e}", " \n,"]),
        pieces in prop::collection::vec(1..60_usize, 1..20),
    ) {
        let texts: Vec<String> =
            documents.iter().map(|(value, layout)| write(value, *layout)).collect();
        let expected: Vec<Seen> = texts.iter().map(|text| whole(text)).collect();
        let lines = format!("{}\n", texts.join(separator));
        let array = format!("[{}]", texts.join(" ,\r\n"));
        for (decoder, stream) in [(Decoder::lines(), &lines), (Decoder::array(), &array)] {
            let mut rest = stream.as_bytes();
            let cut = pieces.iter().cycle().map_while(|piece| {
                let (piece, after) = rest.split_at((*piece).min(rest.len()));
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(read(decoder, cut), expected.clone());
        }
    }

    #[test]
    fn cut_anywhere_the_documents_are_the_same(
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"", "\\", ",", ":", "\n", "\r\n", " ", "\u{1e}", "\u{feff}",
            "a", "12", "ü", "🌍", "{\"a\":1}", "{\n", "\n}",
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
