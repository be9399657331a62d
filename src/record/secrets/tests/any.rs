//! Texts drawn by lot: what must be true of every one.

use proptest::prelude::*;

use super::*;

/// Pieces of which texts are made that come near to every rule.
fn fragment() -> impl Strategy<Value = String> {
    let fixed = [
        "\\",
        "\"",
        "\\\"",
        "\\n",
        "\\u00e9",
        "\n",
        "\r\n",
        " ",
        ":",
        "=",
        "&",
        "%3D",
        "<",
        ">",
        "..",
        "token",
        "\"access_token\":\"",
        "password=",
        "api_key",
        "_KEY=",
        "sig=",
        "Bearer ",
        "://u:",
        "@h",
        "eyJ",
        ".",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----END ",
        "sk-",
        "AKIA",
        ":AA",
        "é",
        "密",
        "-",
        "_",
        "0",
        "1234567890",
        "<authorization:01234567..abcd>",
        "<01234567..>",
        "***",
        "\u{1}",
    ];
    prop_oneof![
        4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => Just(key()),
        1 => Just(opaque()),
        1 => Just(STANDARD.encode(opaque())),
        1 => "[A-Za-z0-9]{1,40}",
        1 => "\\PC{0,8}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    // What a failure finds becomes a case with a name above.
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_body_keeps_length_and_encoding_and_changes_once(text in texts(), value in texts()) {
        let mut found = met(&value);
        let stored = body_of(&text, &mut found);
        prop_assert_eq!(stored.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(body_of(&stored, &mut found), stored.clone());
    }

    #[test]
    fn json_stays_json_of_the_same_form(strings in proptest::collection::vec(texts(), 1..6), value in texts()) {
        let json = serde_json::json!({
            "a": strings, "token": strings.first(), "n": [1234567890, true, null, 1.5e10],
        });
        let text = serde_json::to_string(&json).unwrap();
        let stored = body_of(&text, &mut met(&value));
        let read: serde_json::Value = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&read["n"], &json["n"]);
        prop_assert_eq!(read["a"].as_array().unwrap().len(), strings.len());
        // JSON in a string of JSON is what tools are called with.
        let nested = serde_json::to_string(&serde_json::json!({"arguments": text})).unwrap();
        let stored = body_of(&nested, &mut met(&value));
        let read: serde_json::Value = serde_json::from_str(&stored).unwrap();
        prop_assert!(read["arguments"].is_string());
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), value in texts()) {
        let mut found = met(&value);
        let mut body = bytes.clone();
        redactor().body(&mut body, &mut found);
        prop_assert_eq!(body.len(), bytes.len());
        let head = redactor().head(&bytes, &mut found);
        prop_assert_eq!(redactor().head(&head, &mut found), head);
    }

    #[test]
    fn a_head_and_its_header_list_say_the_same(
        values in proptest::collection::vec(("(authorization|x-api-key|cookie|a|location)", texts()), 0..6)
    ) {
        let mut headers: Headers = values
            .into_iter()
            .map(|(name, value)| {
                let line = |c: char| c == '\r' || c == '\n';
                (name, value.replace(line, "").trim_ascii().to_owned())
            })
            .collect();
        let lines: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let (stored, _) = head_of(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
        let mut found = Found::default();
        redactor().headers(&mut headers, &mut found);
        let lines: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        prop_assert_eq!(stored, format!("GET / HTTP/1.1\r\n{lines}\r\n"));
    }

    #[test]
    fn a_target_changes_once(target in texts()) {
        let mut found = Found::default();
        let stored = redactor().target(&target, &mut found);
        prop_assert_eq!(redactor().target(&stored, &mut found), stored);
    }
}
