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

impl Forwarding {
    /// Begins to pass on to `child`.
    pub fn begin(child: Pid) -> io::Result<Self> {
        let mut signals = SignalsInfo::<WithOrigin>::new(PASSED_ON)?;
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
        Ok(Self { handle, thread: Some(thread) })
    }

    /// Passes on no more, and returns when the last has been.
    pub fn end(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A panic there would have cost signals, and must not cost the exit code.
            let _ = thread.join();
        }
    }
}

/// Whether a process sent the signal. The terminal's own (Ctrl-C, hang-up, resize) come from
/// the kernel and go to the whole group: the child has them already, and for many tools a
/// second Ctrl-C means something else than the first.
fn is_for_us_alone(origin: &Origin) -> bool {
    origin.process.is_some_and(|sender| sender.pid != 0)
}
