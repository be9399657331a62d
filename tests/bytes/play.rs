//! Plays a case: the app on one thread, the origin on another, directly or with Overhear
//! between them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::Connection;

use super::case::{Case, HelloIn, Layer, Step, Target};
use super::tls::Tls;
use crate::support::wire::{self, Ended, OnFailure, Shaken, Shared, Wire};

/// How app and origin are connected.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Direct,
    /// Through the proxy that listens here.
    Through(SocketAddr),
}

/// What a side noted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noted {
    pub got: Vec<u8>,
    pub ended: Option<Ended>,
    pub handshake: Option<Result<(), Shaken>>,
    pub alpn: Option<Vec<u8>>,
    /// A step that did not come about.
    pub stuck: Option<String>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Played {
    pub app: Noted,
    pub origin: Noted,
    /// The certificate that the app saw.
    pub certificate: Option<Vec<u8>>,
    /// The server name that the origin was asked for.
    pub sni: Option<String>,
    /// Connections to the origin.
    pub dials: usize,
    /// As `overhear export` names it.
    pub at: String,
}

/// Both sides of one case, each seeing what the other has got.
#[derive(Clone, Default)]
struct Sides {
    app: Arc<Shared>,
    origin: Arc<Shared>,
}

/// Plays `case` as number `number`, which names its host.
pub fn play(case: &Case, number: usize, way: Way, tls: &Tls) -> Played {
    let ip = if case.target == Target::V6 { "::1" } else { "127.0.0.1" };
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (listed, unlisted) =
        (format!("case-{number}.listed.test"), format!("case-{number}.unlisted.test"));
    let port = address.port();
    // The name that TLS is for, and what the proxy is asked for.
    let (host, authority) = match case.target {
        Target::Listed => (listed.clone(), format!("{listed}:{port}")),
        Target::Unlisted => (unlisted.clone(), format!("{unlisted}:{port}")),
        Target::V4 => (ip.to_owned(), format!("{ip}:{port}")),
        Target::V6 => (ip.to_owned(), format!("[{ip}]:{port}")),
        Target::V4Listed => (listed, format!("{ip}:{port}")),
        Target::V4Unlisted => (unlisted, format!("{ip}:{port}")),
    };
    let sides = Sides::default();
    let (mut app, mut origin) = (Noted::default(), Noted::default());
    let (mut certificate, mut sni, mut dials) = (None, None, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            (sni, dials) = serve(case, &host, &listener, way, tls, &sides, &mut origin);
        });
        certificate = ask(case, &host, &authority, address, way, tls, &sides, &mut app);
    });
    let scheme = if case.layer == Layer::Tls { "https" } else { "http" };
    let named = if ip == "::1" { authority } else { format!("{host}:{port}") };
    Played { app, origin, certificate, sni, dials, at: format!("{scheme}://{named}") }
}

/// The app's side; gives the certificate that it saw.
#[expect(clippy::too_many_arguments, reason = "called once")]
fn ask(
    case: &Case,
    host: &str,
    authority: &str,
    address: SocketAddr,
    way: Way,
    tls: &Tls,
    sides: &Sides,
    noted: &mut Noted,
) -> Option<Vec<u8>> {
    let mut shaker = (case.layer == Layer::Tls).then(|| tls.app(case, host));
    let mut early = Vec::new();
    if let (HelloIn::ConnectPacket, Some(shaker)) = (case.hello, &mut shaker) {
        shaker.write_tls(&mut early).unwrap();
    }
    let connected = match way {
        Way::Direct => TcpStream::connect(address).and_then(|mut socket| {
            wire::prepare(&socket);
            socket.write_all(&early)?;
            Ok(socket)
        }),
        Way::Through(proxy) => connect(proxy, authority, &early),
    };
    let mut socket = match connected {
        Ok(socket) => socket,
        Err(e) => {
            noted.stuck = Some(format!("cannot connect: {e}"));
            return None;
        }
    };
    if let Some(shaker) = &mut shaker {
        let piece = match case.hello {
            HelloIn::Pieces(piece) => piece,
            _ => usize::MAX,
        };
        let shaken = wire::shake(&mut socket, shaker, piece, case.on_failure);
        noted.handshake = Some(shaken.clone());
        noted.alpn = shaker.alpn_protocol().map(<[u8]>::to_vec);
        if shaken.is_err() {
            return None;
        }
    }
    let seen = shaker.as_ref().and_then(|tls| tls.peer_certificates()?.first()).map(|c| c.to_vec());
    let wire = Wire::new(socket, shaker, case.app_reads, Arc::clone(&sides.app));
    act(&case.app, case.piece, wire, &sides.app, &sides.origin, noted);
    seen
}

