//! `overhear run`: the tool is as it would be without us, and nothing stays but the capture.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::app::KEY;
use crate::stage::{Stage, text, until};

const URL: &str = "https://api.openai.com/v1/chat/completions";
const BODY: &str = r#"{"model":"fake","messages":[{"role":"user","content":"hello"}]}"#;

/// A tool that asks once, by curl.
fn asks() -> Vec<String> {
    let authorization = format!("Authorization: Bearer {KEY}");
    ["curl", "-sS", "--fail", "-H", &authorization, "--json", BODY, URL].map(str::to_owned).to_vec()
}

fn asking(stage: &Stage, words: &[&str]) -> Command {
    let mut run = stage.overhear_to_provider("run", words);
    run.arg("--").args(asks());
    run
}

#[test]
fn the_end_is_the_tools() {
    let stage = Stage::new();
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("exit 7", Some(7), None),
        ("exit 255", Some(255), None),
        ("kill -TERM $$", None, Some(15)),
        ("kill -KILL $$", None, Some(9)),
        ("kill -INT $$", None, Some(2)),
    ] {
        let status = stage.run(&["sh", "-c", script]).status;
        assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
    }
}

#[test]
fn what_cannot_be_run_ends_as_in_a_shell() {
    let stage = Stage::new();
    fs::write(stage.home("plain"), "text").unwrap();
    for (tool, code, words) in [
        ("overhear-no-such-tool", 127, "`overhear-no-such-tool`: command not found"),
        ("./plain", 126, "`./plain` cannot be run"),
    ] {
        let output = stage.run(&[tool]);
        assert_eq!(output.status.code(), Some(code));
        let said = text(&output.stderr);
        assert!(said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
    }
    let output = stage.overhear(["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "no tool at all");
}

#[test]
fn input_and_output_are_the_tools_own() {
    let stage = Stage::new();
    let input: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[n as usize % 3]).collect();
    let mut run = stage.overhear_to_provider("run", &["--", "sh", "-c", "cat; echo talk >&2"]);
    run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = run.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = input.clone();
    let writing = std::thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.stdout == input, "stdout is the tool's alone");
    let said = text(&output.stderr);
    assert!(said.starts_with("talk\noverhear: no exchange captured\nhint: "), "{said}");
}

#[test]
fn arguments_and_variables_come_as_they_are() {
    let stage = Stage::new();
    let script = r#"printf '<%s>' "$@"; echo; pwd; printf %s "$MARK""#;
    let mut run = stage.overhear_to_provider("run", &["--", "sh", "-c", script, "sh"]);
    run.args(["--data-dir", "a b", "", "--", "-h", "*"]).env("MARK", "as it was");
    let output = run.output().unwrap();
    let home = fs::canonicalize(stage.home(".")).unwrap();
    let expected = format!("<--data-dir><a b><><--><-h><*>\n{}\nas it was", home.display());
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn signals_reach_the_tool() {
    let stage = Stage::new();
    let script =
        r#"trap 'echo got it; exit 42' TERM; echo ready; for n in $(seq 600); do sleep 0.05; done"#;
    let mut run = stage.overhear_to_provider("run", &["--", "sh", "-c", script]);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "got it\n");
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn it_says_how_many_and_leaves_only_the_capture() {
    let stage = Stage::new();
    let output = asking(&stage, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("你好"));
    let said = text(&output.stderr);
    assert!(said.starts_with("overhear: 1 exchange captured; see it with `overhear ls`"), "{said}");
    assert_eq!(stage.exchanges().len(), 1);
    assert_only_the_capture(&stage);
    // And after a tool that was killed.
    stage.run(&["sh", "-c", "kill -KILL $$"]);
    assert_only_the_capture(&stage);
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn assert_only_the_capture(stage: &Stage) {
    let left = names(&stage.data());
    let of_capture = |name: &String| name.starts_with("capture.db");
    assert!(left.iter().all(of_capture), "{left:?}");
    assert_eq!(names(stage.ram()), [""; 0], "in the runtime folder");
    assert_eq!(names(&stage.home("tmp")), [""; 0], "in the folder for temporary files");
    let mut home = names(&stage.home("."));
    home.sort();
    assert_eq!(home, ["data", "provider.pem", "tmp"]);
}

#[test]
fn a_killed_run_is_swept_by_the_next() {
    let stage = Stage::new();
    let mut run =
        stage.overhear_to_provider("run", &["--", "sh", "-c", "echo ready; exec sleep 600"]);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let tool = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    let tool = tool.ok().and_then(|pids| Pid::from_raw(pids.trim().parse().ok()?));
    if let Some(tool) = tool {
        kill_process(tool, Signal::KILL).unwrap();
    }
    assert_ne!(names(stage.ram()), [""; 0]);
    stage.run(&["true"]);
    assert_only_the_capture(&stage);
}

#[test]
fn a_running_proxy_is_used() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let port = format!("echo $HTTPS_PROXY; {}", "exit 3");
    let output = stage.overhear(["run", "--", "sh", "-c", &port]).output().unwrap();
    assert_eq!(text(&output.stdout), format!("http://{}\n", serve.proxy));
    assert_eq!(output.status.code(), Some(3));
    // It knows nothing of the provider: that the tool gets its answer is the running one's work.
    let mut run = stage.overhear(["run", "--"]);
    let output = run.args(asks()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("1 exchange captured"), "{}", text(&output.stderr));
    // Options that the running one does not have get a proxy of their own.
    let output = stage.run(&["sh", "-c", "echo $HTTPS_PROXY"]);
    assert_ne!(text(&output.stdout), format!("http://{}\n", serve.proxy));
    assert!(serve.stop().success());
    assert_eq!(stage.exchanges().len(), 1);
    until("nothing is left", || names(stage.ram()).is_empty().then_some(()));
}
