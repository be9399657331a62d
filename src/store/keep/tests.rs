use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::model::{Exchange, Part};
use crate::store::tests::sample::{Capture, entry, stored, told, turn};
use crate::store::{Entry, Loss, Reader, Selection};

/// A text long enough to be a piece of its own.
fn long(n: u32) -> String {
    format!("document {n}: {}", format!("{n} words of it, ").repeat(60))
}

/// A turn whose last question and answer are long, in its raw request too.
fn long_turn(n: u32) -> Entry {
    let mut exchange = turn(n);
    if let Some(last) = exchange.request.messages.last_mut() {
        last.parts = vec![Part::text(long(n))];
    }
    let documents: Vec<_> = (0..=n).map(long).collect();
    let body = serde_json::json!({ "model": "m", "messages": documents }).to_string();
    let mut stored = stored(exchange);
    stored.request.bytes = format!("POST / HTTP/1.1\r\n\r\n{body}").into_bytes();
    entry(stored)
}

fn whole(capture: &Capture) -> Verified {
    let verified = verify(&capture.reader(), &mut |_| {}).unwrap();
    assert_eq!(verified.damages, []);
    verified
}

fn count(capture: &Capture, table: &str) -> i64 {
    let conn = Connection::open(capture.path()).unwrap();
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn everything() -> Upkeep {
    Upkeep::thorough(Retention { age: None, bytes: None })
}

#[test]
fn what_nothing_refers_to_is_swept_and_all_else_stays() {
    let mut capture = Capture::new();
    let entries: Vec<_> = (0..20).map(long_turn).collect();
    capture.store.write(&entries).unwrap();
    let (messages, blobs) = (count(&capture, "message"), count(&capture, "blob"));
    let mut keep = Keep::open(&capture.path(), Erase::Overwrite).unwrap();
    // The last turn has what all before it had: without it half of the pieces go.
    let gone: Vec<i64> = (11..=20).collect();
    let deleted = keep.delete(gone, Pins::Heed, &mut |_| {}).unwrap();
    assert_eq!(deleted.exchanges, 10);
    let pruned = keep.prune(&mut everything(), &mut |_| {}).unwrap();
    assert!(pruned.messages >= 20 && pruned.blobs >= 10, "{pruned:?}");
    assert_eq!(count(&capture, "message"), messages - pruned.messages as i64);
    assert_eq!(count(&capture, "blob"), blobs - pruned.blobs as i64);
    assert_eq!(whole(&capture).exchanges, 10);
    let again = keep.prune(&mut everything(), &mut |_| {}).unwrap();
    assert_eq!((again.messages, again.blobs), (0, 0));
    // Nothing of it is in any file.
    assert!(keep.empty_log().unwrap());
    let file = fs::read(capture.path()).unwrap();
    assert!(memchr::memmem::find(&file, b"15 words of it").is_none());
    // What was deleted comes again: it is stored again.
    capture.store.write(&entries[10..]).unwrap();
    assert_eq!(whole(&capture).exchanges, 20);
}

/// At each place of a sweep somebody writes what is being swept.
#[test]
fn what_is_written_during_a_sweep_stays() {
    for slices in 0..40 {
        let mut capture = Capture::new();
        // The recorder remembers what it has written.
        capture.store.write(&[long_turn(0), long_turn(3)]).unwrap();
        let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
        keep.delete(vec![2], Pins::Heed, &mut |_| {}).unwrap();
        let mut upkeep = everything();
        for _ in 0..slices {
            upkeep.step(&mut keep.conn).unwrap();
        }
        capture.store.write(&[long_turn(2), long_turn(3)]).unwrap();
        keep.prune(&mut upkeep, &mut |_| {}).unwrap();
        let verified = whole(&capture);
        assert_eq!(verified.exchanges, 3, "after {slices} slices");
    }
}

#[test]
fn a_sweep_beside_a_busy_writer_loses_nothing() {
    let mut capture = Capture::new();
    let path = capture.path();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| {
            let mut keep = Keep::open(&path, Erase::Free).unwrap();
            let mut sweeps = 0;
            while !over.load(Ordering::Relaxed) || sweeps < 3 {
                let reader = Reader::open(&path).unwrap();
                let (seqs, _) = reader.places(&Selection::default()).unwrap();
                let third: Vec<_> = seqs.into_iter().filter(|seq| seq % 3 == 0).collect();
                keep.delete(third, Pins::Heed, &mut |_| {}).unwrap();
                keep.prune(&mut everything(), &mut |_| {}).unwrap();
                sweeps += 1;
            }
        });
        for round in 0..60 {
            // The same texts come again and again, under ids that may be deleted by now.
            let entries: Vec<_> = (0..4).map(|n| long_turn((round * 7 + n) % 23)).collect();
            capture.store.write(&entries).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        over.store(true, Ordering::Relaxed);
        sweeping.join().unwrap();
    });
    whole(&capture);
    let reader = capture.reader();
    for seq in reader.places(&Selection::default()).unwrap().0 {
        assert!(reader.exchange(seq).unwrap().is_some());
    }
}

