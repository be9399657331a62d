//! Both ends of a connection: the app, through a `CONNECT`, and the origin.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::stage::{app, origin};

pub type AppTls = client::TlsStream<TcpStream>;
pub type OriginTls = server::TlsStream<TcpStream>;

/// Where apps find the proxy, and what they trust.
pub struct Proxy {
    pub addr: SocketAddr,
    pub root: String,
}

impl Proxy {
    /// To any port of a host or an address; offers `alpn`.
    pub async fn connect(&self, (host, port): (String, u16), alpn: &[u8]) -> AppTls {
        let mut tcp = TcpStream::connect(self.addr).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let asks = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        tcp.write_all(asks.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
        let mut config = app::client(&self.root);
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(host).unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(alpn));
        tls
    }
}

/// An origin for several hosts, that speaks what it is asked to; until the test is over. Gives
/// its address and its certificate.
pub fn start_origin<F: Future<Output = ()> + Send + 'static>(
    hosts: Vec<String>,
    serve: impl Fn(OriginTls) -> F + Send + Sync + 'static,
) -> (SocketAddr, String) {
    let (config, pem) = origin::identity(hosts, &[b"h2", b"http/1.1"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let (acceptor, serve) = (TlsAcceptor::from(config), Arc::new(serve));
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tcp.set_nodelay(true).unwrap();
                let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        serve(tls).await;
                    }
                });
            }
        });
    });
    (addr, pem)
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Reads once; `false` at the end, in whatever way it comes.
pub async fn read(tls: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>) -> bool {
    received.reserve(64 << 10);
    tls.read_buf(received).await.is_ok_and(|read| read > 0)
}

/// Sends pieces, each in a TLS record of its own.
pub async fn send(tls: &mut (impl AsyncWrite + Unpin), pieces: &[&[u8]]) -> io::Result<()> {
    for piece in pieces {
        tls.write_all(piece).await?;
        tls.flush().await?;
    }
    Ok(())
}

/// Ends a connection by RST.
pub fn reset(tcp: &TcpStream) {
    SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
}
