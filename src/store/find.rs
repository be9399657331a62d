//! An exchange by a piece of its id.

use rusqlite::{Connection, OptionalExtension, Params};
use uuid::Uuid;

use super::{SHORT_ID_DIGITS, StoreError};

/// Digits of an id without its hyphens.
const ID_DIGITS: usize = 32;

/// Candidates named when an id fits several exchanges.
const CANDIDATES_MAX: u8 = 10;

/// The one exchange whose id, or short id, begins with `words`; if there is none, the one whose
/// id ends so.
pub(super) fn by_words(conn: &Connection, words: &str) -> Result<(i64, Uuid), StoreError> {
    let unknown = || StoreError::Unknown { words: words.to_owned() };
    let digits: String = words.trim().chars().filter(|&c| c != '-').collect();
    let digits = digits.to_ascii_lowercase();
    let is_piece =
        (1..=ID_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_piece {
        return Err(unknown());
    }
    let mut fits = beginning(conn, &digits)?;
    fits.extend(beginning_short(conn, &digits)?);
    if fits.is_empty() {
        fits = ending(conn, &digits)?;
    }
    fits.sort_unstable_by(|a, b| b.cmp(a));
    fits.dedup();
    match fits.as_slice() {
        [] => Err(unknown()),
        [one] => Ok(*one),
        several => Err(StoreError::Ambiguous {
            words: words.to_owned(),
            candidates: several
                .iter()
                .take(CANDIDATES_MAX.into())
                .map(|(_, id)| id.to_string())
                .collect(),
        }),
    }
}

/// The name of the one thread whose name is `words` or begins so; if there is none, of the one
/// that has the exchange of that id.
pub(super) fn thread_by_words(conn: &Connection, words: &str) -> Result<String, StoreError> {
    let words = words.trim();
    let mut statement = conn.prepare_cached(
        "SELECT name FROM thread WHERE substr(name, 1, length(?1)) = ?1
         ORDER BY name <> ?1, id DESC LIMIT ?2",
    )?;
    let names: Vec<String> = statement
        .query_map((words, CANDIDATES_MAX + 1), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    match names.as_slice() {
        _ if words.is_empty() => {}
        [] => {}
        [first, rest @ ..] if rest.is_empty() || first == words => return Ok(first.clone()),
        several => {
            let candidates = several.iter().take(CANDIDATES_MAX.into()).cloned().collect();
            return Err(StoreError::Ambiguous { words: words.to_owned(), candidates });
        }
    }
    let unknown = || StoreError::UnknownThread { words: words.to_owned() };
    let (seq, _) = by_words(conn, words).map_err(|error| match error {
        StoreError::Unknown { .. } => unknown(),
        error => error,
    })?;
    let name = conn
        .prepare_cached(
            "SELECT name FROM exchange JOIN thread ON thread.id = thread_id WHERE seq = ?1",
        )?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    name.ok_or_else(unknown)
}

fn beginning(conn: &Connection, digits: &str) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let bound = |fill: &str| {
        let padded = format!("{digits}{}", fill.repeat(ID_DIGITS - digits.len()));
        Uuid::try_parse(&padded).unwrap_or_default()
    };
    let sql = "SELECT seq, id FROM exchange WHERE id BETWEEN ?1 AND ?2 ORDER BY seq DESC LIMIT ?3";
    fitting(conn, sql, (bound("0"), bound("f"), CANDIDATES_MAX + 1))
}

/// What people type is most often the beginning of what `overhear ls` shows.
fn beginning_short(conn: &Connection, digits: &str) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let Some(missing) = SHORT_ID_DIGITS.checked_sub(digits.len()) else { return Ok(Vec::new()) };
    let bound = |fill: &str| {
        let padded = format!("{digits}{}", fill.repeat(missing));
        u32::from_str_radix(&padded, 16).unwrap_or_default().to_be_bytes()
    };
    let sql = "SELECT seq, id FROM exchange WHERE substr(id, 13) BETWEEN ?1 AND ?2
               ORDER BY seq DESC LIMIT ?3";
    fitting(conn, sql, (bound("0"), bound("f"), CANDIDATES_MAX + 1))
}

fn ending(conn: &Connection, digits: &str) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let sql = "SELECT seq, id FROM exchange WHERE lower(hex(id)) LIKE '%' || ?1
               ORDER BY seq DESC LIMIT ?2";
    fitting(conn, sql, (digits, CANDIDATES_MAX + 1))
}

fn fitting(
    conn: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let fits = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(fits.collect::<Result<_, _>>()?)
}