#[test]
fn two_sweeps_at_once_do_no_harm() {
    let mut capture = Capture::new();
    let entries: Vec<_> = (0..12).map(long_turn).collect();
    capture.store.write(&entries).unwrap();
    let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
    keep.delete((5..=12).collect(), Pins::Heed, &mut |_| {}).unwrap();
    let (mut one, mut other) = (everything(), everything());
    loop {
        let left = one.step(&mut keep.conn).unwrap();
        // The ids that one has freed are given again before the other comes to them.
        capture.store.write(&[long_turn(7)]).unwrap();
        if (left, capture.store.keep(&mut other).unwrap()) == (Progress::Done, Progress::Done) {
            break;
        }
    }
    assert_eq!(whole(&capture).exchanges, 5);
}

#[test]
fn old_exchanges_go_and_pinned_ones_stay() {
    let mut capture = Capture::new();
    // They began in the year 2027, which is not yet.
    let old = |n| Exchange { started_at: "2020-01-01T00:00:00Z".parse().unwrap(), ..turn(n) };
    capture.write(&[old(0), old(1), old(2), turn(3)]);
    let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
    keep.remark(&[2], &Remark::Pin).unwrap();
    let pruned = keep.prune(&mut Upkeep::due(Retention::default()), &mut |_| {}).unwrap();
    assert_eq!(pruned.exchanges, 2);
    let left = capture.reader().places(&Selection::default()).unwrap().0;
    assert_eq!(left, [2, 4]);
    whole(&capture);
}

#[test]
fn the_oldest_go_while_the_capture_is_too_large() {
    let mut capture = Capture::new();
    let noise = |n: u64| -> Vec<u8> {
        (0..60_000)
            .flat_map(|k| blake3::hash(&(n * 100_000 + k).to_le_bytes()).as_bytes()[..2].to_vec())
            .collect()
    };
    for n in 0..40 {
        let mut stored = stored(turn(n));
        stored.request.bytes = noise(u64::from(n));
        capture.store.write(&[entry(stored)]).unwrap();
    }
    let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
    keep.remark(&[1], &Remark::Pin).unwrap();
    let limit = 2_000_000;
    let retention = Retention { age: None, bytes: Some(limit) };
    let pruned = keep.prune(&mut Upkeep::due(retention), &mut |_| {}).unwrap();
    assert!(vacuum::used(&keep.conn).unwrap() <= limit);
    assert!((20..35).contains(&pruned.exchanges), "{pruned:?}");
    let left = capture.reader().places(&Selection::default()).unwrap().0;
    assert_eq!(left[0], 1, "it is pinned");
    assert_eq!(left[left.len() - 1], 40, "the newest stays");
    assert!(keep.vacuum().unwrap() > 0 || pruned.freed_bytes > 0);
    whole(&capture);
}

#[test]
fn what_people_say_is_kept_shown_and_filtered() {
    let mut capture = Capture::new();
    capture.write(&[turn(0), turn(1)]);
    let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
    let (tag, note) = (Remark::Tag("odd".into()), Remark::Note("why does it ask?".into()));
    assert_eq!(keep.remark(&[2, 99], &tag).unwrap(), 1);
    assert_eq!(keep.remark(&[2], &tag).unwrap(), 0, "it had it");
    assert_eq!(keep.remark(&[2], &note).unwrap(), 1);
    assert_eq!(keep.remark(&[2], &Remark::Pin).unwrap(), 1);
    // Told again, it keeps them.
    capture.write(&[turn(1)]);
    let said = capture.reader().exchange(2).unwrap().unwrap().annotations;
    assert_eq!(
        (said.pinned, said.tags, said.notes),
        (true, vec!["odd".into()], vec!["why does it ask?".into()])
    );
    let selected = |selection: Selection| capture.reader().places(&selection).unwrap().0;
    assert_eq!(selected(Selection { tag: Some("odd".into()), ..Selection::default() }), [2]);
    assert_eq!(selected(Selection { pinned: Some(false), ..Selection::default() }), [1]);
    assert_eq!(capture.reader().listed(2).unwrap().unwrap().marks.as_deref(), Some("pin #odd"));
    assert_eq!(keep.delete(vec![1, 2], Pins::Heed, &mut |_| {}).unwrap().pinned, 1);
    assert_eq!(keep.unremark(&[2], &Remark::Pin).unwrap(), 1);
    assert_eq!(keep.delete(vec![2], Pins::Heed, &mut |_| {}).unwrap().exchanges, 1);
}

