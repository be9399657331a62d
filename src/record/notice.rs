//! What the user is told of the recording: lines on stderr, never data.

use std::fmt;
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
