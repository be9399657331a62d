//! Plays cases directly and through Overhear, and compares: what each side got, how it saw the
//! other end, and what is kept.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use super::case::{Case, Kept, Layer};
use super::play::{Noted, Played, Way, play};
use super::tls::Tls;
use crate::support::certificates;
use crate::support::home::Home;
use crate::support::server::Server;

/// Cases played at the same time.
const AT_ONCE: usize = 8;

/// A proxy of one test, and the authorities of its cases.
pub struct Stage {
    pub home: Home,
    pub tls: Tls,
    pub server: Server,
}

impl Stage {
    /// Names are looked up nowhere: whatever an app asks for is on loopback.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these options as well, which come first.
    pub fn with(options: &[&str]) -> Self {
        let (home, mut tls) = (Home::new(), Tls::new());
        let upstream_ca = tls.write(home.path());
        let fixed = ["--upstream-ca", &upstream_ca, "--intercept", "*.listed.test,127.0.0.1,::1"];
        let resolve = ["--resolve", "[::1]:*:[::1]", "--resolve", "*:*:127.0.0.1"];
        let server = Server::start(&home, options.iter().chain(&fixed).chain(&resolve));
        tls.ours = certificates::read(&server.root);
        Self { home, tls, server }
    }

    pub fn play(&self, case: &Case, number: usize) -> (Played, Played) {
        let direct = play(case, number, Way::Direct, &self.tls);
        (direct, play(case, number, Way::Through(self.server.proxy), &self.tls))
    }
}

/// Fails with every case that is not the same with us and without.
pub fn assert_unchanged(cases: Vec<Case>) {
    let stage = Stage::new();
    let faults = compare(stage, &cases);
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Plays the cases, ends the proxy and says what differs.
pub fn compare(stage: Stage, cases: &[Case]) -> Vec<String> {
    let played = Mutex::new(Vec::new());
    on_threads(cases.len(), |number| {
        let both = stage.play(&cases[number], number);
        played.lock().unwrap().push((number, both));
    });
    let Stage { home, tls, server } = stage;
    let said = server.stop();
    let exported = home.exported();
    let faults = Mutex::new(Vec::new());
    let played = played.into_inner().unwrap();
    on_threads(played.len(), |at| {
        let (number, (direct, through)) = &played[at];
        let case = &cases[*number];
        let mut found = differences(case, direct, through, &tls);
        found.extend(records(case, through, &exported, &home));
        if !found.is_empty() {
            faults.lock().unwrap().push(format!("- {}: {}", case.name, found.join("\n    ")));
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    if said.contains("panicked") {
        faults.push(said);
    }
    faults.extend(left_behind(&home));
    faults
}

/// Does the numbered pieces of work, some at a time.
pub fn on_threads(pieces: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(pieces) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= pieces {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
}

fn differences(case: &Case, direct: &Played, through: &Played, tls: &Tls) -> Vec<String> {
    let mut found = Vec::new();
    for (side, direct, through) in
        [("app", &direct.app, &through.app), ("origin", &direct.origin, &through.origin)]
    {
        for (way, noted) in [("directly", direct), ("through us", through)] {
            if let Some(step) = &noted.stuck {
                found.push(format!("{way}, the {side} is stuck at {step}"));
            }
        }
        side_differences(side, direct, through, &mut found);
    }
    let dials = match case.kept {
        Kept::Unread { dials } => dials,
        _ => 1,
    };
    if through.dials != dials {
        found.push(format!("the origin was dialled {} times, not {dials}", through.dials));
    }
    if direct.sni != through.sni {
        found.push(format!("server name {:?} became {:?}", direct.sni, through.sni));
    }
    if let (Layer::Tls, Some(seen)) = (case.layer, &through.certificate) {
        let unread = matches!(case.kept, Kept::Unread { .. });
        if case.kept != Kept::Whatever && tls.is_origins_own(seen, case) != unread {
            found.push("the certificate that the app saw is the wrong one".into());
        }
    }
    found
}

fn side_differences(side: &str, direct: &Noted, through: &Noted, found: &mut Vec<String>) {
    if direct.got != through.got {
        found.push(format!("the {side} got other bytes{}", parted(&direct.got, &through.got)));
    }
    if direct.ended != through.ended {
        let (direct, through) = (&direct.ended, &through.ended);
        found.push(format!("the {side} saw {direct:?} directly, {through:?} through us"));
    }
    if direct.handshake != through.handshake {
        let (direct, through) = (&direct.handshake, &through.handshake);
        found.push(format!("the {side}'s handshake: {direct:?} directly, {through:?} through us"));
    }
    if direct.alpn != through.alpn {
        let [direct, through] =
            [direct, through].map(|noted| noted.alpn.as_deref().map(String::from_utf8_lossy));
        found.push(format!("the {side}'s protocol: {direct:?} directly, {through:?} through us"));
    }
}

/// What is kept of a case: the bytes of its exchanges are those of its flow.
fn records(case: &Case, through: &Played, exported: &[Value], home: &Home) -> Vec<String> {
    let of_case: Vec<_> = exported.iter().filter(|e| e["origin"] == through.at.as_str()).collect();
    let expected = match &case.kept {
        Kept::Exchanges(expected) | Kept::States(expected) | Kept::Messages(expected) => expected,
        Kept::Unread { .. } if of_case.is_empty() => return Vec::new(),
        Kept::Unread { .. } => return vec!["it was read".into()],
        Kept::Whatever => return Vec::new(),
    };
    let mut found = Vec::new();
    let states: Vec<_> = of_case.iter().map(|e| e["state"].as_str().unwrap()).collect();
    if states != *expected {
        found.push(format!("its exchanges are {states:?}, not {expected:?}"));
    }
    for (which, sent) in [("request", &through.origin.got), ("reply", &through.app.got)] {
        let ids = of_case.iter().map(|e| e["id"].as_str().unwrap());
        let kept: Vec<u8> = ids.flat_map(|id| home.raw(id, which)).collect();
        let is_enough = match case.kept {
            Kept::States(_) => kept.starts_with(sent) || sent.starts_with(&kept),
            Kept::Messages(_) => true,
            _ => kept == *sent,
        };
        if !is_enough {
            let words = parted(sent, &kept);
            found.push(format!("what is kept of the {which} is other bytes{words}"));
        }
    }
    found
}

/// Where two texts part.
pub fn parted(expected: &[u8], found: &[u8]) -> String {
    let at = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let shown = |bytes: &[u8]| {
        let from = at.saturating_sub(20).min(bytes.len());
        bytes[from..bytes.len().min(at + 40)].escape_ascii().to_string()
    };
    let mut words = format!(" from byte {at} (of {}, of {}):", expected.len(), found.len());
    let _ = write!(words, "\n      `{}`\n      `{}`", shown(expected), shown(found));
    words
}

/// No tape and no announcement stays behind in the runtime folder.
fn left_behind(home: &Home) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![home.runtime().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(format!("left behind: {}", path.display()));
            }
        }
    }
    files
}