#[test]
fn damage_is_found_and_says_whom_it_hits() {
    for (rule, sql, what, hits) in [
        ("raw", "UPDATE raw SET hash = zeroblob(16) WHERE id = 4", "request of exchange", 1),
        ("a message", "UPDATE message SET body = X'00' WHERE id = 1", "message 1", 3),
        (
            "a message's text",
            "UPDATE message SET hash = X'0102030405060708090a0b0c0d0e0f10' WHERE id = 1",
            "message 1",
            3,
        ),
        (
            "a missing message",
            "PRAGMA foreign_keys = 0; DELETE FROM message WHERE id = 2",
            "message 2",
            3,
        ),
        ("a detail", "UPDATE content SET detail = X'00ff' WHERE exchange = 3", "exchange", 1),
        ("no content", "DELETE FROM content WHERE exchange = 3", "exchange", 1),
    ] {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        Connection::open(capture.path()).unwrap().execute_batch(sql).unwrap();
        let damages = verify(&capture.reader(), &mut |_| {}).unwrap().damages;
        let found = damages.iter().find(|damage| damage.what.starts_with(what));
        let found = found.unwrap_or_else(|| panic!("{rule}: {damages:?}"));
        assert_eq!(found.exchanges.len(), hits, "{rule}: {damages:?}");
    }
}

#[test]
fn a_backup_is_whole_for_its_owner_alone_and_overwrites_nothing() {
    let mut capture = Capture::new();
    capture.write(&[turn(0), turn(1)]);
    let to = capture.dir.path().join("copy.db");
    let length = backup(&capture.reader(), &to).unwrap();
    assert_eq!(fs::metadata(&to).unwrap().len(), length);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let copied = Reader::open(&to).unwrap().exchange(2).unwrap();
    assert_eq!(copied.as_ref().map(told), Some(turn(1)));
    assert!(backup(&capture.reader(), &to).is_err());
    assert_eq!(fs::read_dir(capture.dir.path()).unwrap().count(), 2, "nothing half is left");
}

#[test]
fn what_can_be_read_of_a_damaged_capture_is_brought_back() {
    let mut capture = Capture::new();
    capture.write(&(0..50).map(turn).collect::<Vec<_>>());
    Keep::open(&capture.path(), Erase::Free)
        .unwrap()
        .remark(&[4], &Remark::Tag("kept".into()))
        .unwrap();
    let conn = Connection::open(capture.path()).unwrap();
    conn.execute_batch("DELETE FROM content WHERE exchange = 9").unwrap();
    drop(conn);
    let aside = set_aside(&capture.path()).unwrap();
    assert!(aside.to_string_lossy().contains("capture.db.damaged-"));
    let key = salvage_key(&aside).unwrap();
    let mut store = crate::store::Store::open_with_key(&capture.path(), key).unwrap();
    store.write(&[entry(stored(turn(0)))]).unwrap();
    let salvaged = salvage(&aside, &mut store, &mut |_| {}).unwrap();
    assert_eq!(salvaged, Salvaged { exchanges: 48, known: 1, lost: 1 });
    let reader = capture.reader();
    let (seq, _) = reader.find(&turn(3).id.to_string()).unwrap();
    let found = reader.exchange(seq).unwrap().unwrap();
    assert_eq!(found.annotations.tags, ["kept"]);
    assert_eq!(told(&Exchange { annotations: Default::default(), ..found }), turn(3));
    whole(&capture);
}

#[test]
fn losses_are_counted_by_their_time_and_outlive_their_flow() {
    let mut capture = Capture::new();
    let now = Timestamp::now();
    let loss = |hours: i64| {
        let at = now - jiff::SignedDuration::from_hours(hours);
        Entry::Loss(Loss { at, what: "exchange 7".into(), why: "a fault".into() })
    };
    capture.store.write(&[loss(0), loss(5), loss(500)]).unwrap();
    let health = capture.reader().health(now).unwrap();
    assert_eq!(health.losses.map(|losses| losses.others), [1, 2, 3]);
    assert!(health.file_bytes > 0 && health.schema == 3);
}

#[test]
fn no_slice_holds_the_lock_for_long() {
    let mut capture = Capture::new();
    let entries: Vec<_> = (0..60).map(long_turn).collect();
    capture.store.write(&entries).unwrap();
    let mut keep = Keep::open(&capture.path(), Erase::Overwrite).unwrap();
    keep.delete((2..=60).collect(), Pins::Heed, &mut |_| {}).unwrap();
    let mut upkeep = everything();
    let mut slices = 0;
    while upkeep.step(&mut keep.conn).unwrap() == Progress::More {
        slices += 1;
    }
    assert!(slices > 10, "{slices}");
    assert_eq!(whole(&capture).exchanges, 1);
}
