//! Sessions through the recorder into a capture, and what that costs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use overhear::flow::{FlowId, Mode, Opened, Origin, Scheme, Side, Verdict};
use overhear::record::{FlowReading, Lexicon, Unfollowed};
use overhear::store::{Entry, Reader, Store};
use overhear::tape::{Budget, Place, Tapes, Told};

use super::session::{Session, Turn};
use super::words::Chance;

/// Levels of zstd that bodies are compared with.
const LEVEL: i32 = 3;

/// What one capture cost.
#[derive(Default)]
pub struct Measured {
    name: String,
    exchanges: u64,
    requests: u64,
    replies: u64,
    /// Of each body, compressed alone.
    alone: u64,
    file: u64,
    /// Of its tables and indices.
    parts: BTreeMap<String, u64>,
    writing: Duration,
    /// Of the slowest exchange.
    slowest: Duration,
    read: Duration,
}

impl Measured {
    /// Writes sessions into a new capture, reads all of it back and compares.
    pub fn of<'a>(name: &str, sessions: impl Iterator<Item = Session<'a>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("capture.db");
        let mut store = Store::open(&path).expect("a capture");
        let lexicon = Lexicon::new(store.key());
        let mut measured = Self { name: name.to_owned(), ..Self::default() };
        let mut hashes = Vec::new();
        for session in sessions {
            measured.session(&mut store, &lexicon, session, &mut hashes);
        }
        drop(store);
        measured.compare(&path, &hashes);
        measured.sizes(&path);
        measured
    }

    fn session(
        &mut self,
        store: &mut Store,
        lexicon: &Lexicon,
        mut session: Session<'_>,
        hashes: &mut Vec<[blake3::Hash; 2]>,
    ) {
        let mut chance = Chance::new(5);
        while let Some(turn) = session.next() {
            for entry in &mut exchanges(lexicon, &turn) {
                if let Entry::Exchange(stored) = entry {
                    let reply = stored.reply.as_mut().expect("a reply");
                    // The tape was filled at once; a model takes its time.
                    let mut at = 400_000_000;
                    for (_, mark) in &mut reply.marks {
                        *mark = at;
                        at += 8_000_000 + chance.below(20_000_000) as i64;
                    }
                    self.exchanges += 1;
                    self.requests += stored.request.bytes.len() as u64;
                    self.replies += reply.bytes.len() as u64;
                    hashes.push([&stored.request, &*reply].map(|raw| blake3::hash(&raw.bytes)));
                    for raw in [&stored.request, &*reply] {
                        let packed = zstd::bulk::compress(&raw.bytes, LEVEL).expect("compressed");
                        self.alone += packed.len() as u64;
                    }
                }
                let begun = on_cpu();
                store.write(std::slice::from_ref(entry)).expect("stored");
                let took = on_cpu() - begun;
                self.writing += took;
                self.slowest = self.slowest.max(took);
            }
        }
    }

    fn compare(&mut self, path: &Path, hashes: &[[blake3::Hash; 2]]) {
        let reader = Reader::open(path).expect("a reader");
        let begun = on_cpu();
        for (seq, expected) in (1..).zip(hashes) {
            for (side, expected) in Side::BOTH.into_iter().zip(expected) {
                let raw = reader.raw(seq, side).expect("read").expect("kept");
                assert!(blake3::hash(&raw.bytes) == *expected, "{seq} came back otherwise");
            }
            let exchange = reader.exchange(seq).expect("read").expect("kept");
            assert!(!exchange.request.messages.is_empty());
        }
        self.read = on_cpu() - begun;
    }

    fn sizes(&mut self, path: &Path) {
        let conn = rusqlite::Connection::open(path).expect("opened");
        self.file = std::fs::metadata(path).expect("a file").len();
        let mut statement =
            conn.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").expect("dbstat");
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .expect("rows");
        for row in rows {
            let (name, bytes) = row.expect("a row");
            let part = match name.as_str() {
                "blob" => "pieces",
                "sqlite_autoindex_blob_1" => "pieces: hashes",
                "raw" => "heads, roots and replies",
                "message" | "sqlite_autoindex_message_1" => "messages",
                "content" => "details",
                "message_thread" => "messages of threads",
                "dictionary" => "dictionaries",
                name if name.starts_with("word") || name == "vocabulary" => "words",
                name if name.contains("exchange") => "exchanges and their indices",
                _ => "the rest",
            };
            *self.parts.entry(part.to_owned()).or_default() += bytes.unsigned_abs();
        }
    }

    /// Prints it all.
    pub fn print(&self) {
        let share = |bytes: u64| bytes as f64 * 100.0 / self.requests as f64;
        let mb = |bytes: u64| bytes as f64 / 1e6;
        println!(
            "\n{}: {} exchanges, requests {:.1} MB (each {:.0} KB), replies {:.1} MB (each {:.1} KB)",
            self.name,
            self.exchanges,
            mb(self.requests),
            self.requests as f64 / 1e3 / self.exchanges as f64,
            mb(self.replies),
            self.replies as f64 / 1e3 / self.exchanges as f64,
        );
        println!("  {:<30}{:>10}{:>14}{:>16}", "", "MB", "% of requests", "bytes/exchange");
        let line = |name: &str, bytes: u64| {
            let each = bytes / self.exchanges;
            println!("  {name:<30}{:>10.3}{:>14.3}{each:>16}", mb(bytes), share(bytes));
        };
        line("zstd for each body", self.alone);
        line("the file", self.file);
        for (name, bytes) in &self.parts {
            line(&format!("  {name}"), *bytes);
        }
        println!(
            "  written in {:.2} ms of CPU an exchange, the slowest {:.1} ms; all of it came back, {:.2} ms an exchange",
            self.writing.as_secs_f64() * 1e3 / self.exchanges as f64,
            self.slowest.as_secs_f64() * 1e3,
            self.read.as_secs_f64() * 1e3 / self.exchanges as f64,
        );
    }
}

/// How long this thread has been on a CPU: other programs do not count. The kernel counts when
/// it switches or ticks, so that one difference may be some milliseconds off, and a sum is not.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns = stat.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.expect("a number"))
}

/// What the recorder makes of one turn.
fn exchanges(lexicon: &Lexicon, turn: &Turn) -> Vec<Entry> {
    let (tapes, heard) = Tapes::new(Place::nameless(), Budget::new(64 << 20));
    let mut writer = tapes.open(&Opened {
        flow: FlowId::now(),
        at: jiff::Timestamp::now(),
        mode: Mode::Intercept,
        origin: Origin::parse(Scheme::Https, "api.anthropic.com:443").expect("an origin"),
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    });
    for piece in turn.request.chunks(64 << 10) {
        writer.append(Side::Downstream, piece);
    }
    for piece in &turn.reply {
        writer.append(Side::Upstream, piece);
    }
    drop(writer);
    let Ok(Told::Taped(tape)) = heard.recv() else { panic!("a tape") };
    let mut reading = FlowReading::new(tape).expect("a tape");
    while reading.read(lexicon, &mut Unfollowed).expect("read") {}
    reading.take()
}
