use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::file::tests::reads;
use super::*;
use crate::model::{Exchange, State, ThreadRule};
use crate::record::Lexicon;
use crate::store::tests::sample::{Capture, turn};
use crate::store::{Reader, Selection, Store};

const FLOWS: &[u8] = include_bytes!("../../tests/import/mitmproxy-11.flow");
const OLD_FLOWS: &[u8] = include_bytes!("../../tests/import/mitmproxy-9.flow");
const HAR: &[u8] = include_bytes!("../../tests/import/chromium.har");

/// What stood in both files, as a key and in a prompt.
const KEY: &str = "FakeFakeFake1234567890abcdefFAKE";

fn bring(store: Store, file: &[u8], scope: Scope) -> (Store, Tally) {
    let lexicon = Lexicon::new(store.key());
    let mut importer = Importer::new(store, lexicon, scope);
    let tally = import(&mut &file[..], "a file", None, &mut importer, &mut |_| {}).unwrap();
    (importer.into_store(), tally)
}

fn imported(file: &[u8], scope: Scope) -> (Capture, Vec<Exchange>, Tally) {
    let capture = Capture::new();
    let (_, tally) = bring(Store::open(&capture.path()).unwrap(), file, scope);
    let exchanges = exported(&capture.reader());
    let exchanges = exchanges.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (capture, exchanges, tally)
}

/// What `overhear export` writes, a line an exchange.
fn exported(reader: &Reader) -> String {
    let mut exchanges: Vec<Exchange> =
        (1..=reader.last_seq().unwrap()).filter_map(|seq| reader.exchange(seq).unwrap()).collect();
    exchanges.sort_by_key(|exchange| exchange.started_at);
    let lines = exchanges.iter().map(|exchange| serde_json::to_string(exchange).unwrap());
    lines.map(|line| line + "\n").collect()
}

fn answers(exchanges: &[Exchange]) -> Vec<String> {
    let texts = exchanges.iter().filter_map(|exchange| {
        let reply = serde_json::to_value(&exchange.reply).unwrap();
        reply.pointer("/choices/0/parts/0/text").and_then(|text| text.as_str()).map(str::to_owned)
    });
    texts.collect()
}

#[test]
fn recordings_of_other_tools_are_read_as_if_recorded_here() {
    for (rule, file, foreign) in
        [("mitmproxy", FLOWS, 1), ("an older mitmproxy", OLD_FLOWS, 1), ("Chromium", HAR, 0)]
    {
        let (capture, exchanges, tally) = imported(file, Scope::Models);
        assert_eq!(
            answers(&exchanges),
            ["whole answer", "Hello mitm", "spoken over the socket"],
            "{rule}"
        );
        assert_eq!((tally.foreign, tally.unread, &tally.fault), (foreign, 0, &None), "{rule}");
        let asked: Vec<_> = exchanges.iter().filter(|one| one.usage.is_some()).collect();
        assert_eq!(asked.len(), 3, "{rule}");
        for exchange in asked {
            assert_eq!(exchange.state, State::Complete, "{rule}");
            assert_eq!(exchange.provider.as_deref(), Some("openai"), "{rule}");
            assert!(exchange.cost_usd.is_some() && exchange.thread.is_some(), "{rule}");
            assert!(exchange.duration_ms.is_some_and(|ms| ms < 1000.0), "{rule}");
            assert!(exchange.notes[0].starts_with("imported from `a file`"), "{rule}");
        }
        let flow = capture.reader().flow(exchanges[0].flow).unwrap().unwrap();
        assert_eq!(flow.opened.mode.as_str(), "imported", "{rule}");
    }
}

#[test]
fn what_was_imported_is_there_once() {
    for (rule, file) in [("mitmproxy", FLOWS), ("Chromium", HAR)] {
        let (capture, exchanges, first) = imported(file, Scope::All);
        let before = exported(&capture.reader());
        assert_eq!(first.imported, exchanges.len() as u64, "{rule}");
        let (_, again) = bring(Store::open(&capture.path()).unwrap(), file, Scope::All);
        assert_eq!((again.imported, again.known), (0, again.entries), "{rule}");
        assert_eq!(exported(&capture.reader()), before, "{rule}");
    }
}

