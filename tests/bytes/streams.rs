//! What is no request and reply: WebSocket, SSE byte by byte, HTTP/2, anything else.

use super::case::{Case, Kept, Step, noise};
use super::compare::assert_unchanged;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UPGRADE: &[u8] = b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: case.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

/// A WebSocket frame: `first` is FIN, RSV and opcode.
fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        short @ ..126 => frame.push(masked | short as u8),
        middle @ ..0x1_0000 => {
            frame.push(masked | 126);
            frame.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    frame.extend_from_slice(mask.as_ref().map_or(&[][..], |mask| mask));
    frame.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
    frame
}

#[test]
fn websocket() {
    let mask = Some([0x12, 0x34, 0x56, 0x78]);
    let deflated = b"\xaaV*I-.\x01\x00";
    let app: Vec<u8> = [
        frame(0x81, mask, b"{\"type\":\"session.update\"}"),
        frame(0xc1, mask, deflated),
        frame(0x41, mask, &noise(3, 300)),
        frame(0x89, mask, b"ping"),
        frame(0x80, mask, &noise(4, 70_000)),
        frame(0x88, mask, &[0x03, 0xe8]),
    ]
    .concat();
    let origin: Vec<u8> = [
        frame(0xc1, None, deflated),
        frame(0x8a, None, b"ping"),
        frame(0x82, None, &noise(5, 200)),
        frame(0x88, None, &[0x03, 0xe8]),
    ]
    .concat();
    let replied = SWITCHED.len() + origin.len();
    let with_frames = [SWITCHED, &origin[..10]].concat();
    let refused =
        b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno";
    let mut cases = vec![
        Case::new(
            "both sides speak in turn",
            vec![
                send(UPGRADE),
                Step::Got(SWITCHED.len()),
                send(&app),
                Step::Got(replied),
                Step::Close,
            ],
            vec![
                Step::Got(UPGRADE.len()),
                send(SWITCHED),
                Step::Got(UPGRADE.len() + app.len()),
                send(&origin),
                Step::Ended,
            ],
        ),
        Case::new(
            "the first frame comes with the 101",
            vec![
                send(UPGRADE),
                Step::Got(with_frames.len()),
                send(&app),
                Step::Got(replied),
                Step::Close,
            ],
            vec![
                Step::Got(UPGRADE.len()),
                send(&with_frames),
                Step::Got(UPGRADE.len() + app.len()),
                send(&origin[10..]),
                Step::Ended,
            ],
        ),
        Case::new(
            "the app's first frame comes before the 101",
            vec![send(&[UPGRADE, &app].concat()), Step::Got(replied), Step::Close],
            vec![Step::Got(UPGRADE.len() + app.len()), send(SWITCHED), send(&origin), Step::Ended],
        ),
        Case::new(
            "the frames come byte by byte",
            vec![
                send(UPGRADE),
                Step::Got(SWITCHED.len()),
                Step::SendIn(1, app[..900].to_vec()),
                Step::Got(replied),
                Step::Close,
            ],
            vec![
                Step::Got(UPGRADE.len()),
                send(SWITCHED),
                Step::SendIn(1, origin.clone()),
                Step::Ended,
            ],
        ),
        Case::new(
            "RST in the middle of a frame",
            vec![
                send(UPGRADE),
                Step::Got(SWITCHED.len()),
                send(&app[..50]),
                Step::PeerGot(UPGRADE.len() + 50),
                Step::Reset,
            ],
            vec![Step::Got(UPGRADE.len()), send(SWITCHED), Step::Ended],
        ),
    ];
    // The handshake, with the frames behind it, and the turn that was had over them.
    for case in &mut cases {
        case.kept = match case.name.starts_with("RST") {
            // Of a frame that was cut and may be compressed nothing is kept.
            true => Kept::Messages(vec!["complete", "interrupted"]),
            false => Kept::States(vec!["complete", "complete"]),
        };
    }
    // Nothing is known to be a frame before the 101, and a frame is no request.
    cases[2].kept = Kept::States(vec!["interrupted"]);
    cases.push(Case::exchange("refused", UPGRADE, refused).exchanges(&["failed"]));
    let after = [UPGRADE, b"GET / HTTP/1.1\r\nHost: case.test\r\n\r\n"].concat();
    cases.push(
        Case::exchange("refused, and HTTP goes on", &after, &[refused, OK].concat())
            .exchanges(&["failed", "complete"]),
    );
    assert_unchanged(cases);
}

