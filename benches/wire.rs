//! CPU of the proxy for an SSE event, a small request and an uploaded megabyte, while it
//! records, beside HAProxy's terminating TLS on both sides (where `haproxy` is installed).
//!
//! `cargo bench --bench wire [-- WORD]` prints a table; WORD picks one of `event`, `request`,
//! `upload`. CPU is what the system says the proxy's threads ran
//! (`/proc/PID/task/*/schedstat`), so it can be compared within one run, not between machines.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SerialNumber};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls::{StreamOwned, crypto::aws_lc_rs};

const HOST: &str = "api.openai.com";
const STREAMS: usize = 16;
const EVENTS: usize = 1500;
const REQUESTS: usize = 8000;
const UPLOADS: usize = 150;
const EVENT: &str = r#"data: {"id":"chatcmpl-fake000000000000000000000000","object":"chat.completion.chunk","created":1750000000,"model":"gpt-fake-2026-01-01","service_tier":"default","system_fingerprint":"fp_fake000000","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null}"#;

type App = StreamOwned<ClientConnection, TcpStream>;

fn main() {
    let word = std::env::args().nth(1).filter(|word| !word.starts_with('-')).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("overhear-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the bench");
    let origin = Origin::start(&folder);
    println!("{:<12}{:>14}{:>14}{:>14}", "proxy", "µs/event", "µs/request", "ms/MB up");
    let mut overhear = Overhear::start(&folder, &origin);
    measure("overhear", overhear.child.id(), &word, &|| overhear.app());
    overhear.stop();
    if let Some(mut haproxy) = Haproxy::start(&folder, &origin) {
        measure("haproxy", haproxy.child.id(), &word, &|| haproxy.app());
        let _ = haproxy.child.kill();
        let _ = haproxy.child.wait();
    } else {
        println!("haproxy is not installed: nothing to compare with");
    }
    let _ = fs::remove_dir_all(folder);
}

fn measure(name: &str, pid: u32, word: &str, app: &(dyn Fn() -> App + Sync)) {
    let wanted = |case: &str| word.is_empty() || word == case;
    let per = |case: &str, count: usize, run: &dyn Fn()| -> f64 {
        if !wanted(case) {
            return f64::NAN;
        }
        run();
        let before = cpu_by_thread(pid);
        run();
        settle(pid);
        let after = cpu_by_thread(pid);
        let mut spent_in_all = 0;
        for (thread, ns) in &after {
            let spent = ns.saturating_sub(before.get(thread).copied().unwrap_or(0));
            spent_in_all += spent;
            println!("  {case}: {thread} {:.2} µs", spent as f64 / count as f64 / 1e3);
        }
        spent_in_all as f64 / count as f64
    };
    let event = per("event", STREAMS * EVENTS, &|| streams(app)) / 1e3;
    let request = per("request", REQUESTS, &|| requests(app)) / 1e3;
    let upload = per("upload", UPLOADS, &|| uploads(app)) / 1e6;
    println!("{name:<12}{event:>14.2}{request:>14.2}{upload:>14.3}");
}

fn streams(app: &(dyn Fn() -> App + Sync)) {
    thread::scope(|scope| {
        for _ in 0..STREAMS {
            scope.spawn(|| {
                let mut app = app();
                let body = r#"{"model":"gpt-fake","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
                post(&mut app, "/v1/chat/completions", body.as_bytes());
                let mut buffer = vec![0; 64 << 10];
                let mut last = Vec::new();
                while !last.ends_with(b"0\r\n\r\n") {
                    let n = app.read(&mut buffer).expect("the stream goes on");
                    assert!(n > 0, "the stream was cut after {:?}", String::from_utf8_lossy(&last));
                    last.extend_from_slice(&buffer[..n]);
                    let beyond = last.len().saturating_sub(16);
                    last.drain(..beyond);
                }
            });
        }
    });
}

fn requests(app: &(dyn Fn() -> App + Sync)) {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut app = app();
                let body = r#"{"model":"gpt-fake","messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"Say hi."}]}"#;
                for _ in 0..REQUESTS / 8 {
                    post(&mut app, "/v1/chat/completions", body.as_bytes());
                    read_reply(&mut app);
                }
            });
        }
    });
}

fn uploads(app: &(dyn Fn() -> App + Sync)) {
    let mut app = app();
    let picture = "QUJD".repeat((1 << 20) / 4);
    let body = format!(
        r#"{{"model":"gpt-fake","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}]}}"#
    );
    for _ in 0..UPLOADS {
        post(&mut app, "/v1/chat/completions", body.as_bytes());
        read_reply(&mut app);
    }
}

fn post(app: &mut App, path: &str, body: &[u8]) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: bench/1\r\nAuthorization: Bearer sk-fake-bench-000000000000000000\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    app.write_all(&[head.as_bytes(), body].concat()).expect("the request goes out");
    app.flush().expect("the request goes out");
}

fn read_reply(app: &mut App) {
    let mut seen = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let n = app.read(&mut buffer).expect("a reply");
        assert!(n > 0, "the reply was cut after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..n]);
        if seen.ends_with(b"}\n") {
            return;
        }
    }
}

fn cpu_ns(pid: u32) -> u64 {
    cpu_by_thread(pid).values().sum()
}

