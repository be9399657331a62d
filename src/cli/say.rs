//! Lines to the user while others work: written by a thread of its own, so that a terminal
//! that is stopped, or a pipe that nobody reads, stops nothing else (invariant 4).

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use super::printer::{Printer, shown_lines};

/// Says a line to the user; never waits.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// How long the last lines may take when the command ends.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The thread that writes.
pub struct Speaker {
    lines: Sender<Line>,
}

enum Line {
    Words(String),
    /// Everything before it is written.
    Answer(Sender<()>),
}

impl Speaker {
    /// Begins to write to stderr.
    pub fn start() -> Self {
        let (lines, heard) = mpsc::channel();
        // Without the thread nothing is said, and everything else works.
        let _ = thread::Builder::new().name("overhear-say".into()).spawn(move || {
            let mut out = Printer::stdio();
            for line in heard {
                match line {
                    Line::Words(words) => {
                        out.talk(format_args!("overhear: {}", shown_lines(&words)));
                    }
                    Line::Answer(done) => {
                        let _ = done.send(());
                    }
                }
            }
        });
        Self { lines }
    }

    /// What others say through.
    pub fn say(&self) -> Say {
        let lines = self.lines.clone();
        Arc::new(move |words| {
            let _ = lines.send(Line::Words(words.to_owned()));
        })
    }

    /// Gives what was said a moment to be written.
    pub fn finish(&self) {
        let (done, written) = mpsc::channel();
        if self.lines.send(Line::Answer(done)).is_ok() {
            let _ = written.recv_timeout(LAST_LINES);
        }
    }
}
