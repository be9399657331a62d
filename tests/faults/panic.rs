//! A fault in a dialect costs the reading of one exchange: its bytes are kept, the next one is
//! read. The tape is written by hand, as the relay writes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use jiff::Timestamp;
use overhear::dialect::{self, Asked, Decoded, Dialect, Frame, Grown, Reading};
use overhear::flow::{Ending, FlowId, Mode, Opened, Origin, Scheme, Side, Verdict};
use overhear::metrics::Metrics;
use overhear::model::{Exchange, Request};
use overhear::record::{Beside, Capture, Claim, Durability, Lexicon, Recorder, recover};
use overhear::store::{Order, Reader, Retention, Selection, Store};
use overhear::tape::{Budget, Place, PlaceKind, Tapes, Told};

use crate::stage::app::post;
use crate::stage::skipped;

/// When it panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Begin,
    Prompt,
    Reply,
    IsComplete,
    Finish,
}

struct Faulty(At);

struct FaultyReading(At, Request);

/// A panic that a passing test does not print.
fn fall() -> ! {
    std::panic::resume_unwind(Box::new("a fault that the test has made"))
}

impl Dialect for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn claim(&self, _: &Asked<'_>) -> Option<&'static str> {
        Some("chat")
    }

    fn begin(&self, _: &Asked<'_>) -> Box<dyn Reading> {
        if self.0 == At::Begin {
            fall();
        }
        Box::new(FaultyReading(self.0, Request::default()))
    }
}

impl Reading for FaultyReading {
    fn prompt(&self) -> &Request {
        if self.0 == At::Prompt {
            fall();
        }
        &self.1
    }

