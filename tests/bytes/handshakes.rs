//! Handshakes: the app gets what it would have got from the origin, and the origin is asked
//! for what the app asked for.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::{ClientConnection, Connection, HandshakeKind, ServerConnection};

use super::case::{Case, Certificate, HelloIn, Sni, Step, Target, Versions, noise, post};
use super::compare::{Stage, assert_unchanged};
use super::play::connect;
use crate::support::wire::{OnFailure, Reads, Shared, Wire, accept, shake};

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn exchange(name: impl Into<String>) -> Case {
    Case::exchange(name, GET, OK)
}

#[test]
fn protocols() {
    let lists: &[(&[&str], &[&str])] = &[
        (&["http/1.1"], &["http/1.1"]),
        (&["http/1.1"], &["h2", "http/1.1"]),
        (&["http/1.1", "h2"], &["http/1.1"]),
        (&["h2", "http/1.1"], &["http/1.1"]),
        (&["http/1.1", "h2"], &["http/1.1", "h2"]),
        (&["http/1.0", "http/1.1"], &["http/1.1", "http/1.0"]),
        (&[], &["h2", "http/1.1"]),
        (&[], &[]),
        (&["h2", "http/1.1"], &[]),
        (&["http/1.1", "x-mine"], &["x-mine"]),
        (&["x-mine"], &["x-mine"]),
        (&["x-mine", "another one\u{e9}"], &["another one\u{e9}"]),
    ];
    let mut cases = Vec::new();
    for (app, origin) in lists {
        for versions in [Versions::Only13, Versions::Only12] {
            cases.push(exchange(format!("{app:?} to {origin:?}, {versions:?}")).with(|case| {
                (case.app_alpn, case.origin_alpn) = (app, origin);
                case.app_versions = versions;
            }));
        }
    }
    let none_in_common: &[(&[&str], &[&str])] =
        &[(&["h2"], &["http/1.1"]), (&["x-mine"], &["h2", "http/1.1"])];
    for (app, origin) in none_in_common {
        let refused = exchange(format!("{app:?} to {origin:?}")).spliced();
        cases.push(refused.with(|case| (case.app_alpn, case.origin_alpn) = (app, origin)));
    }
    assert_unchanged(cases);
}

#[test]
fn names_and_addresses() {
    let at = |name: &str, target: Target| exchange(name).with(|case| case.target = target);
    let nameless = |case: Case| {
        case.with(|case| {
            case.sends_sni = Sni::NotSent;
            case.name += ", no server name";
        })
    };
    assert_unchanged(vec![
        at("a listed name", Target::Listed),
        nameless(at("a listed name", Target::Listed)),
        at("an address", Target::V4),
        at("an address of version 6", Target::V6),
        at("an address, a listed server name", Target::V4Listed),
        at("an address, a server name that is not listed", Target::V4Unlisted).unread(),
        at("a name that is not listed", Target::Unlisted).unread(),
        nameless(at("a name that is not listed", Target::Unlisted)).unread(),
    ]);
}

