//! What is not read passes through all the same: other hosts, other protocols, origins that
//! speak first.

use std::sync::{Arc, Barrier};

use super::case::{Case, HelloIn, Kept, Layer, Step, Target, noise};
use super::compare::{Stage, assert_unchanged, compare};

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

#[test]
fn in_clear() {
    let mut cases = Vec::new();
    for target in [Target::Listed, Target::Unlisted, Target::V4] {
        let unread = [
            Case::new(
                "the origin speaks first",
                vec![Step::Got(12), send(b"EHLO app\r\n"), Step::Got(18), Step::Close],
                vec![send(b"220 origin\r\n"), Step::Got(10), send(b"250 ok"), Step::Ended],
            ),
            Case::new(
                "only the origin speaks",
                vec![Step::Got(5000), Step::Ended, Step::Close],
                vec![send(&noise(31, 5000)), Step::Close],
            ),
            Case::new("nobody speaks, the app closes", vec![Step::Close], vec![Step::Ended]),
            Case::new("nobody speaks, the origin closes", vec![Step::Ended], vec![Step::Close]),
            Case::exchange("noise", &noise(32, 5000), &noise(33, 5000)),
            Case::exchange("almost a method", b"GETX / HTTP/1.1\r\n\r\n", b"what?"),
            Case::exchange("one byte", b"P", b"p"),
            Case::exchange("SSH", b"SSH-2.0-app\r\n", b"SSH-2.0-origin\r\n"),
            Case::exchange(
                "TLS that is none",
                b"\x16\x03\x01\x00\x05hello world",
                b"\x15\x03\x01\x00\x02\x02\x32",
            ),
            Case::exchange(
                "half a ClientHello",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                b"",
            )
            .with(|case| case.app.truncate(1))
            .with(|case| case.app.push(Step::Close)),
            Case::exchange("SSLv2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", b"no"),
            Case::exchange("with the CONNECT", &noise(34, 10), b"ok")
                .with(|case| case.hello = HelloIn::ConnectPacket),
        ];
        for case in unread {
            let bytewise = case
                .clone()
                .with(|case| (case.piece, case.name) = (1, format!("{}, bytewise", case.name)));
            for case in [case, bytewise] {
                cases.push(case.plain().unread().with(|case| {
                    case.target = target;
                    case.name += &format!(", {target:?}");
                }));
            }
        }
        let here = Arc::new(Barrier::new(2));
        let meet = || Step::Meet(Arc::clone(&here));
        let half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        let gives_up = Case::new(
            "the origin gives up in the middle of a ClientHello",
            vec![send(half), meet(), Step::Ended, Step::Close],
            vec![meet(), Step::Close],
        );
        cases.push(gives_up.plain().unread().with(|case| case.target = target));
        let http = [
            Case::exchange("HTTP", GET, OK),
            Case::until_close("HTTP, until the end", GET, b"HTTP/1.0 200 OK\r\n\r\nthe end"),
            Case::exchange(
                "HTTP, an odd request",
                b"DELETE  /x  HTTP/1.1\nhOST:x\nB: 1\nb: 2\n\n",
                OK,
            ),
        ];
        for case in http.into_iter().flat_map(Case::whole_and_bytewise) {
            cases.push(case.plain().with(|case| {
                case.target = target;
                case.name += &format!(", {target:?}");
                if target == Target::Unlisted {
                    case.kept = Kept::Unread { dials: 1 };
                }
            }));
        }
    }
    assert_unchanged(cases);
}

#[test]
fn hosts_that_the_user_excludes() {
    let stage = Stage::with(&["--tunnel", "*.listed.test"]);
    let cases = [
        Case::exchange("inside TLS", GET, OK).unread(),
        Case::exchange("in clear", GET, OK).plain().unread(),
        Case::exchange("HTTP/2", &noise(35, 900), &noise(36, 900)).unread().with(|case| {
            (case.app_alpn, case.origin_alpn) = (&["h2"], &["h2"]);
            case.layer = Layer::Tls;
        }),
    ];
    let faults = compare(stage, &cases);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
