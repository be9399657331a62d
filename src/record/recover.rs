//! Tapes that a killed proxy left behind, read by the same code as live ones.

use std::path::Path;

use super::draft::unwound;
use super::reading::FlowReading;
use super::worker::count_exchanges;
use super::{Lexicon, Unfollowed};
use crate::store::{Entry, Store};
use crate::tape::{LeftBehind, Reader};

/// Stores what is on left tapes and takes them away; says how many exchanges there were. What
/// cannot be stored now stays for the next start.
pub fn recover(runtime_dir: &Path, store: &mut Store, lexicon: &Lexicon) -> usize {
    let mut exchanges = 0;
    for left in LeftBehind::find(runtime_dir) {
        for path in left.tapes() {
            let Ok(reading) = Reader::open(&path)
                .map_err(drop)
                .and_then(|tape| FlowReading::new(tape).map_err(drop))
            else {
                continue;
            };
            // A tape that cannot be read or stored now stays for the next start.
            let recovered = unwound(|| recover_flow(reading, store, lexicon));
            exchanges += recovered.ok().flatten().unwrap_or_default();
        }
        // A folder with tapes that could not be stored stays.
        let _ = left.remove();
    }
    exchanges
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
