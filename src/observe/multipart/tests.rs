use proptest::prelude::*;

use super::form::{self, Field};
use super::fuzz::{self, Seen, read};
use super::*;

const FORM: &str = "multipart/form-data; boundary=xyz";

/// A part whose head is the one line `Content-Disposition: form-data; name="NAME"`.
fn part(name: &str, content: &str) -> Seen {
    let value = format!("form-data; name=\"{name}\"");
    let head = Head {
        name: Some(name.into()),
        headers: vec![("Content-Disposition".into(), value)],
        ..Head::default()
    };
    Seen::Part(head, content.into(), content.len() as u64)
}

/// A part without a head.
fn bare(content: &str) -> Seen {
    Seen::Part(Head::default(), content.into(), content.len() as u64)
}

fn check(table: &[(&str, &str, &[Seen])]) {
    for (rule, body, expected) in table {
        let body = body.as_bytes();
        assert_eq!(read(FORM, [body]), *expected, "{rule}");
        assert_eq!(read(FORM, body.chunks(1)), *expected, "{rule}, one byte at a time");
    }
}

#[test]
fn parts() {
    check(&[
        (
            "two parts",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz\r\n\
             Content-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n3\r\n--xyz--\r\n",
            &[part("a", "1"), part("b", "2\r\n3")],
        ),
        ("an empty part", "--xyz\r\n\r\n\r\n--xyz--", &[bare("")]),
        ("an empty part, no line end", "--xyz\r\n\r\n--xyz--", &[bare("")]),
        (
            "a head and no content",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n--xyz\r\n\r\n1\r\n--xyz--",
            &[part("a", ""), bare("1")],
        ),
        ("no parts", "--xyz--\r\n", &[]),
        ("no body", "", &[]),
        (
            "a preamble and an epilogue go",
            "This is a form.\r\n--xyz\r\n\r\n1\r\n--xyz--\r\n--xyz\r\n\r\n2",
            &[bare("1")],
        ),
        ("an empty line before it all", "\r\n--xyz\r\n\r\n1\r\n--xyz--", &[bare("1")]),
        (
            "blanks after a boundary",
            "--xyz \t\r\n\r\n1\r\n--xyz \r\n\r\n2\r\n--xyz--",
            &[bare("1"), bare("2")],
        ),
        (
            "line ends of the content stay",
            "--xyz\r\n\r\n\r\n1\n\r\n\r\n--xyz--",
            &[bare("\r\n1\n\r\n")],
        ),
        (
            "a longer word is no boundary",
            "--xyz\r\n\r\n1\r\n--xyzz\r\n2\r\n--xyz--",
            &[bare("1\r\n--xyzz\r\n2")],
        ),
        ("so at a content's start", "--xyz\r\n\r\n--xyzz\r\n--xyz--", &[bare("--xyzz")]),
        ("so in a preamble", "--xyzz\r\n--xyz\r\n\r\n1\r\n--xyz--", &[bare("1")]),
        ("not at a line's start", "--xyz\r\n\r\n1--xyz\r\n--xyz--", &[bare("1--xyz")]),
        (
            "half a boundary",
            "--xyz\r\n\r\n1\r\n--x\r\n\r\n--\r--xyz\r\n--xyz--",
            &[bare("1\r\n--x\r\n\r\n--\r--xyz")],
        ),
    ]);
}

#[test]
fn lines_that_end_in_lf() {
    check(&[
        (
            "LF alone",
            "--xyz\nContent-Disposition: form-data; name=\"a\"\n\n1\n2\n--xyz\n\n3\n--xyz--\n",
            &[part("a", "1\n2"), bare("3")],
        ),
        ("then a CR is content", "--xyz\n\n1\r\n--xyz--", &[bare("1\r")]),
        ("LF after CR LF", "--xyz\r\n\r\n1\n--xyz--", &[bare("1")]),
    ]);
}

