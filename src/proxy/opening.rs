//! The first bytes of a flow: what they are, without losing one of them.
//!
//! The bias: what is not surely TLS or HTTP is passed on unread.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::time::Duration;

use rustls::server::{Accepted, Acceptor};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::decide::Opening;
use crate::flow::Host;

/// Longest ClientHello read, in bytes. The largest seen, with post-quantum key shares, are
/// under 2 KiB; TLS allows 64 KiB.
const HELLO_BYTES_MAX: usize = 72 << 10;
/// How long an app may pause within its first bytes before what it sent so far is passed on.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// First byte of a TLS handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// Methods that begin an HTTP request; `PRI` begins HTTP/2 with prior knowledge.
const METHODS: [&[u8]; 10] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"PATCH ",
    b"DELETE ",
    b"OPTIONS ",
    b"TRACE ",
    b"CONNECT ",
    b"PRI ",
];

/// What a flow begins with.
pub struct First {
    /// Every byte read so far, untouched.
    pub bytes: Vec<u8>,
    /// What they are.
    pub opening: Opening,
    /// The ClientHello, if they are one.
    pub hello: Option<Hello>,
}

/// A ClientHello.
pub struct Hello {
    /// Takes the handshake on.
    pub accepted: Accepted,
    /// The protocols the app offers, in its order; `None` if it offers none.
    pub alpn: Option<Vec<Vec<u8>>>,
    /// Tells apps apart that trust differently: a hash of what their TLS library offers.
    pub fingerprint: u64,
}

/// Reads what the app sends first, or finds that the origin speaks before it. `early` was
/// already read.
pub async fn first(app: &mut TcpStream, origin: &TcpStream, early: Vec<u8>) -> io::Result<First> {
    let mut first = First { bytes: early, opening: Opening::Other, hello: None };
    if first.bytes.is_empty() && !more(app, origin, &mut first, Patience::Endless).await? {
        return Ok(first);
    }
    if first.bytes.first() == Some(&TLS_HANDSHAKE) {
        read_hello(app, origin, &mut first).await?;
        return Ok(first);
    }
    while may_become_http(&first.bytes) {
        if !more(app, origin, &mut first, Patience::Short).await? {
            return Ok(first);
        }
    }
    if METHODS.iter().any(|method| first.bytes.starts_with(method)) {
        first.opening = Opening::Http;
    }
    Ok(first)
}

/// Whether so few bytes are there that they may still become a method.
fn may_become_http(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.len() < method.len() && method.starts_with(bytes))
}

/// How long the next bytes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Nothing was sent yet, so nothing is held back.
    Endless,
    /// The origin waits for what we hold.
    Short,
}

/// Reads on. `false` if that is all there is to know: the app has closed or pauses, or the
/// origin speaks first.
async fn more(
    app: &mut TcpStream,
    origin: &TcpStream,
    first: &mut First,
    patience: Patience,
) -> io::Result<bool> {
    let pause = async {
        match patience {
            Patience::Endless => std::future::pending().await,
            Patience::Short => tokio::time::sleep(PAUSE_MAX).await,
        }
    };
    let mut byte = [0];
    tokio::select! {
        biased;
        read = app.read_buf(&mut first.bytes) => Ok(read? > 0),
        spoke = origin.peek(&mut byte) => {
            spoke?;
            first.opening = Opening::ServerFirst;
            Ok(false)
        }
        () = pause => Ok(false),
    }
}

async fn read_hello(app: &mut TcpStream, origin: &TcpStream, first: &mut First) -> io::Result<()> {
    let mut acceptor = Acceptor::default();
    let mut fed = 0;
    loop {
        let mut new = first.bytes.get(fed..).unwrap_or_default();
        while !new.is_empty() {
            acceptor.read_tls(&mut new)?;
        }
        fed = first.bytes.len();
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = describe(accepted);
                let sni = hello.accepted.client_hello().server_name().map(Host::new);
                first.opening = Opening::Tls { sni };
                first.hello = Some(hello);
                return Ok(());
            }
            Ok(None) if fed > HELLO_BYTES_MAX => {
                first.opening =
                    Opening::Unreadable(format!("it is longer than {HELLO_BYTES_MAX} bytes"));
                return Ok(());
            }
            Ok(None) => {}
            Err((error, _alert)) => {
                first.opening = Opening::Unreadable(error.to_string());
                return Ok(());
            }
        }
        if !more(app, origin, first, Patience::Short).await? {
            if first.opening == Opening::Other {
                first.opening = Opening::Unreadable("it did not come whole".into());
            }
            return Ok(());
        }
    }
}

/// Values that some apps put in at random, so that nobody comes to rely on there being none
/// (RFC 8701): another one in each connection.
fn is_grease(offer: u16) -> bool {
    let [high, low] = offer.to_be_bytes();
    high == low && low & 0x0F == 0x0A
}

fn describe(accepted: Accepted) -> Hello {
    let hello = accepted.client_hello();
    let mut hasher = DefaultHasher::new();
    let suites = hello.cipher_suites().iter().map(|suite| u16::from(*suite));
    let schemes = hello.signature_schemes().iter().map(|scheme| u16::from(*scheme));
    suites.chain(schemes).filter(|offer| !is_grease(*offer)).for_each(|o| o.hash(&mut hasher));
    let alpn: Option<Vec<Vec<u8>>> =
        hello.alpn().map(|offered| offered.map(<[u8]>::to_vec).collect());
    alpn.hash(&mut hasher);
    let fingerprint = hasher.finish();
    Hello { accepted, alpn, fingerprint }
}
