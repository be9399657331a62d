//! The turn before another.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// The exchange that the one of place `seq` continues; if that is not known, the one before it
/// in its thread that asked for the same.
pub(super) fn before(conn: &Connection, seq: i64) -> Result<Option<i64>, StoreError> {
    let continued = "SELECT before.seq FROM exchange AS this
                     JOIN exchange AS before ON before.id = this.parent WHERE this.seq = ?1";
    let earlier = "SELECT before.seq FROM exchange AS this
                   JOIN exchange AS before ON before.thread_id = this.thread_id
                   WHERE this.seq = ?1 AND before.operation = this.operation
                     AND (before.started_at, before.seq) < (this.started_at, this.seq)
                   ORDER BY before.started_at DESC, before.seq DESC LIMIT 1";
    for sql in [continued, earlier] {
        let found = conn.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
