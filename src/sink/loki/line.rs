//! The lines of an exchange: its JSON, in pieces where it is too long for one.

use serde_json::{Value, json};

use crate::export::jsonl;
use crate::model::Exchange;

/// Longest line, in bytes: Loki refuses more than 256 KiB (`max_line_size`), and a proxy before
/// it may count otherwise.
pub(super) const LINE_BYTES_MAX: usize = 240 << 10;

/// Most of an exchange, in bytes: Loki takes no push of more than 6 MB (`ingestion_burst_size_mb`)
/// nor a message of more than 4 MiB between its own parts, however slowly one sends.
pub(super) const EXCHANGE_BYTES_MAX: usize = 3 << 20;

/// A text is not cut further once it is so short, in bytes: ids and times stay whole, and below it
/// the number of texts is what is large.
const TEXT_BYTES_MIN: usize = 64;

/// What an exchange may yet be told after it was recorded: its thread by what is stored later, its
/// process by the system, its cost by other prices. In a line it would make the same exchange
/// another one, which Loki would keep beside the first; the structured metadata has it, which Loki
/// does not compare.
const TOLD_LATER: &[(&str, &[&str])] = &[
    (
        "",
        &["annotations", "thread", "thread_rule", "parent", "inherited", "cost_usd", "cost_source"],
    ),
    ("/app", &["process", "pid"]),
];

/// What no one looks for in a line.
const NOISE: &[(&str, &[&str])] = &[("/request", &["headers"]), ("/reply", &["headers"])];

/// The lines of an exchange; each is JSON.
///
/// One line is the exchange as `docs/exchange.md` has it, but for those fields. Of several each
/// has a piece of that JSON's text: put together they are the line that was too long.
pub(super) fn lines(exchange: &Exchange) -> Vec<String> {
    let whole = whole(exchange);
    if whole.len() <= LINE_BYTES_MAX {
        return vec![whole];
    }
    let id = exchange.id.to_string();
    let frame = |part: usize, of: usize, text: &str| {
        json!({ "exchange": id, "part": part, "of": of, "text": text }).to_string()
    };
    let room = LINE_BYTES_MAX.saturating_sub(frame(usize::MAX, usize::MAX, "").len());
    let pieces = pieces(&whole, room);
    let of = pieces.len();
    pieces.iter().zip(1..).map(|(text, part)| frame(part, of, text)).collect()
}

/// The JSON of an exchange, its long texts cut if it would be too long for Loki at all.
fn whole(exchange: &Exchange) -> String {
    let mut value = serde_json::to_value(exchange).unwrap_or_default();
    for (place, names) in TOLD_LATER.iter().chain(NOISE) {
        if let Some(Value::Object(fields)) = value.pointer_mut(place) {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
    }
    let mut most = EXCHANGE_BYTES_MAX;
    let mut text = harmless(&value);
    if text.len() <= EXCHANGE_BYTES_MAX {
        return text;
    }
    while text.len() > EXCHANGE_BYTES_MAX && most > TEXT_BYTES_MIN {
        most /= 2;
        // Written anew only where that may do: a hundred thousand messages take long to write.
        if cut(&mut value, most) <= EXCHANGE_BYTES_MAX {
            text = harmless(&value);
        }
    }
    if text.len() <= EXCHANGE_BYTES_MAX {
        note(&mut value, format!("for Loki each text was cut to {most} bytes"));
        return harmless(&value);
    }
    leave_out_content(&mut value);
    note(&mut value, "for Loki what was said was left out: it is too much".to_owned());
    harmless(&value)
}

fn note(value: &mut Value, words: String) {
    if let Some(Value::Array(notes)) = value.get_mut("notes") {
        notes.push(words.into());
    }
}

/// What remains of an exchange that is a million short texts.
fn leave_out_content(value: &mut Value) {
    for place in [
        "/request/messages",
        "/request/tools",
        "/request/params",
        "/reply/choices",
        "/usage/raw",
        "/notes",
    ] {
        match value.pointer_mut(place) {
            Some(Value::Array(all)) => all.clear(),
            Some(Value::Object(all)) => all.clear(),
            Some(_) | None => {}
        }
    }
}

/// Cuts every text in it to at most so many bytes; how many bytes all of them then have.
fn cut(value: &mut Value, most: usize) -> usize {
    match value {
        Value::String(text) => {
            text.truncate(text.floor_char_boundary(most));
            text.len()
        }
        Value::Array(all) => all.iter_mut().map(|value| cut(value, most)).sum(),
        Value::Object(all) => all.values_mut().map(|value| cut(value, most)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// JSON that steers no terminal: people read Loki with `logcli`.
fn harmless(value: &Value) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and what was text is text.
    let _ = jsonl::harmless(&mut out, &value.to_string());
    String::from_utf8(out).unwrap_or_default()
}

/// Pieces that have at most `room` bytes each once they stand in a string of JSON; cut between
/// characters.
fn pieces(text: &str, room: usize) -> Vec<&str> {
    let (mut pieces, mut from, mut len) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let takes = match c {
            '"' | '\\' => 2,
            // `harmless` has left none of them.
            c if c.is_control() => 6,
            c => c.len_utf8(),
        };
        if len + takes > room && at > from {
            pieces.extend(text.get(from..at));
            (from, len) = (at, 0);
        }
        len += takes;
    }
    pieces.extend(text.get(from..));
    pieces
}
