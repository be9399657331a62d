//! A Python script that sends a request again, with httpx.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::keys::Word;
use super::resend::Resend;
use super::{ExportError, Item, jsonl};

/// Deepest JSON that is written as Python: its parser takes no more brackets inside of each other
/// than about a hundred.
const DEPTH_MAX: usize = 60;

/// The script.
pub(super) fn script(item: &Item<'_>) -> Result<String, ExportError> {
    Ok(written(&Resend::of(item)?))
}

pub(super) fn written(resend: &Resend) -> String {
    let mut text = String::new();
    for line in &resend.says {
        text.push_str(&format!("# {line}\n"));
    }
    let (body, content, more) = body(resend);
    let is_key = |words: &[Word]| words.iter().any(|word| matches!(word, Word::Key(_)));
    let has_key = is_key(&resend.url) || resend.headers.iter().any(|(_, value)| is_key(value));
    let mut imports: Vec<&str> = more.into_iter().collect();
    if has_key {
        imports.push("import os");
    }
    if !imports.is_empty() {
        text.push_str(&imports.join("\n"));
        text.push_str("\n\n");
    }
    text.push_str("import httpx\n\n");
    text.push_str(&format!("url = {}\n", joined(&resend.url)));
    text.push_str("headers = [\n");
    for (name, value) in &resend.headers {
        text.push_str(&format!("    ({}, {}),\n", literal(name), joined(value)));
    }
    text.push_str("]\n");
    text.push_str(&body);
    let method = literal(&resend.method);
    text.push_str(&format!(
        "\nwith httpx.stream({method}, url, headers=headers{content}, timeout=600) as reply:\n    \
         print(reply.status_code, reply.reason_phrase)\n    \
         for piece in reply.iter_text():\n        \
         print(piece, end=\"\", flush=True)\n"
    ));
    text
}

/// Lines that make the body, the argument that sends it, and what they import.
fn body(resend: &Resend) -> (String, &'static str, Option<&'static str>) {
    if resend.body.is_empty() {
        return (String::new(), "", None);
    }
    let json = serde_json::from_slice::<Value>(&resend.body).ok();
    if let Some(value) = json.filter(|value| is_shallow(value, DEPTH_MAX) && !value.is_null()) {
        let mut text = "body = ".to_owned();
        write(&value, 0, &mut text);
        text.push('\n');
        return (text, ", content=json.dumps(body)", Some("import json"));
    }
    match std::str::from_utf8(&resend.body) {
        Ok(body) => (format!("body = {}\n", literal(body)), ", content=body.encode()", None),
        Err(_) => (
            format!("body = base64.b64decode(\"{}\")\n", STANDARD.encode(&resend.body)),
            ", content=body",
            Some("import base64"),
        ),
    }
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    match (value, depth) {
        (Value::Array(_) | Value::Object(_), 0) => false,
        (Value::Array(items), _) => items.iter().all(|item| is_shallow(item, depth - 1)),
        (Value::Object(fields), _) => fields.values().all(|field| is_shallow(field, depth - 1)),
        _ => true,
    }
}

/// JSON as Python, a line for each item.
fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "    ".repeat(depth + 1);
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => text.push_str(&literal(string)),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Object(fields) if fields.is_empty() => text.push_str("{}"),
        Value::Array(items) => {
            text.push_str("[\n");
            for item in items {
                text.push_str(&indent);
                write(item, depth + 1, text);
                text.push_str(",\n");
            }
            text.push_str(&format!("{}]", "    ".repeat(depth)));
        }
        Value::Object(fields) => {
            text.push_str("{\n");
            for (name, field) in fields {
                text.push_str(&format!("{indent}{}: ", literal(name)));
                write(field, depth + 1, text);
                text.push_str(",\n");
            }
            text.push_str(&format!("{}}}", "    ".repeat(depth)));
        }
    }
}

fn joined(words: &[Word]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| match word {
            Word::Text(text) => literal(text),
            Word::Key(name) => format!("os.environ[{}]", literal(name)),
        })
        .collect();
    match words.is_empty() {
        true => "\"\"".to_owned(),
        false => words.join(" + "),
    }
}

/// Text as a string of Python.
fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if jsonl::steers(c) => quoted.push_str(&match u32::from(c) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_says_the_same_in_python() {
        for (rule, text, expected) in [
            ("words", "héllo 天", "\"héllo 天\""),
            ("quotes and backslashes", "a\"b\\n'", "\"a\\\"b\\\\n'\""),
            ("line ends", "a\n\r\t", "\"a\\n\\r\\t\""),
            ("controls", "\0\u{1b}\u{202e}\u{e0041}", "\"\\x00\\x1b\\u202e\\U000e0041\""),
        ] {
            assert_eq!(literal(text), expected, "{rule}");
        }
    }

    #[test]
    fn a_body_is_python_where_it_is_json() {
        let resend = |body: &[u8]| Resend {
            says: vec!["a line".to_owned()],
            method: "POST".to_owned(),
            url: vec![Word::Text("https://example.com/".to_owned())],
            headers: vec![("Authorization".to_owned(), vec![Word::Key("KEY".to_owned())])],
            body: body.to_vec(),
        };
        let script = written(&resend(br#"{"a": [true, null, 1.5], "b": {}}"#));
        let body = "body = {\n    \"a\": [\n        True,\n        None,\n        1.5,\n    ],\n    \"b\": {},\n}\n";
        assert!(script.contains(body), "{script}");
        assert!(script.contains("(\"Authorization\", os.environ[\"KEY\"])"), "{script}");
        assert!(written(&resend(b"a\xff")).contains("base64.b64decode(\"Yf8=\")"));
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        assert!(written(&resend(deep.as_bytes())).contains("body = \"[[[["));
    }
}
