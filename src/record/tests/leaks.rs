//! Secrets in prompts are told with whose words they stood in.

use serde_json::json;

use super::*;

#[test]
fn a_secret_is_told_with_whose_words_it_stood_in() {
    let key = |n: u32| format!("ghp_{}", &blake3::hash(&n.to_be_bytes()).to_hex()[..36]);
    let body = json!({
        "model": "m",
        "tools": [{"type": "function", "function": {
            "name": "f", "description": format!("with {}", key(1)), "parameters": {}}}],
        "messages": [
            {"role": "system", "content": format!("use {}", key(2))},
            {"role": "user", "content": format!("{} and {}, password=\"hunter22\"", key(3), key(3))},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function",
                "function": {"name": "f", "arguments": format!("{{\"key\":\"{}\"}}", key(4))}}]},
            {"role": "tool", "tool_call_id": "c", "content": format!("KEY={}", key(5))},
        ],
        "metadata": {"key": key(6)},
    })
    .to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        key(7),
        body.len()
    );
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let request = [head, body].concat();
    let stored =
        read(&[(Side::Downstream, request.as_bytes()), (Side::Upstream, reply.as_bytes())]);
    let mut told: Vec<(&str, &str, u64)> = stored[0]
        .leaks
        .iter()
        .map(|leak| (leak.place.as_str(), leak.kind.as_str(), leak.count))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("call", "github", 1),
            ("params", "github", 1),
            ("system", "github", 1),
            ("tool", "github", 1),
            ("tools", "github", 1),
            ("user", "github", 2),
            ("user", "password", 1),
        ]
    );
}
