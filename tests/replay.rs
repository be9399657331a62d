//! The recorded traffic again, over real connections: every exchange passes through the proxy
//! unchanged and is recorded as the dialects read it.

mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use overhear::dialect::{Decoded, providers};
use overhear::model::{Exchange, State};

use crate::corpus::plain::Plain;
use crate::corpus::{self, Row};
use crate::golden::replay;
use crate::stage::origin::OriginTls;
use crate::stage::{App, Origin, Serve, Stage};
use wire::{Case, Framing, MARK, names};

/// Connections at a time.
const APPS: usize = 8;

/// Most exchanges on one connection.
const EXCHANGES_MAX: usize = 50;

#[derive(Default)]
struct Tally {
    exchanges: usize,
    exact: usize,
    with_notes: usize,
    failed: usize,
}

#[test]
fn recorded_traffic_is_recorded_again() {
    let Some(rows) = corpus::rows() else { return };
    let whole = |row: &Row| row.req_recorded == Some(true) && row.resp_recorded == Some(true);
    let cases = rows.filter(whole).enumerate().map(|(number, row)| Case::new(number, row));
    let cases: Arc<Vec<Case>> = Arc::new(cases.collect());
    let (stage, serve) = start(&cases);
    send_all(&cases, serve.proxy, &stage.root());
    assert!(serve.stop().success());

    let mut recorded: BTreeMap<usize, Exchange> = BTreeMap::new();
    for line in stage.print(&["export"]).lines() {
        let exchange: Exchange = serde_json::from_str(line).unwrap();
        let mark = exchange.request.headers.iter().find(|(name, _)| name == MARK);
        let number = mark.unwrap_or_else(|| panic!("no mark: {exchange:?}")).1.parse().unwrap();
        assert!(recorded.insert(number, exchange).is_none(), "{number} is recorded twice");
    }
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for (number, case) in cases.iter().enumerate() {
        let tally = tallies.entry(&case.row.api).or_default();
        check(case, recorded.get(&number), tally);
    }
    println!(
        "{:<24} {:>9} {:>9} {:>10} {:>7}",
        "replayed", "exchanges", "exact", "with notes", "failed"
    );
    for (api, tally) in &tallies {
        println!(
            "{api:<24} {:>9} {:>9} {:>10} {:>7}",
            tally.exchanges, tally.exact, tally.with_notes, tally.failed
        );
    }
    assert_eq!(tallies.values().map(|tally| tally.failed).sum::<usize>(), 0);
    assert_eq!(recorded.len(), cases.len());
}

/// An origin for every host of the recordings, and a proxy that leads there.
fn start(cases: &Arc<Vec<Case>>) -> (Stage, Serve) {
    let hosts: BTreeSet<String> = cases.iter().map(|case| case.row.host().to_owned()).collect();
    let known = |host: &str| {
        providers::intercept_patterns().any(|pattern| providers::matches(pattern, host))
    };
    let stage = Stage::new();
    let mut words = vec!["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
    for host in hosts.iter().filter(|host| !known(host)) {
        words.extend(["--intercept", host]);
    }
    let answers = Arc::clone(cases);
    let origin = Origin::start_for(hosts.iter().cloned().collect(), &[b"http/1.1"], move |tls| {
        answer(tls, &answers);
    });
    std::fs::write(stage.home("origin.pem"), &origin.pem).unwrap();
    let mut command = stage.overhear(words);
    command
        .args(["--resolve", &format!("*:*:{}", origin.addr), "--upstream-ca"])
        .arg(stage.home("origin.pem"));
    let serve = Serve::start(command);
    (stage, serve)
}

/// The origin: to each request the reply that was recorded. A request that is not as the app
/// sent it gets none.
fn answer(mut tls: OriginTls, cases: &[Case]) {
    tls.sock.set_nodelay(true).unwrap();
    let (mut received, mut piece) = (Vec::new(), [0; 64 << 10]);
    loop {
        match tls.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(len) => received.extend(&piece[..len]),
        }
        let Some(number) = mark_of(&received) else { continue };
        let case = &cases[number];
        if received.len() < case.request.len() {
            continue;
        }
        assert!(received == case.request, "{}: the request was changed", case.row.id);
        received.clear();
        for piece in &case.reply {
            tls.write_all(piece).and_then(|()| tls.flush()).unwrap();
        }
        if case.framing == Framing::Close {
            tls.conn.send_close_notify();
            let _ = tls.flush();
            return;
        }
    }
}

/// The number of the request whose head is at the start of `bytes`.
fn mark_of(bytes: &[u8]) -> Option<usize> {
    let mut room = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut room);
    if request.parse(bytes).unwrap().is_partial() {
        return None;
    }
    let mark = request.headers.iter().find(|line| line.name == MARK).unwrap();
    Some(std::str::from_utf8(mark.value).unwrap().parse().unwrap())
}

