//! The recorded traffic again, over real connections: every exchange passes through the proxy
//! unchanged and is recorded as the dialects read it.
//!
//! Every recorded exchange goes over HTTP/1.1 and, if its host is no plain local one, over
//! HTTP/2; a share of them is cut on the way. Every recorded socket and every golden one goes
//! over an upgrade and over HTTP/2. `OVERHEAR_REPLAY=openai.chat` plays only formats whose name
//! begins so, and the golden sockets.

mod case;
mod check;
mod coding;
mod ends;
mod frames;
mod http1;
mod http2;
mod plan;
mod script;
mod socket;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use overhear::dialect::providers;
use overhear::store::{Reader, Selection, Side};

use crate::corpus::table::{Outcome, Table};
use crate::stage::{Serve, Stage, until};
use case::{Case, MARK};
use check::Recorded;
use ends::{Proxy, start_origin};
use plan::Job;
use script::Script;

/// Connections at a time.
const APPS: usize = 8;

/// A recorder that writes nothing for so long has nothing to write.
const QUIET: Duration = Duration::from_secs(1);

/// Rows of the capture that are read at once.
const PAGE: usize = 200;

#[test]
fn recorded_traffic_is_recorded_again() {
    let Some(script) = plan::script() else { return };
    let begun = Instant::now();
    let script = Arc::new(script);
    let (stage, serve) = start(&script);
    let proxy = Proxy { addr: serve.proxy, root: stage.root() };
    ends::runtime().block_on(async {
        let jobs = std::cell::RefCell::new(VecDeque::from(plan::jobs(&script)));
        let next = || jobs.borrow_mut().pop_front();
        join_all((0..APPS).map(|_| async {
            while let Some(job) = next() {
                play(&job, &proxy, &script).await;
            }
        }))
        .await;
    });
    println!("played in {:?}", begun.elapsed());
    wait_for_recorder(&stage);
    assert!(serve.stop().success());
    println!("recorded in {:?}", begun.elapsed());
    let mut table = Table::new("replayed");
    compare(&stage, &script, &mut table);
    table.print();
    println!("compared in {:?}", begun.elapsed());
    read_again(&stage);
    println!("read again in {:?}", begun.elapsed());
    assert_eq!(table.failed(), 0);
}

/// The same dialects read the same of the bytes that are stored.
fn read_again(stage: &Stage) {
    let told: serde_json::Value =
        serde_json::from_str(&stage.print(&["reread", "--dry-run", "--json"])).unwrap();
    println!("read again: {} exchanges; as before: {}", told["read"], told["kept"]);
    for id in told["changed"].as_array().unwrap().iter().take(10) {
        println!("changed: {}", stage.print(&["show", id.as_str().unwrap(), "--json"]));
    }
    assert_eq!(told["changed"], serde_json::json!([]), "read otherwise than from the tape");
    assert_eq!(told["damaged"], 0);
}

