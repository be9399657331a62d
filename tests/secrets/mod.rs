//! Secrets of every format, however they are written, are in nothing that is kept; and what
//! only looks like one stays.

mod formats;
mod recorded;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use overhear::model::Fingerprinter;
use overhear::record::secrets::{Bodies, Found, Redactor};
use serde_json::{Value, json};

use crate::stage::kept::Search;
use formats::{FORMATS, Planted};

fn redactor() -> Redactor {
    Redactor::new(Fingerprinter::new([7; 32]))
}

fn redacted(body: &str) -> String {
    let mut bytes = body.as_bytes().to_vec();
    redactor().prompt(&mut bytes, &mut Found::default());
    assert_eq!(bytes.len(), body.len());
    String::from_utf8(bytes).unwrap()
}

/// How a text stands in a body.
type Carrier = (&'static str, fn(&str) -> String);

const CARRIERS: &[Carrier] = &[
    ("plain", |text| text.to_owned()),
    ("JSON", |text| prompt(text).to_string()),
    ("JSON in JSON", |text| prompt(&json!({"file": text}).to_string()).to_string()),
    ("JSON in JSON in JSON", |text| {
        prompt(&json!({"arguments": json!({"file": text}).to_string()}).to_string()).to_string()
    }),
    ("slashes escaped", |text| prompt(text).to_string().replace('/', "\\/")),
    ("punctuation escaped", |text| escaped(&prompt(text))),
    ("an event", |text| format!("data: {}\n\n", prompt(text))),
    ("multipart", |text| {
        format!("--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n{text}\r\n--b--\r\n")
    }),
    ("a form", |text| format!("prompt={}&n=1", percent(text))),
    ("base64", |text| prompt(&STANDARD.encode(format!("# settings\n{text}"))).to_string()),
    ("base64 for URLs", |text| {
        prompt(&URL_SAFE_NO_PAD.encode(format!("# settings\n{text}"))).to_string()
    }),
    ("a data URL", |text| {
        prompt(&format!("data:text/plain;base64,{}", STANDARD.encode(text))).to_string()
    }),
    ("protobuf", |text| format!("\u{12}\u{7f}{text}\u{1a}\u{1}x")),
];

fn prompt(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

/// JSON as careful programs write it: what is no letter or digit in a string is escaped.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    text.chars()
        .map(|c| match c {
            '-' | '_' | '/' | '+' | '=' | '.' | '@' | '&' | ';' => {
                format!("\\u{:04x}", u32::from(c))
            }
            c => c.to_string(),
        })
        .collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn every_format_is_found_however_it_is_written() {
    let mut kept = Vec::new();
    for (n, (carrier, carry)) in (0..).zip(CARRIERS) {
        for format in FORMATS {
            let Planted { text, secret } = format.plant(n);
            let stored = redacted(&carry(&text));
            let secret = [(format.name.to_owned(), secret)];
            if !Search::of(&secret).names_in(stored.as_bytes()).is_empty() {
                kept.push(format!("{}, {carrier}: {stored}", format.name));
            }
        }
    }
    assert!(kept.is_empty(), "{} are kept:\n{}", kept.len(), kept.join("\n"));
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let picture = STANDARD.encode(blake3::hash(b"picture").as_bytes().repeat(20));
    let picture = format!("{{\"url\":\"data:image/png;base64,iVBORw0KGgo{picture}\"}}");
    let text_in_base64 = STANDARD.encode("a text of many words, none of which is a secret at all");
    for (rule, text) in [
        (
            "an id",
            "\"id\": \"018f3a5b-7c21-7d4e-9a1b-2c3d4e5f6a7b\", \"request_id\": \"req_011CSHoEeqs5C35K2UUqR7Fy\"",
        ),
        (
            "a hash of git",
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8\nindex 83db48f..bf2a4d1 100644",
        ),
        ("a checksum", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            "of a lock file",
            "integrity sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==",
        ),
        ("a picture", &picture),
        ("a text in base64", &text_in_base64),
        (
            "an example key",
            "set OPENAI_API_KEY=sk-... or sk-your-key-here, then OPENAI_API_KEY=$KEY",
        ),
        ("a placeholder", "api_key=\"YOUR_API_KEY\", token: <your token>, password=********"),
        (
            "code",
            "let api_key = std::env::var(\"OPENAI_API_KEY\")?; client.token(token).password(password)",
        ),
        (
            "Python",
            "def login(password=None, token=os.environ['TOKEN'], secret=settings.SECRET_KEY):",
        ),
        ("a call", "password = getpass.getpass(); password=hash_password_v2(user.password)"),
        (
            "a type",
            "password: String, token: Option<String>, secret_key: &'static str, api_key: SecretString",
        ),
        (
            "TypeScript",
            "interface A { accessToken: string; refreshToken?: string; apiKey: process.env.API_KEY }",
        ),
        (
            "a schema",
            "{\"password\":{\"type\":\"string\",\"description\":\"The user's password\"},\"required\":[\"password\"]}",
        ),
        ("Chinese", "请不要把密码写进提示词，password 是密码的意思，token 是令牌。"),
        ("Japanese", "パスワードとトークンを入力してください。"),
        (
            "prose",
            "The secret: never store a password in plain text. The token is a word; Basic understanding is enough.",
        ),
        (
            "a URL",
            "https://example.com/@scope/name?page=2&sort=asc#section and git@github.com:owner/name.git",
        ),
        (
            "a path",
            "/usr/lib/x86_64-linux-gnu/libSDL2-2.0.so.0 and src/record/secrets/shapes/special.rs:40:12",
        ),
        (
            "usage",
            "{\"prompt_tokens\":1200,\"completion_tokens\":34,\"max_tokens\":4096,\"token_count\":99}",
        ),
        (
            "a thinking signature",
            "\"signature\":\"EqQBCgIYAhIkFake0123456789abcdefABCDEF+/0123456789==\"",
        ),
        ("percent signs", "100%25 of 50%2F50, %s %d {:.2f}% and LIKE '%token%'"),
        ("escapes", "caf\\u00e9 \\u4f60\\u597d <\\/script> C:\\\\Users\\\\name"),
        ("stars", "**bold** and ******** and /* comment */"),
    ] {
        assert_eq!(redacted(text), text, "{rule}");
    }
}

#[test]
fn bodies_stay_as_they_are_on_demand_and_credentials_do_not() {
    let redactor = redactor().with_bodies(Bodies::Kept);
    let Planted { text, .. } = FORMATS[0].plant(1);
    let credential = FORMATS[2].plant(2).secret;
    let mut found = Found::default();
    let mut headers = vec![("authorization".to_owned(), format!("Bearer {credential}"))];
    redactor.headers(&mut headers, &mut found);
    assert!(!headers[0].1.contains(&credential));
    let body = prompt(&text).to_string();
    let mut bytes = body.clone().into_bytes();
    assert_eq!(redactor.prompt(&mut bytes, &mut found), 0);
    assert_eq!(bytes, body.into_bytes());
    let seen = redactor.sightings(&text, &found);
    assert_eq!(seen.len(), 1, "it is told all the same");
    let mut echo = format!("Incorrect API key provided: {credential}").into_bytes();
    assert_eq!(redactor.body(&mut echo, &mut found), 1);
}
