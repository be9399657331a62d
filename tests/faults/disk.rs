//! The capture cannot be written: traffic goes on, and all of it is stored afterwards.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::load::load;
use super::{answers, app};
use crate::stage::app::{answer_of, chat};
use crate::stage::{Serve, Stage, lines, skipped, text, until};

/// Holds the capture's write lock.
fn lock(stage: &Stage) -> Connection {
    let other = Connection::open(stage.data().join("capture.db")).unwrap();
    other.busy_timeout(crate::stage::DEADLINE).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    other
}

#[test]
fn a_locked_capture_holds_up_nobody() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut said = load(&stage, &serve, "before", [2, 2, 0]);
    let other = lock(&stage);
    // These come to their end while the lock is held.
    said.extend(load(&stage, &serve, "locked", [10, 20, 5]));
    until("the user is told", || serve.said().contains("cannot be written").then_some(()));
    said.extend(load(&stage, &serve, "still locked", [5, 10, 2]));
    assert!(serve.said().contains("locked by another program"), "{}", serve.said());
    assert!(stage.exchanges().len() <= 4, "readers are not locked out");
    other.execute_batch("COMMIT").unwrap();
    let exchanges = stage.exchanges_of(said.len());
    assert!(answers(&exchanges) == said);
    until("the user is told", || serve.said().contains("is written again").then_some(()));
    assert!(!serve.said().contains("unrecorded"), "{}", serve.said());
    assert!(serve.stop().success());
    assert_eq!(stage.exchanges().len(), said.len());
}

/// The lock outlives the proxy: what could not be stored waits in memory for the next start.
#[test]
fn what_a_stopped_proxy_could_not_store_is_stored_by_the_next() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut app = app(&stage, &serve);
    app.ask(chat("fake", "before", false));
    stage.exchanges_of(1);
    let other = lock(&stage);
    let reply = app.ask(chat("fake", "locked", true));
    assert!(serve.stop().success());
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    assert_eq!(stage.exchanges().len(), 1);
    let serve = stage.serve(&[]);
    let exchanges = stage.exchanges_of(2);
    assert_eq!(answer_of(&exchanges[1]), reply.answer());
    serve.stop();
    assert_eq!(stage.exchanges().len(), 2);
}

/// A proxy whose data folder is a small disk of its own, in a mount namespace.
struct SmallDisk {
    serve: Serve,
    /// The folder, as it is seen from here.
    data: PathBuf,
}

impl SmallDisk {
    fn start(stage: &Stage) -> Option<Self> {
        let data = stage.data();
        fs::create_dir(&data).unwrap();
        let can = stage
            .program("unshare")
            .args(["-rm", "mount", "-t", "tmpfs", "none"])
            .arg(&data)
            .output();
        if !can.is_ok_and(|tried| tried.status.success()) {
            skipped("no mount namespace can be had (`unshare -rm`)");
            return None;
        }
        let script = r#"mount -t tmpfs -o size=6m none "$OVERHEAR_DATA_DIR" && exec "$@""#;
        let overhear = stage
            .overhear_to_provider("serve", &["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
        let mut inside = stage.overhear::<&str>([]);
        let mut command = stage.program("unshare");
        command.env("OVERHEAR_DATA_DIR", &data).args(["-rm", "sh", "-c", script, "sh"]);
        command.arg(inside.get_program()).args(overhear.get_args());
        inside.stdin(std::process::Stdio::null());
        let serve = Serve::start(command);
        let data = Path::new("/proc")
            .join(serve.pid().to_string())
            .join(format!("root{}", data.display()));
        Some(Self { serve, data })
    }

    fn fill(&self) {
        let mut filler =
            OpenOptions::new().create(true).append(true).open(self.data.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn clear(&self) {
        fs::remove_file(self.data.join("filler")).unwrap();
    }

    fn exchanges(&self, stage: &Stage) -> Vec<serde_json::Value> {
        // From inside the namespace: SQLite resolves the link of /proc, which leads outside.
        let inside = stage.overhear(["export"]);
        let pid = self.serve.pid().to_string();
        let mut export = stage.program("nsenter");
        export.args(["-t", &pid, "-U", "-m", "--preserve-credentials"]);
        export.arg(inside.get_program()).args(inside.get_args());
        let output = export.env("OVERHEAR_DATA_DIR", stage.data()).output().unwrap();
        lines(&text(&output.stdout))
    }
}

#[test]
fn a_full_disk_holds_up_nobody() {
    let stage = Stage::new();
    let Some(disk) = SmallDisk::start(&stage) else { return };
    let root = fs::read_to_string(disk.data.join("ca/root.pem")).unwrap();
    let mut app = crate::stage::App::connect(disk.serve.proxy, super::HOST, &root);
    app.ask(chat("fake", "before", false));
    until("it is recorded", || (disk.exchanges(&stage).len() == 1).then_some(()));
    disk.fill();
    let mut asked = vec!["before".to_owned()];
    let noise = |n: u64| -> String {
        // Nothing that compresses: a page cannot hold much of it.
        (0..4000)
            .map(|k| blake3::hash(format!("{n} {k}").as_bytes()).to_hex()[..16].to_owned())
            .collect()
    };
    for n in 0..10 {
        asked.push(format!("full {n} {}", noise(n)));
        let reply = app.ask(chat("fake", asked.last().unwrap(), n % 2 == 0));
        assert_eq!(reply.status, 200);
    }
    until("the user is told", || disk.serve.said().contains("is full").then_some(()));
    asked.push("after the notice".to_owned());
    app.ask(chat("fake", "after the notice", false));
    assert!(disk.exchanges(&stage).len() < asked.len());
    disk.clear();
    let exchanges = until("all are recorded", || {
        Some(disk.exchanges(&stage)).filter(|all| all.len() == asked.len())
    });
    let recorded = answers(&exchanges);
    for asked in asked {
        assert!(recorded[&asked].contains("你好"), "{asked}");
    }
    assert!(disk.serve.said().contains("is written again"), "{}", disk.serve.said());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_in_words() {
    let stage = Stage::new();
    fs::write(stage.home("file"), "").unwrap();
    let marker = stage.home("started");
    for command in ["serve", "run"] {
        let mut overhear = stage.overhear_to_provider(command, &[]);
        if command == "run" {
            overhear.args(["--", "touch"]).arg(&marker);
        }
        let output = overhear.env("OVERHEAR_DATA_DIR", stage.home("file/data")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains("file/data"), "{said}");
        assert!(!marker.exists());
    }
}