/// An origin for every host of the recordings, and a proxy that leads there.
fn start(script: &Arc<Script>) -> (Stage, Serve) {
    let cases = script.cases.iter().map(|case| case.address().0);
    let hosts: BTreeSet<String> =
        cases.chain(script.sockets.iter().map(|socket| socket.host.clone())).collect();
    let known = |host: &str| {
        providers::intercept_patterns().any(|pattern| providers::matches(pattern, host))
    };
    let stage = Stage::new();
    let mut words = vec!["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
    for host in hosts.iter().filter(|host| !known(host)) {
        words.extend(["--intercept", host]);
    }
    let answers = Arc::clone(script);
    let (addr, pem) = start_origin(hosts.iter().cloned().collect(), move |tls| {
        let answers = Arc::clone(&answers);
        async move {
            match tls.get_ref().1.alpn_protocol() {
                Some(b"h2") => http2::answer(tls, &answers).await,
                _ => http1::answer(tls, &answers).await,
            }
        }
    });
    std::fs::write(stage.home("origin.pem"), pem).unwrap();
    let mut command = stage.overhear(words);
    command.args(["--resolve", &format!("*:*:{addr}"), "--upstream-ca"]);
    command.arg(stage.home("origin.pem"));
    let serve = Serve::start(command);
    (stage, serve)
}

async fn play(job: &Job, proxy: &Proxy, script: &Script) {
    match job {
        Job::Http1(batch) => {
            let batch: Vec<_> = batch.iter().map(|at| &*script.cases[*at]).collect();
            http1::ask(&batch, proxy, script).await;
        }
        Job::Http2(batch) => {
            let batch: Vec<_> = batch.iter().map(|at| &*script.cases[*at]).collect();
            http2::ask(&batch, proxy, script).await;
        }
        Job::Socket(at) => script.sockets[*at].ask(proxy, script).await,
    }
}

/// Waits until nothing more is recorded: at its end the proxy does not wait for long.
fn wait_for_recorder(stage: &Stage) {
    let reader = Reader::open(&stage.data().join("capture.db")).unwrap();
    let mut last = (0, Instant::now());
    until("all is recorded", || {
        let seq = reader.last_seq().unwrap();
        if seq != last.0 {
            last = (seq, Instant::now());
        }
        (last.1.elapsed() > QUIET).then_some(())
    });
}

/// Counts what was recorded as it was sent and read.
fn compare(stage: &Stage, script: &Script, table: &mut Table) {
    let mut sockets: BTreeMap<usize, Vec<Recorded>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let id = |case: &Case| format!("{} {:?}", case.row.id, case.ending);
    each_recorded(stage, |number, recorded| {
        let Some(case) = script.cases.get(number) else {
            return sockets.entry(number).or_default().push(recorded);
        };
        let mut wrong = script.faults(number);
        if !seen.insert(number) {
            wrong.push("recorded twice".to_owned());
        }
        wrong.extend(check::differences(case, &recorded));
        let outcome = Outcome { id: id(case), wrong, notes: recorded.exchange.notes };
        table.count(&case.row.api, plan::transport(case), outcome);
    });
    for case in script.cases.iter().filter(|case| !seen.contains(&case.number)) {
        let mut wrong = script.faults(case.number);
        wrong.push("not recorded".to_owned());
        let outcome = Outcome { id: id(case), wrong, notes: Vec::new() };
        table.count(&case.row.api, plan::transport(case), outcome);
    }
    for socket in &script.sockets {
        let recorded = sockets.remove(&socket.number).unwrap_or_default();
        let mut wrong = script.faults(socket.number);
        wrong.extend(check::differences_of_socket(socket, &recorded));
        let notes = recorded.into_iter().flat_map(|recorded| recorded.exchange.notes).collect();
        let outcome = Outcome { id: socket.id.clone(), wrong, notes };
        table.count(&socket.api, plan::transport_of_socket(socket), outcome);
    }
}

/// Hands on each exchange of the capture with the number that its mark tells.
fn each_recorded(stage: &Stage, mut take: impl FnMut(usize, Recorded)) {
    let reader = Reader::open(&stage.data().join("capture.db")).unwrap();
    let mut last = 0;
    loop {
        let page = reader.written_after(&Selection::default(), last, PAGE).unwrap();
        let Some(end) = page.last() else { return };
        last = end.seq;
        for listed in page {
            let exchange = reader.exchange(listed.seq).unwrap().unwrap();
            let mark = exchange.request.headers.iter().find(|(name, _)| name == MARK);
            let number = mark.unwrap_or_else(|| panic!("no mark: {exchange:?}")).1.parse().unwrap();
            let raw = |side| reader.raw(listed.seq, side).unwrap().map(|raw| raw.bytes);
            let request = raw(Side::Downstream).unwrap_or_default();
            take(number, Recorded { exchange, request, reply: raw(Side::Upstream) });
        }
    }
}
