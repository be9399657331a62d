//! Passing on the signals that this process is sent.

use std::io;
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Origin;

/// A thread that passes signals on.
#[derive(Debug)]
pub(super) struct Forwarding {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// All that one process sends another to say something. Not those of job control: their
/// default, stopping, is what the shell expects of us too.
const PASSED_ON: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];

/// Signals that are caught, and wait for somebody to be passed on to.
pub(super) struct Caught(SignalsInfo<WithOrigin>);

impl Caught {
    /// Catches what is passed on, but for what this process was started to ignore.
    pub fn begin() -> io::Result<Self> {
        let ignored = ignored();
        let caught = PASSED_ON.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        Ok(Self(SignalsInfo::new(caught)?))
    }

    /// Begins to pass on to `child`, what came meanwhile first.
    pub fn pass_on_to(self, child: Pid) -> io::Result<Forwarding> {
        let Self(mut signals) = self;
        let handle = signals.handle();
        let thread = thread::Builder::new().name("signals".to_owned());
        let thread = thread.spawn(move || {
            for origin in signals.forever().filter(is_for_us_alone) {
                if let Some(signal) = Signal::from_named_raw(origin.signal) {
                    // It may just have ended, which the waiting thread will see.
                    let _ = rustix::process::kill_process(child, signal);
                }
            }
        })?;
        Ok(Forwarding { handle, thread: Some(thread) })
    }
}

impl Forwarding {
    /// Passes on no more, and returns when the last has been.
    pub fn end(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A panic there would have cost signals, and must not cost the exit code.
            let _ = thread.join();
        }
    }
}

/// The signals that this process ignores, a bit each, the first for signal 1 (`SigIgn` of
/// proc_pid_status(5)); none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Whether a process sent the signal. The terminal's own (Ctrl-C, hang-up, resize) come from
/// the kernel and go to the whole group: the child has them already, and for many tools a
/// second Ctrl-C means something else than the first.
fn is_for_us_alone(origin: &Origin) -> bool {
    origin.process.is_some_and(|sender| sender.pid != 0)
}
