//! Tapes that a killed proxy left behind, read by the same code as live ones.

use std::path::Path;

use super::reader::unwound;
use super::reading::FlowReading;
use super::standing::count_exchanges;
use super::{Lexicon, Unfollowed};
use crate::store::{Entry, Store};
use crate::tape::{LeftBehind, Reader};

/// What came of recovering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Exchanges that were stored.
    pub exchanges: usize,
    /// Tapes that could not be read or stored now: they stay, for another try.
    pub left: usize,
}

/// Stores what is on left tapes and takes them away.
pub fn recover(runtime_dir: &Path, store: &mut Store, lexicon: &Lexicon) -> Recovered {
    let mut recovered = Recovered::default();
    for left in LeftBehind::find(runtime_dir) {
        for path in left.tapes() {
            let Ok(reading) = Reader::open(&path)
                .map_err(drop)
                .and_then(|tape| FlowReading::new(tape).map_err(drop))
            else {
                recovered.left += 1;
                continue;
            };
            match unwound(|| recover_flow(reading, store, lexicon)) {
                Ok(Some(exchanges)) => recovered.exchanges += exchanges,
                _ => recovered.left += 1,
            }
        }
        // A folder with tapes that could not be stored stays.
        let _ = left.remove();
    }
    recovered
}

fn recover_flow(mut reading: FlowReading, store: &mut Store, lexicon: &Lexicon) -> Option<usize> {
    let mut exchanges = 0;
    let mut write = |entries: Vec<Entry>| {
        exchanges += usize::try_from(count_exchanges(&entries)).unwrap_or_default();
        store.write(&entries).ok()
    };
    while reading.read(lexicon, &mut Unfollowed).ok()? {
        write(reading.take())?;
    }
    reading.abandon(lexicon, &mut Unfollowed);
    write(reading.take())?;
    reading.remove().ok()?;
    Some(exchanges)
}
