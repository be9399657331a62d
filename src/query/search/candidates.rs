//! Which messages are looked into.

use crate::query::Pattern;
use crate::store::{Reader, Selection, StoreError};

/// With no more exchanges than this, their messages are listed first and no others are looked
/// into.
const FEW_EXCHANGES: usize = 2000;

/// Ids of messages, the newest first, and about how many they are.
pub struct Candidates {
    /// The ids.
    pub ids: Box<dyn Iterator<Item = i64>>,
    /// Not less than their number.
    pub count: usize,
}

/// The messages that may have `pattern`. Those of other exchanges than `selection` means may
/// be among them.
pub fn candidates(
    reader: &Reader,
    pattern: &Pattern,
    selection: &Selection,
) -> Result<Candidates, StoreError> {
    let found = reader.candidates(pattern.need())?;
    let last = reader.last_message()?;
    let is_narrow = !selection.is_everything()
        && (found.ids.is_none() || reader.are_few(selection, FEW_EXCHANGES)?);
    if is_narrow {
        let mut ids = reader.message_ids(selection)?;
        if let Some(found_ids) = &found.ids {
            let is_found = |id: &i64| {
                *id > found.indexed || found_ids.binary_search_by(|other| id.cmp(other)).is_ok()
            };
            ids.retain(is_found);
        }
        let count = ids.len();
        return Ok(Candidates { ids: Box::new(ids.into_iter().rev()), count });
    }
    let length = |ids: &std::ops::RangeInclusive<i64>| {
        usize::try_from(ids.end().saturating_sub(*ids.start()).saturating_add(1)).unwrap_or(0)
    };
    Ok(match found.ids {
        None => {
            let all = 1..=last;
            Candidates { count: length(&all), ids: Box::new(all.rev()) }
        }
        Some(ids) => {
            let waiting = found.indexed.saturating_add(1)..=last;
            let count = length(&waiting) + ids.len();
            Candidates { ids: Box::new(waiting.rev().chain(ids)), count }
        }
    })
}
