//! Starting a child and waiting for it as a shell would.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use rustix::termios::tcgetpgrp;

use super::Ending;
use super::signals::{Caught, Forwarding};
use crate::ca::Variable;

/// A started child. Standard input, output and error are those of this process.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    pid: Pid,
    forwarding: Forwarding,
}

/// Why a child was not started, in words for stderr.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// No such program.
    #[error("`{0}`: command not found")]
    NotFound(String),
    /// There is one, but the system cannot run it.
    #[error("`{program}` cannot be run: {source}")]
    NotExecutable {
        /// As given.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Signals could not be passed on: the child was ended again.
    #[error("cannot pass on signals: {0}")]
    Signals(io::Error),
}

impl NotStarted {
    /// What a shell exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable { .. } => 126,
            Self::Signals(_) => 2,
        }
    }
}

impl Child {
    /// Starts `program` with this process's environment and `variables` over it, and passes
    /// on the signals that this process is sent from then on.
    ///
    /// A child inherits what is ignored, and `nohup` must go on working: such signals stay
    /// as they are. All others are caught before the child is there, so that none is lost.
    pub fn start(
        program: &OsStr,
        args: &[OsString],
        variables: &[Variable],
    ) -> Result<Self, NotStarted> {
        let caught = Caught::begin().map_err(NotStarted::Signals)?;
        let mut process = spawn(program, args, variables)?;
        let pid = Pid::from_child(&process);
        match caught.pass_on_to(pid) {
            Ok(forwarding) => Ok(Self { process, pid, forwarding }),
            Err(error) => {
                let _ = process.kill().and_then(|()| process.wait());
                Err(NotStarted::Signals(error))
            }
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the child's end. Blocks: not for a thread that serves connections.
    ///
    /// If the child stops itself in a terminal, this process stops with it, so that the shell
    /// takes its terminal back; `fg` continues both.
    pub fn wait(mut self) -> io::Result<Ending> {
        loop {
            // The dead child is not yet reaped: its id is not given to another process while
            // signals may still be sent to it.
            let changed = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
            match rustix::process::waitid(WaitId::Pid(self.pid), changed) {
                Ok(Some(status)) if status.stopped() => self.stop_too(),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.forwarding.end();
        Ok(Ending::of(self.process.wait()?))
    }

    fn stop_too(&self) {
        // Asked again, because Ctrl-Z stops both at once: by the time we are continued, so is
        // the child, and stopping now would need a second `fg`.
        let still = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let still = rustix::process::waitid(WaitId::Pid(self.pid), still);
        let Ok(Some(status)) = still else { return };
        // Without a shell that waits for us at the terminal, whoever stopped the child
        // continues the child alone, and it would find its proxy asleep.
        if !status.stopped() || !in_foreground() {
            return;
        }
        let signal = status.stopping_signal().and_then(Signal::from_named_raw);
        let signal = signal.unwrap_or(Signal::STOP);
        // Neither can fail: both processes are ours and there.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
        let _ = rustix::process::kill_process(self.pid, Signal::CONT);
    }
}

fn spawn(
    program: &OsStr,
    args: &[OsString],
    variables: &[Variable],
) -> Result<process::Child, NotStarted> {
    let start = |program: &OsStr, first: Option<&Path>| {
        let variables = variables.iter().map(|v| (v.name, &v.value));
        let mut command = process::Command::new(program);
        command.args(first).args(args).envs(variables).spawn()
    };
    let error = match start(program, None) {
        Ok(process) => return Ok(process),
        Err(error) => error,
    };
    let found = find(program);
    let error = match (&found, Errno::from_io_error(&error)) {
        // A script without `#!`, which every shell runs.
        (Some(script), Some(Errno::NOEXEC)) => match start(OsStr::new("/bin/sh"), Some(script)) {
            Ok(process) => return Ok(process),
            Err(error) => error,
        },
        _ => error,
    };
    let program = program.to_string_lossy().into_owned();
    match found {
        None if error.kind() == io::ErrorKind::NotFound => Err(NotStarted::NotFound(program)),
        _ => Err(NotStarted::NotExecutable { program, source: error }),
    }
}

/// Where the program is, as the system looks it up.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.to_string_lossy().contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.exists());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Whether this process group is the one that the terminal belongs to.
fn in_foreground() -> bool {
    let terminal = File::open("/dev/tty").map_err(|_| Errno::NOTTY);
    let foreground = terminal.and_then(|terminal| tcgetpgrp(&terminal));
    foreground == Ok(rustix::process::getpgrp())
}
