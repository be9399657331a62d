//! What is written is read, whatever it is.

use proptest::prelude::*;
use rusqlite::Connection;

use super::{Class, read, references, write, write_like};
use crate::store::codec::Codec;
use crate::store::tests::sample::Capture;

/// A capture's tables, and what writes them.
pub(super) struct Bench {
    pub(super) conn: Connection,
    pub(super) codec: Codec,
    _capture: Capture,
}

impl Bench {
    pub(super) fn new() -> Self {
        let capture = Capture::new();
        let conn = Connection::open(capture.path()).unwrap();
        conn.pragma_update(None, "synchronous", "OFF").unwrap();
        Self { conn, codec: Codec::new([7; 32]).unwrap(), _capture: capture }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.codec.tree.begin(Class(1));
        write(&self.conn, &mut self.codec, bytes).unwrap()
    }

    fn comes_back(&mut self, bytes: &[u8]) {
        for round in ["first", "known", "forgotten"] {
            if round == "forgotten" {
                self.codec.tree.forget();
            }
            let root = self.write(bytes);
            assert!(read(&self.conn, &root).unwrap() == bytes, "{round}: {:?}", shown(bytes));
            let root = write_like(&self.conn, &mut self.codec, Class(3), bytes).unwrap();
            assert!(read(&self.conn, &root).unwrap() == bytes, "{round}: {:?}", shown(bytes));
        }
    }

