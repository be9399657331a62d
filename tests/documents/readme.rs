//! README's commands run, and print what it says.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Fake, blocks, quoted, read, root, rows};

/// How long anything silent is waited for.
const DEADLINE: Duration = Duration::from_secs(60);
/// A key that looks fake and has the shape that the fake provider wants.
const KEY: &str = "sk-ant-api03-FAKE-FAKE-FAKE-FAKE-FAKE-0000";

/// What is done with a command of README.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    /// As it stands, `ID` replaced, in a capture with one exchange.
    AsItStands,
    /// Its flags are tried; the reason why no more.
    FlagsAlone(&'static str),
    /// By a test of its own, or never; the reason.
    Elsewhere(&'static str),
}

/// The one place that says what is done with which command.
fn run_of(command: &str) -> Run {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["cargo", "run", "--release", "--", "demo"] => Run::Elsewhere("the_demo_shows_all_of_it"),
        ["cargo", "install", ..] => Run::Elsewhere("writes into the user's home"),
        ["tests/run"] => Run::Elsewhere("the_tests_are_one_command"),
        ["overhear", "ls", "--tag", ..] => Run::FlagsAlone("nothing is tagged"),
        ["overhear", "ls", "--where", ..] => Run::FlagsAlone("the exchange is of another app"),
        ["overhear", "page", ..] => Run::FlagsAlone("nothing serves one"),
        ["overhear", "diff", ..] => Run::FlagsAlone("one exchange has no other"),
        ["overhear", "prompts", "--changes"] => Run::FlagsAlone("nothing changed in one exchange"),
        ["overhear", "export", "--sink", ..] => Run::FlagsAlone("nobody listens there"),
        ["overhear", "sinks"] => Run::FlagsAlone("nothing is delivered"),
        ["overhear", "prices", "update"] => Run::FlagsAlone("asks the network"),
        ["overhear", "prices", "apply"] => Run::FlagsAlone("tells what it did, prints nothing"),
        [
            "overhear",
            "ls" | "threads" | "grep" | "show" | "export" | "prompts" | "stats" | "anatomy"
            | "prices" | "egress",
            ..,
        ] => Run::AsItStands,
        ["overhear", "ca", "path" | "bundle"] => Run::AsItStands,
        ["overhear", "status"] => Run::AsItStands,
        ["overhear", "pin" | "tag" | "note" | "delete" | "prune" | "vacuum", ..]
        | ["overhear", "verify" | "reread" | "backup", ..] => {
            Run::FlagsAlone("says what it did on stderr; tests of their own do them")
        }
        ["overhear", "import", ..] => Run::FlagsAlone("the files are another tool's"),
        ["overhear", "ca", "trust"] => Run::FlagsAlone("touches the system"),
        ["overhear", "tail"] => Run::FlagsAlone("goes on until it is killed"),
        ["overhear", "run", ..] => Run::FlagsAlone("a_real_session does it"),
        ["overhear", "mcp"] => Run::FlagsAlone("speaks to agents; tests of its own do"),
        ["claude", "mcp", ..] => Run::Elsewhere("changes the settings of another program"),
        ["overhear"] => Run::FlagsAlone("a_base_url_needs_nothing_else does it"),
        ["overhear", option, ..] if option.starts_with("--") => {
            Run::FlagsAlone("takes a fixed port")
        }
        _ => panic!("README has a command that no test knows: `{command}`"),
    }
}

