//! What the user is told of the recording: lines on stderr, never data.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The capture cannot be written for now; the tape holds what comes.
    Waiting {
        /// Why.
        why: String,
    },
    /// The capture can be written again.
    Resumed,
    /// What was read cannot be stored and is given up.
    Lost {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// Bytes went by that the tape had no room for.
    Gap {
        /// How many.
        bytes: u64,
    },
    /// The capture was damaged, and a new one is begun.
    SetAside {
        /// What was found.
        what: String,
        /// Where the damaged one is now.
        aside: PathBuf,
    },
    /// The file was taken away while it was open, and a new one is begun.
    Gone,
    /// Old exchanges could not be deleted.
    Unkept {
        /// Why.
        why: String,
    },
    /// Exchanges of a proxy that was killed were found and stored.
    Recovered {
        /// How many.
        exchanges: usize,
    },
    /// A decoder or a dialect panicked: a fault of ours.
    Panicked {
        /// Which exchange or flow was being read.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { why } => write!(
                f,
                "the capture cannot be written: {why}\nhint: traffic goes on and is kept in \
                 memory; it is stored as soon as the capture can be written again"
            ),
            Self::Resumed => f.write_str("the capture is written again"),
            Self::Lost { what, why } => write!(f, "{what} could not be stored: {why}"),
            Self::Gap { bytes } => write!(
                f,
                "{bytes} bytes passed by unrecorded: the tape was full\nhint: `--tape-budget` \
                 gives it more memory"
            ),
            Self::SetAside { what, aside } => write!(
                f,
                "the capture was damaged ({what}): it is now `{0}`, and a new one is begun\nhint: \
                 `overhear repair {0}` brings back what can be read",
                aside.display()
            ),
            Self::Gone => f.write_str(
                "the capture's file was taken away while it was written: a new one is begun",
            ),
            Self::Unkept { why } => {
                write!(f, "what is too old could not be deleted: {why}")
            }
            Self::Recovered { exchanges } => {
                write!(f, "recovered {exchanges} exchanges of a proxy that was killed")
            }
            Self::Panicked { what } => write!(
                f,
                "a fault of Overhear's while reading {what}: it is kept raw; please report it"
            ),
        }
    }
}

/// Takes notices.
pub type Notify = Arc<dyn Fn(Notice) + Send + Sync>;