#[test]
fn bodies_that_are_cut() {
    let cut = || Seen::Note(Note::Cut);
    check(&[
        ("in a content", "--xyz\r\n\r\n12", &[bare("12"), cut()]),
        ("in what may be a boundary", "--xyz\r\n\r\n12\r\n--x", &[bare("12\r\n--x"), cut()]),
        ("after a boundary", "--xyz\r\n\r\n12\r\n--xyz", &[bare("12"), cut()]),
        ("after a boundary's line", "--xyz\r\n\r\n12\r\n--xyz\r\n", &[bare("12"), cut()]),
        ("before the last hyphen", "--xyz\r\n\r\n12\r\n--xyz-", &[bare("12"), cut()]),
        ("after an empty content", "--xyz\r\n\r\n--xyz", &[bare(""), cut()]),
        (
            "in a head",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\nCon",
            &[part("a", ""), cut()],
        ),
        ("in the first head", "--xyz\r\nCon", &[cut()]),
        ("in the first boundary's line", "--xyz", &[cut()]),
        ("the boundary is nowhere", "{\"a\":1}", &[Seen::Note(Note::NoParts)]),
        ("nor is a half", "--xy", &[Seen::Note(Note::NoParts)]),
    ]);
}

#[test]
fn content_types() {
    for (rule, content_type, boundary) in [
        ("a form", "multipart/form-data; boundary=xyz", Some("xyz")),
        ("in odd case", " Multipart/Form-Data ;Charset=x; BOUNDARY=xyz ", Some("xyz")),
        ("quoted", "multipart/form-data; boundary=\"x y:z\"", Some("x y:z")),
        ("an upload of Google's", "multipart/related; boundary=xyz", Some("xyz")),
        ("no boundary", "multipart/form-data", None),
        ("an empty one", "multipart/form-data; boundary=", None),
        ("JSON", "application/json; boundary=xyz", None),
        ("nothing", "", None),
        ("not ASCII", "multipartü; boundary=xyz", None),
    ] {
        assert_eq!(Decoder::new(content_type).is_some(), boundary.is_some(), "{rule}");
        if let Some(boundary) = boundary {
            let body = format!("--{boundary}\r\n\r\n1\r\n--{boundary}--");
            assert_eq!(read(content_type, [body.as_bytes()]), [bare("1")], "{rule}");
        }
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(300));
    assert!(Decoder::new(&long).is_none(), "too long a boundary");
}

#[test]
fn heads() {
    for (rule, lines, name, filename, content_type) in [
        (
            "a file",
            "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\
             Content-Type: audio/mpeg\r\n",
            Some("file"),
            Some("a.mp3"),
            Some("audio/mpeg"),
        ),
        (
            "in lower case, no blank",
            "content-disposition:form-data;name=\"a\"\r\ncontent-type:a/b\r\n",
            Some("a"),
            None,
            Some("a/b"),
        ),
        (
            "a folded line",
            "Content-Disposition: form-data;\r\n  name=\"a\";\r\n\tfilename=\"b\"\r\n",
            Some("a"),
            Some("b"),
            None,
        ),
        (
            "a name by RFC 5987",
            "Content-Disposition: form-data; name=\"a\"; filename=\"x\"; \
             filename*=UTF-8''gr%C3%BC.txt\r\n",
            Some("a"),
            Some("grü.txt"),
            None,
        ),
        (
            "quotes as browsers write them",
            "Content-Disposition: form-data; name=\"a%22b%41\"\r\n",
            Some("a\"b%41"),
            None,
            None,
        ),
        (
            "no disposition",
            "Content-Type: application/json\r\n",
            None,
            None,
            Some("application/json"),
        ),
        ("a line without a colon", "junk\r\n", None, None, None),
    ] {
        let body = format!("--xyz\r\n{lines}\r\n1\r\n--xyz--");
        let [Seen::Part(head, ..)] = &read(FORM, [body.as_bytes()])[..] else {
            panic!("{rule}");
        };
        assert_eq!(head.name.as_deref(), name, "{rule}");
        assert_eq!(head.filename.as_deref(), filename, "{rule}");
        assert_eq!(head.content_type.as_deref(), content_type, "{rule}");
        let again = read(FORM, body.as_bytes().chunks(1));
        assert_eq!(again, read(FORM, [body.as_bytes()]), "{rule}, one byte at a time");
    }
}

#[test]
fn heads_are_bounded() {
    let long = "x".repeat(HEAD_BYTES_MAX);
    let line = "Content-Disposition: form-data; name=\"a\"\r\n";
    let many = "a: b\r\n".repeat(HEAD_BYTES_MAX / 6 + 10);
    for (rule, lines, headers) in [
        ("a long line", format!("{line}{long}\r\n"), 1),
        ("then a short one", format!("{line}{long}\r\nb: c\r\n"), 2),
        ("many lines", format!("{line}{many}"), 1 + (HEAD_BYTES_MAX - line.len()) / 6),
    ] {
        let body = format!("--xyz\r\n{lines}\r\n1\r\n--xyz--");
        for piece in [1, 1000, body.len()] {
            let seen = read(FORM, body.as_bytes().chunks(piece));
            let [Seen::Note(Note::HeadTooLong), Seen::Part(head, content, 1)] = &seen[..] else {
                panic!("{rule}: {seen:?}");
            };
            assert_eq!(content, b"1", "{rule}");
            assert_eq!(head.name.as_deref(), Some("a"), "{rule}");
            assert_eq!(head.headers.len(), headers, "{rule}");
        }
    }
}