/// CPU time of a process by the names of its threads, ended ones excluded.
fn cpu_by_thread(pid: u32) -> BTreeMap<String, u64> {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("the proxy runs").flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let ns = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
        *threads.entry(read("comm").trim().to_owned()).or_insert(0) += ns.unwrap_or(0);
    }
    threads
}

/// Waits until the proxy has nothing left to do: what it records belongs to what was sent.
fn settle(pid: u32) {
    let mut last = cpu_ns(pid);
    loop {
        thread::sleep(Duration::from_millis(300));
        let now = cpu_ns(pid);
        if now - last < 3_000_000 {
            return;
        }
        last = now;
    }
}

struct Origin {
    port: u16,
    ca: PathBuf,
    server_pem: PathBuf,
    roots: Arc<ClientConfig>,
}

impl Origin {
    fn start(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(SerialNumber::from(1_u64));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
            .expect("a CA");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
        params.serial_number = Some(SerialNumber::from(2_u64));
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let ca = folder.join("origin-ca.pem");
        fs::write(&ca, issuer.pem()).expect("written");
        let server_pem = folder.join("origin.pem");
        fs::write(&server_pem, format!("{}{}", certificate.pem(), key.serialize_pem()))
            .expect("written");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key"),
            )
            .expect("a server");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || serve(tcp, config));
            }
        });
        let roots = trusting(&ca);
        Self { port, ca, server_pem, roots }
    }
}

fn serve(tcp: TcpStream, config: Arc<ServerConfig>) {
    let _ = tcp.set_nodelay(true);
    let connection = ServerConnection::new(config).expect("a connection");
    let mut reader = BufReader::with_capacity(64 << 10, StreamOwned::new(connection, tcp));
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(n) if n > 0 => {}
                _ => return,
            }
            if line == "\r\n" {
                break;
            }
            // HAProxy writes header names in lower case.
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let stream = memchr::memmem::find(&body[..length.min(200)], b"\"stream\":true").is_some();
        let out = reader.get_mut();
        let sent = if stream { send_events(out) } else { send_answer(out) };
        if sent.is_err() {
            return;
        }
    }
}

fn send_events(out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    let event = format!("{EVENT}\n\n");
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    for _ in 0..EVENTS {
        out.write_all(chunk.as_bytes())?;
        out.flush()?;
        thread::sleep(Duration::from_millis(1));
    }
    out.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")?;
    out.flush()
}

fn send_answer(out: &mut impl Write) -> std::io::Result<()> {
    let body = r#"{"id":"chatcmpl-fake1","object":"chat.completion","created":1750000000,"model":"gpt-fake","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len() + 1
    );
    out.write_all(format!("{head}{body}\n").as_bytes())?;
    out.flush()
}

fn trusting(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(ca).expect("a file").flatten() {
        roots.add(root).expect("a root");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn tls(tcp: TcpStream, config: &Arc<ClientConfig>) -> App {
    let _ = tcp.set_nodelay(true);
    let name = ServerName::try_from(HOST).expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).expect("a client"), tcp)
}

struct Overhear {
    child: Child,
    port: u16,
    roots: Arc<ClientConfig>,
}

impl Overhear {
    fn start(folder: &Path, origin: &Origin) -> Self {
        let data = folder.join("data");
        let mut child = Command::new(env!("CARGO_BIN_EXE_overhear"))
            .args(["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(&data)
            .arg("--upstream-ca")
            .arg(&origin.ca)
            .args(["--resolve", &format!("*:443:127.0.0.1:{}", origin.port)])
            .stderr(Stdio::piped())
            .spawn()
            .expect("overhear starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let port = loop {
            let line = lines.next().expect("a greeting").expect("a line");
            if let Some((_, address)) = line.split_once("HTTPS_PROXY=http://127.0.0.1:") {
                break address.trim().parse().expect("a port");
            }
        };
        thread::spawn(move || lines.for_each(drop));
        Self { child, port, roots: trusting(&data.join("ca/root.pem")) }
    }

    fn app(&self) -> App {
        let mut tcp = TcpStream::connect(("127.0.0.1", self.port)).expect("the proxy");
        tcp.write_all(
            format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n").as_bytes(),
        )
        .expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).expect("a 200");
            head.push(byte[0]);
        }
        tls(tcp, &self.roots)
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Haproxy {
    child: Child,
    port: u16,
    roots: Arc<ClientConfig>,
}

impl Haproxy {
    fn start(folder: &Path, origin: &Origin) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let config = format!(
            "global\n nbthread 1\n maxconn 1000\n tune.ssl.default-dh-param 2048\n\
             defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             frontend f\n bind 127.0.0.1:{free} ssl crt {}\n default_backend b\n\
             backend b\n http-reuse always\n server o 127.0.0.1:{} ssl verify none sni str({HOST})\n",
            origin.server_pem.display(),
            origin.port
        );
        let path = folder.join("haproxy.cfg");
        fs::write(&path, config).ok()?;
        let child = Command::new("haproxy")
            .arg("-db")
            .arg("-f")
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", free)).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Some(Self { child, port: free, roots: Arc::clone(&origin.roots) })
    }

    fn app(&self) -> App {
        tls(TcpStream::connect(("127.0.0.1", self.port)).expect("haproxy"), &self.roots)
    }
}