#[test]
fn hellos_and_records() {
    let mut cases = Vec::new();
    for (name, app, origin) in [
        ("1.3", Versions::Only13, Versions::Both),
        ("1.2", Versions::Only12, Versions::Both),
        ("an origin of 1.2", Versions::Both, Versions::Only12),
        ("an origin of 1.3", Versions::Both, Versions::Only13),
    ] {
        for (how, hello) in [
            ("whole", HelloIn::OnePacket),
            ("one byte at a time", HelloIn::Pieces(1)),
            ("in pieces of 3", HelloIn::Pieces(3)),
            ("in pieces of 100", HelloIn::Pieces(100)),
            ("with the CONNECT", HelloIn::ConnectPacket),
        ] {
            for target in [Target::Listed, Target::Unlisted] {
                let case = exchange(format!("{name}, {target:?}, hello {how}")).with(|case| {
                    (case.app_versions, case.origin_versions) = (app, origin);
                    (case.hello, case.target) = (hello, target);
                });
                cases.push(if target == Target::Unlisted { case.unread() } else { case });
            }
        }
    }
    let body = noise(21, 30_000);
    let request = post("Content-Length: 30000\r\n", &body);
    let reply = [b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n", &body[..]].concat();
    for versions in [Versions::Only13, Versions::Only12] {
        cases.push(
            Case::exchange(format!("records of 64 bytes, {versions:?}"), &request, &reply)
                .with(|case| (case.record_bytes, case.app_versions) = (Some(64), versions)),
        );
    }
    assert_unchanged(cases);
}

#[test]
fn new_keys_in_the_middle() {
    use Step::{Close, Ended, Got, RefreshKeys};
    let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
    let only_1_3 = |case: &mut Case| {
        (case.app_versions, case.origin_versions) = (Versions::Only13, Versions::Only13);
    };
    let two = 2 * OK.len();
    let cases = [
        Case::new(
            "the app's",
            vec![send(GET), Got(OK.len()), RefreshKeys, send(GET), Got(two), Close],
            vec![Got(GET.len()), send(OK), Got(2 * GET.len()), send(OK), Ended],
        ),
        Case::new(
            "the origin's",
            vec![send(GET), Got(OK.len()), send(GET), Got(two), Close],
            vec![
                Got(GET.len()),
                RefreshKeys,
                send(OK),
                RefreshKeys,
                Got(2 * GET.len()),
                send(OK),
                Ended,
            ],
        ),
        Case::new(
            "both sides', often",
            vec![
                RefreshKeys,
                send(GET),
                RefreshKeys,
                Got(OK.len()),
                RefreshKeys,
                RefreshKeys,
                send(GET),
                Got(two),
                Close,
            ],
            vec![
                Got(GET.len()),
                RefreshKeys,
                send(OK),
                RefreshKeys,
                Got(2 * GET.len()),
                send(OK),
                RefreshKeys,
                Ended,
            ],
        ),
    ];
    let cases = cases.map(|case| case.exchanges(&["complete"; 2]).with(only_1_3));
    assert_unchanged(cases.to_vec());
}

#[test]
fn sessions_are_resumed_on_both_sides() {
    let stage = Stage::new();
    let proxy = stage.server.proxy;
    for versions in [Versions::Only13, Versions::Only12] {
        let case = exchange("resumed").with(|case| {
            (case.app_versions, case.certificate) = (versions, Certificate::Good);
        });
        let host = format!("{versions:?}.listed.test").to_lowercase();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = format!("{host}:{}", listener.local_addr().unwrap().port());
        let (app, origin) = (
            Arc::new(stage.tls.app_config(&case)),
            Arc::new(stage.tls.origin_config(&case, &host)),
        );
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                thread::scope(|scope| {
                    let served = scope.spawn(|| {
                        let mut socket = accept(&listener).unwrap();
                        let mut tls = ServerConnection::new(Arc::clone(&origin)).unwrap().into();
                        shake(&mut socket, &mut tls, usize::MAX, OnFailure::Alert).unwrap();
                        let kind = kind_of(&tls);
                        let shared = Arc::new(Shared::default());
                        let wire = Wire::new(socket, Some(tls), Reads::Now, Arc::clone(&shared));
                        assert!(shared.wait_for_bytes(GET.len()));
                        wire.send(OK, usize::MAX).unwrap();
                        assert!(shared.wait_for_end());
                        wire.close_notify();
                        kind
                    });
                    let mut socket = connect(proxy, &authority, &[]).unwrap();
                    let name = host.clone().try_into().unwrap();
                    let client = ClientConnection::new(Arc::clone(&app), name).unwrap();
                    let mut tls = client.into();
                    shake(&mut socket, &mut tls, usize::MAX, OnFailure::Alert).unwrap();
                    let kind = kind_of(&tls);
                    let shared = Arc::new(Shared::default());
                    let wire = Wire::new(socket, Some(tls), Reads::Now, Arc::clone(&shared));
                    wire.send(GET, usize::MAX).unwrap();
                    assert!(shared.wait_for_bytes(OK.len()));
                    wire.close_notify();
                    wire.fin();
                    assert!(shared.wait_for_end());
                    (kind, served.join().unwrap())
                })
            })
            .collect();
        let resumed = Some(HandshakeKind::Resumed);
        assert_ne!(kinds[0], (resumed, resumed), "{versions:?}");
        assert_eq!(kinds[1], (resumed, resumed), "{versions:?}: (with the app, with the origin)");
    }
    stage.server.stop();
}

fn kind_of(tls: &Connection) -> Option<HandshakeKind> {
    match tls {
        Connection::Client(tls) => tls.handshake_kind(),
        Connection::Server(tls) => tls.handshake_kind(),
    }
}
