//! What can still be read of a damaged capture, brought into another.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use uuid::Uuid;

use super::annotate::{self, Remark};
use crate::flow::Side;
use crate::store::{
    Entry, Reader, Store, StoreError, StoredExchange, assemble, flow, message, open, outbox, raw,
};

/// What became of a damaged capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Exchanges that were brought over.
    pub exchanges: u64,
    /// Exchanges that the other capture had already.
    pub known: u64,
    /// Places at which an exchange stood, or may have stood, and could not be read.
    pub lost: u64,
}

/// Brings what can be read of the capture at `from` into `store`, exchange by exchange; `turn`
/// is told how far it is. What is there already stays as it is.
pub fn salvage(
    from: &Path,
    store: &mut Store,
    turn: &mut dyn FnMut(&Salvaged),
) -> Result<Salvaged, StoreError> {
    let reader = Reader::open(from)?;
    let (conn, key) = reader.parts();
    let mut salvaged = Salvaged::default();
    for seq in 1..=last(conn)? {
        match read(conn, key, seq) {
            Ok(None) => {}
            Ok(Some(found)) if store.has(found.id)? => salvaged.known += 1,
            Ok(Some(found)) => {
                store.write(&found.entries)?;
                store.say(found.id, &found.remarks)?;
                store.note_deliveries(found.id, &found.deliveries)?;
                salvaged.exchanges += 1;
            }
            Err(_) => salvaged.lost += 1,
        }
        turn(&salvaged);
    }
    Ok(salvaged)
}

/// The key of a damaged capture, if it can be read: the one that takes its place goes on with it,
/// so that the same credential has the same fingerprint.
pub fn salvage_key(from: &Path) -> Option<[u8; 32]> {
    let conn = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    open::key(&conn).ok()
}

/// An exchange and what belongs to it.
struct Found {
    id: Uuid,
    entries: Vec<Entry>,
    remarks: Vec<Remark>,
    deliveries: Vec<outbox::Row>,
}

/// The last place that was given. Each way to learn it may be damaged.
fn last(conn: &Connection) -> Result<i64, StoreError> {
    let ways = [
        "SELECT seq FROM sqlite_sequence WHERE name = 'exchange'",
        "SELECT max(seq) FROM exchange",
        "SELECT max(id) / 2 FROM raw",
        "SELECT max(exchange) FROM content",
    ];
    let told = ways.iter().filter_map(|sql| conn.query_row(sql, [], |row| row.get(0)).ok());
    told.max().flatten().ok_or_else(|| StoreError::Corrupt {
        what: "nothing says which exchanges it had".to_owned(),
    })
}

fn read(conn: &Connection, key: &[u8; 32], seq: i64) -> Result<Option<Found>, StoreError> {
    let Some(exchange) = assemble::read(conn, seq)? else {
        return match is_there(conn, seq)? {
            false => Ok(None),
            true => Err(StoreError::corrupt("an exchange without its content")),
        };
    };
    let place =
        conn.query_row("SELECT place FROM exchange WHERE seq = ?1", [seq], |row| row.get(0))?;
    let id = exchange.id;
    let annotations = annotate::of_exchange(conn, seq).unwrap_or_default();
    let mut entries = Vec::new();
    if let Ok(Some(row)) = flow::read(conn, exchange.flow) {
        entries.push(Entry::Flow(Box::new(row)));
        let chunks = flow::chunks(conn, exchange.flow).unwrap_or_default();
        entries.extend(chunks.into_iter().map(Entry::RawChunk));
        entries.extend(flow::gaps(conn, exchange.flow).unwrap_or_default());
    }
    let mut stored = StoredExchange {
        place,
        request: raw::own(conn, key, seq, Side::Downstream)?.unwrap_or_default(),
        reply: raw::own(conn, key, seq, Side::Upstream)?,
        texts: message::texts(conn, seq)?,
        leaks: flow::leaks(conn, seq).unwrap_or_default(),
        is_open: false,
        exchange,
    };
    stored.exchange.annotations = Default::default();
    entries.push(Entry::Exchange(Box::new(stored)));
    let pin = annotations.pinned.then_some(Remark::Pin);
    let tags = annotations.tags.into_iter().map(Remark::Tag);
    let notes = annotations.notes.into_iter().map(Remark::Note);
    let remarks = pin.into_iter().chain(tags).chain(notes).collect();
    // Without them what was delivered would be delivered again.
    let deliveries = outbox::rows_of(conn, seq).unwrap_or_default();
    Ok(Some(Found { id, entries, remarks, deliveries }))
}

fn is_there(conn: &Connection, seq: i64) -> Result<bool, StoreError> {
    let row =
        conn.query_row("SELECT 1 FROM exchange WHERE seq = ?1", [seq], |_| Ok(())).optional()?;
    Ok(row.is_some())
}
