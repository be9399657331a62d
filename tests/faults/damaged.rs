//! The capture is damaged, taken away, of a newer program, or not to be written: traffic goes
//! on, the user is told, and the recording heals by itself.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use super::load::load;
use super::{answers, app};
use crate::stage::app::{answer_of, chat};
use crate::stage::{Serve, Stage, text, until};

fn capture(stage: &Stage) -> PathBuf {
    stage.data().join("capture.db")
}

/// The damaged files that were moved aside.
fn aside(stage: &Stage) -> Vec<PathBuf> {
    let files = fs::read_dir(stage.data()).unwrap().flatten().map(|entry| entry.path());
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains(".damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    files.filter(is_aside).collect()
}

fn status(stage: &Stage) -> (Option<i32>, Value) {
    let output = stage.overhear(["status", "--json"]).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn what_is_no_capture_is_moved_aside_at_the_start() {
    let stage = Stage::new();
    fs::create_dir(stage.data()).unwrap();
    fs::write(capture(&stage), "this is a letter, and a long one ".repeat(500)).unwrap();
    let serve = stage.serve(&[]);
    app(&stage, &serve).ask(chat("fake", "hello", false));
    stage.exchanges_of(1);
    until("the user is told", || serve.said().contains("was damaged").then_some(()));
    assert!(serve.said().contains("overhear repair"), "{}", serve.said());
    let aside = aside(&stage);
    assert_eq!(aside.len(), 1);
    assert!(fs::read_to_string(&aside[0]).unwrap().starts_with("this is a letter"));
    let repair = stage.overhear(["repair".as_ref(), aside[0].as_os_str()]).output().unwrap();
    assert_eq!(repair.status.code(), Some(2), "{}", text(&repair.stderr));
    assert_eq!(status(&stage).0, Some(0));
}

/// A page in the middle of the file is lost: what stood elsewhere comes back.
#[test]
fn a_damaged_capture_is_moved_aside_and_repaired() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let said = load(&stage, &serve, "before", [4, 4, 0]);
    stage.exchanges_of(said.len());
    assert!(serve.stop().success());
    let conn = Connection::open(capture(&stage)).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let size: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    let size = usize::try_from(size).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'exchange_started_at'";
    let page: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    drop(conn);
    let mut file = fs::read(capture(&stage)).unwrap();
    let at = usize::try_from(page - 1).unwrap() * size;
    file[at..at + size].fill(0x5a);
    fs::write(capture(&stage), file).unwrap();

    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    let reply = app.ask(chat("fake", "after", true));
    until("a new one is begun", || serve.said().contains("a new one is begun").then_some(()));
    let exchanges = stage.exchanges_of(1);
    assert_eq!(answer_of(&exchanges[0]), reply.answer());
    let aside = aside(&stage);
    let repair = stage.overhear(["repair".as_ref(), aside[0].as_os_str()]).output().unwrap();
    assert_eq!(repair.status.code(), Some(0), "{}", text(&repair.stderr));
    let exchanges = stage.exchanges();
    assert_eq!(exchanges.len(), said.len() + 1, "{}", text(&repair.stderr));
    assert!(serve.stop().success());
    assert_eq!(stage.overhear(["verify"]).status().unwrap().code(), Some(0));
}

#[test]
fn a_capture_that_is_taken_away_is_begun_anew() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    app.ask(chat("fake", "before", false));
    stage.exchanges_of(1);
    for file in ["capture.db", "capture.db-wal", "capture.db-shm"] {
        fs::remove_file(stage.data().join(file)).unwrap();
    }
    app.ask(chat("fake", "after", false));
    until("the user is told", || serve.said().contains("taken away").then_some(()));
    until("there is a new one", || {
        let listed = stage.overhear(["ls"]).output().unwrap();
        (listed.status.code() != Some(2)).then_some(())
    });
    let exchanges = stage.exchanges_of(1);
    assert_eq!(exchanges.len(), 1);
    app.ask(chat("fake", "and on", false));
    let exchanges = stage.exchanges_of(2);
    assert_eq!(exchanges[0]["origin"], exchanges[1]["origin"]);
}

