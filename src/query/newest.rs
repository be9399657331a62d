//! The end of a list.

use crate::store::{Listed, Order, Reader, Selection, StoreError};

/// Exchanges read at once; no transaction is held from one page to the next.
const PAGE: usize = 256;

/// The newest `limit` of the exchanges that `selection` means, the oldest of them first;
/// `None` is all.
pub fn newest(
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
) -> Result<Vec<Listed>, StoreError> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut exchanges: Vec<Listed> = Vec::new();
    let mut after = None;
    loop {
        let left = limit - exchanges.len();
        let page = reader.list(selection, Order::NewestFirst, after, left.min(PAGE))?;
        exchanges.extend(page.exchanges);
        after = page.next;
        if after.is_none() || exchanges.len() >= limit {
            exchanges.reverse();
            return Ok(exchanges);
        }
    }
}
