//! Opening the file: permissions, settings, migrations.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StoreError, upgrade};

/// The schema, one step a file. The file's `user_version` counts the steps taken.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_capture.sql"),
    include_str!("migrations/0002_small.sql"),
    include_str!("migrations/0003_outbox.sql"),
];

/// The newest schema that this program knows.
pub(super) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// How long a writer or reader waits for another program's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for commands that write beside a recorder: they have the time.
const BUSY_TIMEOUT_BESIDE: Duration = Duration::from_secs(30);

/// Size to which the write-ahead log shrinks after a checkpoint, in bytes.
const JOURNAL_BYTES_MAX: i64 = 64 << 20;

/// Pages that the writer keeps in memory, in KiB (negative, says SQLite): a batch with some
/// large bodies fits, and is written to the log once.
const CACHE_KIB: i64 = -16_000;

/// More statements than the store has, so that none is compiled twice.
const CACHED_STATEMENTS: usize = 64;

/// Opens the capture to write, makes it if there is none, and takes the missing steps of the
/// schema.
///
/// A new one gets `key`, or one of its own.
pub(super) fn writer(path: &Path, key: Option<[u8; 32]>) -> Result<Connection, StoreError> {
    make(path).map_err(|source| StoreError::Create { path: path.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&conn)?;
    let found = version(&conn)?;
    if found > known_version() {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: known_version() });
    }
    if found == 0 {
        // Both are fixed once the file has a table or is in WAL mode.
        conn.pragma_update(None, "page_size", 2048)?;
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", CACHE_KIB)?;
    conn.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
    migrate(&mut conn, key)?;
    Ok(conn)
}

/// Opens a capture that is there to write, beside the recorder that may write it.
pub(super) fn second_writer(path: &Path) -> Result<Connection, StoreError> {
    let (_, found) = reader(path)?;
    if found > known_version() {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: known_version() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT_BESIDE)?;
    keep_statements(&conn)?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
    Ok(conn)
}

/// Opens the capture read-only. Gives its schema version as well.
pub(super) fn reader(path: &Path) -> Result<(Connection, u32), StoreError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(StoreError::Missing { path: path.to_owned() }),
        Err(source) => return Err(StoreError::Open { path: path.to_owned(), source }),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&conn)?;
    let found = version(&conn)?;
    match found {
        // Its writer has made the file and not yet the schema.
        0 => Err(StoreError::Missing { path: path.to_owned() }),
        found if found < known_version() => {
            Err(StoreError::Older { path: path.to_owned(), found, known: known_version() })
        }
        found => match upgrade::left(&conn)? {
            0 => Ok((conn, found)),
            left => Err(StoreError::HalfUpgraded { path: path.to_owned(), left }),
        },
    }
}

/// Lets each statement be compiled once. SQLite would compile many of them anew whenever a
/// value is bound, to plan by it; without statistics of the tables the plan is the same, and
/// that took a quarter of the time of a search.
fn keep_statements(conn: &Connection) -> Result<(), StoreError> {
    conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The capture's key.
pub(super) fn key(conn: &Connection) -> Result<[u8; 32], StoreError> {
    Ok(conn.query_row("SELECT key FROM capture", [], |row| row.get(0))?)
}

fn version(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Makes directory and file for their owner alone, before SQLite would make them for all.
/// The files beside it (`-wal`, `-shm`) get the permissions of the file from SQLite.
fn make(path: &Path) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => narrow(path),
        Err(error) => Err(error),
    }
}

/// Takes from an existing file the permissions that others have on it. On a file that we may
/// not change (another owner, a read-only disk) SQLite will say what is wrong.
fn narrow(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700));
    }
    Ok(())
}

/// Takes the missing steps, each in a transaction of its own. The version is read again inside
/// it: two programs may start at once.
fn migrate(conn: &mut Connection, key: Option<[u8; 32]>) -> Result<(), StoreError> {
    for (step, sql) in (1..).zip(MIGRATIONS) {
        if version(conn)? >= step {
            continue;
        }
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&tx)? < step {
            tx.execute_batch(sql)?;
            if step == 1 {
                let now = nanoseconds(Timestamp::now());
                let key = key.map_or_else(random_key, Ok)?;
                tx.execute(
                    "INSERT INTO capture (one, created_at, key) VALUES (1, ?1, ?2)",
                    (now, key),
                )?;
            }
            tx.pragma_update(None, "user_version", step)?;
        }
        tx.commit()?;
    }
    Ok(())
}

fn random_key() -> Result<[u8; 32], StoreError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| {
        StoreError::corrupt(format_args!("the system gave no random key: {error}"))
    })?;
    Ok(key)
}

/// A time as the file has it. Ends in the year 2262; what is beyond stays at the end.
pub(super) fn nanoseconds(time: Timestamp) -> i64 {
    let limit = if time < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX };
    i64::try_from(time.as_nanosecond()).unwrap_or(limit)
}

/// A time as the file has it, read back.
pub(super) fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default()
}
