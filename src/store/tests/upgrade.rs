//! A file of the first schema comes out of the upgrade with all that was in it.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::sample::{stored, turn};
use crate::flow::Side;
use crate::model::{Exchange, Message, Part};
use crate::store::{Reader, Store, StoreError, StoredExchange};

const KEY: [u8; 32] = [9; 32];

/// Writes a file as the first schema's program did. Its statements are written out here: no
/// program that could is in the tree any more.
fn first_schema(path: &std::path::Path, exchanges: &[StoredExchange]) {
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.execute_batch(include_str!("../migrations/0001_capture.sql")).unwrap();
    conn.execute("INSERT INTO capture VALUES (1, 0, ?1)", [KEY]).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    for stored in exchanges {
        row(&conn, stored);
    }
}

fn row(conn: &Connection, stored: &StoredExchange) {
    let e = &stored.exchange;
    let usage = e.usage.as_ref();
    let reply = e.reply.as_ref();
    conn.execute(
        "INSERT INTO flow (id, opened_at, origin, mode, verdict) VALUES (?1, 0, '', '', '')
         ON CONFLICT DO NOTHING",
        [e.flow],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO exchange (id, flow, place, thread, state, started_at, first_byte_ms,
             first_token_ms, duration_ms, user_agent, process, pid, provider, dialect, operation,
             origin, host, method, path, http_version, status, streamed, request_model,
             reply_model, input, input_cached, output, cost_usd, cost_source, error_type)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 'h', ?17,
             ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)",
        rusqlite::params![
            e.id,
            e.flow,
            stored.place,
            e.thread,
            e.state.as_str(),
            i64::try_from(e.started_at.as_nanosecond()).unwrap(),
            e.first_byte_ms,
            e.first_token_ms,
            e.duration_ms,
            e.app.user_agent,
            e.app.process,
            e.app.pid,
            e.provider,
            e.dialect,
            e.operation,
            e.origin,
            e.method,
            e.path,
            e.http_version,
            e.status,
            e.streamed,
            e.request.model,
            reply.and_then(|r| r.model.clone()),
            usage.and_then(|u| u.input.map(|n| n as i64)),
            usage.and_then(|u| u.input_cached.map(|n| n as i64)),
            usage.and_then(|u| u.output.map(|n| n as i64)),
            e.cost_usd,
            e.cost_source.map(|_| "reported"),
            e.error.as_ref().map(|e| e.kind.clone()),
        ],
    )
    .unwrap();
    let seq = conn.last_insert_rowid();
    let detail = json!({
        "request_headers": e.request.headers,
        "params": e.request.params,
        "reply": reply.map(|reply| json!({"headers": reply.headers, "id": reply.id})),
        "usage": usage.map(|usage| json!({"source": usage.source, "raw": usage.raw})),
        "error_message": e.error.as_ref().map(|e| e.message.clone()),
        "notes": e.notes,
    });
    conn.execute("INSERT INTO exchange_detail VALUES (?1, ?2)", (seq, packed(&detail))).unwrap();
    let mut ordinal = 0;
    let mut push = |kind: &str, json: Value| {
        let hash = *blake3::hash(format!("{kind} {json}").as_bytes()).as_bytes();
        conn.execute(
            "INSERT OR IGNORE INTO message (hash, kind, json) VALUES (?1, ?2, ?3)",
            (hash, kind, packed(&json)),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO exchange_message SELECT ?1, ?2, id FROM message WHERE hash = ?3",
            (seq, ordinal, hash),
        )
        .unwrap();
        ordinal += 1;
    };
    if let Some(system) = &e.request.system {
        push("system", json!(system));
    }
    if !e.request.tools.is_empty() {
        push("tools", json!(e.request.tools));
    }
    e.request.messages.iter().for_each(|message| push("message", json!(message)));
    reply.iter().flat_map(|r| &r.choices).for_each(|choice| push("choice", json!(choice)));
    let sides = [("downstream", Some(&stored.request)), ("upstream", stored.reply.as_ref())];
    for (side, raw) in sides.into_iter().filter_map(|(side, raw)| Some((side, raw?))) {
        let hash = *blake3::keyed_hash(&KEY, &raw.bytes).as_bytes();
        let bytes = zstd::bulk::compress(&raw.bytes, 1).unwrap();
        // Offset 10, 500,000 ns later: as the old packing had it.
        let marks: &[u8] = if raw.marks.is_empty() { &[] } else { &[0, 0, 10, 0xc0, 0x84, 0x3d] };
        conn.execute(
            "INSERT INTO raw VALUES (?1, ?2, ?3, ?4, ?5, 'zstd', ?6, ?7)",
            (seq, side, raw.bytes.len() as i64, raw.cut as i64, hash, marks, bytes),
        )
        .unwrap();
    }
}