#[test]
fn no_secret_of_a_file_reaches_the_capture() {
    let line = {
        let mut exchange = turn(0);
        exchange.request.headers = vec![("Authorization".into(), format!("Bearer sk-proj-{KEY}"))];
        exchange.request.system = Some(format!("use sk-proj-{KEY}"));
        serde_json::to_vec(&exchange).unwrap()
    };
    let fault = format!("\"response\": {{\"_error\": \"no way to /?key=sk-proj-{KEY}\",");
    let faulty = std::str::from_utf8(HAR).unwrap().replace("\"response\": {", &fault);
    for (rule, file) in [
        ("mitmproxy", FLOWS),
        ("Chromium", HAR),
        ("words about a fault", faulty.as_bytes()),
        ("our own lines", &line),
    ] {
        assert!(memchr::memmem::find(file, KEY.as_bytes()).is_some(), "{rule}: no key at all");
        let (capture, exchanges, _) = imported(file, Scope::All);
        assert!(!exchanges.is_empty(), "{rule}");
        let told = exported(&capture.reader());
        assert!(told.contains("<authorization:") && !told.contains(KEY), "{rule}");
        for entry in fs::read_dir(capture.path().parent().unwrap()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(memchr::memmem::find(&bytes, KEY.as_bytes()).is_none(), "{rule}");
        }
        let reader = capture.reader();
        for seq in 1..=exchanges.len() as i64 {
            for side in crate::flow::Side::BOTH {
                let raw = reader.raw(seq, side).unwrap().unwrap_or_default();
                assert!(memchr::memmem::find(&raw.bytes, KEY.as_bytes()).is_none(), "{rule}");
            }
        }
    }
}

#[test]
fn our_own_lines_come_back_as_they_were() {
    let mut capture = Capture::new();
    capture.write(&[turn(0), turn(1), Exchange { state: State::Failed, ..turn(2) }]);
    let before = exported(&capture.reader());
    let exchanges: Vec<Exchange> =
        before.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pretty = serde_json::to_vec_pretty(&exchanges).unwrap();
    for (rule, file) in [("lines", before.as_bytes()), ("an array", &pretty)] {
        let (other, _, tally) = imported(file, Scope::Models);
        assert_eq!((tally.imported, tally.unread), (3, 0), "{rule}");
        assert_eq!(exported(&other.reader()), before, "{rule}");
    }
    let (_, again) = bring(Store::open(&capture.path()).unwrap(), before.as_bytes(), Scope::Models);
    assert_eq!((again.imported, again.known), (0, 3), "they are there already");
}

#[test]
fn a_thread_of_a_sub_agent_stays_below_the_one_that_called() {
    let mut capture = Capture::new();
    let below = Exchange {
        thread: Some("session/sub".into()),
        thread_rule: Some(ThreadRule::Header),
        ..turn(1)
    };
    let above = Exchange {
        thread: Some("session".into()),
        thread_rule: Some(ThreadRule::Header),
        ..turn(0)
    };
    capture.write(&[above, below]);
    let (other, exchanges, _) = imported(exported(&capture.reader()).as_bytes(), Scope::Models);
    assert_eq!(exchanges[1].thread.as_deref(), Some("session/sub"));
    let belows = |reader: &Reader| {
        let page = reader.threads(&Selection::default(), None, 10).unwrap();
        page.threads.iter().map(|thread| thread.below).sum::<u64>()
    };
    assert_eq!((belows(&other.reader()), belows(&capture.reader())), (1, 1));
}

#[test]
fn a_damaged_entry_costs_that_one_and_a_cut_file_the_rest() {
    let lines = |texts: &[&str]| texts.join("\n").into_bytes();
    let good = serde_json::to_string(&turn(0)).unwrap();
    let other = serde_json::to_string(&turn(1)).unwrap();
    let (_, _, tally) = imported(&lines(&[&good, "{\"id\":", "", &other]), Scope::Models);
    assert_eq!((tally.imported, tally.unread), (2, 1));
    assert_eq!(tally.reasons[0].0, 2, "the second entry");

    let text = std::str::from_utf8(HAR).unwrap();
    let damaged = text.replacen("\"method\": \"POST\"", "\"method\": POST", 1);
    let (_, exchanges, tally) = imported(damaged.as_bytes(), Scope::Models);
    assert_eq!(answers(&exchanges), ["Hello mitm", "spoken over the socket"]);
    assert_eq!((tally.unread, tally.reasons[0].0), (1, 2));

    let (_, exchanges, tally) = imported(&FLOWS[..FLOWS.len() - 9], Scope::Models);
    assert_eq!(answers(&exchanges), ["whole answer", "Hello mitm"]);
    assert!(tally.fault.unwrap().contains("9 bytes of the last flow"));
}

