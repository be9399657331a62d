use proptest::prelude::*;

use super::*;

/// A representation (RFC 7541 §6), to be encoded.
#[derive(Clone, Debug)]
enum Field {
    Indexed(u32),
    /// The bits before the index of the name, how many bits that has, the name if it has none,
    /// and the value.
    Literal(u8, u32, u32, Text, Text),
    Update(u32),
}

#[derive(Clone, Debug)]
struct Text(Vec<u8>, Coding);

#[derive(Clone, Copy, Debug)]
enum Coding {
    Plain,
    Huffman,
}

fn encode(fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    for field in fields {
        match field {
            Field::Indexed(index) => push_integer(&mut block, 0x80, 7, *index),
            Field::Update(bytes_max) => push_integer(&mut block, 0x20, 5, *bytes_max),
            Field::Literal(mark, prefix, index, name, value) => {
                push_integer(&mut block, *mark, *prefix, *index);
                if *index == 0 {
                    push_text(&mut block, name);
                }
                push_text(&mut block, value);
            }
        }
    }
    block
}

fn push_integer(block: &mut Vec<u8>, mark: u8, prefix: u32, integer: u32) {
    let mask = (1 << prefix) - 1;
    if integer < mask {
        block.push(mark | integer as u8);
        return;
    }
    block.push(mark | mask as u8);
    let mut rest = integer - mask;
    while rest >= 0x80 {
        block.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
}

fn push_text(block: &mut Vec<u8>, Text(text, coding): &Text) {
    let (mark, text) = match coding {
        Coding::Plain => (0, text.clone()),
        Coding::Huffman => (0x80, huffman::tests::encode(text)),
    };
    push_integer(block, mark, 7, text.len() as u32);
    block.extend_from_slice(&text);
}

fn lines(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect()
}

fn dynamic(table: &Table) -> Vec<(String, String)> {
    let mut entries: Vec<_> = table.oldest_first().map(|(n, v)| (text(n), text(v))).collect();
    entries.reverse();
    entries
}

#[test]
fn single_representations() {
    for (rule, block, expected, inserted) in [
        (
            "RFC 7541 C.2.1: a literal that is kept",
            &b"\x40\x0acustom-key\x0dcustom-header"[..],
            Ok(&[("custom-key", "custom-header")][..]),
            1,
        ),
        (
            "C.2.2: a literal that is not kept",
            b"\x04\x0c/sample/path",
            Ok(&[(":path", "/sample/path")]),
            0,
        ),
        (
            "C.2.3: a literal never to be kept",
            b"\x10\x08password\x06secret",
            Ok(&[("password", "secret")]),
            0,
        ),
        ("C.2.4: an entry", b"\x82", Ok(&[(":method", "GET")]), 0),
        ("nothing", b"", Ok(&[]), 0),
        ("empty name and value", b"\x40\x00\x00", Ok(&[("", "")]), 1),
        ("Latin-1", b"\x00\x01a\x01\xfc", Ok(&[("a", "ü")]), 0),
        ("UTF-8", b"\x00\x01a\x02\xc3\xbc", Ok(&[("a", "ü")]), 0),
        ("a size at the end", b"\x82\x20", Ok(&[(":method", "GET")]), 0),
        ("a size of five octets", b"\x3f\xff\xff\xff\xff\x0f", Err(Fault::Integer), 0),
        (
            "a size with zeros after it",
            b"\x3f\x81\x80\x80\x80\x00\x82",
            Ok(&[(":method", "GET")]),
            0,
        ),
        ("zeros without end", b"\x3f\x80\x80\x80\x80\x80\x00", Err(Fault::Integer), 0),
        ("entry 0", b"\x80", Err(Fault::Index), 0),
        ("no such entry", b"\xbe", Err(Fault::Index), 0),
        ("a name of no entry", b"\x7e\x00", Err(Fault::Index), 0),
        ("cut in an index", b"\xff\x80", Err(Fault::Cut), 0),
        ("cut before the value", b"\x40\x01a", Err(Fault::Cut), 0),
        ("cut in the value", b"\x40\x01a\x02b", Err(Fault::Cut), 0),
        ("garbled Huffman", b"\x00\x81\xff\x00", Err(Fault::Huffman), 0),
    ] {
        let mut table = Table::new();
        assert_eq!(decode(&mut table, block), expected.map(lines), "{rule}");
        assert_eq!(dynamic(&table).len(), inserted, "{rule}");
    }
}

/// RFC 7541 C.4: three requests in turn, Huffman-coded.
#[test]
fn requests_in_turn() {
    let mut table = Table::new();
    for (block, expected) in [
        (
            &b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/"),
                (":authority", "www.example.com"),
            ][..],
        ),
        (
            b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/"),
                (":authority", "www.example.com"),
                ("cache-control", "no-cache"),
            ],
        ),
        (
            b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\
              \xb8\xe8\xb4\xbf",
            &[
                (":method", "GET"),
                (":scheme", "https"),
                (":path", "/index.html"),
                (":authority", "www.example.com"),
                ("custom-key", "custom-value"),
            ],
        ),
    ] {
        assert_eq!(decode(&mut table, block), Ok(lines(expected)));
    }
    assert_eq!(
        dynamic(&table),
        lines(&[
            ("custom-key", "custom-value"),
            ("cache-control", "no-cache"),
            (":authority", "www.example.com"),
        ])
    );
}

