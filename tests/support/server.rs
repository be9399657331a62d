//! `overhear serve` on free ports of loopback.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::DEADLINE;
use super::home::Home;

/// A running proxy; killed when dropped.
pub struct Server {
    child: Child,
    said: Arc<Said>,
    /// The proxy port.
    pub proxy: SocketAddr,
    /// The base URL's listener.
    pub web: SocketAddr,
    /// First part of the base URL's path, if the listener is open to other machines.
    pub token: Option<String>,
    /// The root of its authority (PEM).
    pub root: PathBuf,
}

/// What it said on stderr.
#[derive(Default)]
struct Said {
    text: Mutex<(String, Over)>,
    more: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Over {
    #[default]
    No,
    Yes,
}

impl Server {
    /// Starts `serve` with `args`, on ports that the system gives unless `args` name some.
    pub fn start<A: AsRef<str>>(home: &Home, args: impl IntoIterator<Item = A>) -> Self {
        let mut words: Vec<String> = vec!["serve".into()];
        words.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        for flag in ["--listen", "--web"] {
            if !words.iter().any(|word| word == flag) {
                words.extend([flag.into(), "127.0.0.1:0".into()]);
            }
        }
        let mut command = home.overhear(words);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Said::default());
        listen_to(BufReader::new(child.stderr.take().unwrap()), Arc::clone(&said));
        // The last line of the greeting.
        let greeting = said.wait("overhear ls ");
        let proxy = after(&greeting, "HTTPS_PROXY=http://").unwrap();
        let root = after(&greeting, "NODE_EXTRA_CA_CERTS=").unwrap();
        let base = after(&greeting, "as a base URL   http://").unwrap();
        let (web, token) = match base.strip_prefix("HOST:") {
            Some(rest) => {
                let (port, path) = rest.split_once('/').unwrap();
                let token = path.split('/').next().unwrap();
                (format!("127.0.0.1:{port}"), Some(token.to_owned()))
            }
            None => (base.split('/').next().unwrap().to_owned(), None),
        };
        Self {
            child,
            said,
            proxy: proxy.parse().unwrap(),
            web: web.parse().unwrap(),
            token,
            root: root.into(),
        }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.said.text.lock().unwrap().0.clone()
    }

    /// Waits until it has said `words`.
    pub fn wait_for_words(&self, words: &str) {
        self.said.wait(words);
    }

    /// Ends it by SIGTERM and waits; it must end well.
    pub fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let said = self.said.wait_until_over();
        assert!(status.success(), "the proxy ended with {status}; it said:\n{said}");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already after `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen_to(lines: impl BufRead + Send + 'static, said: Arc<Said>) {
    thread::spawn(move || {
        for line in lines.lines() {
            let Ok(line) = line else { break };
            said.text.lock().unwrap().0.push_str(&(line + "\n"));
            said.more.notify_all();
        }
        said.text.lock().unwrap().1 = Over::Yes;
        said.more.notify_all();
    });
}

impl Said {
    fn wait(&self, words: &str) -> String {
        let until = Instant::now() + DEADLINE;
        let mut said = self.text.lock().unwrap();
        while !said.0.contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(said.1 == Over::No, "it ended and never said `{words}`, but:\n{}", said.0);
            assert!(!left.is_zero(), "it does not say `{words}`, but:\n{}", said.0);
            said = self.more.wait_timeout(said, left).unwrap().0;
        }
        said.0.clone()
    }

    fn wait_until_over(&self) -> String {
        let said = self.text.lock().unwrap();
        let over = self.more.wait_timeout_while(said, DEADLINE, |said| said.1 == Over::No);
        over.unwrap().0.0.clone()
    }
}

/// The rest of the line behind `mark`.
fn after(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    rest.lines().next().map(|line| line.trim().to_owned())
}
