//! An origin that says what a test tells it to say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub type OriginTls = StreamOwned<ServerConnection, TcpStream>;

/// Listens until the test is over.
pub struct Origin {
    pub addr: SocketAddr,
    /// Its certificate, which is its own authority.
    pub pem: String,
}

impl Origin {
    /// Each connection is given to `serve` on a thread of its own.
    pub fn start(host: &str, alpn: &[&[u8]], serve: fn(OriginTls)) -> Self {
        let (config, pem) = identity(vec![host.to_owned()], alpn);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || {
                    let tls = ServerConnection::new(config).unwrap();
                    serve(StreamOwned::new(tls, tcp));
                });
            }
        });
        Self { addr, pem }
    }
}

/// For several hosts, names or addresses; and the certificate, which is its own authority.
pub fn identity(hosts: Vec<String>, alpn: &[&[u8]]) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(hosts).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (Arc::new(config), cert.pem())
}

/// Answers every request by a reply with the request's body in it, of its type and coding.
pub fn echo(mut tls: OriginTls) {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 64 << 10];
        match tls.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(len) => read.extend(&piece[..len]),
        }
        while let Some((kept, body, len)) = request(&read) {
            read.drain(..len);
            let head = format!("HTTP/1.1 200 OK\r\n{kept}\r\n");
            if tls.write_all(&[head.as_bytes(), &body].concat()).and_then(|()| tls.flush()).is_err()
            {
                return;
            }
        }
    }
}

/// Of the first whole request: the lines that a reply has, the body, the length of all.
fn request(bytes: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let mut room = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut room);
    let head = match request.parse(bytes).ok()? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return None,
    };
    let header = |name: &str| {
        let line = request.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(line.value).into_owned())
    };
    let rest = &bytes[head..];
    let (len, framing) = match header("transfer-encoding") {
        // Its chunks as they came.
        Some(coding) => {
            let last = b"\r\n0\r\n\r\n";
            let len = memchr::memmem::find(rest, last)? + last.len();
            (len, format!("transfer-encoding: {coding}\r\n"))
        }
        None => {
            let len = header("content-length").map_or(0, |len| len.parse().unwrap());
            (len, format!("content-length: {len}\r\n"))
        }
    };
    let kept: String = ["content-type", "content-encoding"]
        .iter()
        .filter_map(|name| Some(format!("{name}: {}\r\n", header(name)?)))
        .collect();
    Some((kept + &framing, rest.get(..len)?.to_vec(), head + len))
}