    pub(super) fn blobs(&self) -> i64 {
        self.conn.query_row("SELECT count(*) FROM blob", [], |row| row.get(0)).unwrap()
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(2000).collect()
}

/// A request of `turns` turns, as an agent sends it.
fn request(turns: usize) -> String {
    let text = |n: usize, what: &str| {
        let words: Vec<String> =
            (0..200).map(|w| format!("{what}{}", (n * 7919 + w * 104_729) % 1009)).collect();
        words.join(" ")
    };
    let messages: Vec<String> = (0..turns)
        .map(|n| {
            format!(
                r#"{{"role":"user","content":[{{"type":"text","text":"{}\n"}}]}}"#,
                text(n, "said")
            )
        })
        .collect();
    let tools: Vec<String> = (0..20)
        .map(|n| format!(r#"{{"name":"t{n}","description":"{}"}}"#, text(n, "tool")))
        .collect();
    format!(
        "POST /v1/messages HTTP/1.1\r\nHost: api.example.com\r\n\r\n{{\"model\":\"m\",\"system\":\"{}\",\"messages\":[{}],\"tools\":[{}]}}",
        text(0, "system"),
        messages.join(","),
        tools.join(",")
    )
}

/// An answer in `events` pieces, each a chunk.
fn stream(end: &str, events: usize) -> String {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let deltas = (0..events).map(|n| {
        let event = format!(
            "event: delta{end}data: {{\"n\":{n},\"delta\":{{\"text\":\"w\u{f6}rd\\n{} \"}},\"x\":null}}{end}",
            n * 7919 % 1009
        );
        let event = event.replacen(end, "\n", 1);
        format!("{:x}\r\n{event}\r\n", event.len())
    });
    head + &deltas.collect::<String>() + "0\r\n\r\n"
}

#[test]
fn an_event_costs_its_letters() {
    let mut bench = Bench::new();
    bench.write(stream("\n\n", 300).as_bytes());
    let root = bench.write(stream("\n\n", 290).as_bytes());
    assert!(root.len() < 300, "{} bytes", root.len());
}

#[test]
fn any_form_comes_back() {
    let mut bench = Bench::new();
    let long = "long text é \\n ".repeat(40);
    let unended = format!("{{\"a\":\"{long}");
    let inside = serde_json::to_string(&serde_json::json!({ "content": long })).unwrap();
    let nested = serde_json::to_string(&serde_json::json!({ "arguments": inside })).unwrap();
    let picture: String = (0..4000).map(|n| char::from(b"iVBORw0KGgo5"[n * n % 12])).collect();
    for bytes in [
        "".to_owned(),
        "{}".to_owned(),
        "[".repeat(100_000),
        "{\"a\":".repeat(3000),
        "]}".repeat(3000),
        unended,
        nested,
        format!("[\"data:image/png;base64,{picture}\",\"{picture}\",\"{picture}==\"]"),
        format!("[\"{}\"]", r"\ud83d".repeat(60)),
        format!("[{}1]", "0.123456789,".repeat(5000)),
        format!("  [{}]", format!("\"{long}\" , ").repeat(600)),
        "POST / HTTP/1.1\r\n\r\n1f\r\n{\"a\":1}".to_owned(),
        "multipart ".repeat(10_000),
        request(70),
        stream("\n\n", 50),
        stream("\r\n\r\n", 50),
        stream("\n", 50),
        stream("\n\n", 50).replace("\r\n5", "\r\n4"),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", "data: {\"a\": \"\n\n".repeat(100)),
    ] {
        bench.comes_back(bytes.as_bytes());
    }
}

#[test]
fn a_turn_more_costs_little() {
    let mut bench = Bench::new();
    let mut sizes = Vec::new();
    for turns in 1..100 {
        let root = bench.write(request(turns).as_bytes());
        sizes.push((root.len(), bench.blobs()));
    }
    let (root, blobs) = sizes[98];
    assert!(root < 400, "{root} bytes");
    let (_, before) = sizes[49];
    assert!(blobs - before < 60, "{before} blobs after 50 turns, {blobs} after 99");
}

#[test]
fn a_text_is_one_however_it_is_escaped() {
    let mut bench = Bench::new();
    let text = "Où est le café ? <b>Là-bas</b>, \"près\" de l'église.\n".repeat(9);
    let javascript = serde_json::to_string(&text).unwrap();
    let python: String = javascript
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    let go = javascript.replace('<', "\\u003c").replace('>', "\\u003e");
    let php = python.replace('/', "\\/");
    for escaped in [&javascript, &python, &go, &php] {
        bench.comes_back(escaped.as_bytes());
    }
    let arguments = serde_json::json!({ "text": text }).to_string();
    bench.comes_back(serde_json::to_string(&arguments).unwrap().as_bytes());
    // The text, and the JSON that holds it inside a string.
    assert_eq!(bench.blobs(), 2);
}

#[test]
fn damage_is_told() {
    let mut bench = Bench::new();
    let root = bench.write(request(40).as_bytes());
    assert!(!references(&bench.conn, &root).unwrap().is_empty());
    let ids: Vec<i64> = {
        let mut statement = bench.conn.prepare("SELECT id FROM blob").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for (rule, sql) in [
        ("another coding", "UPDATE blob SET coding = 77 WHERE id = ?1"),
        ("a dictionary that is missing", "UPDATE blob SET coding = 4001 WHERE id = ?1"),
        ("no bytes", "UPDATE blob SET coding = 2, data = x'' WHERE id = ?1"),
        ("a piece that holds itself", "UPDATE blob SET coding = 1, data = x'0102' WHERE id = ?1"),
        ("no row", "DELETE FROM blob WHERE id = ?1"),
    ] {
        for id in &ids {
            bench.conn.execute_batch("SAVEPOINT damage").unwrap();
            bench.conn.execute(sql, [id]).unwrap();
            // It is an error or, where the piece is of another body, nothing; never a panic.
            let _ = read(&bench.conn, &root);
            bench.conn.execute_batch("ROLLBACK TO damage; RELEASE damage").unwrap();
        }
        bench.conn.execute_batch("SAVEPOINT damage").unwrap();
        for id in &ids {
            bench.conn.execute(sql, [id]).unwrap();
        }
        let error = read(&bench.conn, &root).err();
        assert!(
            matches!(error, Some(crate::store::StoreError::Damaged { .. })),
            "{rule}: {error:?}"
        );
        bench.conn.execute_batch("ROLLBACK TO damage; RELEASE damage").unwrap();
    }
}

/// JSON with spaces, escapes and long strings.
fn json() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-z\"\\\\/é你😀\n<>&]{0,20}",
        "[a-z \"\\\\é你\n]{130,300}",
        "[A-Za-z0-9+/]{260,400}={0,2}",
        "\\{\"a\": \"[a-z \"\\\\é]{140,200}\"\\}",
    ];
    let leaf = prop_oneof![
        text.clone().prop_map(|text| serde_json::to_string(&text).unwrap()),
        text.prop_map(|text| {
            let escaped = serde_json::to_string(&text).unwrap();
            escaped
                .chars()
                .map(|c| match c.is_ascii() {
                    true => c.to_string(),
                    false => {
                        c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
                    }
                })
                .collect()
        }),
        "-?[0-9]{1,9}|true|null|\"\\\\u[0-9a-fA-F]{4}\"",
    ];
    leaf.prop_recursive(5, 200, 40, |inner| {
        let space = "[ \n]{0,2}";
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..40), space)
                .prop_map(|(parts, space)| format!("[{}]", parts.join(&format!(",{space}")))),
            (prop::collection::vec(inner, 0..8), space).prop_map(|(parts, space)| {
                let members: Vec<_> = parts
                    .iter()
                    .enumerate()
                    .map(|(n, part)| format!("\"k{n}\":{space}{part}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

#[test]
fn any_json_comes_back_also_broken() {
    let bench = std::cell::RefCell::new(Bench::new());
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&(json(), any::<prop::sample::Index>(), any::<u8>()), |(json, at, byte)| {
            let mut bench = bench.borrow_mut();
            let mut bytes = json.into_bytes();
            bench.comes_back(&bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bench.comes_back(&bytes);
            bytes.truncate(at);
            bench.comes_back(&bytes);
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn any_columns_come_back(bytes in "([0-9a-f]{0,3}\r\n)?(data: |\n)?[\\[{\"a:0-9,\\\\]{0,9}\n{1,2}") {
        let bytes = bytes.repeat(200).into_bytes();
        if let Some(parts) = super::columns::encode(&bytes) {
            prop_assert!(parts.len() < bytes.len());
        }
    }

    #[test]
    fn damaged_columns_do_no_harm(bytes: Vec<u8>) {
        let _ = super::columns::decode(&bytes, 1 << 20, &mut Vec::new());
    }

    #[test]
    fn a_damaged_root_does_no_harm(root: Vec<u8>) {
        let conn = Connection::open_in_memory().unwrap();
        let _ = read(&conn, &root);
        let _ = references(&conn, &root);
    }
}
