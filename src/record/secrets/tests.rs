mod any;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn redactor() -> Redactor {
    Redactor::new(Fingerprinter::new([7; 32]))
}

/// A key that nobody would take for one, put together so that no scanner trips over it.
fn key() -> String {
    ["sk-", "proj-", "Fake0Key1Fake2Key3Fake4Key5Fake6Key7"].concat()
}

/// A value without any shape: only its place tells that it is a credential.
fn opaque() -> String {
    ["0paque", "+fake/", "value=", "012345678"].concat()
}

fn head_of(lines: &str) -> (String, Found) {
    let mut found = Found::default();
    let stored = redactor().head(lines.as_bytes(), &mut found);
    (String::from_utf8(stored).unwrap(), found)
}

fn body_of(body: &str, found: &mut Found) -> String {
    let mut bytes = body.as_bytes().to_vec();
    redactor().body(&mut bytes, found);
    assert_eq!(bytes.len(), body.len(), "{body}");
    String::from_utf8(bytes).unwrap()
}

/// A `Found` that has met `value` as a bearer token.
fn met(value: &str) -> Found {
    let mut headers = vec![("Authorization".to_owned(), format!("Bearer {value}"))];
    let mut found = Found::default();
    redactor().headers(&mut headers, &mut found);
    found
}

#[test]
fn a_credential_leaves_no_trace_in_thirty_places_of_a_head() {
    let opaque = opaque();
    let coded = STANDARD.encode(format!("fake-user:{opaque}"));
    let escaped = opaque.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for (rule, line) in [
        ("bearer", "Authorization: Bearer OPAQUE"),
        ("no scheme", "authorization: OPAQUE"),
        ("basic", "Authorization: Basic CODED"),
        ("proxy", "Proxy-Authorization: Basic CODED"),
        ("Anthropic", "X-Api-Key: OPAQUE"),
        ("Azure", "api-key: OPAQUE"),
        ("Azure gateway", "Ocp-Apim-Subscription-Key: OPAQUE"),
        ("Google", "x-goog-api-key: OPAQUE"),
        ("Google IAM", "x-goog-iam-authorization-token: OPAQUE"),
        ("ElevenLabs", "xi-api-key: OPAQUE"),
        ("AWS session", "X-Amz-Security-Token: OPAQUE"),
        (
            "AWS signature",
            "Authorization: AWS4-HMAC-SHA256 Credential=AK/1/us/x/aws4_request, SignedHeaders=host, Signature=OPAQUE",
        ),
        (
            "AWS key id",
            "Authorization: AWS4-HMAC-SHA256 Credential=OPAQUE/1/us/x/aws4_request, SignedHeaders=host, Signature=0f",
        ),
        ("organisation", "OpenAI-Organization: OPAQUE"),
        ("project", "openai-project: OPAQUE"),
        ("account", "chatgpt-account-id: OPAQUE"),
        ("Anthropic organisation", "anthropic-organization-id: OPAQUE"),
        ("cookie", "Cookie: a=b; session=OPAQUE; c=d"),
        ("set-cookie", "Set-Cookie: session=OPAQUE; Path=/; HttpOnly"),
        ("by its name: token", "X-My-Token: OPAQUE"),
        ("by its name: secret", "Cf-Access-Client-Secret: OPAQUE"),
        ("by its name: auth", "Helicone-Auth: Bearer OPAQUE"),
        ("by its name: key", "X-RapidAPI-Key: OPAQUE"),
        ("by its name: session key", "X-Session-Key: OPAQUE"),
        (
            "WebSocket, OpenAI",
            "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.OPAQUE, openai-beta.realtime-v1",
        ),
        ("WebSocket, Deepgram", "Sec-WebSocket-Protocol: token, OPAQUE"),
        ("a fold before it", "Authorization: Bearer\r\n OPAQUE"),
        ("a fold in it", "X-Api-Key: 0paque\r\n\tOPAQUE"),
        ("space before the colon", "X-Api-Key : OPAQUE"),
        ("no space behind it", "X-API-KEY:OPAQUE"),
        ("a URL", "Location: https://host/cb?code=ESCAPED&state=1"),
        ("userinfo in a URL", "Referer: https://user:ESCAPED@host/"),
        ("a key in any header", "X-Note: my key is SHAPED"),
        ("a setting in any header", "X-Note: AZURE_API_KEY=0123fake4567fake89"),
    ] {
        let line = line
            .replace("OPAQUE", &opaque)
            .replace("CODED", &coded)
            .replace("ESCAPED", &escaped)
            .replace("SHAPED", &key());
        for end in ["\r\n", "\n"] {
            let head = format!("POST /v1 HTTP/1.1{end}A: b{end}{line}{end}C: d{end}{end}");
            let (stored, found) = head_of(&head);
            for secret in [&opaque, &coded, &escaped, &key(), "0123fake"] {
                assert!(!stored.contains(secret), "{rule}: {stored}");
            }
            assert!(!found.is_empty(), "{rule}");
            // All else stays, byte for byte.
            let name = line.split(':').next().unwrap();
            let before = format!("POST /v1 HTTP/1.1{end}A: b{end}{name}");
            assert!(stored.starts_with(&before), "{rule}: {stored}");
            assert!(stored.ends_with(&format!("{end}C: d{end}{end}")), "{rule}: {stored}");
            assert_eq!(head_of(&stored).0, stored, "{rule}, a second time");
        }
    }
}