    fn reply(&mut self, _: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {
        if self.0 == At::Reply {
            fall();
        }
    }

    fn is_complete(&self) -> bool {
        if self.0 == At::IsComplete {
            fall();
        }
        true
    }

    fn finish(self: Box<Self>) -> Decoded {
        if self.0 == At::Finish {
            fall();
        }
        Decoded::default()
    }
}

/// The dialects, but for the path `/faulty` one that panics.
macro_rules! claim {
    ($at:expr) => {
        |asked| match asked.path {
            "/faulty" => Some((&Faulty($at), "chat")),
            _ => dialect::claim(asked),
        }
    };
}

const CLAIMS: [(&str, Claim); 6] = [
    ("claim", |asked| match asked.path {
        "/faulty" => fall(),
        _ => dialect::claim(asked),
    }),
    ("begin", claim!(At::Begin)),
    ("prompt", claim!(At::Prompt)),
    ("reply", claim!(At::Reply)),
    ("is_complete", claim!(At::IsComplete)),
    ("finish", claim!(At::Finish)),
];

/// Request and reply, twice: for the faulty dialect and for a sound one.
fn script() -> Vec<(Side, String)> {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
    let json = r#"{"id":"1","choices":[{"message":{"content":"Grüße"},"finish_reason":"stop"}]}"#;
    let event = format!("data: {}\n\n", r#"{"choices":[{"delta":{"content":"Grüße"}}]}"#);
    let reply = |kind: &str, body: &str| {
        let len = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len}\r\n\r\n{body}")
    };
    let request = |path: &str| post(path, "api.openai.com", &[], body);
    vec![
        (Side::Downstream, request("/faulty")),
        (Side::Upstream, reply("application/json", json)),
        (Side::Downstream, request("/faulty")),
        (Side::Upstream, reply("text/event-stream", &event)),
        (Side::Downstream, request("/v1/chat/completions")),
        (Side::Upstream, reply("application/json", json)),
    ]
}

fn write(tapes: &Tapes, script: &[(Side, String)]) {
    let opened = Opened {
        flow: FlowId::now(),
        at: Timestamp::now(),
        mode: Mode::Intercept,
        origin: Origin::parse(Scheme::Https, "api.openai.com").unwrap(),
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    };
    let mut tape = tapes.open(&opened);
    for (side, bytes) in script {
        tape.append(*side, bytes.as_bytes());
    }
    for side in Side::BOTH {
        tape.ended(side, Ending::Closed);
    }
}

fn exchanges(capture: &Path) -> Vec<(Exchange, [Vec<u8>; 2])> {
    let reader = Reader::open(capture).unwrap();
    let page = reader.list(&Selection::default(), Order::OldestFirst, None, 100).unwrap();
    let exchange = |seq| {
        let raw = Side::BOTH.map(|side| reader.raw(seq, side).unwrap().unwrap_or_default().bytes);
        (reader.exchange(seq).unwrap().unwrap(), raw)
    };
    page.exchanges.iter().map(|listed| exchange(listed.seq)).collect()
}

fn lexicon(store: &Store, claim: Claim) -> Lexicon {
    Lexicon { claim, ..Lexicon::new(store.key()) }
}

/// Records what is on the tapes; gives what was counted.
fn record(capture: &Path, claim: Claim, heard: Receiver<Told>, tapes: &Tapes) -> String {
    let lexicon_of = Box::new(move |key| Lexicon { claim, ..Lexicon::new(key) });
    let capture = Capture::new(capture, Durability::Process, lexicon_of);
    let retention = Retention::default();
    let metrics = Metrics::new().unwrap();
    let beside = Beside {
        wake: Arc::clone(tapes.wake()),
        budget: Arc::clone(tapes.budget()),
        runtime_dir: None,
        notify: Arc::new(|_| {}),
        metrics: metrics.clone(),
    };
    Recorder::start(capture, retention, heard, beside).unwrap().finish();
    metrics.text()
}

fn assert_kept(at: &str, capture: &Path) {
    let exchanges = exchanges(capture);
    let script = script();
    assert_eq!(exchanges.len(), 3, "{at}");
    for (n, (exchange, raw)) in exchanges.iter().enumerate() {
        let sent = [&script[2 * n].1, &script[2 * n + 1].1].map(|bytes| bytes.as_bytes());
        assert_eq!(raw.each_ref().map(Vec::as_slice), sent, "{at}");
        let told = exchange.notes.iter().any(|note| note.contains("panicked"));
        let faulty = exchange.path == "/faulty";
        assert_eq!(told, faulty, "{at}: {:?}", exchange.notes);
        assert_eq!(exchange.status, Some(200), "{at}");
        if !faulty {
            assert_eq!(exchange.dialect.as_deref(), Some("openai.chat"));
            let choices = serde_json::to_string(&exchange.reply.as_ref().unwrap().choices).unwrap();
            assert!(choices.contains("Grüße"), "{at}: {choices}");
        }
    }
}

#[test]
fn of_a_living_flow() {
    for (at, claim) in CLAIMS {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("capture.db");
        let (tapes, heard) = Tapes::new(Place::nameless(), Budget::new(64 << 20));
        write(&tapes, &script());
        let counted = record(&capture, claim, heard, &tapes);
        // Before it has begun to read nobody knows which dialect it is.
        let name = if ["claim", "begin"].contains(&at) { "unknown" } else { "faulty" };
        let faulty = exchanges(&capture).iter().filter(|(e, _)| e.path == "/faulty").count();
        let line = format!("overhear_read_errors_total{{dialect=\"{name}\"}} {faulty}");
        assert!(counted.lines().any(|found| found == line), "{at}: {counted}");
        assert_kept(at, &capture);
    }
}

#[test]
fn of_a_tape_left_behind() {
    for (at, claim) in CLAIMS {
        let folder = tempfile::tempdir().unwrap();
        let ram = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let dir = ram.path().join("tapes");
        let place = Place::make(Some(&dir)).unwrap();
        if *place.kind() == PlaceKind::Nameless {
            return skipped("no file system in memory is there for tapes");
        }
        let (tapes, heard) = Tapes::new(place, Budget::new(64 << 20));
        write(&tapes, &script());
        drop((tapes, heard));
        let capture = folder.path().join("capture.db");
        let mut store = Store::open(&capture).unwrap();
        let lexicon = lexicon(&store, claim);
        assert_eq!(recover(&dir, &mut store, &lexicon).exchanges, 3, "{at}");
        assert_kept(at, &capture);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "{at}");
    }
}

/// A reply that is over before its request, on a connection that goes on.
#[test]
fn an_early_reply_makes_no_exchange_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.db");
    let (tapes, heard) = Tapes::new(Place::nameless(), Budget::new(64 << 20));
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "a ".repeat(1000)
    );
    let request = post("/v1/chat/completions", "api.openai.com", &[], &body);
    let (half, rest) = request.split_at(500);
    let early = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n".to_owned();
    let mut script = vec![
        (Side::Downstream, half.to_owned()),
        (Side::Upstream, early),
        (Side::Downstream, rest.to_owned()),
    ];
    script.extend(self::script().drain(4..));
    write(&tapes, &script);
    record(&capture, dialect::claim, heard, &tapes);
    let exchanges = exchanges(&capture);
    let told: Vec<_> = exchanges.iter().map(|(one, _)| (one.method.as_str(), one.status)).collect();
    assert_eq!(told, [("POST", Some(413)), ("POST", Some(200))]);
}
