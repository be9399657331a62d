//! Goes through exchanges, the oldest first.

use super::ExportError;
use crate::model::Exchange;
use crate::store::{Cursor, Listed, Order, Reader, Selection, StoreError};

/// Exchanges looked up at once; no transaction is held from one page to the next.
const PAGE: usize = 256;

/// Hands the exchanges that `selection` means, or the newest `limit` of them, to `each`, the
/// oldest first.
pub(super) fn each(
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
    each: &mut dyn FnMut(i64, &Exchange) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    listed(reader, selection, limit, &mut |listed| match reader.exchange(listed.seq)? {
        Some(exchange) => each(listed.seq, &exchange),
        None => Ok(()),
    })
}

/// As [`each`], the narrow rows alone.
pub(super) fn listed(
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
    each: &mut dyn FnMut(&Listed) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut after = match limit {
        None => None,
        Some(limit) => match before_newest(reader, selection, limit)? {
            Start::Nowhere => return Ok(()),
            Start::Beginning => None,
            Start::After(cursor) => Some(cursor),
        },
    };
    loop {
        let page = reader.list(selection, Order::OldestFirst, after, PAGE)?;
        page.exchanges.iter().try_for_each(&mut *each)?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Where the newest ones begin.
enum Start {
    Nowhere,
    Beginning,
    After(Cursor),
}

/// Goes back over `limit` exchanges and one more.
fn before_newest(
    reader: &Reader,
    selection: &Selection,
    limit: usize,
) -> Result<Start, StoreError> {
    if limit == 0 {
        return Ok(Start::Nowhere);
    }
    let mut left = limit.saturating_add(1);
    let mut after = None;
    loop {
        let page = reader.list(selection, Order::NewestFirst, after, left.min(PAGE))?;
        left -= page.exchanges.len();
        after = page.next;
        match after {
            Some(cursor) if left == 0 => return Ok(Start::After(cursor)),
            None => return Ok(Start::Beginning),
            Some(_) => {}
        }
    }
}
