//! What the store says when it cannot.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::sample::{Capture, entry, stored, told, turn};
use crate::flow::{FlowId, Side};
use crate::store::{Entry, Gap, RawChunk, Reader, Store, StoreError};

#[test]
fn every_file_is_for_its_owner_alone() {
    let mut capture = Capture::new();
    capture.write(&[turn(0)]);
    let dir = capture.dir.path().join("data");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let files: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_capture_keeps_its_key() {
    let capture = Capture::new();
    let path = capture.path();
    let key = capture.store.key();
    drop(capture.store);
    assert_eq!(Store::open(&path).unwrap().key(), key);
    assert_ne!(Capture::new().store.key(), key);
}

#[test]
fn the_settings_are_those_of_the_design() {
    let capture = Capture::new();
    let conn = Connection::open(capture.path()).unwrap();
    for (pragma, expected) in [
        ("journal_mode", "wal"),
        ("page_size", "2048"),
        ("auto_vacuum", "2"),
        ("user_version", "3"),
    ] {
        let value = conn
            .pragma_query_value(None, pragma, |row| {
                row.get::<_, rusqlite::types::Value>(0).map(|value| match value {
                    rusqlite::types::Value::Text(text) => text,
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    other => format!("{other:?}"),
                })
            })
            .unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

#[test]
fn a_newer_capture_is_read_with_a_warning_and_not_written() {
    let mut capture = Capture::new();
    capture.write(&[turn(0)]);
    Connection::open(capture.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(&capture.path()).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    let reader = capture.reader();
    assert!(reader.warning().unwrap().contains("newer"));
    assert_eq!(reader.exchange(1).unwrap().as_ref().map(told), Some(turn(0)));
}

#[test]
fn what_is_no_capture_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.db");
    assert!(matches!(Reader::open(&path), Err(StoreError::Missing { .. })));
    fs::write(&path, "this is a letter, and a long one".repeat(100)).unwrap();
    for error in [Store::open(&path).err().unwrap(), Reader::open(&path).err().unwrap()] {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn a_batch_is_written_whole_or_not_at_all_and_can_be_tried_again() {
    let mut capture = Capture::new();
    let other = Connection::open(capture.path()).unwrap();
    // A page limit stands for the disk's end.
    capture.write(&[turn(0)]);
    let pages: i64 = other.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    capture.store.limit_pages(pages);
    let mut large = stored(turn(1));
    large.request.bytes =
        (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    let batch = [entry(stored(turn(2))), entry(large)];
    let error = capture.store.write(&batch).unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert!(error.is_retryable());
    assert_eq!(capture.reader().last_seq().unwrap(), 1);
    capture.store.limit_pages(i64::from(u32::MAX) - 1);
    capture.store.write(&batch).unwrap();
    assert_eq!(capture.reader().last_seq().unwrap(), 3);
}

#[test]
fn a_locked_capture_is_busy_and_readers_go_on() {
    let mut capture = Capture::new();
    capture.write(&[turn(0)]);
    capture.store.wait_at_most(std::time::Duration::from_millis(10));
    let other = Connection::open(capture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = capture.store.write(&[entry(stored(turn(1)))]).unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)) && error.is_retryable(), "{error}");
    assert_eq!(capture.reader().exchange(1).unwrap().as_ref().map(told), Some(turn(0)));
    other.execute_batch("ROLLBACK").unwrap();
    capture.write(&[turn(1)]);
}

#[test]
fn a_reader_sees_whole_exchanges_while_another_thread_writes() {
    let mut capture = Capture::new();
    let reader = capture.reader();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for round in 0..20 {
                // New ones, and one that is written again and again.
                capture.write(&[turn(round + 1), turn(0)]);
            }
        });
        let mut over = false;
        while !over {
            over = writing.is_finished();
            let listed = reader.written_after(&Default::default(), 0, 100).unwrap();
            for listed in listed {
                let exchange = reader.exchange(listed.seq).unwrap().unwrap();
                assert!((0..=20).any(|n| told(&exchange) == turn(n)), "{exchange:?}");
            }
        }
    });
    assert_eq!(reader.written_after(&Default::default(), 0, 100).unwrap().len(), 21);
}

#[test]
fn chunks_and_gaps_are_written_once_and_without_their_flow() {
    let mut capture = Capture::new();
    let flow = FlowId::now();
    let at = turn(0).started_at;
    let side = Side::Upstream;
    let chunk = RawChunk { flow, side, seq: 0, at, bytes: b"frame".to_vec() };
    let gap = Gap { flow, side, at, bytes: 7, reason: "the tape was full".into() };
    let batch = [Entry::RawChunk(chunk), Entry::Gap(gap)];
    capture.store.write(&batch).unwrap();
    capture.store.write(&batch).unwrap();
    let conn = Connection::open(capture.path()).unwrap();
    for table in ["flow", "raw_chunk", "gap"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = conn.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "{table}");
    }
}

#[test]
fn two_programs_may_open_a_new_capture_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.db");
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Store::open(&path).map(|s| s.key()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    assert!(opened.iter().all(|key| *key == opened[0]));
}
