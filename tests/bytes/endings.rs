//! How a side ends is how the other side sees it end: the same scripts inside TLS that is
//! read, of both versions, inside clear text, and in a tunnel.

use super::case::{Case, Kept, Layer, Step, Target, Versions, noise, post};
use super::compare::assert_unchanged;
use crate::support::wire::Reads;

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UNTIL_END: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nuntil the end";

/// One ending, and the state of its exchange inside TLS and inside clear text.
struct Script {
    name: &'static str,
    app: Vec<Step>,
    origin: Vec<Step>,
    inside_tls: Kept,
    clear: Kept,
}

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

fn script(name: &'static str, state: &'static str, app: Vec<Step>, origin: Vec<Step>) -> Script {
    let kept = || Kept::Exchanges(vec![state]);
    Script { name, app, origin, inside_tls: kept(), clear: kept() }
}

fn scripts() -> Vec<Script> {
    use Step::{Close, Ended, Fin, Got, PeerGot, Reset, SendUntilRefused};
    let half = &OK[..OK.len() - 1];
    let upload = post("Content-Length: 300000\r\n", b"");
    let body = || Step::SendIn(16_000, noise(7, 300_000));
    let asked = || Got(GET.len());
    let mut scripts = vec![
        script(
            "the origin closes instead of an answer",
            "interrupted",
            vec![send(GET), Ended, Close],
            vec![asked(), Close],
        ),
        script(
            "FIN after a whole reply",
            "complete",
            vec![send(GET), Got(OK.len()), Ended, Close],
            vec![asked(), send(OK), Fin],
        ),
        script(
            "FIN in the middle of a reply",
            "interrupted",
            vec![send(GET), Got(half.len()), Ended, Close],
            vec![asked(), send(half), Fin],
        ),
        script(
            "an orderly end in the middle of a reply",
            "interrupted",
            vec![send(GET), Got(half.len()), Ended, Close],
            vec![asked(), send(half), Close],
        ),
        script(
            "FIN from the app after the reply",
            "complete",
            vec![send(GET), Got(OK.len()), Fin],
            vec![asked(), send(OK), Ended, Close],
        ),
        script(
            "FIN from both",
            "complete",
            vec![send(GET), Got(OK.len()), Fin],
            vec![asked(), send(OK), Ended, Fin],
        ),
        script(
            "FIN from the app in the middle of the request",
            "interrupted",
            vec![send(&GET[..20]), Fin],
            vec![Got(20), Ended, Close],
        ),
        script(
            "the app has said everything, then the reply comes",
            "complete",
            vec![send(GET), Close, Got(OK.len())],
            vec![asked(), Ended, send(OK), Close],
        ),
        script(
            "the app sends FIN, then the reply comes",
            "complete",
            vec![send(GET), Fin, Got(OK.len())],
            vec![asked(), Ended, send(OK), Close],
        ),
        script(
            "the app has said everything, then a reply comes that the end ends",
            "complete",
            vec![send(GET), Close, Ended],
            vec![asked(), Ended, Step::SendIn(5, UNTIL_END.to_vec()), Close],
        ),
        script(
            "the origin has said everything, then the upload goes on",
            "complete",
            vec![send(&upload), Got(OK.len()), Ended, body(), Close],
            vec![Got(upload.len()), send(OK), Close, Got(upload.len() + 300_000), Ended],
        ),
        script(
            "the origin sends FIN, then the upload goes on",
            "complete",
            vec![send(&upload), Got(OK.len()), Ended, body(), Close],
            vec![Got(upload.len()), send(OK), Fin, Got(upload.len() + 300_000), Ended],
        ),
        script(
            "RST from the app in the middle of the request",
            "interrupted",
            vec![send(&GET[..20]), PeerGot(20), Reset],
            vec![Got(20), Ended],
        ),
        script(
            "RST from the app in the middle of the reply",
            "interrupted",
            vec![send(GET), Got(half.len()), Reset],
            vec![asked(), send(half), Ended],
        ),
        script(
            "RST from the app after the reply",
            "complete",
            vec![send(GET), Got(OK.len()), Reset],
            vec![asked(), send(OK), Ended],
        ),
        script(
            "RST from the origin instead of an answer",
            "interrupted",
            vec![send(GET), Ended],
            vec![asked(), Reset],
        ),
        script(
            "RST from the origin in the middle of the reply",
            "interrupted",
            vec![send(GET), Got(half.len()), Ended],
            vec![asked(), send(half), PeerGot(half.len()), Reset],
        ),
        script(
            "RST from the origin after the reply",
            "complete",
            vec![send(GET), Got(OK.len()), Ended],
            vec![asked(), send(OK), PeerGot(OK.len()), Reset],
        ),
        script(
            "RST from the origin, in a reply that the end ends",
            "interrupted",
            vec![send(GET), Got(UNTIL_END.len()), Ended],
            vec![asked(), send(UNTIL_END), PeerGot(UNTIL_END.len()), Reset],
        ),
        script(
            "RST from the origin in the middle of an upload",
            "interrupted",
            vec![send(&upload), PeerGot(upload.len()), Ended],
            vec![Got(upload.len()), Reset],
        ),
        script(
            "RST from the app after its FIN",
            "interrupted",
            vec![send(GET), Fin, Got(half.len()), Reset],
            vec![asked(), Ended, send(half)],
        ),
    ];
    scripts.push(Script {
        name: "FIN after a reply that the end ends",
        app: vec![send(GET), Ended, Close],
        origin: vec![asked(), send(UNTIL_END), Fin],
        // Inside TLS nobody knows whether that was all.
        inside_tls: Kept::Exchanges(vec!["interrupted"]),
        clear: Kept::Exchanges(vec!["complete"]),
    });
    scripts.push(Script {
        name: "the app hangs up while the origin streams",
        app: vec![send(GET), Got(1_000_000), Reset],
        origin: vec![asked(), send(UNTIL_END), SendUntilRefused],
        inside_tls: Kept::States(vec!["interrupted"]),
        clear: Kept::States(vec!["interrupted"]),
    });
    scripts.push(Script {
        name: "the origin hangs up while the app uploads",
        app: vec![
            send(GET),
            send(&post("Transfer-Encoding: chunked\r\n", b"ffffffff\r\n")),
            SendUntilRefused,
        ],
        origin: vec![Got(1_000_000), Reset],
        inside_tls: Kept::States(vec!["interrupted"; 2]),
        clear: Kept::States(vec!["interrupted"; 2]),
    });
    let two = || Kept::Exchanges(vec!["complete", "interrupted"]);
    scripts.push(Script {
        name: "another request after the origin has closed",
        app: vec![send(GET), Got(OK.len()), Ended, send(GET), Close],
        origin: vec![asked(), send(OK), Close, Got(2 * GET.len()), Ended],
        inside_tls: two(),
        clear: two(),
    });
    scripts.push(Script {
        name: "both close without a word",
        app: vec![Close],
        origin: vec![Ended],
        inside_tls: Kept::Exchanges(Vec::new()),
        clear: Kept::Unread { dials: 1 },
    });
    scripts
}