#[test]
fn what_tells_nothing_stays_readable() {
    let (stored, _) = head_of(concat!(
        "GET / HTTP/1.1\r\n",
        "Authorization: AWS4-HMAC-SHA256 Credential=AKFAKE/20260101/us-east-1/bedrock/aws4_request, ",
        "SignedHeaders=host;x-amz-date, Signature=00ff\r\n",
        "Cookie: a=1; b=2\r\n",
        "X-Api-Key: k\r\n\r\n",
    ));
    let hidden = outside_marks(&stored);
    assert_eq!(
        hidden,
        concat!(
            "GET / HTTP/1.1\r\n",
            "Authorization: AWS4-HMAC-SHA256 Credential=<>/20260101/us-east-1/bedrock/aws4_request, ",
            "SignedHeaders=host;x-amz-date, Signature=<>\r\n",
            "Cookie: a=<>; b=<>\r\n",
            "X-Api-Key: <>\r\n\r\n",
        )
    );
}

/// `text` with what stands in `<…>` left out.
fn outside_marks(text: &str) -> String {
    let mut outside = true;
    text.chars()
        .filter(|c| {
            let shown = outside || *c == '>';
            outside = if outside { *c != '<' } else { *c == '>' };
            shown
        })
        .collect()
}

#[test]
fn a_head_without_credentials_stays_byte_for_byte() {
    for head in [
        "GET /v1/models?alt=sse&pageSize=5 HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        "HTTP/1.1 200 OK\nanthropic-ratelimit-tokens-limit: 12000000\nX-Ratelimit-Remaining-Tokens: 9\n\n",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"\r\nx-time-per-token: 33\r\n\r\n",
        "POST / HTTP/1.1\r\nx-claude-code-session-id: 00000000-fake-0000-0000-000000000000\r\n\
         Access-Control-Allow-Headers: authorization, x-api-key\r\nSec-WebSocket-Key: ZmFrZQ==\r\n\
         traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n\
         a : b\r\n \t c\r\nno colon\r\n\r\n",
        "\u{0}\r\n\r\n\r\n",
        "",
    ] {
        assert_eq!(head_of(head).0, head);
    }
    let binary = b"GET /\xff HTTP/1.1\r\nA: \xfe\xff\r\n\r\n";
    assert_eq!(redactor().head(binary, &mut Found::default()), binary);
}

#[test]
fn a_target_keeps_its_names_and_loses_its_credentials() {
    for (rule, target, expected) in [
        (
            "Google's key",
            "/v1beta/models/m:streamGenerateContent?alt=sse&key=KEY",
            "/v1beta/models/m:streamGenerateContent?alt=sse&key=<>",
        ),
        (
            "Azure",
            "/openai/realtime?api-version=1&api-key=KEY",
            "/openai/realtime?api-version=1&api-key=<>",
        ),
        (
            "a signed URL",
            "/a?X-Amz-Credential=AKFAKE%2F1%2Fus&X-Amz-Signature=KEY",
            "/a?X-Amz-Credential=<>%2F1%2Fus&X-Amz-Signature=<>",
        ),
        ("a proxy's", "http://user:KEY@host/a?b=c", "http://<>@host/a?b=c"),
        ("a key in the path", "/files/KEY/x", "/files/<>/x"),
        ("none", "/v1/chat/completions", "/v1/chat/completions"),
    ] {
        let mut found = Found::default();
        let stored = redactor().target(&target.replace("KEY", &key()), &mut found);
        assert_eq!(outside_marks(&stored), expected, "{rule}");
        assert_eq!(redactor().target(&stored, &mut found), stored, "{rule}, a second time");
    }
}

