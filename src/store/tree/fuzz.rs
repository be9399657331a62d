//! A fuzz body: any bytes come back, and damaged ones are told.

use std::cell::RefCell;

use rusqlite::Connection;

use super::{
    Class, base64, columns, cut, escape, node, read, references, references_of_blob, write,
    write_like,
};
use crate::store::codec::Codec;
use crate::store::open::MIGRATIONS;

thread_local! {
    static CAPTURE: RefCell<Option<(Connection, Codec)>> = const { RefCell::new(None) };
}

/// The first byte of `data` is the class of the bytes that follow.
///
/// # Panics
/// If bytes do not come back.
pub fn run(data: &[u8]) {
    let Some((class, bytes)) = data.split_first() else { return };
    pure(bytes);
    CAPTURE.with_borrow_mut(|capture| {
        if capture.is_none() {
            *capture = made().ok();
        }
        let Some((conn, codec)) = capture else { return };
        codec.tree.begin(Class(i64::from(class % 4)));
        let class = Class(i64::from(class % 16));
        for root in [write(conn, codec, bytes), write_like(conn, codec, class, bytes)] {
            let back = root.and_then(|root| read(conn, &root));
            assert!(back.is_ok_and(|back| back == bytes), "it came back otherwise");
        }
        let _ = read(conn, bytes);
        let _ = references(conn, bytes);
        let _ = references_of_blob(conn, i64::from(*bytes.first().unwrap_or(&0)), bytes);
    });
}

/// What needs no capture.
fn pure(bytes: &[u8]) {
    let mut end = 0;
    for piece in cut::cut(bytes) {
        assert!(piece.range.start >= end && piece.range.end <= bytes.len(), "pieces overlap");
        end = piece.range.end;
    }
    let mut out = Vec::new();
    let _ = columns::decode(bytes, 1 << 20, &mut out);
    if let Some((text, style)) = escape::unescape(bytes) {
        out.clear();
        escape::escape(&text, style, &mut out);
        assert_eq!(out, bytes);
    }
    let _ = base64::find(bytes);
    let _ = node::items(bytes).count();
}

/// A capture in memory.
fn made() -> Result<(Connection, Codec), crate::store::StoreError> {
    let conn = Connection::open_in_memory()?;
    for sql in MIGRATIONS {
        conn.execute_batch(sql)?;
    }
    Ok((conn, Codec::new([7; 32])?))
}
