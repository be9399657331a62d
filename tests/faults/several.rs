//! Several proxies on one capture.

use std::process::{Child, Stdio};
use std::thread;

use super::{HOST, answers};
use crate::stage::app::{KEY, asked_of, chat};
use crate::stage::{App, Stage, text, until};

#[test]
fn a_second_proxy_is_refused_in_words() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let second =
        stage.overhear_to_provider("serve", &["--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = text(&second.stderr);
    for words in ["already runs", &serve.proxy.to_string(), &serve.pid().to_string(), "hint: "] {
        assert!(said.contains(words), "{said}");
    }
    // The first does not mind.
    let mut app = super::app(&stage, &serve);
    assert_eq!(app.ask(chat("fake", "hello", false)).status, 200);
    assert!(serve.stop().success());
    assert_eq!(stage.exchanges().len(), 1);
    // After an orderly end, and after a kill, another may start.
    stage.serve(&[]).kill();
    assert!(stage.serve(&[]).stop().success());
}

/// Of proxies that start at once, one runs.
#[test]
fn of_proxies_that_start_at_once_one_runs() {
    let stage = Stage::new();
    // So that they do not also race for making the authority and the capture.
    stage.serve(&[]).stop();
    let words = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
    let start = |_| {
        let mut serve = stage.overhear_to_provider("serve", &words);
        serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut started = Started((0..4).map(start).collect());
    until("all but one have ended", || (started.running() <= 1).then_some(()));
    assert_eq!(started.running(), 1);
}

/// Killed when dropped.
struct Started(Vec<Child>);

impl Started {
    fn running(&mut self) -> usize {
        self.0.iter_mut().filter_map(|one| one.try_wait().unwrap().is_none().then_some(())).count()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        for one in &mut self.0 {
            let _ = one.kill();
            let _ = one.wait();
        }
    }
}

#[test]
fn runs_beside_each_other_record_all() {
    for round in 0..3 {
        let stage = Stage::new();
        let authorization = format!("Authorization: Bearer {KEY}");
        thread::scope(|scope| {
            for n in 0..4 {
                let (stage, authorization) = (&stage, &authorization);
                scope.spawn(move || {
                    let body = |k: usize| {
                        format!(r#"{{"model":"fake","messages":[{{"role":"user","content":"run {n} {k}"}}]}}"#)
                    };
                    let url = "https://api.openai.com/v1/chat/completions";
                    let mut tool = vec!["curl", "-sS", "--fail"];
                    let bodies: Vec<_> = (0..5).map(body).collect();
                    for (k, body) in bodies.iter().enumerate() {
                        if k > 0 {
                            tool.push("--next");
                        }
                        tool.extend(["-sS", "--fail", "-H", authorization, "--json", body, url]);
                    }
                    let output = stage.run(&tool);
                    let said = text(&output.stderr);
                    assert!(output.status.success(), "{said}");
                    assert_eq!(said.lines().count(), 1, "{said}");
                    assert!(said.contains("5 exchanges captured"), "{said}");
                });
            }
        });
        let exchanges = stage.exchanges();
        assert_eq!(answers(&exchanges).len(), 20, "round {round}");
        assert!(exchanges.iter().all(|one| asked_of(one).starts_with("run ")));
    }
}

/// A proxy that starts reads the tapes of dead ones, never those of a living one.
#[test]
fn a_run_leaves_the_tapes_of_a_living_proxy_alone() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let mut app = App::connect(serve.proxy, HOST, &stage.root());
    app.ask(chat("fake", "one", false));
    app.send(&chat("fake", "two", false)[..200]);
    assert!(stage.run(&["true"]).status.success());
    app.send(&chat("fake", "two", false)[200..]);
    app.reply();
    assert!(serve.stop().success());
    assert_eq!(answers(&stage.exchanges()).len(), 2);
}
