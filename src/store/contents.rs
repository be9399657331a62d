//! Which messages an exchange has, as bytes: ids of rows of `message`, place by place.

use super::StoreError;
use super::varint::{push, take, unzigzag, zigzag};

/// Longest run read: a damaged file must not take all memory. No request has as many messages.
const RUN_MAX: i64 = 1 << 24;

/// Ids of the messages of an exchange, by where they stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// `request.system`.
    pub(super) system: Option<i64>,
    /// `request.tools`.
    pub(super) tools: Option<i64>,
    /// `request.messages`.
    pub(super) messages: Vec<i64>,
    /// `reply.choices`.
    pub(super) choices: Vec<i64>,
    /// The request's body as text, where no dialect reads the exchange.
    pub(super) request: Option<i64>,
    /// The reply's body as text.
    pub(super) reply: Option<i64>,
}

impl Contents {
    /// As the column has it: of each list its length, then runs of ids that go up by one: how
    /// the first differs from the last before it, and how many follow. Messages of one
    /// conversation were stored one after the other.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut last = 0_i64;
        for ids in self.lists() {
            push(&mut packed, ids.len() as u64);
            for run in ids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
                let Some(first) = run.first() else { continue };
                push(&mut packed, zigzag(first.wrapping_sub(last)));
                push(&mut packed, run.len() as u64 - 1);
                last = first.wrapping_add(run.len() as i64 - 1);
            }
        }
        packed
    }

    /// Reads the column.
    pub(super) fn unpack(mut packed: &[u8]) -> Result<Self, StoreError> {
        let mut last = 0;
        let mut list = || {
            let length = usize::try_from(take(&mut packed)?).ok()?;
            let mut ids = Vec::new();
            while ids.len() < length {
                let first = i64::wrapping_add(last, unzigzag(take(&mut packed)?));
                let more = i64::try_from(take(&mut packed)?).ok()?;
                last = first.checked_add(more)?;
                if usize::try_from(more).ok()? >= length - ids.len() || more >= RUN_MAX {
                    return None;
                }
                ids.extend(first..=last);
            }
            Some(ids)
        };
        let mut next = || list().ok_or_else(|| StoreError::corrupt("a list of messages is cut"));
        Ok(Self {
            system: next()?.pop(),
            tools: next()?.pop(),
            messages: next()?,
            choices: next()?,
            request: next()?.pop(),
            reply: next()?.pop(),
        })
    }

    /// Every id, in the order of the places.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.lists().into_iter().flatten().copied()
    }

    fn lists(&self) -> [&[i64]; 6] {
        [
            self.system.as_slice(),
            self.tools.as_slice(),
            &self.messages,
            &self.choices,
            self.request.as_slice(),
            self.reply.as_slice(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_contents_come_back(
            system: Option<i64>, tools: Option<i64>, messages: Vec<i64>, choices: Vec<i64>,
            request: Option<i64>, reply: Option<i64>,
        ) {
            let contents = Contents { system, tools, messages, choices, request, reply };
            prop_assert_eq!(Contents::unpack(&contents.pack()).unwrap(), contents);
        }

        #[test]
        fn runs_come_back(from in -9..9_i64, counts in prop::collection::vec(1..50_i64, 0..9)) {
            let messages: Vec<i64> = counts.iter().flat_map(|count| from..from + count).collect();
            let contents = Contents { messages, ..Contents::default() };
            prop_assert_eq!(Contents::unpack(&contents.pack()).unwrap(), contents);
        }

        #[test]
        fn damaged_contents_do_no_harm(bytes: Vec<u8>) {
            let _ = Contents::unpack(&bytes);
        }
    }
}