/// RFC 7541 C.5, its last reply: the cookie does not leave room for the older entries.
#[test]
fn entries_go_as_others_come() {
    let mut table = Table::new();
    let name = |index| {
        Field::Literal(0x40, 6, index, Text(vec![], Coding::Plain), Text(vec![], Coding::Plain))
    };
    let literal = |index, value: &str| match name(index) {
        Field::Literal(mark, prefix, index, name, _) => {
            Field::Literal(mark, prefix, index, name, Text(value.into(), Coding::Plain))
        }
        other => other,
    };
    let first = [
        Field::Update(256),
        literal(8, "302"),
        literal(24, "private"),
        literal(33, "Mon, 21 Oct 2013 20:13:21 GMT"),
        literal(46, "https://www.example.com"),
    ];
    assert!(decode(&mut table, &encode(&first)).is_ok());
    assert_eq!(dynamic(&table).len(), 4);
    assert!(decode(&mut table, &encode(&[literal(8, "307")])).is_ok());
    let names: Vec<String> = dynamic(&table).into_iter().map(|(_, value)| value).collect();
    assert_eq!(
        names,
        ["307", "https://www.example.com", "Mon, 21 Oct 2013 20:13:21 GMT", "private"]
    );
}

#[test]
fn a_bomb_is_given_up() {
    let value = Text(vec![b'a'; 4000], Coding::Plain);
    let entry = Field::Literal(0x40, 6, 0, Text(b"n".to_vec(), Coding::Plain), value);
    let most = LIST_BYTES_MAX / 4033;
    for (rule, count, is_read) in [("at the limit", most, true), ("beyond it", most + 1, false)] {
        let mut fields = vec![entry.clone()];
        fields.resize(count, Field::Indexed(62));
        let read = decode(&mut Table::new(), &encode(&fields));
        assert_eq!(
            read.map(|lines| lines.len()),
            is_read.then_some(count).ok_or(Fault::TooLong),
            "{rule}"
        );
    }
}

fn any_text() -> impl Strategy<Value = Text> {
    let coding = prop_oneof![Just(Coding::Plain), Just(Coding::Huffman)];
    let text = prop_oneof![
        "[a-z-]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..80),
    ];
    (text, coding).prop_map(|(text, coding)| Text(text, coding))
}

fn any_field() -> impl Strategy<Value = Field> {
    let kind = prop_oneof![Just((0x40, 6)), Just((0x00, 4)), Just((0x10, 4))];
    prop_oneof![
        2 => (1..80_u32).prop_map(Field::Indexed),
        5 => (kind, 0..68_u32, any_text(), any_text()).prop_map(|((mark, prefix), index, name, value)| {
            Field::Literal(mark, prefix, index, name, value)
        }),
        1 => (0..600_u32).prop_map(Field::Update),
    ]
}

proptest! {
    /// Where the crate can read a block so can we, and alike. It is stricter with a size at the
    /// end and with integers of more than five octets, and panics at none of ours.
    #[test]
    fn another_decoder_reads_the_same(
        blocks in prop::collection::vec(prop::collection::vec(any_field(), 0..12), 1..8),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut blocks: Vec<Vec<u8>> = blocks.iter().map(|fields| encode(fields)).collect();
        if let Some((block, at, byte)) = damage {
            let count = blocks.len();
            let block = &mut blocks[block.index(count)];
            if !block.is_empty() {
                let at = at.index(block.len());
                block[at] = byte;
            }
        }
        let mut table = Table::new();
        let mut other = loona_hpack::Decoder::new();
        for block in blocks {
            let ours = decode(&mut table, &block);
            match (ours, other.decode(&block)) {
                (Ok(ours), Ok(theirs)) => {
                    let theirs: Vec<_> = theirs.iter().map(|(n, v)| (text(n), text(v))).collect();
                    prop_assert_eq!(ours, theirs);
                }
                (Err(_), Err(_)) => break,
                (ours, theirs) => {
                    let stricter = matches!(
                        theirs,
                        Err(loona_hpack::decoder::DecoderError::SizeUpdateAtEnd
                            | loona_hpack::decoder::DecoderError::IntegerDecodingError(_))
                    );
                    prop_assert!(ours.is_ok() && stricter, "{ours:?} {theirs:?}");
                    break;
                }
            }
        }
    }
}
