//! Free pages, given back to the file system.

use std::path::Path;

use rusqlite::Connection;

use super::slice::{self, Progress};
use crate::store::StoreError;

/// Pages given back in one step: each may have to be moved from the file's end.
const PAGES: u32 = 32;

/// Free pages that stay, in bytes: the next exchanges need them at once.
const FREE_BYTES_KEPT: u64 = 4 << 20;

/// Bytes of the file that hold something: the pages of it that are not free.
pub(super) fn used(conn: &Connection) -> Result<u64, StoreError> {
    let (size, pages, free) = pages(conn)?;
    Ok(size * pages.saturating_sub(free))
}

/// Size of a page, pages of the file, those of them that are free.
pub(super) fn pages(conn: &Connection) -> Result<(u64, u64, u64), StoreError> {
    let number = |pragma: &str| -> Result<u64, StoreError> {
        let number: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    Ok((number("page_size")?, number("page_count")?, number("freelist_count")?))
}

/// Gives some free pages back, as long as there are many; says how many bytes.
pub(super) fn some(conn: &mut Connection) -> Result<u64, StoreError> {
    give_back(conn, FREE_BYTES_KEPT)
}

/// Gives all of them back.
pub(super) fn incremental(conn: &mut Connection) -> Result<u64, StoreError> {
    let mut freed = 0;
    loop {
        match give_back(conn, 0)? {
            0 => return Ok(freed),
            some => freed += some,
        }
        slice::let_others();
    }
}

fn give_back(conn: &mut Connection, kept: u64) -> Result<u64, StoreError> {
    let (size, before, free) = pages(conn)?;
    if free * size <= kept {
        return Ok(0);
    }
    slice::write(conn, |tx| {
        // The pragma gives back a page for each row that is asked of it.
        let mut statement = tx.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        let (size, _, free) = pages(tx)?;
        Ok(if free * size <= kept { Progress::Done } else { Progress::More })
    })?;
    let (_, after, _) = pages(conn)?;
    Ok(before.saturating_sub(after) * size)
}

/// Writes the whole file anew. SQLite does it in place and in one transaction, so that a kill
/// leaves the old file or the new one; whoever wants to write meanwhile waits.
pub(super) fn full(conn: &Connection, path: &Path) -> Result<u64, StoreError> {
    let length = || std::fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    let before = length();
    conn.execute_batch("VACUUM")?;
    empty_log(conn)?;
    Ok(before.saturating_sub(length()))
}

/// Moves the log into the file and cuts it to nothing.
pub(super) fn empty_log(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: i64 = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(is_busy == 0)
}
