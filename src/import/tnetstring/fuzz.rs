//! A fuzz body: cut anywhere, a file has the same values, and any of them can be looked into.

use super::{Decoder, Ending, Event, Item};

/// Longest value kept here: short, so that some are longer.
const LIMIT: u64 = 256;

/// What a decoder told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A value and its type.
    Value(Vec<u8>, u8),
    /// The length of a long one.
    TooLong(u64),
}

/// What a decoder makes of `pieces`.
pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Ending) {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |event| {
            seen.push(match event {
                Event::Value(payload, kind) => Seen::Value(payload.to_vec(), kind),
                Event::TooLong(length) => Seen::TooLong(length),
            });
        });
    }
    (seen, decoder.finish())
}

/// The first byte of `data` is the length of the pieces.
pub fn run(data: &[u8]) {
    let [piece, file @ ..] = data else { return };
    let whole = read([file]);
    assert_eq!(whole, read(file.chunks(usize::from(*piece).max(1))));
    for value in &whole.0 {
        let Seen::Value(payload, kind) = value else { continue };
        assert!(payload.len() as u64 <= LIMIT && payload.len() < file.len());
        look(Item::new(payload, *kind));
        crate::import::mitmproxy::look(Item::new(payload, *kind));
    }
}

fn look(item: Item<'_>) {
    item.field("type");
    for item in item.items() {
        item.text();
        item.number();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_cut_into_its_values() {
        let long = [&b"300:"[..], &[b'x'; 300], b",1:1#"].concat();
        let value = |payload: &[u8], kind| Seen::Value(payload.to_vec(), kind);
        for (rule, file, expected, ending) in [
            ("nothing", &b""[..], vec![], Ending::Whole),
            ("two", b"2:ab,1:1#", vec![value(b"ab", b','), value(b"1", b'#')], Ending::Whole),
            ("an empty one", b"0:~", vec![value(b"", b'~')], Ending::Whole),
            (
                "a long one is passed over",
                &long,
                vec![Seen::TooLong(300), value(b"1", b'#')],
                Ending::Whole,
            ),
            ("the rest is missing", b"0:~5:ab", vec![value(b"", b'~')], Ending::WithinValue(4)),
            (
                "ten gigabytes are claimed",
                b"10000000000:ab",
                vec![],
                Ending::WithinValue(9_999_999_999),
            ),
            ("half a length", b"0:~12", vec![value(b"", b'~')], Ending::WithinValue(0)),
            ("no length", b"0:~x0:~", vec![value(b"", b'~')], Ending::Broken),
            ("a length without digits", b":~", vec![], Ending::Broken),
            ("a length beyond all", b"9999999999999999:~", vec![], Ending::Broken),
        ] {
            let expected = (expected, ending);
            assert_eq!(read([file]), expected, "{rule}");
            assert_eq!(read(file.chunks(1)), expected, "{rule}, one byte at a time");
        }
    }

    proptest! {
        #[test]
        fn cut_anywhere_the_values_are_the_same(
            words in prop::collection::vec(prop::sample::select(vec![
                "1:a,", "0:~", "2:12#", "11:1:a,2:12#", "}", "]", "4:true!", ":", "99999999999:",
                "7:version;2:21#4:type;4:http;", "x", "300:", "8:1:1#1:2#]",
            ]), 0..30),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            piece in 1..9_u8,
        ) {
            let mut data = vec![piece];
            data.extend(words.concat().bytes());
            if let Some((at, byte)) = damage {
                let at = at.index(data.len());
                data[at] = byte;
            }
            run(&data);
        }
    }
}