/// Sends every request, those to one host one after the other on connections that are kept.
fn send_all(cases: &[Case], proxy: SocketAddr, root: &str) {
    let mut by_address: BTreeMap<_, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        by_address.entry(case.address()).or_default().push(case);
    }
    let batches: VecDeque<&[&Case]> =
        by_address.values().flat_map(|cases| cases.chunks(EXCHANGES_MAX)).collect();
    let batches = Mutex::new(batches);
    thread::scope(|scope| {
        for _ in 0..APPS {
            scope.spawn(|| {
                loop {
                    let Some(batch) = batches.lock().unwrap().pop_front() else { break };
                    send(batch, proxy, root);
                }
            });
        }
    });
}

fn send(batch: &[&Case], proxy: SocketAddr, root: &str) {
    let mut kept: Option<App> = None;
    for case in batch {
        let mut app = kept
            .take()
            .unwrap_or_else(|| App::connect_to(proxy, case.address(), root, &[b"h2", b"http/1.1"]));
        app.send(&case.request);
        let expected = case.reply.concat();
        while app.received.len() < expected.len() {
            assert!(app.read(), "{}: the reply ended early", case.row.id);
        }
        if case.framing == Framing::Close {
            assert!(!app.read(), "{}: more than was sent", case.row.id);
        }
        assert!(app.received == expected, "{}: the reply was changed", case.row.id);
        app.received.clear();
        kept = (case.framing != Framing::Close).then_some(app);
    }
}

fn check(case: &Case, exchange: Option<&Exchange>, tally: &mut Tally) {
    tally.exchanges += 1;
    let wrong = match exchange {
        Some(exchange) => differences(case, exchange),
        None => vec!["not recorded".to_owned()],
    };
    let notes = exchange.map(|exchange| exchange.notes.join("; ")).unwrap_or_default();
    if !wrong.is_empty() {
        println!("{} {}: {}", case.row.id, case.row.path(), wrong.join("; "));
        tally.failed += 1;
    } else if !notes.is_empty() {
        println!("{}: {notes}", case.row.id);
        tally.with_notes += 1;
    } else {
        tally.exact += 1;
    }
}

/// What is recorded otherwise than it was sent, or than the dialects read it without a proxy.
fn differences(case: &Case, exchange: &Exchange) -> Vec<String> {
    let row = &case.row;
    let (body, reply) = (row.request_body(), row.reply().unwrap());
    let found = decoded_of(exchange);
    let mut wrong = Plain::of_wire(&body, Some(&reply)).differences(&Plain::of_decoded(&found));
    let Some(read) = replay::read(&row.asked(&body), Some(&reply), usize::MAX) else {
        wrong.push("no dialect claims it".to_owned());
        return wrong;
    };
    let (host, port) = case.address();
    let origin = match port {
        443 => format!("https://{host}"),
        _ => format!("https://{host}:{port}"),
    };
    let state = if read.decoded.error.is_some() { State::Failed } else { State::Complete };
    let expected = read.decoded;
    macro_rules! compare {
        ($($what:literal: $expected:expr, $found:expr;)*) => {
            $(if $expected != $found {
                wrong.push(format!("{}: expected {:?}, found {:?}", $what, $expected, $found));
            })*
        };
    }
    let name = |(name, _): &(String, String)| name.clone();
    let asked: Vec<String> = exchange.request.headers.iter().map(name).collect();
    let told: Vec<String> =
        exchange.reply.iter().flat_map(|reply| &reply.headers).map(name).collect();
    compare! {
        "state": state, exchange.state;
        "dialect": Some(read.dialect), exchange.dialect.as_deref();
        "operation": Some(read.operation), exchange.operation.as_deref();
        "provider": providers::provider_of(host), exchange.provider.as_deref();
        "origin": origin, exchange.origin;
        "method": row.method, exchange.method;
        "path": row.path(), exchange.path;
        "version": "HTTP/1.1", exchange.http_version;
        "status": row.status, exchange.status;
        "request.headers": names(&case.request), asked;
        "reply.headers": names(&case.reply[0]), told;
        "thread": expected.thread, found.thread;
        "request": expected.request, found.request;
        "reply": expected.reply, found.reply;
        "usage": expected.usage, found.usage;
        "cost_usd": expected.cost_usd, found.cost_usd;
        "error": expected.error, found.error;
        "notes": expected.notes, found.notes;
    }
    wrong
}

/// What the dialect made of it: without what is the recorder's.
fn decoded_of(exchange: &Exchange) -> Decoded {
    let mut request = exchange.request.clone();
    let mut reply = exchange.reply.clone().unwrap_or_default();
    request.headers.clear();
    reply.headers.clear();
    Decoded {
        thread: exchange.thread.clone(),
        request,
        reply,
        usage: exchange.usage.clone(),
        cost_usd: exchange.cost_usd,
        cost_source: exchange.cost_source,
        first_token_at: None,
        error: exchange.error.clone(),
        notes: exchange.notes.clone(),
    }
}
