//! Writing in slices, so that nobody waits for the lock longer than for one of them.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::StoreError;

/// After this time a slice comes to its end. With its last step and the commit it stays under
/// 20 ms, which a recorder waits for anyway between two transactions.
const SLICE: Duration = Duration::from_millis(8);

/// Between two slices of a command: SQLite does not queue for its lock, so one that is taken
/// again at once would starve the recorder.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is.
    More,
    /// There is not.
    Done,
}

/// Repeats `step` in one transaction until it is done or the slice is over.
pub(super) fn write(
    conn: &mut Connection,
    mut step: impl FnMut(&Transaction<'_>) -> Result<Progress, StoreError>,
) -> Result<Progress, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Waiting for the lock is nobody's slice.
    let began = Instant::now();
    let mut progress = Progress::More;
    while progress == Progress::More && began.elapsed() < SLICE {
        progress = step(&tx)?;
    }
    tx.commit()?;
    Ok(progress)
}

/// Repeats `step`, which only reads and holds no transaction in between, until it is done or
/// the slice is over.
pub(super) fn read(
    conn: &Connection,
    mut step: impl FnMut(&Connection) -> Result<Progress, StoreError>,
) -> Result<Progress, StoreError> {
    let began = Instant::now();
    while began.elapsed() < SLICE {
        if step(conn)? == Progress::Done {
            return Ok(Progress::Done);
        }
    }
    Ok(Progress::More)
}

/// Lets others take the lock.
pub(super) fn let_others() {
    thread::sleep(PAUSE);
}

/// Tells whoever remembers ids of rows that some are gone.
pub(super) fn new_generation(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE capture SET generation = generation + 1")?.execute([])?;
    Ok(())
}