#[test]
fn a_transfer_encoding_is_noted() {
    for (encoding, noted) in [("base64", true), ("Quoted-Printable", true), ("binary", false)] {
        let body = format!("--xyz\r\nContent-Transfer-Encoding: {encoding}\r\n\r\nMQ==\r\n--xyz--");
        let seen = read(FORM, [body.as_bytes()]);
        assert_eq!(seen.contains(&Seen::Note(Note::TransferEncoded)), noted, "{encoding}");
    }
}

#[test]
fn a_form_as_a_list() {
    let mut body = b"--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-0\r\n\
        --xyz\r\nContent-Disposition: form-data; name=\"session\"\r\n\
        Content-Type: application/json\r\n\r\n{\"type\":\"realtime\"}\r\n\
        --xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\n\x00\x01\r\n\
        --xyz\r\nContent-Disposition: form-data; name=\"long\"\r\n\r\n"
        .to_vec();
    body.extend(vec![b'x'; form::TEXT_BYTES_MAX + 1]);
    let form = form::read(FORM, &body).unwrap();
    assert_eq!(form.text("model"), Some("whisper-0"));
    assert_eq!(form.text("session"), Some("{\"type\":\"realtime\"}"));
    let file = Field {
        name: "file".into(),
        filename: Some("a.mp3".into()),
        content_type: Some("audio/mpeg".into()),
        length: 2,
        text: None,
    };
    assert_eq!(form.field("file"), Some(&file), "bytes are no text");
    let long = form.field("long").unwrap();
    assert_eq!((long.length, &long.text), (form::TEXT_BYTES_MAX as u64 + 1, &None));
    assert_eq!(form.notes, [Note::Cut.to_string()]);
    assert_eq!(form::read("application/json", &body), None);
}

#[test]
fn a_form_of_too_many_fields() {
    let body = "--xyz\r\n\r\n1\r\n".repeat(form::FIELDS_MAX + 7) + "--xyz--";
    let form = form::read(FORM, body.as_bytes()).unwrap();
    assert_eq!(form.fields.len(), form::FIELDS_MAX);
    assert_eq!(form.notes, ["7 fields of the form were skipped: it has too many"]);
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x01multipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name=\"a\"\
           \r\n\r\n1\r\n--x--\r\n"[..],
        b"\x03multipart/form-data; boundary=x\n\r\n--x\n\n--x -\r\n--\r--x\n",
        b"\x01multipart/mixed; boundary=\"x\"",
        b"",
    ] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_parts_are_the_same(
        words in prop::collection::vec(prop::sample::select(vec![
            "--x", "--", "-", "x", "\r\n", "\r\n--x\r\n", "\n--x\n", "\r", "\n", " ", "\t",
            "\r\n\r\n", "Content-Disposition: form-data; name=\"a\"; filename*=utf-8''%41", ":",
            "\r\n--x--", "\0", "ü",
        ]), 0..40),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        piece in 1..9_u8,
    ) {
        let mut data = vec![piece];
        data.extend(b"multipart/form-data; boundary=x\n");
        let begun = data.len();
        data.extend(words.concat().bytes());
        if let (Some((at, byte)), true) = (damage, data.len() > begun) {
            let at = begun + at.index(data.len() - begun);
            data[at] = byte;
        }
        fuzz::run(&data);
    }

    #[test]
    fn what_was_sent_is_read(
        contents in prop::collection::vec("[a-z\r\n-]{0,20}", 0..5),
        piece in 1..40_usize,
    ) {
        // The boundary has a letter that no content has.
        let mut body = String::new();
        for content in &contents {
            body += &format!("--Xyz\r\n\r\n{content}\r\n");
        }
        body += "--Xyz--\r\n";
        let seen = read("multipart/form-data; boundary=Xyz", body.as_bytes().chunks(piece));
        let expected: Vec<Seen> = contents.iter().map(|content| bare(content)).collect();
        prop_assert_eq!(seen, expected);
    }
}
