use proptest::prelude::*;

use super::*;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn number(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn seen(message: &[u8]) -> Vec<String> {
    let line = |(path, leaf): (Path, Leaf<'_>)| match leaf {
        Leaf::Varint(number) => format!("{path} {number}"),
        Leaf::Fixed64(number) => format!("{path} 64:{number}"),
        Leaf::Fixed32(number) => format!("{path} 32:{number}"),
        Leaf::Text(text) => format!("{path} {text:?}"),
        Leaf::Bytes(bytes) => format!("{path} {} bytes", bytes.len()),
    };
    walk(message).map(line).collect()
}

#[test]
fn trees() {
    for (rule, message, expected) in [
        ("nothing", vec![], &[][..]),
        ("a number", number(1, 300), &["1 300"]),
        ("the largest", number(1, u64::MAX), &["1 18446744073709551615"]),
        ("a text", bytes(2, b"hello"), &["2 \"hello\""]),
        ("an empty one", bytes(2, b""), &["2 \"\""]),
        ("fixed widths", b"\x09\x01\0\0\0\0\0\0\0\x15\x02\0\0\0".to_vec(), &["1 64:1", "2 32:2"]),
        (
            "a message",
            bytes(1, &[number(1, 2), bytes(3, b"hello")].concat()),
            &["1.1 2", "1.3 \"hello\""],
        ),
        (
            "repeated messages",
            [bytes(1, &bytes(2, b"a")), bytes(1, &bytes(2, b"b"))].concat(),
            &["1.2 \"a\"", "1.2 \"b\""],
        ),
        ("bytes", bytes(1, b"\xff\xfe\xfd"), &["1 3 bytes"]),
        ("a large number", bytes((1 << 29) - 1, b"hello"), &["536870911 \"hello\""]),
        ("up to a cut", [number(1, 2), bytes(3, b"hello")[..4].to_vec()].concat(), &["1 2"]),
        ("up to a group", [number(1, 2), vec![0x0b, 0x0c]].concat(), &["1 2"]),
        ("up to the number 0", [number(1, 2), number(0, 2), number(1, 3)].concat(), &["1 2"]),
        ("up to a number beyond any", [number(1, 2), number(1 << 29, 2)].concat(), &["1 2"]),
        ("up to a varint without end", [number(1, 2), vec![0x80; 12]].concat(), &["1 2"]),
        (
            "up to a length beyond any",
            [number(1, 2), vec![0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
            &["1 2"],
        ),
    ] {
        assert_eq!(seen(&message), expected, "{rule}");
    }
}

#[test]
fn texts_and_messages() {
    let words = "Name a fruit, in one word, and say why you like it.";
    let two = [bytes(1, words.as_bytes()), bytes(4, words.as_bytes())].concat();
    for (rule, content, is_message) in [
        ("a short word", b"hi".to_vec(), false),
        ("digits", b"8080".to_vec(), false),
        ("a message that reads as text", bytes(1, words.as_bytes()), true),
        ("twice nested", bytes(1, &bytes(1, words.as_bytes())), true),
        ("several fields", two, true),
        ("a message of another number", bytes(5, words.as_bytes()), true),
        ("a text that begins with a line end", format!("\n{words}").into_bytes(), false),
        ("two line ends", format!("\n\n{words}").into_bytes(), false),
        ("JSON", format!("{{\"text\": {words:?}}}").into_bytes(), false),
        (
            "a word that could be a key and a length",
            format!("Bo{}", "y".repeat(111)).into_bytes(),
            false,
        ),
        ("an item that could be one", format!("* {}", "y".repeat(32)).into_bytes(), false),
        ("a number that reads as text", number(5, 65), false),
        (
            "a message of a text and a role",
            [bytes(1, words.as_bytes()), number(2, 1)].concat(),
            true,
        ),
        ("a short text in a message", bytes(1, b"Kiwi"), true),
        ("what a terminal shows", b"\x1b[1mbold and plain words\x1b[0m".to_vec(), false),
        ("outside ASCII", "Grüße aus 世界 🌍".as_bytes().to_vec(), false),
    ] {
        let guessed = guess(&content);
        let expected = match is_message {
            true => Guess::Message,
            false => Guess::Text(std::str::from_utf8(&content).unwrap()),
        };
        assert_eq!(guessed, expected, "{rule}");
    }
    assert_eq!(guess(b"\xff\xd8\xff\xe0"), Guess::Bytes, "a picture");
    assert_eq!(guess(b"\0\0\0\x01"), Guess::Bytes, "numbers");
}

#[test]
fn texts_of_a_length() {
    let message = [bytes(1, b"abc"), bytes(2, &bytes(3, b"abcd")), bytes(1, b"abcde")].concat();
    let found: Vec<_> = strings(&message, 4).map(|(path, text)| (path.to_string(), text)).collect();
    assert_eq!(found, [("2.3".to_owned(), "abcd"), ("1".to_owned(), "abcde")]);
}

#[test]
fn fields_by_their_numbers() {
    let one = [bytes(1, b"hi"), number(2, 1)].concat();
    let two = [bytes(1, b"\xff"), number(2, 7)].concat();
    let message = [bytes(1, &one), number(3, 5), bytes(1, &two)].concat();
    let values: Vec<_> = all(&message, &[1, 2]).collect();
    assert_eq!(values, [Value::Varint(1), Value::Varint(7)]);
    assert_eq!(field(&message, &[1, 2]), Some(Value::Varint(7)), "the last counts");
    assert_eq!(all(&message, &[1, 1]).next().and_then(Value::text), Some("hi"), "not guessed");
    assert_eq!(text(&message, &[1, 1]), None, "not UTF-8");
    assert_eq!(field(&message, &[3]).and_then(Value::number), Some(5));
    for (rule, path) in [
        ("no such field", &[4][..]),
        ("none within", &[1, 3]),
        ("a number has no fields", &[3, 1]),
        ("no path", &[]),
    ] {
        assert_eq!(field(&message, path), None, "{rule}");
    }
}

#[test]
fn nesting_is_bounded() {
    let mut message = bytes(2, b"\0");
    for _ in 0..10_000 {
        message = bytes(2, &message);
    }
    let found: Vec<_> = walk(&message).collect();
    let [(path, Leaf::Bytes(_))] = &found[..] else {
        panic!("{} leaves", found.len());
    };
    assert_eq!(path.0.len(), DEPTH_MAX);
    assert_eq!(
        field(&message, &[2; 10_001]),
        Some(Value::Bytes(b"\0")),
        "a known path may be deep"
    );
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [&b"\x0a\x07\x12\x05hello\x18\x07"[..], b"\n`\n\\\nZCall", b"\x0a\x00\x0b", b""] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn anything_is_walked(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::run(&data);
    }

    #[test]
    fn what_was_sent_is_read(
        fields in prop::collection::vec((1..(1_u64 << 29), prop_oneof![
            any::<u64>().prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Err),
        ]), 0..10),
    ) {
        let message: Vec<u8> = fields.iter().flat_map(|(at, value)| match value {
            Ok(value) => number(*at, *value),
            Err(value) => bytes(*at, value),
        }).collect();
        prop_assert!(is_message(&message));
        let found: Vec<Field<'_>> = super::fields(&message).collect();
        let expected: Vec<Field<'_>> = fields.iter().map(|(at, value)| Field {
            number: u32::try_from(*at).unwrap(),
            value: match value {
                Ok(value) => Value::Varint(*value),
                Err(value) => Value::Bytes(value),
            },
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn words_are_found(words in prop::collection::vec("[A-Za-z][a-z]{3,9}( [a-z]{1,8}){0,20}", 1..6)) {
        let inner: Vec<u8> = words
            .iter()
            .flat_map(|word| bytes(1, &[bytes(1, word.as_bytes()), number(2, 1)].concat()))
            .collect();
        let message = bytes(1, &inner);
        let found: Vec<&str> = strings(&message, 4).map(|(_, text)| text).collect();
        prop_assert_eq!(found, words);
    }
}