fn cases(layer: Layer, target: Target, change: impl Fn(&mut Case)) -> Vec<Case> {
    let of_layer = |script: Script| {
        let kept = match (layer, target) {
            (_, Target::Unlisted) => Kept::Unread { dials: 1 },
            (Layer::Plain, _) => script.clear,
            (Layer::Tls, _) => script.inside_tls,
        };
        Case::new(script.name, script.app, script.origin).with(|case| {
            (case.layer, case.target, case.kept) = (layer, target, kept);
            change(case);
        })
    };
    scripts().into_iter().map(of_layer).collect()
}

#[test]
fn inside_tls_1_3() {
    assert_unchanged(cases(Layer::Tls, Target::Listed, |_| {}));
}

#[test]
fn inside_tls_1_2() {
    let only = |case: &mut Case| {
        (case.app_versions, case.origin_versions) = (Versions::Only12, Versions::Only12);
    };
    assert_unchanged(cases(Layer::Tls, Target::Listed, only));
}

#[test]
fn inside_clear_text() {
    assert_unchanged(cases(Layer::Plain, Target::Listed, |_| {}));
}

#[test]
fn in_a_tunnel() {
    let mut all = cases(Layer::Tls, Target::Unlisted, |_| {});
    all.extend(cases(Layer::Plain, Target::Unlisted, |case| case.name += ", clear"));
    assert_unchanged(all);
}

#[test]
fn close_notify_alone() {
    use Step::{CloseNotify, Ended, Fin, Got, Notified};
    let later = |case: &mut Case| case.app_reads = Reads::Late;
    let cases = [
        Case::new(
            "the app's, then the reply, then FIN",
            vec![send(GET), CloseNotify, Got(OK.len()), Fin],
            vec![Got(GET.len()), Notified, send(OK), Ended],
        ),
        Case::new(
            "the origin's, then the upload",
            vec![send(GET), Notified, send(GET), Fin],
            vec![Got(GET.len()), send(OK), CloseNotify, Got(2 * GET.len()), Ended],
        )
        .exchanges(&["complete", "interrupted"]),
        Case::new(
            "the origin's, seen late",
            vec![send(GET), Step::Read, Notified, Step::Close],
            vec![Got(GET.len()), send(OK), CloseNotify, Ended, Fin],
        )
        .with(later),
    ];
    let both = |case: Case| {
        let of_1_2 = case.clone().with(|case| {
            case.app_versions = Versions::Only12;
            case.origin_versions = Versions::Only12;
            case.name += ", TLS 1.2";
        });
        [case, of_1_2]
    };
    assert_unchanged(cases.into_iter().flat_map(both).collect());
}
