use proptest::prelude::*;

use super::*;
use crate::model::Fingerprinter;

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;

/// A side as it begins.
type Begin = fn() -> Opaque;

const APP_H2: Begin = || Opaque::http2(Side::Downstream);
const ORIGIN_H2: Begin = || Opaque::http2(Side::Upstream);
const APP_WS: Begin = || Opaque::websocket(Side::Downstream);
const ORIGIN_WS: Begin = || Opaque::websocket(Side::Upstream);

fn redactor() -> Redactor {
    Redactor::new(Fingerprinter::new([7; 32]))
}

/// A key that is known by its look, put together so that no scanner trips over it.
fn key() -> String {
    ["sk-", "proj-", "Fake0Key1Fake2Key3Fake4Key5Fake6Key7"].concat()
}

/// A value that only its place in a head gives away.
fn opaque() -> String {
    ["0paque", "+fake/", "value=", "012345678"].concat()
}

/// A `Found` that has met `value` in the head of an upgrade.
fn met(value: &str) -> Found {
    let mut headers = vec![("Authorization".to_owned(), format!("Bearer {value}"))];
    let mut found = Found::default();
    redactor().headers(&mut headers, &mut found);
    found
}

/// `text` as the redactor leaves it when it reads it as one.
fn clean(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    assert!(redactor().body(&mut bytes, &mut met(&opaque())) > 0, "{text} holds a secret");
    String::from_utf8(bytes).unwrap()
}

fn h2(kind: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, 0x25]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn settings() -> Vec<u8> {
    h2(4, 0, [0, 3, 0, 0, 0, 100])
}

fn ws(first: u8, mask: Option<[u8; 4]>, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mut payload = payload.as_ref().to_vec();
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(masked | len as u8),
        len @ 126..65536 => {
            frame.push(masked | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(masked | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    if let Some(mask) = mask {
        frame.extend(mask);
        payload.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4]);
    }
    frame.extend(payload);
    frame
}

/// What becomes of `pieces`, joined.
fn stored<'a>(side: Begin, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut side, redactor, mut found) = (side(), redactor(), met(&opaque()));
    let mut stored = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        side.redact(&mut piece, &redactor, &mut found);
        stored.extend(piece);
    }
    stored
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// For what does not depend on the cut.
fn assert_stored(rule: &str, side: Begin, bytes: &[Vec<u8>], expected: &[Vec<u8>]) {
    let (bytes, expected) = (bytes.concat(), expected.concat());
    assert_eq!(shown(&stored(side, [&bytes[..]])), shown(&expected), "{rule}");
    let cut = stored(side, bytes.chunks(1));
    assert_eq!(shown(&cut), shown(&expected), "{rule}, one byte at a time");
}

