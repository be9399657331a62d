//! `overhear run -- TOOL ARGS…`: a tool through the proxy, untouched otherwise.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;

use super::authority::{self, OwnScope};
use super::places::Places;
use super::printer::{ExitStatus, Printer};
use super::running::Running;
use super::say::Speaker;
use super::session::{Listen, Session};
use super::settings::{ConfigFile, ProxyArgs};
use crate::ca::Authority;
use crate::run::{Child, Ending, outfit};
use crate::store::{Calls, Reader, Selection};

/// How long the running proxy may take to store what the tool said last.
const STORED_WITHIN: Duration = Duration::from_secs(2);

/// Run a tool through the proxy, and say what it sent
///
/// The tool's input, output, signals and exit code are its own. If a proxy runs for this
/// capture (`overhear serve`) the tool uses it, else one runs as long as the tool does, on a
/// port of its own.
#[derive(Args, Clone, Debug)]
#[command(override_usage = "overhear run [OPTIONS] -- TOOL [ARGS]...")]
pub struct RunArgs {
    #[command(flatten)]
    proxy: ProxyArgs,
    /// The tool and its arguments
    #[arg(
        trailing_var_arg = true,
        required = true,
        value_name = "TOOL",
        allow_hyphen_values = true
    )]
    tool: Vec<OsString>,
}

/// What the command came to.
pub enum Outcome {
    /// The tool ran and ended so.
    Ended(Ending),
    /// It could not be started: the exit code that a shell would give.
    NotStarted(u8),
    /// We could not do our part.
    Failed(ExitStatus),
}

/// Runs the command.
pub fn run(args: RunArgs, places: &Places, config: &ConfigFile, out: &mut Printer) -> Outcome {
    match try_run(args, places, config, out) {
        Ok(outcome) => outcome,
        Err(e) => Outcome::Failed(out.settle(Err(e))),
    }
}

fn try_run(
    args: RunArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<Outcome> {
    let own_wishes = args.proxy.ask_for_a_proxy_of_their_own();
    let proxy = args.proxy;
    let speaker = Speaker::start();
    let through = match Running::find(places).filter(|_| !own_wishes) {
        Some(running) => {
            let scope = running.scope().context("cannot read what the running proxy intercepts")?;
            let (authority, _) = authority::kept(places, &scope)?;
            Through::Running(running, authority)
        }
        None => own_session(proxy, places, config, &speaker)?,
    };
    let folder = Folder::make(places)?;
    let (_, variables) = outfit(through.authority(), through.address(), &folder.0)?;
    let began = Timestamp::now();
    let mut tool = args.tool.into_iter();
    let program = tool.next().context("no tool to run")?;
    let arguments: Vec<OsString> = tool.collect();
    let outcome = match Child::start(&program, &arguments, &variables) {
        Ok(child) => Outcome::Ended(child.wait().context("lost sight of the tool")?),
        Err(e) => {
            out.talk(format_args!("overhear: {e}"));
            Outcome::NotStarted(e.exit_code())
        }
    };
    let count = through.finish(places, began);
    speaker.finish();
    if matches!(outcome, Outcome::Ended(_)) {
        tell(count, calls_of_models(places, began), out);
    }
    Ok(outcome)
}

/// The proxy that the tool goes through.
enum Through {
    Running(Running, Arc<Authority>),
    Own(Box<Session>, Arc<Authority>),
}

fn own_session(
    proxy: ProxyArgs,
    places: &Places,
    config: &ConfigFile,
    speaker: &Speaker,
) -> Result<Through> {
    let own_scope = match proxy.intercept.is_empty() && !proxy.all {
        true => OwnScope::No,
        false => OwnScope::Yes,
    };
    let settings = proxy.settings(config)?;
    let authority = authority::for_run(places, &settings.rules.intercept, own_scope)?;
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = Listen { proxy: settings.listen.unwrap_or(free), web: settings.web };
    let session = Session::start(settings, places, listen, Arc::clone(&authority), speaker.say())?;
    Ok(Through::Own(Box::new(session), authority))
}

impl Through {
    fn authority(&self) -> &Authority {
        match self {
            Self::Running(_, authority) | Self::Own(_, authority) => authority,
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Running(running, _) => running.proxy,
            Self::Own(session, _) => session.listen.proxy,
        }
    }

    /// Waits until everything is stored; says how many exchanges there were.
    fn finish(self, places: &Places, began: Timestamp) -> u64 {
        match self {
            Self::Own(session, _) => {
                let standing = Arc::clone(session.standing());
                session.stop();
                standing.exchanges()
            }
            Self::Running(..) => settled_count(places, began, Timestamp::now()),
        }
    }
}

/// The exchanges of flows that began while the tool ran, once their number stays the same.
fn settled_count(places: &Places, began: Timestamp, ended: Timestamp) -> u64 {
    let give_up = Instant::now() + STORED_WITHIN;
    let mut last = None;
    loop {
        std::thread::sleep(Duration::from_millis(250));
        let count = Reader::open(&places.capture())
            .and_then(|reader| reader.count_opened_between(began, ended, &Selection::default()))
            .unwrap_or_default();
        if last == Some(count) || Instant::now() > give_up {
            return count;
        }
        last = Some(count);
    }
}

/// How many of them `overhear ls` lists.
fn calls_of_models(places: &Places, began: Timestamp) -> u64 {
    let selection = Selection { calls: Calls::OfModels, ..Selection::default() };
    Reader::open(&places.capture())
        .and_then(|reader| reader.count_opened_between(began, Timestamp::now(), &selection))
        .unwrap_or_default()
}

fn tell(count: u64, calls: u64, out: &mut Printer) {
    match count {
        0 => out.talk(
            "overhear: no exchange captured\nhint: the tool may not use the proxy variables, or \
             speak with hosts that are not listed; see certs/README.md, `--intercept HOST` and the \
             base URL (`overhear serve`)",
        ),
        1 => out.talk(
            "overhear: 1 exchange captured; see it with `overhear ls` and `overhear show ID`",
        ),
        n if calls == 0 => out.talk(format_args!(
            "overhear: {n} exchanges captured, none of them a call of a model; see them with \
             `overhear ls --everything -n {n}`"
        )),
        n => {
            let of_them = match calls {
                calls if calls == n => String::new(),
                1 => ", 1 of them a call of a model".to_owned(),
                calls => format!(", {calls} of them calls of a model"),
            };
            out.talk(format_args!(
                "overhear: {n} exchanges captured{of_them}; see them with `overhear ls -n {calls}`, \
                 search with `overhear grep PATTERN`"
            ));
        }
    }
}

/// The folder of one run's files; it goes away with the run.
struct Folder(PathBuf);

impl Folder {
    fn make(places: &Places) -> Result<Self> {
        let base = match places.tapes() {
            Some(tapes) => tapes.with_file_name("run"),
            None => std::env::temp_dir().join(format!("overhear-run-{}", std::process::id())),
        };
        sweep(&base);
        let folder = base.join(format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple()));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is swept by the next run.
        let _ = fs::remove_dir_all(&self.0);
        let mut above = self.0.parent();
        for _ in 0..3 {
            let Some(folder) = above else { return };
            let _ = fs::remove_dir(folder);
            above = folder.parent();
        }
    }
}

/// Takes away what runs that were killed have left.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.split('-').next()?.parse::<i32>().ok());
        let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { continue };
        if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
