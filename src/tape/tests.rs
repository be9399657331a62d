//! The tape as the relay and the recorder use it.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::flow::{Ending, FlowId, Mode, Origin, Scheme, Side, Verdict};

fn opened() -> Opened {
    Opened {
        flow: FlowId::now(),
        at: jiff::Timestamp::now(),
        mode: Mode::Intercept,
        origin: Origin::parse(Scheme::Https, "api.example:443").unwrap(),
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    }
}

/// A folder in RAM, as the product would use; `None` where the machine has none.
fn ram() -> Option<tempfile::TempDir> {
    let dir = tempfile::Builder::new().prefix("overhear-test-").tempdir_in("/dev/shm").ok()?;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    Some(dir)
}

fn tapes(dir: Option<&Path>, limit: u64) -> (Tapes, Receiver<Told>) {
    Tapes::new(Place::make(dir).unwrap(), Budget::new(limit))
}

fn taped(heard: &Receiver<Told>) -> Reader {
    match heard.try_recv() {
        Ok(Told::Taped(reader)) => reader,
        other => panic!("{other:?}"),
    }
}

/// Both sides' bytes, and gaps as `offset jumped`.
fn read_all(reader: &mut Reader) -> ([Vec<u8>; 2], bool) {
    let mut sides = [Vec::new(), Vec::new()];
    let mut gap = false;
    while reader
        .read(|_, record| {
            if let Record::Bytes { side, offset, bytes, .. } = record {
                gap |= offset != sides[side.index()].len() as u64;
                sides[side.index()].extend_from_slice(bytes);
            }
        })
        .unwrap()
    {}
    (sides, gap)
}

#[test]
fn what_is_appended_is_read_back_in_order_across_windows() {
    let (tapes, heard) = tapes(None, 64 << 20);
    let mut writer = tapes.open(&opened());
    let mut reader = taped(&heard);
    let piece: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for _ in 0..30 {
        writer.append(Side::Downstream, &piece);
        writer.append(Side::Upstream, b"ok");
    }
    assert!(!reader.is_closed());
    writer.ended(Side::Downstream, Ending::Closed);
    drop(writer);
    let (sides, gap) = read_all(&mut reader);
    assert_eq!(sides[0], piece.repeat(30));
    assert_eq!(sides[1], b"ok".repeat(30));
    assert!(!gap && reader.is_closed());
    reader.remove().unwrap();
    assert_eq!(tapes.budget.used(), 0);
}

#[test]
fn a_tape_without_its_writer_is_read_from_the_file_alone() {
    let Some(dir) = ram() else { return };
    let (tapes, heard) = tapes(Some(dir.path()), 64 << 20);
    let mut writer = tapes.open(&opened());
    writer.append(Side::Downstream, b"GET / HTTP/1.1\r\n\r\n");
    let path = taped(&heard).path().unwrap().to_owned();
    // As after `kill -9`: nothing of the writer runs any more.
    std::mem::forget(writer);
    let mut reader = Reader::open(&path).unwrap();
    let (sides, _) = read_all(&mut reader);
    assert_eq!(sides[0], b"GET / HTTP/1.1\r\n\r\n");
    assert!(!reader.is_closed());
    use std::os::unix::fs::MetadataExt;
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_folder_is_left_behind_when_its_proxy_is_gone_and_not_before() {
    let Some(dir) = ram() else { return };
    let (tapes, heard) = tapes(Some(dir.path()), 64 << 20);
    std::mem::forget(tapes.open(&opened()));
    assert!(LeftBehind::find(dir.path()).is_empty(), "its proxy lives");
    drop((tapes, heard));
    let left = LeftBehind::find(dir.path());
    assert_eq!(left.len(), 1);
    for left in left {
        for tape in left.tapes() {
            Reader::open(&tape).unwrap().remove().unwrap();
        }
        left.remove().unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_full_budget_loses_bytes_with_a_count_and_goes_on_when_there_is_room() {
    let (tapes, heard) = tapes(None, 400 << 10);
    let mut writer = tapes.open(&opened());
    let mut reader = taped(&heard);
    for _ in 0..20 {
        writer.append(Side::Upstream, &[7; 50_000]);
    }
    let lost = reader.lost().unwrap();
    assert!(lost[1] > 0 && lost[1] < 1_000_000, "{lost:?}");
    let (before, _) = read_all(&mut reader);
    reader.release(Kept { from: reader.position(), ..Kept::default() }).unwrap();
    writer.append(Side::Upstream, &[8; 70_000]);
    let mut after = Vec::new();
    let mut first = None;
    while reader
        .read(|_, record| {
            if let Record::Bytes { offset, bytes, .. } = record {
                first.get_or_insert(offset);
                after.extend_from_slice(bytes);
            }
        })
        .unwrap()
    {}
    assert!(after == [8; 70_000], "room was made by what is stored");
    assert_eq!(first, Some(before[1].len() as u64 + lost[1]), "the jump is the gap");
}

#[test]
fn a_stored_beginning_is_not_read_again() {
    let Some(dir) = ram() else { return };
    let (tapes, heard) = tapes(Some(dir.path()), 64 << 20);
    let mut writer = tapes.open(&opened());
    let mut reader = taped(&heard);
    writer.append(Side::Downstream, &[1; 300_000]);
    read_all(&mut reader);
    let kept = Kept { from: reader.position(), stored: [300_000, 0], place: 1 };
    let before = reader.size().unwrap();
    reader.release(kept).unwrap();
    assert!(reader.size().unwrap() < before, "its memory is given back");
    writer.append(Side::Downstream, b"next");
    let mut second = Reader::open(reader.path().unwrap()).unwrap();
    assert_eq!(second.kept().unwrap(), kept);
    let mut rest = Vec::new();
    second
        .read(|_, record| {
            if let Record::Bytes { bytes, .. } = record {
                rest.extend_from_slice(bytes);
            }
        })
        .unwrap();
    assert_eq!(rest, b"next");
    drop(writer);
}

proptest! {
    #[test]
    fn any_pieces_come_back_as_they_went(
        pieces in prop::collection::vec((any::<bool>(), 0_usize..90_000), 1..40)
    ) {
        let (tapes, heard) = tapes(None, 64 << 20);
        let mut writer = tapes.open(&opened());
        let mut reader = taped(&heard);
        let mut sent = [Vec::new(), Vec::new()];
        for (number, (up, len)) in pieces.into_iter().enumerate() {
            let side = if up { Side::Upstream } else { Side::Downstream };
            let piece = vec![number as u8; len];
            writer.append(side, &piece);
            sent[side.index()].extend(piece);
        }
        drop(writer);
        let (sides, gap) = read_all(&mut reader);
        prop_assert!(!gap && reader.is_closed());
        prop_assert_eq!(sides, sent);
    }
}
