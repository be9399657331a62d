//! The only place that writes to the terminal: data to stdout, talk to stderr.

mod cut;
mod shown;

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::export::{ExportError, jsonl};
use crate::store::StoreError;

pub use cut::{cut, cut_around, width};
pub use shown::{shown, shown_lines};

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// What was asked for.
    Found,
    /// Nothing; no error either.
    NothingFound,
    /// What was compared is not alike: the code that `diff` gives then.
    Different,
    /// It could not look.
    Error,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Found => Self::SUCCESS,
            ExitStatus::NothingFound | ExitStatus::Different => Self::from(1),
            ExitStatus::Error => Self::from(2),
        }
    }
}

/// How a piece of a line looks on a terminal with colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// What is there for orientation.
    Dim,
    /// A heading.
    Bold,
    /// What can be typed to ask for more: an id.
    Id,
    /// Who speaks.
    Role,
    /// What was looked for.
    Hit,
    /// What went wrong.
    Bad,
    /// What is in the old text only; without colour it stands in `[-` and `-]`.
    Removed,
    /// What is in the new text only; without colour it stands in `{+` and `+}`.
    Added,
}

impl Ink {
    /// SGR parameters; empty for none.
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Id => "33",
            Self::Role => "36",
            Self::Hit => "1;31",
            Self::Bad | Self::Removed => "31",
            Self::Added => "32",
        }
    }

    /// What stands around a piece where there is no colour.
    fn marks(self) -> [&'static str; 2] {
        match self {
            Self::Removed => ["[-", "-]"],
            Self::Added => ["{+", "+}"],
            _ => ["", ""],
        }
    }
}

/// Whether colour is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Colour,
    Plain,
}

/// Where commands write.
pub struct Printer {
    data: Box<dyn Write>,
    talk: Box<dyn Write>,
    paint: Paint,
    width: Option<usize>,
    margin: String,
}

impl Printer {
    /// Stdout and stderr. Colour and a width only if stdout is a terminal; `NO_COLOR`,
    /// `CLICOLOR_FORCE` and `TERM=dumb` are heeded.
    pub fn stdio() -> Self {
        let stdout = io::stdout();
        let paint = match AutoStream::choice(&stdout) {
            ColorChoice::Never => Paint::Plain,
            _ => Paint::Colour,
        };
        let width = stdout.is_terminal().then(terminal_width).flatten();
        let talk = Box::new(anstream::stderr());
        let margin = String::new();
        Self { data: Box::new(BufWriter::new(stdout)), talk, paint, width, margin }
    }

    /// Any two writers, without colour; `width` as of a terminal.
    #[cfg(test)]
    pub fn to(data: Box<dyn Write>, talk: Box<dyn Write>, width: Option<usize>) -> Self {
        Self { data, talk, paint: Paint::Plain, width, margin: String::new() }
    }

    /// Columns of the terminal; `None` if there is none, and lines need not be cut.
    pub fn width(&self) -> Option<usize> {
        self.width.map(|columns| columns.saturating_sub(width(&self.margin)))
    }

    /// What stands before each line from now on.
    pub fn set_margin(&mut self, margin: &str) {
        margin.clone_into(&mut self.margin);
    }

    /// Writes a line of pieces. What is captured goes through [`shown`] first.
    pub fn line<T: AsRef<str>>(&mut self, pieces: &[(Ink, T)]) -> io::Result<()> {
        if !self.margin.is_empty() {
            let (begin, end) =
                if self.paint == Paint::Plain { ("", "") } else { ("\x1b[2m", "\x1b[0m") };
            write!(self.data, "{begin}{}{end}", self.margin)?;
        }
        for (ink, text) in pieces {
            let (sgr, text) = (ink.sgr(), text.as_ref());
            if text.is_empty() {
                continue;
            }
            if self.paint == Paint::Plain || sgr.is_empty() {
                let [before, after] = ink.marks();
                write!(self.data, "{before}{text}{after}")?;
            } else {
                write!(self.data, "\x1b[{sgr}m{text}\x1b[0m")?;
            }
        }
        self.data.write_all(b"\n")
    }

    /// Writes a value as a line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        jsonl::line(&mut self.data, value)
    }

    /// Where bytes go as they are.
    pub fn data(&mut self) -> &mut dyn Write {
        &mut self.data
    }

    /// Says something to the person, not to the next program. That stderr is closed is no
    /// reason to fail.
    pub fn talk(&mut self, words: impl Display) {
        let _ = writeln!(self.talk, "{words}");
    }

    /// Hands everything to the system. A command calls it before it ends, and `tail` after
    /// each line.
    pub fn flush(&mut self) -> io::Result<()> {
        self.data.flush()
    }

    /// Ends a command: what is left is written, an error is told, and a reader that went away
    /// (`overhear ls | head`) is success.
    pub fn settle(&mut self, result: anyhow::Result<ExitStatus>) -> ExitStatus {
        let flushed = self.flush();
        let result = result.and_then(|status| Ok(flushed.map(|()| status)?));
        match result {
            Ok(status) => status,
            Err(error) if is_broken_pipe(&error) => ExitStatus::Found,
            Err(error) => {
                self.talk(format_args!("error: {}", shown_lines(&in_words(&error))));
                match error.downcast_ref() {
                    Some(StoreError::Unknown { .. } | StoreError::UnknownThread { .. }) => {
                        ExitStatus::NothingFound
                    }
                    _ => ExitStatus::Error,
                }
            }
        }
    }
}

/// The error and its causes, each cause that is not in the words before it.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if words.is_empty() {
            words = cause;
        } else if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let inside = cause.downcast_ref::<ExportError>().and_then(|error| match error {
            ExportError::Write(error) => Some(error),
            ExportError::Store(_) => None,
        });
        io.or(inside).is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // Some terminals have no size: a serial line, a program that plays one.
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// Keeps what is written to it.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct Sheet(Rc<RefCell<Vec<u8>>>);

    impl Sheet {
        /// What was written since the last time.
        pub(in crate::cli) fn take(&self) -> String {
            String::from_utf8(self.0.take()).unwrap()
        }
    }

    impl Write for Sheet {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_success() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        for (rule, error, expected) in [
            ("as it is", anyhow::Error::from(gone()), ExitStatus::Found),
            ("inside an export", ExportError::Write(gone()).into(), ExitStatus::Found),
            ("with context", anyhow::Error::from(gone()).context("export"), ExitStatus::Found),
            ("another", io::Error::from(io::ErrorKind::StorageFull).into(), ExitStatus::Error),
            (
                "an unknown id",
                StoreError::Unknown { words: "ab".into() }.into(),
                ExitStatus::NothingFound,
            ),
        ] {
            let mut out = Printer::to(Box::new(io::sink()), Box::new(io::sink()), None);
            assert_eq!(out.settle(Err(error)), expected, "{rule}");
        }
    }
}
