//! `overhear ca` through the binary: files and permissions, import, new hosts, no trace left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::stage::{App, Stage, skipped, text};

fn ca(stage: &Stage, words: &[&str]) -> Output {
    stage.overhear([&["ca"], words].concat()).output().unwrap()
}

fn path(output: &Output) -> PathBuf {
    assert!(output.status.success(), "{}", text(&output.stderr));
    PathBuf::from(text(&output.stdout).trim_end())
}

fn openssl(stage: &Stage, words: &[&str]) -> Option<Output> {
    let output = stage.program("openssl").args(words).output().ok();
    if output.is_none() {
        skipped("no openssl");
    }
    output
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn its_files_are_where_it_says_and_their_owners() {
    let stage = Stage::new();
    let root = path(&ca(&stage, &["path"]));
    let bundle = path(&ca(&stage, &["bundle"]));
    let pem = fs::read_to_string(&root).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(pem.matches("BEGIN").count(), 1);
    let bundle = fs::read_to_string(bundle).unwrap();
    assert!(bundle.contains(pem.trim()), "ours is in the bundle");
    assert_eq!(path(&ca(&stage, &["path"])), root, "and stays");
    assert_eq!(fs::read_to_string(&root).unwrap(), pem);
    assert_eq!(mode(&stage.data()), 0o700);
    let folder = root.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let mut keys = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let holds = fs::read_to_string(entry.path()).unwrap_or_default();
        if holds.contains("PRIVATE KEY") {
            assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
            keys += 1;
        }
    }
    assert!(keys > 0);
}

#[test]
fn show_tells_what_openssl_tells() {
    let stage = Stage::new();
    let shown = ca(&stage, &["show"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("api.openai.com"), "{shown}");
    let root = path(&ca(&stage, &["path"])).display().to_string();
    let words = ["x509", "-noout", "-fingerprint", "-sha256", "-in", &root];
    let Some(told) = openssl(&stage, &words) else { return };
    let told = text(&told.stdout).trim().split_once('=').unwrap().1.to_owned();
    let plain = |text: &str| text.replace(':', "").to_lowercase();
    assert!(plain(&shown).contains(&plain(&told)), "{shown} {told}");
}

/// The chain that an app is given, as PEM files for openssl: leaf, and what is above it.
fn served(stage: &Stage, words: &[&str], root: impl Fn(&Stage) -> String) -> (PathBuf, PathBuf) {
    let serve = stage.serve(words);
    let mut app = App::connect(serve.proxy, "api.openai.com", &root(stage));
    let reply = app.ask("GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n");
    assert_eq!(reply.status, 401);
    let chain = app.tls.conn.peer_certificates().unwrap();
    let pem = |der: &[u8]| {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    let (leaf, above) = (stage.home("leaf.pem"), stage.home("above.pem"));
    fs::write(&leaf, pem(&chain[0])).unwrap();
    fs::write(&above, chain[1..].iter().map(|der| pem(der)).collect::<String>()).unwrap();
    serve.stop();
    (leaf, above)
}

fn assert_verifies(stage: &Stage, root: &Path, (leaf, above): &(PathBuf, PathBuf)) {
    let [root, leaf, above] = [root, leaf, above].map(|path| path.display().to_string());
    let words = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "api.openai.com",
        "-CAfile",
        &root,
        "-untrusted",
        &above,
        &leaf,
    ];
    let Some(verified) = openssl(stage, &words) else { return };
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
    let mut other = words;
    other[5] = "api.anthropic.com";
    assert!(!openssl(stage, &other).unwrap().status.success(), "a leaf is for one host");
}

#[test]
fn openssl_verifies_what_is_served() {
    let stage = Stage::new();
    let chain = served(&stage, &[], Stage::root);
    assert_verifies(&stage, &stage.data().join("ca/root.pem"), &chain);
}

#[test]
fn an_organisations_own_is_imported_and_used() {
    let stage = Stage::new();
    let make = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=Example Inspection CA",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        "org.key",
        "-out",
        "org.pem",
    ];
    let Some(made) = openssl(&stage, &make) else { return };
    assert!(made.status.success(), "{}", text(&made.stderr));
    let imported = ca(&stage, &["import", "org.pem", "org.key"]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    for entry in fs::read_dir(stage.data().join("ca")).unwrap().flatten() {
        let holds = fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!holds.contains("PRIVATE KEY") || mode(&entry.path()) == 0o600);
    }
    let chain = served(&stage, &[], |stage| fs::read_to_string(stage.home("org.pem")).unwrap());
    assert_verifies(&stage, &stage.home("org.pem"), &chain);
    // `run` uses it too: a tool that trusts it already needs nothing from us.
    let script = "curl -sS --cacert org.pem https://api.openai.com/v1/models";
    let output = stage.run(&["sh", "-c", script]);
    assert!(text(&output.stdout).contains("error"), "{}", text(&output.stderr));

    let other_key = ["genrsa", "-out", "other.key", "2048"];
    openssl(&stage, &other_key).unwrap();
    let refused = ca(&stage, &["import", "org.pem", "other.key"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!refused.stderr.is_empty());
    let refused = ca(&stage, &["import", "no-such.pem", "org.key"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("no-such.pem"));
}

#[test]
fn other_hosts_make_it_anew_and_it_says_so() {
    let stage = Stage::new();
    let before = {
        stage.serve(&[]).stop();
        stage.root()
    };
    let same = stage.serve(&[]);
    assert!(!same.said().contains("certificate authority"), "{}", same.said());
    same.stop();
    assert_eq!(stage.root(), before);
    let other = stage.serve(&["--intercept", "llm.example.com"]);
    assert!(other.said().contains("made a new certificate authority"), "{}", other.said());
    assert_ne!(stage.root(), before);
    let now = stage.root();
    // Looking at it while that proxy runs does not make it anew.
    let shown = text(&ca(&stage, &["show"]).stdout);
    assert!(shown.contains("llm.example.com"), "{shown}");
    assert_eq!(stage.root(), now);
    other.stop();
    let all = stage.serve(&["--all"]);
    assert!(all.said().contains("WARNING: with `--all`"), "{}", all.said());
    all.stop();
    // A run with hosts of its own leaves the kept one alone.
    let kept = stage.root();
    stage
        .overhear_to_provider("run", &["--intercept", "other.example.com", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(stage.root(), kept);
}

#[test]
fn remove_leaves_no_trace() {
    let stage = Stage::new();
    stage.serve(&[]).stop();
    assert!(stage.data().join("ca").exists());
    for _ in 0..2 {
        let removed = ca(&stage, &["remove"]);
        assert!(removed.status.success(), "{}", text(&removed.stderr));
        assert!(!stage.data().join("ca").exists());
        let left = fs::read_dir(stage.data()).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
        // What was recorded stays, and the key to its page.
        let is_record = |name: &String| name.starts_with("capture.db") || name == "page-token";
        assert!(left.iter().all(is_record), "{left:?}");
        assert_eq!(fs::read_dir(stage.ram()).unwrap().count(), 0);
    }
}
