//! Exchanges delivered to receivers that are as strict as the real ones, through outages of any
//! kind.

mod live;
mod outage;
mod receiver;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use overhear::demo::provider::Options;
use serde_json::json;

use crate::stage::app::KEY;
use crate::stage::{DEADLINE, Serve, Stage, skipped, text, until};
use receiver::{Kind, Receiver};

/// `overhear serve` that delivers to these.
fn serve(stage: &Stage, sinks: &[String]) -> Serve {
    let words: Vec<&str> = sinks.iter().flat_map(|sink| ["--sink", sink]).collect();
    stage.serve(&words)
}

/// One question by the base URL; `false` if the proxy went away meanwhile.
fn ask(web: SocketAddr, model: &str, says: &str) -> bool {
    let body = json!({
        "model": model, "stream": true, "messages": [{ "role": "user", "content": says }],
    });
    let body = body.to_string();
    let len = body.len();
    let request = format!(
        "POST /https://api.openai.com/v1/chat/completions HTTP/1.1\r\nHost: {web}\r\n\
         Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    );
    let asked = || -> std::io::Result<Vec<u8>> {
        let mut tcp = TcpStream::connect(web)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        tcp.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        tcp.read_to_end(&mut reply)?;
        Ok(reply)
    };
    asked().is_ok_and(|reply| memchr::memmem::find(&reply, b"data: [DONE]").is_some())
}

/// The keys by which a receiver knows what the capture has.
fn expected(stage: &Stage, kind: Kind) -> Vec<String> {
    let exchanges = stage.exchanges();
    exchanges.iter().map(|one| kind.key_of(one["id"].as_str().unwrap())).collect()
}

/// Waits until a receiver has all that the capture has; how many that are.
fn has_all(stage: &Stage, receiver: &Receiver) -> usize {
    let keys = expected(stage, receiver.kind);
    let what = format!("{} has {} exchanges", receiver.kind.name(), keys.len());
    until(&what, || {
        let counts = receiver.counts();
        keys.iter().all(|key| counts.contains_key(key)).then_some(())
    });
    keys.len()
}

/// Nothing came twice.
fn assert_once(receiver: &Receiver) {
    let twice: Vec<_> = receiver.counts().into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "{}: {twice:?}", receiver.kind.name());
}

/// Before the others: what they prove rests on it.
#[test]
fn the_fakes_are_strict() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sinks/test_fakes.py");
    let Ok(output) = Command::new("python3").args(["-B", script]).output() else {
        return skipped("no python3");
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
}
