//! Secrets of every format go through the program, and are in no file and no output of it.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use super::formats::{FORMATS, Planted};
use crate::stage::kept::{Search, everything};
use crate::stage::origin::echo;
use crate::stage::{App, Origin, Serve, Stage, lines};

const HOST: &str = "api.openai.com";

/// How a body is coded, and the header lines that say so.
struct Coding {
    name: &'static str,
    headers: &'static str,
    code: fn(&[u8]) -> Vec<u8>,
}

const CODINGS: &[Coding] = &[
    Coding { name: "plain", headers: "", code: <[u8]>::to_vec },
    Coding { name: "gzip", headers: "Content-Encoding: gzip\r\n", code: gzip },
    Coding { name: "deflate", headers: "Content-Encoding: deflate\r\n", code: deflate },
    Coding { name: "zstd", headers: "Content-Encoding: zstd\r\n", code: zstd },
    Coding { name: "br", headers: "Content-Encoding: br\r\n", code: brotli },
    Coding { name: "chunks", headers: "Transfer-Encoding: chunked\r\n", code: chunks },
];

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 3).unwrap()
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::CompressorWriter::new(&mut coded, 4096, 5, 22).write_all(body).unwrap();
    coded
}

/// Chunks that cut every secret.
fn chunks(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    for piece in body.chunks(7) {
        coded.extend(format!("{:x}\r\n", piece.len()).bytes());
        coded.extend(piece);
        coded.extend(b"\r\n");
    }
    coded.extend(b"0\r\n\r\n");
    coded
}

/// A request whose reply is its own body, in the same coding.
fn request(kind: &str, coding: &Coding, body: &str) -> Vec<u8> {
    let bytes = (coding.code)(body.as_bytes());
    let length = match coding.name {
        "chunks" => String::new(),
        _ => format!("Content-Length: {}\r\n", bytes.len()),
    };
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\n{}{length}\r\n",
        coding.headers
    );
    [head.into_bytes(), bytes].concat()
}

fn serve(stage: &Stage, origin: &Origin, more: &[&str]) -> Serve {
    fs::write(stage.home("origin.pem"), &origin.pem).unwrap();
    let resolve = format!("*:443:{}", origin.addr);
    let mut command = stage.overhear(["serve", "--resolve", &resolve]);
    command.args(["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
    command.args(["--upstream-ca", "origin.pem"]).args(more);
    Serve::start(command)
}

#[test]
fn no_format_is_kept_whatever_the_coding() {
    let stage = Stage::new();
    let origin = Origin::start(HOST, &[], echo);
    let serve = serve(&stage, &origin, &[]);
    let mut app = App::connect(serve.proxy, HOST, &stage.root());
    let mut secrets = Vec::new();
    let mut sent = 0;
    for (n, coding) in (100..).zip(CODINGS) {
        let planted: Vec<Planted> = FORMATS.iter().map(|format| format.plant(n)).collect();
        let messages: Vec<Value> = planted
            .iter()
            .map(|planted| json!({"role": "user", "content": planted.text}))
            .collect();
        let json = json!({"model": "m", "messages": messages}).to_string();
        let events: String = planted
            .iter()
            .map(|planted| {
                let delta = json!({"choices": [{"delta": {"content": planted.text}}]});
                format!("data: {delta}\n\n")
            })
            .collect();
        for (kind, body) in [("application/json", json), ("text/event-stream", events)] {
            assert_eq!(app.ask(request(kind, coding, &body)).status, 200, "{}", coding.name);
            sent += 1;
        }
        secrets.extend(FORMATS.iter().zip(planted).map(|(format, planted)| {
            (format!("{}, {}", format.name, coding.name), planted.secret)
        }));
    }
    stage.exchanges_of(sent);
    let said = serve.said();
    assert!(serve.stop().success());
    let mut all = everything(&stage);
    all.push(("stderr".to_owned(), said.into_bytes()));
    let search = Search::of(&secrets);
    let kept: Vec<String> = all
        .iter()
        .flat_map(|(place, bytes)| {
            search.names_in(bytes).into_iter().map(move |name| format!("{name}: in {place}"))
        })
        .collect();
    assert!(kept.is_empty(), "{}", kept.join("\n"));
    let leaked = lines(&stage.print(&["leaks", "--json"]));
    assert!(leaked.len() >= FORMATS.len() * CODINGS.len(), "{} are told", leaked.len());
    let users = leaked.iter().filter(|leaked| leaked["places"] == json!(["user"])).count();
    assert!(users >= FORMATS.len() * CODINGS.len() * 9 / 10, "{users} of them as the user's");
}
