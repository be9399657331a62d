//! The end of a list.

use crate::store::{Listed, Order, Reader, Selection, StoreError};

/// Exchanges read at once; no transaction is held from one page to the next.
const PAGE: usize = 256;

/// The first `limit` in `order` of the exchanges that `selection` means; `None` is all. The last
/// of them is the one that the order puts first: the newest, or that with the most; of an order
/// that begins with the oldest, the newest of them.
pub fn newest(
    reader: &Reader,
    selection: &Selection,
    order: Order,
    limit: Option<usize>,
) -> Result<Vec<Listed>, StoreError> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut exchanges: Vec<Listed> = Vec::new();
    let mut after = None;
    loop {
        let left = limit - exchanges.len();
        let page = reader.list(selection, order, after, left.min(PAGE))?;
        exchanges.extend(page.exchanges);
        after = page.next;
        if after.is_none() || exchanges.len() >= limit {
            if order != Order::OldestFirst {
                exchanges.reverse();
            }
            return Ok(exchanges);
        }
    }
}