#[test]
fn every_command_works() {
    let home = Home::with_one_exchange();
    let mut tried = 0;
    for command in commands() {
        tried += 1;
        let flags = match run_of(&command) {
            Run::Elsewhere(_) => continue,
            Run::AsItStands => command.replace("ID", &home.newest()),
            Run::FlagsAlone(_) => match command.split_once(" -- ") {
                Some((before, _)) => format!("{before} --help"),
                None => format!("{command} --help"),
            },
        };
        let output = home.shell(&flags);
        let shown = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{flags}`: {told}");
        let writes_a_file = flags.contains(" -o ");
        assert!(writes_a_file == shown.is_empty(), "`{flags}` prints `{shown}`");
    }
    assert!(tried >= 12, "only {tried} commands found");
    let exported = fs::read_to_string(home.folder.path().join("exchanges.jsonl")).unwrap();
    assert_eq!(exported.lines().count(), 1);
}

#[test]
fn the_demo_shows_all_of_it() {
    assert!(commands().contains(&"cargo run --release -- demo".to_owned()));
    let home = Home::new();
    let output = home.shell("overhear demo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    for words in [
        "What does a proxy see of a prompt?",
        "── overhear ls",
        "You are the hidden system prompt of a closed tool.",
        "── answer · stop",
        "overhear run -- TOOL",
    ] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
}

#[test]
fn the_tests_are_one_command() {
    assert!(commands().contains(&"tests/run".to_owned()));
    for file in ["tests/run", ".ci/run"] {
        let mode = fs::metadata(root().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{file} can be run");
    }
    assert!(read(".ci/run").lines().any(|line| line == "step tests tests/run"));
}

/// The case of AnythingLLM: its request with the base URL that README gives.
#[test]
fn a_base_url_needs_nothing_else() {
    let home = Home::with_one_exchange();
    let output = home.shell("overhear ls --json --host openrouter.ai");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["origin"], "https://openrouter.ai");
    assert_eq!(listed["path"], "/api/v1/chat/completions");
    assert_eq!(listed["provider"], "openrouter");
    assert_eq!(listed["state"], "complete");
    for entry in fs::read_dir(home.folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let found = memchr::memmem::find(&bytes, KEY.as_bytes());
        assert_eq!(found, None, "the key stands in {}", path.display());
    }
}

#[test]
fn the_configuration_is_one() {
    let home = Home::new();
    let samples = blocks(&read("README.md"), "toml");
    assert!(!samples.is_empty());
    for sample in samples {
        fs::write(home.folder.path().join("config.toml"), &sample).unwrap();
        let output = home.shell("overhear ls --config config.toml");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("configuration"), "{sample}\n{told}");
    }
}

#[test]
fn the_table_has_every_option() {
    let help = Home::new().shell("overhear serve --help");
    let help = String::from_utf8(help.stdout).unwrap();
    let mut there: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let document = read("README.md");
    let rows = rows(&document, "Options");
    let mut told: Vec<&str> = rows
        .iter()
        .filter_map(|row| quoted(&row[0]).next()?.strip_prefix("--")?.split(' ').next())
        .collect();
    there.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, there);
}

/// The session with a closed tool, as README shows it.
#[test]
fn a_real_session() {
    let claude =
        std::env::var_os("OVERHEAR_TEST_TOOLS").map(|t| PathBuf::from(t).join("bin/claude"));
    let Some(claude) = claude.filter(|path| path.exists()) else {
        eprintln!("skipped: no Claude Code. hint: tests/run --install");
        return;
    };
    let provider = Fake::start();
    let home = Home::new();
    home.names_lead_to(&provider);
    std::os::unix::fs::symlink(claude, home.folder.path().join("claude")).unwrap();
    let sessions = blocks(&read("README.md"), "console");
    let mut commands = 0;
    for step in sessions.iter().flat_map(|session| session.split("$ ").skip(1)) {
        commands += 1;
        let (command, documented) = step.split_once('\n').unwrap();
        let known = command.split(' ').find(|word| is_id(word));
        let command = match known {
            Some(id) => command.replace(id, &home.newest_of("claude")),
            None => command.to_owned(),
        };
        let output = home.shell(&format!("{{ {command}; }} 2>&1"));
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "`{command}`: {shown}");
        for line in documented.lines() {
            // The system may tell the process behind a short exchange too late.
            let line =
                if line.starts_with("app ") { line.split(" · ").next().unwrap() } else { line };
            let is_there = shown.lines().any(|real| goes_through(&words(line), &words(real)));
            assert!(is_there, "`{command}` should print `{line}`, and prints:\n{shown}");
        }
    }
    assert_eq!(commands, 6);
}

#[test]
fn a_line_is_recognised_by_its_words() {
    for (documented, real, expected) in [
        ("8545d863 user messages[0]:1: Why", "0a0a0a0a user messages[2]:14: Why now", true),
        ("tokens   in 3990 · out 65", "tokens   in 1 · cached 7 · out 2", true),
        ("ID  MODEL  <system-reminder> Attrib…", "ID MODEL STATE <system-reminder> x", true),
        (
            "id 01a206f1-1099-769e-84cb-e4718545d863",
            "id 01a20706-2aff-784c-beec-85b38818519d",
            true,
        ),
        ("tokens in 3990 · reasoning 17", "tokens in 1 · out 2", false),
        ("x-api-key: <x-api-key:d6179b66..0000>", "x-api-key: sk-fake", false),
    ] {
        assert_eq!(goes_through(&words(documented), &words(real)), expected, "{documented}");
    }
}

/// A line's words up to one that is cut, numbers and ids alike.
fn words(line: &str) -> Vec<String> {
    let whole = line.split_whitespace().take_while(|word| !word.contains('…'));
    whole.map(alike).collect()
}

/// An id becomes `0`, and so does every run of hexadecimal digits that has a decimal one.
fn alike(word: &str) -> String {
    if word.parse::<uuid::Uuid>().is_ok() {
        return "0".to_owned();
    }
    let mut out = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match run.contains(|c: char| c.is_ascii_digit()) || run.len() >= 8 {
            true => out.push('0'),
            false => out.push_str(run),
        }
        rest = after;
        if end == 0 {
            out.push(first);
            rest = &after[first.len_utf8()..];
        }
    }
    out
}

/// Whether `wanted` stands in `real` in its order.
fn goes_through(wanted: &[String], real: &[String]) -> bool {
    let mut real = real.iter();
    wanted.iter().all(|word| real.any(|found| found == word))
}

fn is_id(word: &str) -> bool {
    word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit())
}

/// Every line of the shell blocks of README and CONTRIBUTING.
fn commands() -> Vec<String> {
    let blocks = ["README.md", "CONTRIBUTING.md"].map(|document| blocks(&read(document), "sh"));
    blocks.iter().flatten().flat_map(|block| block.lines()).map(str::to_owned).collect()
}

/// A user's folders, and a shell in them.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_overhear"));
        std::os::unix::fs::symlink(binary, folder.path().join("overhear")).unwrap();
        Self { folder }
    }

    /// One chat by the base URL that README gives for AnythingLLM.
    fn with_one_exchange() -> Self {
        let provider = Fake::start();
        let home = Self::new();
        home.names_lead_to(&provider);
        let (serving, web) = home.serving();
        let url = blocks(&read("README.md"), "text").first().unwrap().trim().to_owned();
        let base = url.strip_prefix("http://127.0.0.1:4141").unwrap();
        let reply = ask(&web, &format!("{base}/chat/completions"));
        assert!(reply.contains("You sent"), "{reply}");
        serving.end();
        home
    }

    /// The address of `*` from here on.
    fn names_lead_to(&self, provider: &Fake) {
        fs::write(self.folder.path().join("ca.pem"), &provider.ca_pem).unwrap();
        fs::write(self.folder.path().join("resolve"), format!("*:443:{}", provider.addr)).unwrap();
    }

    /// `overhear` as a service on free ports, and where its base URL is.
    fn serving(&self) -> (Serving, String) {
        let mut child = self
            .command("overhear")
            .args(["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let serving = Serving(child);
        let mut lines = stderr.lines().map(Result::unwrap);
        let web = lines.find_map(|line| {
            let (_, rest) = line.split_once("as a base URL   http://")?;
            Some(rest.split('/').next().unwrap().to_owned())
        });
        // It goes on to write there: somebody must read.
        std::thread::spawn(move || lines.for_each(drop));
        (serving, web.expect("it says where the base URL is"))
    }

    fn shell(&self, command: &str) -> Output {
        self.command("sh").args(["-c", command]).output().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let home = self.folder.path();
        let program = match home.join(program) {
            ours if ours.exists() => ours,
            _ => PathBuf::from(program),
        };
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(home)
            .env("PATH", format!("{}:{path}", home.display()))
            .env("HOME", home)
            .env("OVERHEAR_DATA_DIR", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("ANTHROPIC_API_KEY", KEY)
            .stdin(Stdio::null());
        if let Ok(resolve) = fs::read_to_string(home.join("resolve")) {
            command
                .env("OVERHEAR_RESOLVE", resolve)
                .env("OVERHEAR_UPSTREAM_CA", home.join("ca.pem"));
        }
        command
    }

    /// The short id of the newest exchange.
    fn newest(&self) -> String {
        self.newest_of("")
    }

    fn newest_of(&self, model: &str) -> String {
        let output = self.shell(&format!("overhear ls --json -n 1 --model '{model}'"));
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let id = listed["id"].as_str().unwrap();
        id[id.len() - 8..].to_owned()
    }
}

/// A running service.
struct Serving(Child);

impl Serving {
    /// Ends it as Ctrl-C does, and waits until everything is stored.
    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Ended already, if the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks as AnythingLLM would, and reads the reply to its end.
fn ask(address: &str, path: &str) -> String {
    let body = r#"{"model":"claude-fake-model-1","messages":[
        {"role":"system","content":"You are given the context."},
        {"role":"user","content":"What is in the context?"}]}"#;
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    tcp.read_to_end(&mut reply).unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}