#[test]
fn header_lists_of_http2_become_stars_and_nothing_else_does() {
    let preface = || PREFACE.as_bytes().to_vec();
    let stars = |len| "*".repeat(len);
    for (rule, side, bytes, expected) in [
        (
            "an app begins with the preface",
            APP_H2,
            vec![preface(), settings(), h2(1, 1, "packed"), h2(0, 1, "{}")],
            vec![preface(), settings(), h2(1, 1, stars(6)), h2(0, 1, "{}")],
        ),
        (
            "an origin with its first frame",
            ORIGIN_H2,
            vec![settings(), h2(1, 1, "packed"), h2(0, 1, "data: {}\n\n")],
            vec![settings(), h2(1, 1, stars(6)), h2(0, 1, "data: {}\n\n")],
        ),
        (
            "a list goes on, and a promise has one",
            ORIGIN_H2,
            vec![settings(), h2(5, 1, "promise"), h2(9, 1, "more"), h2(9, 1, "")],
            vec![settings(), h2(5, 1, stars(7)), h2(9, 1, stars(4)), h2(9, 1, "")],
        ),
        (
            "nobody knows what an extension carries",
            ORIGIN_H2,
            vec![settings(), h2(10, 0, "alt-svc"), h2(0xff, 3, "grease"), h2(0, 1, "x")],
            vec![settings(), h2(10, 0, stars(7)), h2(0xff, 3, stars(6)), h2(0, 1, "x")],
        ),
        (
            "what steers the connection stays",
            ORIGIN_H2,
            vec![
                settings(),
                h2(4, 0, ""),
                h2(2, 3, "prior"),
                h2(3, 3, "rst!"),
                h2(6, 0, "pingping"),
                h2(8, 0, "wind"),
                h2(8, 3, "wind"),
                h2(7, 0, "idnumber and words"),
            ],
            vec![
                settings(),
                h2(4, 0, ""),
                h2(2, 3, "prior"),
                h2(3, 3, "rst!"),
                h2(6, 0, "pingping"),
                h2(8, 0, "wind"),
                h2(8, 3, "wind"),
                h2(7, 0, "idnumber and words"),
            ],
        ),
        (
            "a reserved bit is ignored",
            ORIGIN_H2,
            vec![settings(), h2(6, 1 << 31, "pingping"), h2(1, 1 << 31 | 1, "packed")],
            vec![settings(), h2(6, 1 << 31, "pingping"), h2(1, 1 << 31 | 1, stars(6))],
        ),
    ] {
        assert_stored(rule, side, &bytes, &expected);
    }
}

#[test]
fn where_frames_of_http2_cannot_be_followed_all_becomes_stars() {
    let rest = || h2(0, 1, "may be a secret");
    let stars = || "*".repeat(rest().len()).into_bytes();
    let after = |bad: Vec<u8>| (vec![settings(), bad.clone(), rest()], vec![settings(), bad]);
    let head = |len: u32, kind, stream: u32| {
        let mut head = h2(kind, stream, "");
        head[..3].copy_from_slice(&len.to_be_bytes()[1..]);
        head
    };
    for (rule, side, (bytes, mut expected)) in [
        ("no preface", APP_H2, (vec![b"X".to_vec(), rest()], vec![b"X".to_vec()])),
        ("half a preface", APP_H2, (vec![b"PRI *?".to_vec(), rest()], vec![b"PRI *?".to_vec()])),
        (
            "another protocol",
            ORIGIN_H2,
            (vec![b"HTTP/1.1 ".to_vec(), rest()], vec![b"HTTP/1.1 ".to_vec()]),
        ),
        ("no settings first", ORIGIN_H2, (vec![head(8, 6, 0), rest()], vec![head(8, 6, 0)])),
        ("a header list of more than a mebibyte", ORIGIN_H2, after(head((1 << 20) + 1, 1, 1))),
        ("an extension of more than a mebibyte", ORIGIN_H2, after(head((1 << 20) + 1, 77, 1))),
        ("data of no stream", ORIGIN_H2, after(head(15, 0, 0))),
        ("a header list of no stream", ORIGIN_H2, after(head(15, 1, 0))),
        ("settings of a stream", ORIGIN_H2, after(head(6, 4, 1))),
        ("settings of another length", ORIGIN_H2, after(head(7, 4, 0))),
        ("endless settings", ORIGIN_H2, after(head(6 << 12, 4, 0))),
        ("a ping of another length", ORIGIN_H2, after(head(9, 6, 0))),
        ("a reset of another length", ORIGIN_H2, after(head(5, 3, 1))),
        ("a priority of another length", ORIGIN_H2, after(head(4, 2, 1))),
        ("a window of another length", ORIGIN_H2, after(head(15, 8, 1))),
        ("a short farewell", ORIGIN_H2, after(head(7, 7, 0))),
    ] {
        expected.push(stars());
        assert_stored(rule, side, &bytes, &expected);
    }
}