#[test]
fn a_value_from_the_head_is_found_in_bodies_in_every_form() {
    let value = opaque();
    for (rule, body) in [
        ("as it is", format!("you sent {value}.")),
        ("in JSON", format!("{{\"echo\":\"{value}\"}}")),
        ("with slashes escaped", format!("{{\"echo\":\"{}\"}}", value.replace('/', "\\/"))),
        ("with pluses escaped", format!("{{\"echo\":\"{}\"}}", value.replace('+', "\\u002B"))),
        (
            "in a URL",
            format!("?x={}", value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")),
        ),
        ("in base64", STANDARD.encode(&value)),
        ("in base64 of more", STANDARD.encode(format!("{{\"key\":\"{value}\"}}"))),
        ("after an escape", format!("\"a\\n{value}\\nb\"")),
        ("twice", format!("{value} {value}")),
        ("in an event", format!("event: x\ndata: {{\"a\":\"{value}\"}}\n\n")),
        ("in base64 in an event", format!("data: {}\n\n", STANDARD.encode(format!("ab{value}cd")))),
    ] {
        let mut found = met(&value);
        let stored = body_of(&body, &mut found);
        assert_ne!(stored, body, "{rule}");
        assert!(!stored.contains(&value), "{rule}: {stored}");
        let decoded = STANDARD.decode(stored.trim_start_matches("data: ").trim());
        if rule.contains("base64") {
            // It still decodes, and what it decodes to has no more than the value's ends.
            let decoded = String::from_utf8(decoded.unwrap()).unwrap();
            assert!(!decoded.contains(&value[2..value.len() - 2]), "{rule}: {decoded}");
            assert!(decoded.contains(".."), "{rule}: {decoded}");
        }
        assert_eq!(body_of(&stored, &mut found), stored, "{rule}, a second time");
    }
}

#[test]
fn user_and_password_of_basic_are_found_apart() {
    let password = ["hunter", "22fake"].concat();
    let coded = STANDARD.encode(format!("fake-user:{password}"));
    let (_, mut found) =
        head_of(&format!("GET / HTTP/1.1\r\nAuthorization: Basic {coded}\r\n\r\n"));
    let stored = body_of(&format!("password {password} of {coded}"), &mut found);
    assert!(!stored.contains(&password) && !stored.contains(&coded), "{stored}");
}

#[test]
fn secrets_of_bodies_are_replaced_and_prompts_are_not() {
    let (opaque, key) = (opaque(), key());
    for (rule, body, expected) in [
        (
            "an OAuth reply",
            "{\"access_token\":\"OPAQUE\",\"expires_in\":3600}",
            "{\"access_token\":\"<>\",\"expires_in\":3600}",
        ),
        (
            "an OAuth request",
            "grant_type=refresh_token&refresh_token=OPAQUE&client_id=app",
            "grant_type=refresh_token&refresh_token=<>&client_id=app",
        ),
        (
            "an MCP server's token",
            "{\"mcp_servers\":[{\"authorization_token\":\"OPAQUE\"}]}",
            "{\"mcp_servers\":[{\"authorization_token\":\"<>\"}]}",
        ),
        (
            "a WebSocket's first message",
            "{\"type\":\"auth\",\"api_key\":\"OPAQUE\"}",
            "{\"type\":\"auth\",\"api_key\":\"<>\"}",
        ),
        (
            "a key in a prompt",
            "{\"content\":\"use SHAPED, please\"}",
            "{\"content\":\"use <>, please\"}",
        ),
        (
            "a file in a tool's result",
            "{\"content\":\"A=1\\nOPENAI_API_KEY=SHAPED\\nB=2\"}",
            "{\"content\":\"A=1\\nOPENAI_API_KEY=<>\\nB=2\"}",
        ),
        (
            "a command",
            "{\"command\":\"curl -H \\\"Authorization: Bearer SHAPED\\\" x\"}",
            "{\"command\":\"curl -H \\\"Authorization: Bearer <>\\\" x\"}",
        ),
        (
            "a database",
            "{\"text\":\"postgres://app:hunter2fake@db/x\"}",
            "{\"text\":\"postgres://app:***********@db/x\"}",
        ),
        ("a form's password", "password=SHAPED", "password=<>"),
        (
            "logprobs",
            "{\"token\":\" Hello\",\"logprob\":-0.1}",
            "{\"token\":\" Hello\",\"logprob\":-0.1}",
        ),
        (
            "usage",
            "{\"prompt_tokens\":1,\"total_tokens\":2}",
            "{\"prompt_tokens\":1,\"total_tokens\":2}",
        ),
        (
            "a thinking signature",
            "{\"signature\":\"EqQBCgIYAhIkFake0123456789abcdef+/==\"}",
            "{\"signature\":\"EqQBCgIYAhIkFake0123456789abcdef+/==\"}",
        ),
        (
            "a schema",
            "{\"password\":{\"type\":\"string\"},\"required\":[\"password\"]}",
            "{\"password\":{\"type\":\"string\"},\"required\":[\"password\"]}",
        ),
    ] {
        let body = body.replace("OPAQUE", &opaque).replace("SHAPED", &key);
        let mut found = Found::default();
        let stored = body_of(&body, &mut found);
        assert_eq!(outside_marks(&stored), expected, "{rule}");
        assert_eq!(found.is_empty(), stored == body, "{rule}");
        assert_eq!(body_of(&stored, &mut found), stored, "{rule}, a second time");
    }
}

#[test]
fn a_value_that_a_field_taught_is_found_where_nothing_tells() {
    let value = ["0paque", "fake12345678value"].concat();
    let body = format!("{{\"note\":\"{value}\",\"client_secret\":\"{value}\"}}");
    let stored = body_of(&body, &mut Found::default());
    assert_eq!(outside_marks(&stored), "{\"note\":\"<>\",\"client_secret\":\"<>\"}");
}

#[test]
fn escapes_numbers_and_words_are_not_taken_for_a_known_value() {
    for (rule, value, body) in [
        ("half an escape", "n0paque-fake", "\"a\\n0paque-fake\""),
        ("half a unicode escape", "00e9paque-fake", "\"\\u00e9paque-fake\""),
        ("a number", "1234567890", "{\"created\":1234567890}"),
        ("a number with an exponent", "12345678e10", "[12345678e10]"),
        ("a word", "anything", "anything goes"),
        ("in a longer word", "0paque-fk", "x0paque-fkx"),
    ] {
        assert_eq!(body_of(body, &mut met(value)), body, "{rule}");
    }
}

#[test]
fn trailers_and_pseudo_headers_are_headers() {
    let mut found = Found::default();
    let mut headers: Headers = vec![
        (":path".to_owned(), format!("/v1?key={}", opaque())),
        (":authority".to_owned(), "api.example.com".to_owned()),
        ("X-Trailing-Token".to_owned(), opaque()),
    ];
    redactor().headers(&mut headers, &mut found);
    let shown: Vec<String> = headers.iter().map(|(_, value)| outside_marks(value)).collect();
    assert_eq!(shown, ["/v1?key=<>", "api.example.com", "<>"]);
}

#[test]
fn the_next_exchange_of_a_connection_knows_what_the_last_one_met() {
    let mut found = met(&opaque());
    found.next_exchange();
    assert!(found.is_empty());
    assert_eq!(outside_marks(&body_of(&format!("x {}", opaque()), &mut found)), "x <>");
    assert_eq!(found.replaced(), 1);
}

#[test]
fn a_text_put_together_from_pieces_is_whole_here() {
    let mut text = ["my key is ", &key(), ", é"].concat();
    let replaced = redactor().text(&mut text, &mut Found::default());
    assert_eq!((replaced, outside_marks(&text).as_str()), (1, "my key is <>, é"));
}

#[test]
fn many_secrets_are_all_replaced_though_few_are_remembered() {
    let body: String =
        (0..1000).map(|n| format!("{{\"api_key\":\"0paque-fake-{n:06}\"}}\n")).collect();
    let mut found = Found::default();
    let stored = body_of(&body, &mut found);
    assert!(!stored.contains("0paque"));
    assert_eq!(found.replaced(), 1000);
    assert_eq!(found.sightings().count(), SIGHTINGS_MAX);
}