#[test]
fn server_sent_events() {
    let request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: case.test\r\nContent-Type: application/json\r\nContent-Length: 63\r\n\r\n{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    let length = request.len() - 18 - request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let request =
        String::from_utf8_lossy(request).replace("Length: 63", &format!("Length: {}", length + 14));
    let request = request.as_bytes();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    let event = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let events: String = ["Hé", "l\\u006co", " 🎉"].map(event).concat();
    let done = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let events = format!(": OPENROUTER PROCESSING\n\n{events}{done}");
    let delimited = [&head[..], b"\r\n", events.as_bytes()].concat();
    let chunked: String =
        events.split_inclusive("\n\n").map(|e| format!("{:x}\r\n{e}\r\n", e.len())).collect();
    let chunked =
        [&head[..], b"Transfer-Encoding: chunked\r\n\r\n", chunked.as_bytes(), b"0\r\n\r\n"]
            .concat();
    let mut cases = Vec::new();
    for piece in [1, 2, 7, 64, usize::MAX] {
        let named = |case: Case| {
            case.with(|case| {
                (case.piece, case.name) = (piece, format!("{} in pieces of {piece}", case.name))
            })
        };
        cases.push(named(Case::exchange("chunked events", request, &chunked)));
        cases.push(named(Case::until_close("events until the end", request, &delimited)));
    }
    let crlf = String::from_utf8(delimited.clone()).unwrap().replace("\n\n", "\r\n\r\n");
    cases.push(Case::until_close("events with CR LF", request, crlf.as_bytes()));
    assert_unchanged(cases);
}

fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn http2() {
    // HPACK: GET, https, /, and `:authority: case.test` as a literal.
    let headers = b"\x82\x87\x84\x41\x09case.test";
    let app = [
        PREFACE,
        &h2_frame(4, 0, 0, &[0, 2, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0]),
        &h2_frame(8, 0, 0, &[0, 0xef, 0, 1]),
        &h2_frame(1, 5, 1, headers),
        &h2_frame(0xfe, 0xa5, 1, b"of a type that nobody knows"),
        &h2_frame(6, 0, 0, b"12345678"),
    ]
    .concat();
    let origin = [
        h2_frame(4, 0, 0, &[]),
        h2_frame(4, 1, 0, &[]),
        h2_frame(1, 4, 1, b"\x88"),
        h2_frame(0, 0, 1, &noise(9, 16_384)),
        h2_frame(0, 8 | 1, 1, b"\x03pad\0\0\0"),
        h2_frame(6, 1, 0, b"12345678"),
        h2_frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
    ]
    .concat();
    let h2 = |case: Case| {
        case.with(|case| {
            (case.app_alpn, case.origin_alpn) = (&["h2", "http/1.1"], &["h2", "http/1.1"])
        })
    };
    let two_at_once = |case: Case| case.with(|case| case.origin.swap(0, 1));
    let mut cases = vec![
        h2(Case::exchange("by ALPN", &app, &origin)),
        h2(two_at_once(Case::exchange("by ALPN, the origin speaks first", &app, &origin))),
        Case::exchange("by prior knowledge inside TLS", &app, &origin),
        Case::exchange("by prior knowledge in clear text", &app, &origin).plain(),
        h2(Case::new(
            "RST in the middle of a frame",
            vec![send(&app), Step::Got(100), Step::Reset],
            vec![Step::Got(app.len()), send(&origin[..100]), Step::Ended],
        ))
        .exchanges(&["interrupted"]),
        h2(Case::new(
            "half-closed by the app",
            vec![send(&app), Step::Close, Step::Got(origin.len())],
            vec![Step::Got(app.len()), Step::Ended, send(&origin), Step::Close],
        )),
    ];
    let bytewise: Vec<Case> = cases
        .iter()
        .filter(|case| !case.name.starts_with("RST"))
        .cloned()
        .map(|case| {
            case.with(|case| {
                case.piece = 13;
                case.name += ", in pieces";
            })
        })
        .collect();
    cases.extend(bytewise);
    cases.push(
        h2(Case::exchange("by ALPN, the preface byte by byte", PREFACE, b"\0\0\0\x04\0\0\0\0\0")
            .with(|case| case.piece = 1))
        .exchanges(&[]),
    );
    for case in &mut cases {
        if let Kept::Exchanges(states) = &case.kept {
            case.kept = Kept::Messages(states.clone());
        }
    }
    assert_unchanged(cases);
}

#[test]
fn anything_else_inside_tls() {
    let mut cases = Vec::new();
    for (name, app, origin) in [
        ("noise", noise(11, 5000), noise(12, 5000)),
        ("zeros", vec![0; 3000], vec![0; 3000]),
        ("a request that is none", b"HELLO there\r\n\r\n".to_vec(), b"550 what?\r\n".to_vec()),
        ("a reply that is none", b"GET / HTTP/1.1\r\nHost: case.test\r\n\r\n".to_vec(), noise(13, 500)),
        ("an HTTP/0.9 request", b"GET /\r\n".to_vec(), b"<p>hello".to_vec()),
        ("a head that never ends", b"GET / HTTP/1.1\r\nHost: case.test\r\nX-A: 1".to_vec(), b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("a bad chunk size", b"POST / HTTP/1.1\r\nHost: case.test\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhi\r\n0\r\n\r\n".to_vec(), OK.to_vec()),
        ("a huge chunk size", b"POST / HTTP/1.1\r\nHost: case.test\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nhi".to_vec(), OK.to_vec()),
        ("a bad length", b"POST / HTTP/1.1\r\nHost: case.test\r\nContent-Length: 2x\r\n\r\nhi".to_vec(), OK.to_vec()),
        ("two lengths that differ", b"POST / HTTP/1.1\r\nHost: case.test\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi".to_vec(), OK.to_vec()),
        ("a header line without a colon", b"GET / HTTP/1.1\r\nHost: case.test\r\nnonsense\r\n\r\n".to_vec(), OK.to_vec()),
        ("NUL in a head", b"GET / HTTP/1.1\r\nHost: case.test\r\nX: a\0b\r\n\r\n".to_vec(), OK.to_vec()),
        ("CR alone in a head", b"GET / HTTP/1.1\r\nHost: case.test\r\nX: a\rb\r\n\r\n".to_vec(), OK.to_vec()),
        ("HTTP/1.1 and then noise", [b"GET / HTTP/1.1\r\nHost: case.test\r\n\r\n", &noise(14, 300)[..]].concat(), [OK, &noise(15, 300)].concat()),
        ("HTTP/3.7", b"GET / HTTP/3.7\r\nHost: case.test\r\n\r\n".to_vec(), b"HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ] {
        cases.extend(Case::exchange(name, &app, &origin).whole_and_bytewise());
    }
    cases.push(Case::new(
        "the origin speaks first, inside TLS",
        vec![Step::Got(12), send(b"EHLO app\r\n"), Step::Got(18), Step::Close],
        vec![send(b"220 origin\r\n"), Step::Got(10), send(b"250 ok"), Step::Ended],
    ));
    cases.push(Case::new(
        "only the origin speaks, inside TLS",
        vec![Step::Got(12), Step::Close],
        vec![send(b"220 origin\r\n"), Step::Ended],
    ));
    cases.iter_mut().for_each(|case| case.kept = Kept::Whatever);
    assert_unchanged(cases);
}
