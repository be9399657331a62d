//! The binary, its folders, and the provider.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use overhear::demo::provider::{Options, Provider, Received};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::until;

/// Folders that nobody else uses, and a provider that was just started.
pub struct Stage {
    home: TempDir,
    /// For `XDG_RUNTIME_DIR`: in RAM, where the system has such a place.
    ram: TempDir,
    provider: Provider,
    _stop: oneshot::Sender<()>,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, provider) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                started.send(Provider::start(options).await.unwrap()).unwrap();
                let _ = stopped.await;
            });
        });
        let provider = provider.recv().unwrap();
        let home = tempfile::tempdir().unwrap();
        let ram = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        fs::create_dir(home.path().join("tmp")).unwrap();
        fs::write(home.path().join("provider.pem"), &provider.ca_pem).unwrap();
        Self { home, ram, provider, _stop: stop }
    }

    pub fn provider(&self) -> SocketAddr {
        self.provider.addr
    }

    /// What the provider has received.
    pub fn received(&self) -> Vec<Received> {
        self.provider.requests()
    }

    pub fn provider_ca(&self) -> PathBuf {
        self.home("provider.pem")
    }

    /// A path in the test's folder.
    pub fn home(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.home("data")
    }

    /// What `XDG_RUNTIME_DIR` is.
    pub fn ram(&self) -> &Path {
        self.ram.path()
    }

    /// Any program in this world: nothing of the environment of whoever runs the tests.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ["PATH", "LANG", "LLVM_PROFILE_FILE", "OVERHEAR_TEST_TOOLS"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home("tmp"))
            .env("XDG_RUNTIME_DIR", self.ram.path())
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// `overhear WORDS…` on the test's data folder.
    pub fn overhear<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_overhear"));
        command.args(words).env("OVERHEAR_DATA_DIR", self.data());
        command
    }

    /// The same with the options that lead every host to the provider.
    pub fn overhear_to_provider(&self, command: &str, words: &[&str]) -> Command {
        let mut overhear = self.overhear([command]);
        overhear.args(self.to_provider()).args(words);
        overhear
    }

    fn to_provider(&self) -> Vec<String> {
        let ca = self.provider_ca().display().to_string();
        let resolve = format!("*:*:{}", self.provider());
        vec!["--resolve".into(), resolve, "--upstream-ca".into(), ca]
    }

    /// `overhear run … -- TOOL…`, to its end.
    pub fn run(&self, tool: &[&str]) -> Output {
        let mut run = self.overhear_to_provider("run", &["--"]);
        run.args(tool).output().unwrap()
    }

    /// What a command prints, which must succeed or find nothing.
    pub fn print(&self, words: &[&str]) -> String {
        let output = self.overhear(words).output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{words:?}: {err}");
        out
    }

    /// All exchanges of the capture, oldest first.
    pub fn exchanges(&self) -> Vec<Value> {
        if self.data().join("capture.db").exists() {
            lines(&self.print(&["export"]))
        } else {
            Vec::new()
        }
    }

    /// All exchanges, once there are so many.
    pub fn exchanges_of(&self, count: usize) -> Vec<Value> {
        let what = format!("{count} exchanges are recorded");
        until(&what, || Some(self.exchanges()).filter(|exchanges| exchanges.len() >= count))
    }

    /// Starts `overhear serve`, every host led to the provider.
    pub fn serve(&self, words: &[&str]) -> Serve {
        let free = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
        Serve::start(self.overhear_to_provider("serve", &[&free, words].concat()))
    }

    /// The certificate that apps trust, once a proxy was started.
    pub fn root(&self) -> String {
        fs::read_to_string(self.data().join("ca/root.pem")).unwrap()
    }
}

/// A running `overhear serve`; killed when dropped.
pub struct Serve {
    child: Child,
    pub proxy: SocketAddr,
    pub web: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Serve {
    /// Waits for the greeting, which has the addresses.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let said_so_far = || said.lock().unwrap().clone();
        let greeting = until("the proxy greets", || {
            let words = said_so_far();
            let ended = child.try_wait().unwrap().is_some();
            assert!(!ended, "the proxy did not start: {words}");
            Some(words).filter(|words| words.contains("what was said"))
        });
        let address = |before: &str| -> SocketAddr {
            let rest = greeting.split_once(before).unwrap().1;
            rest.split(['/', '\n']).next().unwrap().parse().unwrap()
        };
        let (proxy, web) = (address("HTTPS_PROXY=http://"), address("the page        http://"));
        Self { child, proxy, web, said }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// SIGTERM, and its end.
    pub fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// JSON lines.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
