//! JSON that is broken or cut, made whole again as far as it came.

/// JSON made whole, and what had to be done for it.
pub(super) struct Mended {
    /// The JSON.
    pub(super) text: String,
    /// What is wrong with the text, as the rest of a sentence.
    pub(super) note: &'static str,
}

/// Makes `text`, which ended in `error`, readable; `None` if nothing of it is.
///
/// Half a surrogate pair and raw control characters are replaced; JSON that ends early, or is
/// wrong from some point on, is closed where it was last right.
pub(super) fn mend(text: &str, error: &serde_json::Error) -> Option<Mended> {
    let (text, note) = match mend_strings(text) {
        Some(mended) => (
            mended,
            "has half a surrogate pair or a control character in a text, which is replaced",
        ),
        None if error.is_eof() => (text.to_owned(), ""),
        None => {
            let right = before(text, error.line(), error.column())?;
            return Some(Mended {
                text: close(right)?,
                note: "is broken JSON from some point on, what came before is read",
            });
        }
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Some(Mended { text, note }),
        Err(error) => {
            let right = if error.is_eof() {
                text.as_str()
            } else {
                before(&text, error.line(), error.column())?
            };
            Some(Mended { text: close(right)?, note: "ends early, what came is read" })
        }
    }
}

/// What stands before the place of an error, lines and columns counted in bytes from 1.
fn before(text: &str, line: usize, column: usize) -> Option<&str> {
    let line_at = match line.checked_sub(2) {
        None => 0,
        Some(nth) => memchr::memchr_iter(b'\n', text.as_bytes()).nth(nth)? + 1,
    };
    let mut end = (line_at + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end)
}

/// Replaces half surrogate pairs by U+FFFD and escapes raw control characters inside strings;
/// `None` if there are none.
fn mend_strings(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    let mut inside = Inside::Value;
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let (step, replaced) = match (inside, byte) {
            (Inside::Value, b'"') => {
                inside = Inside::String;
                (1, None)
            }
            (Inside::Value, _) => (1, None),
            (Inside::String, b'"') => {
                inside = Inside::Value;
                (1, None)
            }
            (Inside::String, b'\\') => match (surrogate(text, at), surrogate(text, at + 6)) {
                (Some(Half::High), Some(Half::Low)) => (12, None),
                (Some(_), _) => (6, Some("\\ufffd".to_owned())),
                (None, _) => (2, None),
            },
            (Inside::String, 0..0x20) => (1, Some(format!("\\u{byte:04x}"))),
            (Inside::String, _) => (1, None),
        };
        if let Some(replaced) = replaced {
            out.push_str(text.get(kept..at)?);
            out.push_str(&replaced);
            kept = at + step;
        }
        at += step;
    }
    if kept == 0 {
        return None;
    }
    out.push_str(text.get(kept..)?);
    Some(out)
}

#[derive(Clone, Copy)]
enum Inside {
    Value,
    String,
}

enum Half {
    High,
    Low,
}

/// The surrogate that is escaped at `at`, if one is.
fn surrogate(text: &str, at: usize) -> Option<Half> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..0xdc00 => Some(Half::High),
        0xdc00..0xe000 => Some(Half::Low),
        _ => None,
    }
}

/// Closes JSON that ends early: an unfinished text is kept as far as it came, an unfinished
/// number or word is dropped, as its end may change what it means.
fn close(text: &str) -> Option<String> {
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        scan.step(at, byte);
    }
    let mut out = String::with_capacity(text.len() + scan.open.len() + 8);
    match scan.state {
        At::InString | At::InEscape(_) if !scan.is_key => {
            out.push_str(text.get(..scan.sound)?);
            out.push('"');
        }
        _ => out.push_str(text.get(..scan.whole)?),
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    if out.ends_with(',') {
        out.pop();
    }
    out.extend(scan.open.iter().rev());
    (!out.is_empty()).then_some(out)
}

#[derive(Clone, Copy, Default, PartialEq)]
enum At {
    #[default]
    Between,
    InString,
    /// In an escape of which so many bytes are to come.
    InEscape(u8),
    InWord,
}

