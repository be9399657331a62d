//! How a child ended, and ending the same way.

use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus};

use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::low_level::emulate_default_handler;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(u8),
    /// This signal ended it.
    Signal(i32),
}

impl Ending {
    pub(super) fn of(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signal(signal),
            // The system keeps eight bits of it.
            None => Self::Code(status.code().unwrap_or_default().to_le_bytes()[0]),
        }
    }

    /// The code by which a shell tells it: 128 and the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)),
        }
    }

    /// Ends this process the same way, by the same signal: a shell that runs a loop ends the
    /// loop only if it sees that Ctrl-C ended the command.
    ///
    /// Runs no destructors: what must be flushed or removed comes before.
    pub fn leave(self) -> ! {
        if let Self::Signal(signal) = self {
            let none = Rlimit { current: Some(0), maximum: Some(0) };
            // The child's core dump is of use, ours beside it would only look like a crash.
            let _ = setrlimit(Resource::Core, none);
            // Returns only if the signal does not end processes.
            let _ = emulate_default_handler(signal);
        }
        process::exit(i32::from(self.code()))
    }
}