/// Asks the proxy for a tunnel; `early` goes out with the request.
pub fn connect(proxy: SocketAddr, authority: &str, early: &[u8]) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(proxy)?;
    wire::prepare(&socket);
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    socket.write_all(&[head.as_bytes(), early].concat())?;
    let answer = read_head(&mut socket)?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(answer));
    }
    Ok(socket)
}

/// Reads up to the empty line, and no byte more.
pub fn read_head(socket: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The origin's side; gives the server name and the number of connections.
fn serve(
    case: &Case,
    host: &str,
    listener: &TcpListener,
    way: Way,
    tls: &Tls,
    sides: &Sides,
    noted: &mut Noted,
) -> (Option<String>, usize) {
    let expected = match (way, &case.kept) {
        (Way::Through(_), super::case::Kept::Unread { dials }) => *dials,
        _ => 1,
    };
    let mut sni = None;
    for dials in 1..=expected {
        let Some(mut socket) = wire::accept(listener) else {
            noted.stuck = Some(format!("connection {dials} did not come"));
            return (sni, dials - 1);
        };
        let mut shaker = (case.layer == Layer::Tls).then(|| tls.origin(case, host));
        if let Some(shaker) = &mut shaker {
            let shaken = wire::shake(&mut socket, shaker, usize::MAX, OnFailure::Alert);
            noted.handshake = Some(shaken.clone());
            noted.alpn = shaker.alpn_protocol().map(<[u8]>::to_vec);
            if let Connection::Server(server) = &shaker {
                sni = server.server_name().map(str::to_owned);
            }
            if shaken.is_err() {
                continue;
            }
        }
        if dials < expected {
            // The proxy's own connection, which it gives up for the app's.
            continue;
        }
        let wire = Wire::new(socket, shaker, case.origin_reads, Arc::clone(&sides.origin));
        act(&case.origin, case.piece, wire, &sides.origin, &sides.app, noted);
    }
    (sni, expected)
}

/// Takes the steps, then waits for the other side to end, and ends.
fn act(steps: &[Step], piece: usize, wire: Wire, own: &Shared, other: &Shared, noted: &mut Noted) {
    let mut wire = Some(wire);
    for step in steps {
        let Some(now) = &wire else { break };
        let done = match step {
            Step::Send(bytes) => now.send(bytes, piece).is_ok(),
            Step::SendIn(piece, bytes) => now.send(bytes, *piece).is_ok(),
            Step::SendUntilRefused => send_until_refused(now),
            Step::Got(bytes) => own.wait_for_bytes(*bytes),
            Step::PeerGot(bytes) => other.wait_for_bytes(*bytes),
            Step::Ended => own.wait_for_end(),
            Step::Notified => own.wait_for_close_notify(),
            _ => true,
        };
        match step {
            Step::Meet(everybody) => _ = everybody.wait(),
            Step::Read => now.read(),
            Step::RefreshKeys => now.refresh_keys(),
            Step::CloseNotify => now.close_notify(),
            Step::Fin => now.fin(),
            Step::Close => {
                now.close_notify();
                now.fin();
            }
            Step::Reset => {
                if let Some(wire) = wire.take() {
                    wire.reset();
                }
            }
            _ => {}
        }
        if !done {
            noted.stuck = Some(short(step));
            break;
        }
    }
    if let Some(wire) = &wire {
        wire.read();
        own.wait_for_end();
        let ended = |step: &Step| matches!(step, Step::Close | Step::Fin | Step::CloseNotify);
        if !steps.iter().any(ended) {
            wire.close_notify();
        }
        wire.fin();
    }
    (noted.got, noted.ended) = own.seen();
    let refused = steps.iter().any(|step| matches!(step, Step::SendUntilRefused));
    if wire.is_none() || refused {
        // Whether it still saw the other side end, and how, is chance: it was gone, or writing
        // took the error that reading would have got.
        noted.ended = None;
    }
    if wire.is_none() {
        // So is what came beyond what it waited for.
        let waited_for = steps.iter().filter_map(|step| match step {
            Step::Got(bytes) => Some(*bytes),
            _ => None,
        });
        noted.got.truncate(waited_for.max().unwrap_or_default());
    }
}

/// 64 MiB, more than all buffers on the way hold.
fn send_until_refused(wire: &Wire) -> bool {
    let piece = vec![b'x'; 64 << 10];
    (0..1024).any(|_| wire.send(&piece, usize::MAX).is_err())
}

fn short(step: &Step) -> String {
    format!("{step:?}").chars().take(60).collect()
}