/// A walk over JSON that knows at each byte where it could be cut.
#[derive(Default)]
struct Scan {
    /// What closes the objects and lists that are open.
    open: Vec<char>,
    state: At,
    /// Whether the string at hand, or the last one, is a key.
    is_key: bool,
    /// Whether a value, not a key, is next.
    after_colon: Colon,
    /// Up to here, the text needs nothing but closing.
    whole: usize,
    /// Up to here, the string at hand has no half escape.
    sound: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Colon {
    #[default]
    Before,
    After,
}

impl Scan {
    fn step(&mut self, at: usize, byte: u8) {
        match (self.state, byte) {
            (At::InString, b'"') => {
                self.state = At::Between;
                if !self.is_key {
                    self.value_ends(at + 1);
                }
            }
            (At::InString, b'\\') => self.state = At::InEscape(1),
            (At::InString, _) => self.sound = at + 1,
            (At::InEscape(1), b'u') => self.state = At::InEscape(4),
            (At::InEscape(1), _) => {
                self.state = At::InString;
                self.sound = at + 1;
            }
            (At::InEscape(left), _) => self.state = At::InEscape(left - 1),
            (At::InWord, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => {
                self.value_ends(at);
                self.state = At::Between;
                self.between(at, byte);
            }
            (At::InWord, _) => {}
            (At::Between, _) => self.between(at, byte),
        }
    }

    fn between(&mut self, at: usize, byte: u8) {
        match byte {
            b'"' => {
                self.is_key = self.open.last() == Some(&'}') && self.after_colon == Colon::Before;
                self.state = At::InString;
                self.sound = at + 1;
            }
            b'{' | b'[' => {
                self.open.push(if byte == b'{' { '}' } else { ']' });
                self.after_colon = Colon::Before;
                self.whole = at + 1;
            }
            b'}' | b']' => {
                self.open.pop();
                self.value_ends(at + 1);
            }
            b':' => self.after_colon = Colon::After,
            b',' => self.after_colon = Colon::Before,
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => self.state = At::InWord,
        }
    }

    fn value_ends(&mut self, at: usize) {
        self.whole = at;
        self.after_colon = Colon::Before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn mended(text: &str) -> Option<String> {
        let error = serde_json::from_str::<Value>(text).err()?;
        mend(text, &error).map(|mended| mended.text)
    }

    #[test]
    fn broken_json_is_made_whole() {
        for (rule, broken, expected) in [
            ("an unfinished text is kept", r#"{"a":"he"#, r#"{"a":"he"}"#),
            ("an unfinished key is dropped", r#"{"a":1,"b"#, r#"{"a":1}"#),
            ("a key without value is dropped", r#"{"a":1,"b":"#, r#"{"a":1}"#),
            ("an unfinished number is dropped", r#"{"a":[1,23"#, r#"{"a":[1]}"#),
            ("an unfinished word is dropped", r#"[tr"#, "[]"),
            ("half an escape is dropped", r#"["a\u00"#, r#"["a"]"#),
            ("half of a backslash pair is dropped", r#"["a\"#, r#"["a"]"#),
            ("nested", r#"{"a":[{"b":"c"},{"d""#, r#"{"a":[{"b":"c"},{}]}"#),
            ("half a pair", r#"["\ud83dx"]"#, r#"["\ufffdx"]"#),
            ("the other half", r#"["\ude00"]"#, r#"["\ufffd"]"#),
            ("a whole pair stays", r#"["\ud83d\ude00\ud83d"]"#, r#"["\ud83d\ude00\ufffd"]"#),
            ("an escaped backslash is none", r#"["\\ud83d\ud83d"]"#, r#"["\\ud83d\ufffd"]"#),
            ("a raw control character", "[\"a\tb\"]", r#"["a\u0009b"]"#),
            ("half a pair at a cut", r#"["\ud83d"#, r#"["\ufffd"]"#),
            ("a comma too many", r#"{"a":{"b":1},},"c":2}"#, r#"{"a":{"b":1}}"#),
        ] {
            assert_eq!(mended(broken).as_deref(), Some(expected), "{rule}");
        }
    }

    #[test]
    fn json_cut_anywhere_is_readable_and_never_invents() {
        let whole = r#"{"model":"m","messages":[{"role":"user","content":"\u00e9\"x\" 😀"}],"n":12,"t":true}"#;
        for end in (1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let text = mended(&whole[..end]).unwrap_or_else(|| panic!("cut at {end}"));
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
            assert!(value["n"].is_null() || value["n"] == 12, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_not_mended() {
        for text in ["", "<html>", "nope"] {
            assert_eq!(mended(text), None, "{text}");
        }
    }
}
