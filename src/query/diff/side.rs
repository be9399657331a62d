//! What is compared: an exchange's prompt, or one that `prompts` lists.

use std::time::Duration;

use uuid::Uuid;

use super::Section;
use crate::model::Request;
use crate::store::{Content, Kind, Listed, Reader, StoreError, short_id};

/// How long a comparison looks for the smallest difference. What is left after it is told as
/// removed and added as a whole.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A prompt to compare.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whose it is.
    pub source: Source,
    /// The prompt.
    pub request: Request,
}

/// Where a prompt stands.
#[derive(Clone, Debug)]
pub enum Source {
    /// In an exchange.
    Exchange(Box<Listed>),
    /// Among those that `prompts` lists: a system prompt or a set of tools.
    Prompt {
        /// Its row of `message`.
        id: i64,
        /// [`Kind::System`] or [`Kind::Tools`].
        kind: Kind,
    },
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// The capture cannot be asked, or has no such exchange.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was deleted between two reads.
    #[error("the exchange was deleted just now")]
    Gone,
    /// Its request is not understood.
    #[error(
        "no dialect reads exchange `{0}`: its prompt is not known\nhint: overhear show {0} --raw request"
    )]
    Unread(Uuid),
    /// That is no prompt's name.
    #[error("`{0}` is no prompt's id\nhint: one that `overhear prompts` lists, such as @12")]
    NoPrompt(String),
    /// It is the first of its thread, or its thread is not known.
    #[error("there is no turn before {0} in the capture\nhint: name two: overhear diff A B")]
    First(String),
    /// One is a system prompt, the other a set of tools.
    #[error("{old} is {of_old} and {new} {of_new}: nothing to compare")]
    Apart {
        /// The label of the old one.
        old: String,
        /// What the old one is.
        of_old: &'static str,
        /// The label of the new one.
        new: String,
        /// What the new one is.
        of_new: &'static str,
    },
}

impl Side {
    /// The old and the new side of those names; without a second one the turn before `a`, and
    /// `a`.
    pub fn pair(reader: &Reader, a: &str, b: Option<&str>) -> Result<(Self, Self), SideError> {
        let a = Self::of(reader, a)?;
        if let Some(b) = b {
            return Ok((a, Self::of(reader, b)?));
        }
        let before = a.seq().map(|seq| reader.turn_before(seq)).transpose()?.flatten();
        let before = before.ok_or_else(|| SideError::First(a.label()))?;
        Ok((Self::of_exchange(reader, before)?, a))
    }

    /// The side of that name.
    pub fn of(reader: &Reader, words: &str) -> Result<Self, SideError> {
        match words.strip_prefix('@') {
            Some(_) => Self::of_prompt(reader, words),
            None => Self::of_exchange(reader, reader.find(words)?.0),
        }
    }

    /// The exchange of place `seq`.
    pub fn of_exchange(reader: &Reader, seq: i64) -> Result<Self, SideError> {
        let (listed, exchange) = (reader.listed(seq)?, reader.exchange(seq)?);
        let (Some(listed), Some(exchange)) = (listed, exchange) else {
            return Err(SideError::Gone);
        };
        if exchange.dialect.is_none() {
            return Err(SideError::Unread(exchange.id));
        }
        Ok(Self { source: Source::Exchange(Box::new(listed)), request: exchange.request })
    }

    /// A system prompt or a set of tools, by its id.
    pub fn of_prompt(reader: &Reader, words: &str) -> Result<Self, SideError> {
        let unknown = || StoreError::Unknown { words: words.to_owned() };
        let digits = words.strip_prefix('@').unwrap_or(words);
        let id = digits.parse().map_err(|_| SideError::NoPrompt(words.to_owned()))?;
        let message = reader.message(id)?.ok_or_else(unknown)?;
        let mut request = Request::default();
        let kind = match message.content {
            Content::System(text) => {
                request.system = Some(text);
                Kind::System
            }
            Content::Tools(tools) => {
                request.tools = tools;
                Kind::Tools
            }
            _ => return Err(unknown().into()),
        };
        Ok(Self { source: Source::Prompt { id, kind }, request })
    }

    /// Place of the exchange; `None` for a prompt from `prompts`.
    pub fn seq(&self) -> Option<i64> {
        match &self.source {
            Source::Exchange(listed) => Some(listed.seq),
            Source::Prompt { .. } => None,
        }
    }

    /// What finds it again: the exchange's id, or the prompt's.
    pub fn label(&self) -> String {
        match &self.source {
            Source::Exchange(listed) => listed.id.to_string(),
            Source::Prompt { id, .. } => format!("@{id}"),
        }
    }

    /// The same for people.
    pub fn short(&self) -> String {
        match &self.source {
            Source::Exchange(listed) => short_id(listed.id),
            Source::Prompt { .. } => self.label(),
        }
    }

    /// The sections that both sides have.
    pub fn common(old: &Self, new: &Self) -> Result<Vec<Section>, SideError> {
        let common: Vec<Section> = old
            .sections()
            .iter()
            .filter(|section| new.sections().contains(section))
            .copied()
            .collect();
        if common.is_empty() {
            return Err(SideError::Apart {
                old: old.label(),
                of_old: old.what(),
                new: new.label(),
                of_new: new.what(),
            });
        }
        Ok(common)
    }

    fn sections(&self) -> &'static [Section] {
        match &self.source {
            Source::Exchange(_) => &Section::ALL,
            Source::Prompt { kind: Kind::Tools, .. } => &[Section::Tools],
            Source::Prompt { .. } => &[Section::System],
        }
    }

    fn what(&self) -> &'static str {
        match &self.source {
            Source::Exchange(_) => "an exchange",
            Source::Prompt { kind: Kind::Tools, .. } => "a set of tools",
            Source::Prompt { .. } => "a system prompt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn the_turn_before_is_the_old_side() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        let reader = capture.reader();
        let id = |n| turn(n).id.to_string();
        let (old, new) = Side::pair(&reader, &id(2), None).unwrap();
        assert_eq!((old.label(), new.label()), (id(1), id(2)));
        let (old, new) = Side::pair(&reader, &id(2), Some(&id(0))).unwrap();
        assert_eq!((old.label(), new.label()), (id(2), id(0)));
        assert_eq!(Side::common(&old, &new).unwrap(), Section::ALL);
        let first = Side::pair(&reader, &id(0), None).unwrap_err();
        assert!(matches!(first, SideError::First(_)), "{first}");
    }

    #[test]
    fn a_prompt_is_compared_with_what_has_its_section() {
        let mut capture = Capture::new();
        capture.write(&[turn(0)]);
        let reader = capture.reader();
        let of_kind = |kind| {
            let uses = reader.prompt_uses(kind, &Selection::default()).unwrap();
            Side::of(&reader, &format!("@{}", uses[0].message)).unwrap()
        };
        let exchange = Side::of(&reader, &turn(0).id.to_string()).unwrap();
        let (system, tools) = (of_kind(Kind::System), of_kind(Kind::Tools));
        assert_eq!(Side::common(&system, &exchange).unwrap(), [Section::System]);
        assert_eq!(Side::common(&exchange, &tools).unwrap(), [Section::Tools]);
        let apart = Side::common(&system, &tools).unwrap_err();
        assert!(apart.to_string().ends_with("a set of tools: nothing to compare"), "{apart}");
        let unknown = Side::of(&reader, "@x").unwrap_err();
        assert!(matches!(unknown, SideError::NoPrompt(_)), "{unknown}");
    }
}