#[test]
fn a_secret_in_a_text_is_replaced_where_it_stands() {
    let key = key();
    let json = format!(r#"{{"prompt":"use {key} please"}}"#);
    let known = format!("you sent {}", opaque());
    let long = format!("{}{json}", "word ".repeat(30));
    let very_long = format!("{}{json}", "word ".repeat(20_000));
    let preface = PREFACE.as_bytes();
    for (rule, side, before, text, framed) in [
        (
            "HTTP/2",
            APP_H2,
            [preface, &settings(), &h2(1, 1, "****")].concat(),
            &json,
            (|text| h2(0, 1, text)) as fn(&str) -> Vec<u8>,
        ),
        ("HTTP/2, known from a head", ORIGIN_H2, settings(), &known, |text| h2(0, 1, text)),
        ("HTTP/2, words of a farewell", ORIGIN_H2, settings(), &json, |text| h2(7, 0, text)),
        ("masked", APP_WS, vec![], &json, |text| ws(FIN | 1, MASK, text)),
        ("masked, known from a head", APP_WS, vec![], &known, |text| ws(FIN | 1, MASK, text)),
        ("masked, binary", APP_WS, vec![], &json, |text| ws(FIN | 2, MASK, text)),
        ("length in 16 bits", APP_WS, vec![], &long, |text| ws(FIN | 1, MASK, text)),
        ("length in 64 bits", APP_WS, vec![], &very_long, |text| ws(FIN | 1, MASK, text)),
        ("not masked", ORIGIN_WS, vec![], &json, |text| ws(FIN | 1, None, text)),
        ("not masked, length in 64 bits", ORIGIN_WS, vec![], &very_long, |text| {
            ws(FIN | 1, None, text)
        }),
        ("reason of a close", APP_WS, vec![], &key, |text| ws(FIN | 8, MASK, text)),
        ("after a compressed message", APP_WS, ws(FIN | COMPRESSED | 1, MASK, "#"), &json, |t| {
            ws(FIN | 1, MASK, t)
        }),
        ("no protocol that is known", Opaque::unknown, vec![], &json, |text| text.into()),
    ] {
        let bytes = [&before[..], &framed(text), &framed(" and then")].concat();
        let expected = [&before[..], &framed(&clean(text)), &framed(" and then")].concat();
        assert_eq!(shown(&stored(side, [&bytes[..]])), shown(&expected), "{rule}");
    }
}

#[test]
fn a_mask_goes_on_behind_a_cut() {
    let text = format!("{} and {}", key(), key());
    let bytes = ws(FIN | 1, MASK, &text);
    // Behind the first key: each piece has one of them.
    let middle = bytes.len() - key().len() - 5;
    for cut in middle..middle + 5 {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(stored(APP_WS, [head, tail]), ws(FIN | 1, MASK, clean(&text)), "cut at {cut}");
    }
}

#[test]
fn a_secret_is_found_across_the_frames_of_a_piece() {
    let key = key();
    let (a, b) = key.split_at(17);
    let redacted = clean(&key);
    let (ra, rb) = redacted.split_at(17);
    let other = h2(0, 3, "another stream");
    let ping = ws(FIN | 9, Some([1, 2, 3, 4]), "ping");
    for (rule, side, bytes, expected) in [
        (
            "HTTP/2: two frames of one stream",
            ORIGIN_H2,
            vec![settings(), h2(0, 1, a), other.clone(), h2(0, 1, b)],
            vec![settings(), h2(0, 1, ra), other.clone(), h2(0, 1, rb)],
        ),
        (
            "HTTP/2: two streams do not make one key",
            ORIGIN_H2,
            vec![settings(), h2(0, 1, a), h2(0, 3, b)],
            vec![settings(), h2(0, 1, a), h2(0, 3, b)],
        ),
        (
            "WebSocket: a message in parts, a ping between",
            APP_WS,
            vec![ws(1, MASK, a), ping.clone(), ws(FIN, Some([9; 4]), b), ws(FIN | 1, MASK, "x")],
            vec![ws(1, MASK, ra), ping, ws(FIN, Some([9; 4]), rb), ws(FIN | 1, MASK, "x")],
        ),
        (
            "WebSocket: two messages do not make one key",
            APP_WS,
            vec![ws(FIN | 1, MASK, a), ws(FIN | 1, MASK, b)],
            vec![ws(FIN | 1, MASK, a), ws(FIN | 1, MASK, b)],
        ),
    ] {
        let stored = stored(side, [&bytes.concat()[..]]);
        assert_eq!(shown(&stored), shown(&expected.concat()), "{rule}");
    }
}

#[test]
fn compressed_messages_stay_as_they_are() {
    // No real compression: what stays shows that nothing looked into it.
    let looks_like_a_key = key();
    let (a, b) = looks_like_a_key.split_at(20);
    for (rule, bytes) in [
        ("in one frame", vec![ws(FIN | COMPRESSED | 1, MASK, &looks_like_a_key)]),
        ("not masked", vec![ws(FIN | COMPRESSED | 2, None, &looks_like_a_key)]),
        (
            "in parts, a ping between",
            vec![
                ws(COMPRESSED | 1, MASK, a),
                ws(FIN | 9, MASK, ""),
                ws(0, MASK, b),
                ws(FIN, MASK, &looks_like_a_key),
            ],
        ),
    ] {
        assert_stored(rule, APP_WS, &bytes, &bytes);
        assert_stored(rule, ORIGIN_WS, &bytes, &bytes);
    }
}

#[test]
fn where_frames_of_a_websocket_cannot_be_followed_an_app_s_bytes_become_stars() {
    let rest = ws(FIN | 1, MASK, format!("my key is {}", key()));
    let message = ws(FIN | 1, MASK, "hello");
    let begun = ws(1, MASK, "hello");
    for (rule, before, bad) in [
        ("an unknown opcode", &message, vec![FIN | 3]),
        ("an unknown control", &message, vec![FIN | 11]),
        ("bits of an unknown extension", &message, vec![FIN | 0x20 | 1]),
        ("nothing to continue", &message, vec![FIN]),
        ("a message within a message", &begun, vec![FIN | 1]),
        ("a control in parts", &message, vec![9]),
        ("a compressed control", &message, vec![FIN | COMPRESSED | 9]),
        ("a continuation says compressed", &begun, vec![FIN | COMPRESSED]),
    ] {
        let bad = [&bad[..], &[0x80]].concat();
        let stars = b"*".repeat(rest.len());
        assert_stored(
            rule,
            APP_WS,
            &[before.clone(), bad.clone(), rest.clone()],
            &[before.clone(), bad.clone(), stars],
        );
    }
    let stars = b"*".repeat(rest.len());
    for (rule, bad) in [
        ("a long control", &[FIN | 9, 0x80 | 126][..]),
        ("a length beyond all", &[FIN | 1, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1]),
    ] {
        assert_stored(rule, APP_WS, &[bad.to_vec(), rest.clone()], &[bad.to_vec(), stars.clone()]);
    }
    // What an origin sends is not masked: it is gone through as text.
    let text = format!("{{\"key\":\"{}\"}}", key());
    let bytes = [&[FIN | 3, 4][..], text.as_bytes()].concat();
    let expected = [&[FIN | 3, 4][..], clean(&text).as_bytes()].concat();
    assert_eq!(shown(&stored(ORIGIN_WS, [&bytes[..]])), shown(&expected));
}

#[test]
fn a_gap_within_a_payload_does_no_harm_and_any_other_loses_the_frames() {
    let text = format!("{} and {} and so on", key(), key());
    let data = |text: &str| [settings(), h2(0, 1, text), h2(1, 1, "****"), h2(0, 1, "x")].concat();
    let message = |text: &str| [ws(FIN | 1, MASK, text), ws(FIN | 9, MASK, "x")].concat();
    let data_at = settings().len() + 9;
    let data_end = data_at + text.len();
    let between = key().len() + 1;
    // The gap; from where on all is stars, if the frames are lost.
    for (rule, side, framed, gap, stars) in [
        ("none", ORIGIN_H2, &data as &dyn Fn(&str) -> Vec<u8>, 7..7, None),
        ("within data", ORIGIN_H2, &data, data_at + between..data_at + between + 3, None),
        ("the rest of data", ORIGIN_H2, &data, data_end - 6..data_end, None),
        ("beyond data", ORIGIN_H2, &data, data_end - 6..data_end + 9, Some(data_end + 9)),
        ("at the beginning", ORIGIN_H2, &data, 0..15, Some(15)),
        ("in a head", ORIGIN_H2, &data, 3..5, Some(5)),
        ("in a masked text", APP_WS, &message, 6 + between..6 + between + 3, None),
        ("in a masked head", APP_WS, &message, 1..6, Some(6)),
    ] {
        let (redactor, mut found, mut side) = (redactor(), met(&opaque()), side());
        let bytes = framed(&text);
        let mut before = bytes[..gap.start].to_vec();
        let mut after = bytes[gap.end..].to_vec();
        side.redact(&mut before, &redactor, &mut found);
        side.gap(gap.len() as u64);
        side.redact(&mut after, &redactor, &mut found);
        let mut expected = framed(&clean(&text));
        let lost_at = stars.unwrap_or(expected.len());
        expected[lost_at..].fill(STAR);
        assert_eq!(shown(&before), shown(&expected[..gap.start]), "{rule}, before the gap");
        assert_eq!(shown(&after), shown(&expected[gap.end..]), "{rule}, after the gap");
    }
}

/// Frames as they may be, and noise, without anything that a text could be replaced for.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-z ]{0,40}";
    let frame = prop_oneof![
        8 => (0..12_u8, 0..4_u32, text).prop_map(|(kind, stream, text)| h2(kind, stream, text)),
        8 => (any::<u8>(), any::<Option<[u8; 4]>>(), text)
            .prop_map(|(first, mask, text)| ws(first, mask, text)),
        4 => (select(&[0x81_u8, 0x01, 0x80, 0x00, 0x89, 0xc1, 0x41]), any::<[u8; 4]>(), text)
            .prop_map(|(first, mask, text)| ws(first, Some(mask), text)),
        2 => Just(settings()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

fn select<T: Clone + std::fmt::Debug>(from: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(from)
}

proptest! {
    // What a failure finds becomes a case with a name above.
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stars_do_not_depend_on_the_cut(
        side in select(&[APP_H2, ORIGIN_H2, APP_WS, ORIGIN_WS]),
        begin in select(&["", PREFACE]),
        frames in frames(),
        piece in 1..40_usize,
    ) {
        let bytes = [begin.as_bytes(), &settings(), &frames].concat();
        let whole = stored(side, [&bytes[..]]);
        prop_assert_eq!(whole.len(), bytes.len());
        prop_assert_eq!(shown(&stored(side, bytes.chunks(piece))), shown(&whole));
        prop_assert_eq!(shown(&stored(side, bytes.chunks(1))), shown(&whole));
    }

    #[test]
    fn bytes_and_gaps_of_any_kind_do_no_harm(
        side in select(&[APP_H2, ORIGIN_H2, APP_WS, ORIGIN_WS, Opaque::unknown]),
        pieces in proptest::collection::vec(
            (prop_oneof![frames(), proptest::collection::vec(any::<u8>(), 0..60)], any::<Option<u64>>()),
            0..8,
        ),
    ) {
        let (mut side, redactor, mut found) = (side(), redactor(), met(&opaque()));
        for (mut piece, gap) in pieces {
            let len = piece.len();
            side.redact(&mut piece, &redactor, &mut found);
            prop_assert_eq!(piece.len(), len);
            prop_assert!(side.head.len() <= PREFACE.len());
            side.gap(gap.unwrap_or_default());
        }
    }
}