#[test]
fn a_newer_capture_is_not_written_and_the_traffic_goes_on() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut first = app(&stage, &serve);
    first.ask(chat("fake", "before", false));
    stage.exchanges_of(1);
    let version = |version: u32| {
        let conn = Connection::open(capture(&stage)).unwrap();
        conn.pragma_update(None, "user_version", version).unwrap();
    };
    let told = |serve: &Serve| {
        until("the user is told", || serve.said().contains("newer Overhear").then_some(()));
        assert!(serve.said().contains("update Overhear"), "{}", serve.said());
    };
    // While it runs, then from the start.
    version(99);
    let meanwhile = first.ask(chat("fake", "meanwhile", false));
    told(&serve);
    assert!(serve.stop().success());
    let serve = stage.serve(&[]);
    let mut second = app(&stage, &serve);
    let later = second.ask(chat("fake", "later", true));
    told(&serve);
    assert!(serve.stop().success());
    assert_eq!(stage.exchanges().len(), 1, "it is read all the same");
    version(3);
    let _serve = stage.serve(&[]);
    let said = answers(&stage.exchanges_of(3));
    assert_eq!((&said["meanwhile"], &said["later"]), (&meanwhile.answer(), &later.answer()));
}

/// A limit on the size of files comes as a signal, which kills who does not expect it.
#[test]
fn a_limit_on_the_size_of_files_ends_no_connection() {
    let stage = Stage::new();
    let serve =
        stage.overhear_to_provider("serve", &["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
    let mut limited = stage.program("sh");
    limited.args(["-c", "ulimit -f 1500; exec \"$@\"", "sh"]);
    limited.arg(serve.get_program()).args(serve.get_args()).env("OVERHEAR_DATA_DIR", stage.data());
    let serve = Serve::start(limited);
    let mut asked = 0;
    until("the file may not grow", || {
        // A connection each: a tape that is long has the same limit.
        let mut app = app(&stage, &serve);
        let noise: String = (0..3000)
            .map(|k| blake3::hash(format!("{asked} {k}").as_bytes()).to_hex()[..16].to_owned())
            .collect();
        assert_eq!(app.ask(chat("fake", &noise, false)).status, 200);
        asked += 1;
        serve.said().contains("cannot be written").then_some(())
    });
    assert_eq!(app(&stage, &serve).ask(chat("fake", "still there", false)).status, 200);
}

/// Everything that people do with a capture, while it is written.
#[test]
fn people_may_do_what_they_want_while_it_records() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let before = load(&stage, &serve, "before", [6, 6, 2]);
    stage.exchanges_of(before.len());
    let over = std::sync::atomic::AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        let meddling = scope.spawn(|| {
            let mut rounds = 0;
            while rounds < 2 || !over.load(std::sync::atomic::Ordering::Relaxed) {
                let backup = format!("copy-{rounds}.db");
                for words in [
                    &["pin", "--all"][..],
                    &["tag", "seen", "--all"],
                    &["prune"],
                    &["vacuum"],
                    &["reread"],
                    &["verify"],
                    &["backup", &backup],
                ] {
                    let output = stage.overhear(words).output().unwrap();
                    assert_eq!(
                        output.status.code(),
                        Some(0),
                        "{words:?}: {}",
                        text(&output.stderr)
                    );
                }
                rounds += 1;
            }
        });
        let said = load(&stage, &serve, "meanwhile", [20, 20, 5]);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        meddling.join().unwrap();
        said
    });
    let all = before.len() + said.len();
    assert_eq!(stage.exchanges_of(all).len(), all);
    assert!(!serve.said().contains("could not be stored"), "{}", serve.said());
    let delete = stage.overhear(["delete", "--all", "--even-pinned", "--yes"]).output().unwrap();
    assert_eq!(delete.status.code(), Some(0), "{}", text(&delete.stderr));
    assert!(stage.exchanges().is_empty());
    assert_eq!(stage.overhear(["verify"]).status().unwrap().code(), Some(0));
    let (code, status) = status(&stage);
    assert_eq!(code, Some(0), "{status:#}");
    assert_eq!(status["proxy"]["pid"], serve.pid());
    assert!(serve.stop().success());
}