/// Short JSON was text, longer JSON zstd.
fn packed(json: &Value) -> rusqlite::types::Value {
    let text = json.to_string();
    match text.len() > 256 {
        true => zstd::bulk::compress(text.as_bytes(), 1).unwrap().into(),
        false => text.into(),
    }
}

fn exchanges(count: u32) -> Vec<StoredExchange> {
    let long = |n| Exchange {
        thread: Some("of its own name".into()),
        request: crate::model::Request {
            messages: vec![Message {
                role: "user".into(),
                parts: vec![Part::text("a long text ".repeat(100 + n as usize))],
            }],
            ..turn(n).request
        },
        ..turn(n)
    };
    let mut all: Vec<_> =
        (0..count).map(|n| stored(if n % 3 == 0 { long(n) } else { turn(n) })).collect();
    for (n, stored) in all.iter_mut().enumerate() {
        stored.request.bytes = format!("POST / HTTP/1.1\r\n\r\n{{\"n\":{n}}}").into_bytes();
        if n % 5 == 0 {
            stored.reply = None;
            stored.exchange.reply = None;
        }
    }
    all
}

fn compare(path: &std::path::Path, expected: &[StoredExchange]) {
    let reader = Reader::open(path).unwrap();
    for (seq, stored) in (1..).zip(expected) {
        let found = reader.exchange(seq).unwrap().unwrap();
        let linked = Exchange {
            thread: found.thread.clone(),
            thread_rule: found.thread_rule,
            parent: found.parent,
            inherited: found.inherited,
            ..stored.exchange.clone()
        };
        assert_eq!(found, linked);
        assert_eq!(reader.raw(seq, Side::Downstream).unwrap().unwrap(), stored.request);
        let reply = reader.raw(seq, Side::Upstream).unwrap();
        assert_eq!(reply, stored.reply);
    }
}

#[test]
fn every_exchange_message_and_byte_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.db");
    let exchanges = exchanges(40);
    first_schema(&path, &exchanges);
    assert!(matches!(Reader::open(&path), Err(StoreError::Older { found: 1, .. })));
    let store = Store::open(&path).unwrap();
    assert_eq!(store.key(), KEY);
    compare(&path, &exchanges);
    drop(store);
    drop(Store::open(&path).unwrap());
    compare(&path, &exchanges);
    let conn = Connection::open(&path).unwrap();
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'first%'";
    assert_eq!(conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(conn.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn an_upgrade_that_was_killed_goes_on_and_readers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.db");
    let exchanges = exchanges(30);
    first_schema(&path, &exchanges);
    crate::store::upgrade::stop_after(&path, 2);
    let error = Reader::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::HalfUpgraded { left: 14, .. }), "{error}");
    assert!(error.to_string().contains("hint"));
    drop(Store::open(&path).unwrap());
    compare(&path, &exchanges);
}

#[test]
fn what_cannot_be_read_any_more_keeps_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.db");
    first_schema(&path, &exchanges(12));
    let conn = Connection::open(&path).unwrap();
    conn.execute("UPDATE exchange_detail SET json = x'00' WHERE exchange = 3", []).unwrap();
    conn.execute("UPDATE raw SET bytes = x'00' WHERE exchange = 5", []).unwrap();
    drop(conn);
    drop(Store::open(&path).unwrap());
    let reader = Reader::open(&path).unwrap();
    for seq in [3, 5] {
        let found = reader.exchange(seq).unwrap().unwrap();
        assert!(found.notes.iter().any(|note| note.contains("could not be read")), "{seq}");
    }
    let other = exchanges(12).swap_remove(3).exchange;
    assert_eq!(reader.exchange(4).unwrap().unwrap().request, other.request);
}
