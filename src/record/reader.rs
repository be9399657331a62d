//! Who reads an exchange: a dialect, whose panics cost its own reading and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use uuid::Uuid;

use super::{Follow, Lexicon};
use crate::dialect::{Asked, Decoded, Frame, Reading};
use crate::model::Request;
use crate::observe::stream;

/// Who reads the exchange.
pub(super) enum Reader {
    /// Not known before the request is whole.
    Undecided,
    /// No dialect claims it.
    Nobody,
    /// A dialect.
    Dialect { name: &'static str, operation: &'static str, reading: Box<dyn Reading> },
    /// A dialect, which has told all.
    Done { name: &'static str, operation: &'static str },
    /// The dialect panicked.
    Fallen { name: &'static str, operation: &'static str },
}

/// A dialect panicked.
pub(super) struct Fell;

impl Reader {
    /// The dialect that claims `asked`.
    pub(super) fn find(asked: &Asked<'_>, lexicon: &Lexicon) -> Result<Self, Fell> {
        let claimed = unwound(|| {
            let (dialect, operation) = (lexicon.claim)(asked)?;
            Some((dialect.name(), operation, dialect.begin(asked)))
        });
        match claimed {
            Ok(Some((name, operation, reading))) => Ok(Self::Dialect { name, operation, reading }),
            Ok(None) => Ok(Self::Nobody),
            Err(()) => Err(Fell),
        }
    }

    /// The dialect's name and the operation.
    pub(super) fn dialect(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Dialect { name, operation, .. }
            | Self::Done { name, operation }
            | Self::Fallen { name, operation } => Some((name, operation)),
            Self::Undecided | Self::Nobody => None,
        }
    }

    /// The prompt, and what becomes of telling it.
    pub(super) fn prompt<T>(
        &mut self,
        tell: impl FnOnce(Option<&Request>) -> T,
    ) -> Result<T, Fell> {
        match self {
            Self::Dialect { reading, .. } => {
                let told = unwound(|| tell(Some(reading.prompt())));
                told.map_err(|()| self.fall())
            }
            _ => Ok(tell(None)),
        }
    }

    /// How the dialect expects the reply to be cut.
    pub(super) fn cut(&mut self) -> Result<Option<stream::Kind>, Fell> {
        match self {
            Self::Dialect { reading, .. } => unwound(|| reading.cut()).map_err(|()| self.fall()),
            _ => Ok(None),
        }
    }

    /// Hands a piece of the reply to the dialect.
    pub(super) fn take(
        &mut self,
        frame: Frame<'_>,
        at: Timestamp,
        id: Uuid,
        follow: &mut dyn Follow,
    ) -> Result<(), Fell> {
        let Self::Dialect { reading, .. } = self else { return Ok(()) };
        let read = unwound(|| {
            reading.reply(frame, at, &mut |grown| follow.grown(id, grown));
        });
        read.map_err(|()| self.fall())
    }

    /// What the dialect read, and whether the answer came to its semantic end.
    pub(super) fn finish(&mut self) -> Result<(Decoded, bool), Fell> {
        let reader = std::mem::replace(self, Self::Nobody);
        let Self::Dialect { name, operation, reading } = reader else {
            *self = reader;
            return Ok((Decoded::default(), false));
        };
        *self = Self::Done { name, operation };
        let finished = unwound(|| {
            let complete = reading.is_complete();
            (reading.finish(), complete)
        });
        finished.map_err(|()| self.fall())
    }

    /// The dialect panicked: what it had read is gone, the raw exchange is not.
    fn fall(&mut self) -> Fell {
        if let Some((name, operation)) = self.dialect() {
            *self = Self::Fallen { name, operation };
        }
        Fell
    }
}

/// What a reader is told of an exchange whose dialect panicked.
pub(super) const FALLEN: &str =
    "a fault of Overhear's: the dialect panicked on this exchange, which is kept raw";

/// Runs what may panic: a decoder's fault costs the reading of one exchange (invariant 4).
pub(super) fn unwound<T>(read: impl FnOnce() -> T) -> Result<T, ()> {
    // Whatever the panic left half done is thrown away with its dialect.
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| ())
}