#[test]
fn only_what_asks_a_model_is_taken_unless_all_is() {
    let entry = |url: &str, body: &str| {
        json!({
            "startedDateTime": "2026-11-23T10:00:00Z",
            "request": {"method": "POST", "url": url, "headers": [], "postData": {"text": body}},
            "response": {"status": 200, "content": {"text": "{}"}},
        })
    };
    let chat = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let har = json!({"log": {"entries": [
        entry("https://api.openai.com/v1/unheard-of", ""),
        entry("https://gateway.example/v1/chat/completions", chat),
        entry("https://shop.example/cart", r#"{"note":"please leave it at the door"}"#),
        entry("data:text/plain,x", ""),
    ]}});
    let file = har.to_string().into_bytes();
    let taken = |scope| {
        let (_, exchanges, tally) = imported(&file, scope);
        (exchanges.into_iter().map(|one| one.path).collect::<Vec<_>>(), tally.foreign)
    };
    let models = vec!["/v1/unheard-of".to_owned(), "/v1/chat/completions".to_owned()];
    assert_eq!(taken(Scope::Models), (models.clone(), 2));
    let all = [models, vec!["/cart".to_owned()]].concat();
    assert_eq!(taken(Scope::All), (all, 1));
}

#[test]
fn a_file_that_is_nothing_known_is_refused() {
    let capture = Capture::new();
    let store = Store::open(&capture.path()).unwrap();
    let lexicon = Lexicon::new(store.key());
    let mut importer = Importer::new(store, lexicon, Scope::Models);
    let (har, json, jsonl) = (Some(Format::Har), Some(Format::Json), Some(Format::Jsonl));
    let samples = b"{\"messages\":[]}\n{\"messages\":[]}\n";
    for (rule, format, file, expected) in [
        ("empty", None, &b""[..], "it is empty"),
        ("white space", None, b" \n", "it is empty"),
        ("a picture", None, b"\x89PNG\r\n", "it is no HAR"),
        ("a number", None, b"12345 ", "it is no HAR"),
        ("any object", None, b"{\"a\":1}", "it is no export of Overhear's"),
        ("samples to train on", None, samples, "it is no export of Overhear's"),
        ("an array of anything", None, b"[{\"a\":1}]", "it is no export of Overhear's"),
        ("words, told to be lines", jsonl, b"a\nb\n", "it is no export of Overhear's"),
        ("an object, told to be an array", json, b"{\"a\":1}", "it is no export of Overhear's"),
        ("lines, told to be a HAR", har, samples, "it is no HAR: "),
        ("a HAR without entries", None, b"{\"log\":{}}", "it is no HAR: "),
    ] {
        let error = import(&mut &file[..], "f", format, &mut importer, &mut |_| {}).unwrap_err();
        let words = error.to_string();
        assert!(words.starts_with(expected), "{rule}: {words}");
        assert_eq!(words.contains("hint: "), !words.contains("empty"), "{rule}: {words}");
    }
    for (rule, format, file) in [
        ("a HAR", None, &b"{\"log\":{\"entries\":[]}}"[..]),
        ("an array", None, b"[]"),
        ("no lines", jsonl, b""),
    ] {
        let tally = import(&mut &file[..], "f", format, &mut importer, &mut |_| {}).unwrap();
        assert_eq!((tally.entries, tally.fault), (0, None), "an empty list is none: {rule}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_becomes_of_a_file_it_is_read_or_refused(
        which in prop::sample::select(vec![FLOWS, HAR]),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut file = which.to_vec();
        for (at, byte) in damages {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(end.index(file.len() + 1));
        let lexicon = Lexicon::new([7; 32]);
        for read in reads(&file) {
            let Ok(Read::Recording(found)) = read else { continue };
            let whole = found.recording.whole(&[7; 32], "note");
            prop_assert!(crate::record::whole(&whole, &lexicon).is_ok());
        }
    }
}
