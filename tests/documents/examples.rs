//! Every example runs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::{Fake, root, rust_files, short};

/// How long a silent example is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn each_example_has_a_test_here() {
    let found: Vec<String> = rust_files("examples").iter().map(|path| short(path)).collect();
    let tested = ["decode_stream", "fake_provider", "hudsucker_handler"];
    assert_eq!(found, tested.map(|name| format!("examples/{name}.rs")));
}

#[test]
fn decode_stream_prints_the_answer_of_a_file_and_of_stdin() {
    for (case, path, answer, told) in [
        (
            "openai.chat/usage-in-the-last-chunk",
            "/v1/chat/completions",
            "The Danube 🌊.\n",
            "tokens: 9 in, 4 out\n",
        ),
        (
            "openai.chat/the-last-event-is-unterminated",
            "/v1/chat/completions",
            "Rhine\n",
            "tokens: 9 in, 4 out\n",
        ),
        (
            "anthropic.messages/text-with-pings-and-padding",
            "/v1/messages",
            "The Rhine 🌊.\n",
            " 9 out\n",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reply.sse");
        fs::write(&file, stream_of(case)).unwrap();
        let read = decode_stream(&[file.to_str().unwrap(), "--path", path], b"");
        assert_eq!(String::from_utf8(read.stdout).unwrap(), answer, "{case}");
        let stderr = String::from_utf8(read.stderr).unwrap();
        assert!(stderr.starts_with("tokens: ") && stderr.ends_with(told), "{case}: {stderr}");
        let piped = decode_stream(&["--path", path], &stream_of(case));
        assert_eq!(String::from_utf8(piped.stdout).unwrap(), answer, "{case}, by stdin");
    }
}

#[test]
fn decode_stream_says_that_a_stream_is_cut() {
    let whole = stream_of("openai.chat/usage-in-the-last-chunk");
    let cut = memchr::memmem::find(&whole, b"ube").unwrap();
    let read = decode_stream(&[], &whole[..cut]);
    assert!(read.stdout.starts_with("The Dan".as_bytes()));
    let stderr = String::from_utf8(read.stderr).unwrap();
    assert!(stderr.contains("the stream ends before the answer does"), "{stderr}");
}

#[test]
fn fake_provider_serves_and_writes_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let (_running, stdout) =
        started("fake_provider", &["--port", "0", "--ca", ca.to_str().unwrap()]);
    let address = line(&stdout);
    assert_eq!(line(&stdout), ca.to_str().unwrap());
    assert!(fs::read_to_string(&ca).unwrap().contains("BEGIN CERTIFICATE"));
    let reply = ask(address.strip_prefix("https://").unwrap(), "/v1/models", "");
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
}

#[test]
fn hudsucker_handler_prints_the_exchange_that_passes() {
    let provider = Fake::start();
    let (_running, stdout) = started("hudsucker_handler", &["--port", "0"]);
    let proxy = line(&stdout);
    let proxy = proxy.strip_prefix("http://").unwrap();
    for stream in ["false", "true"] {
        let body = format!(
            r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"hi there"}}]}}"#
        );
        let url = format!("http://{}/v1/chat/completions", provider.addr);
        let reply = ask(proxy, &url, &body);
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert_eq!(line(&stdout), "user: hi there", "stream: {stream}");
        assert_eq!(line(&stdout), "answer: You sent 2 words.", "stream: {stream}");
        // The second line of the fake answer.
        assert!(line(&stdout).starts_with("Grüße"));
    }
}

/// The body of a golden case's reply.
fn stream_of(case: &str) -> Vec<u8> {
    let reply = fs::read(root().join("tests/golden").join(case).join("reply.http")).unwrap();
    let head = memchr::memmem::find(&reply, b"\r\n\r\n").unwrap();
    reply[head + 4..].to_vec()
}

fn decode_stream(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(example("decode_stream"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that reads a file has no use for it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Sends one request with a fake key and reads the reply to its end.
fn ask(address: &str, target: &str, body: &str) -> String {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let (method, key) = match body.is_empty() {
        true => ("GET", ""),
        false => ("POST", "Authorization: Bearer sk-fake-documents-0000000000\r\n"),
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: fake\r\n{key}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    tcp.read_to_end(&mut reply).unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

/// An example that serves; it is killed when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an example, and gives the lines of its stdout.
fn started(name: &str, arguments: &[&str]) -> (Running, Receiver<String>) {
    let mut child =
        Command::new(example(name)).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (said, lines) = mpsc::channel();
    // Ends with the example, or with the test.
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|l| said.send(l)));
    (Running(child), lines)
}

fn line(from: &Receiver<String>) -> String {
    from.recv_timeout(DEADLINE).expect("the example prints a line")
}

/// A built example: they stand in a folder beside the binary.
fn example(name: &str) -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_overhear")).parent().unwrap();
    let path = beside.join("examples").join(name);
    assert!(path.exists(), "no example `{name}`\nhint: cargo build --examples");
    path
}
