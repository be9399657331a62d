//! The parameters of a header's value: `value; name=value; name="value"; name*=UTF-8''value`.

/// The value of the parameter `name`; that of `name*` counts before it.
pub(super) fn parameter(header: &str, name: &str) -> Option<String> {
    let mut plain = None;
    let mut rest = after_value(header);
    while let Some(found) = next(rest) {
        rest = found.rest;
        match found.name.strip_suffix('*') {
            Some(extended) if extended.eq_ignore_ascii_case(name) => {
                if let Some(value) = unescaped(&found.value) {
                    return Some(value);
                }
            }
            _ if found.name.eq_ignore_ascii_case(name) && plain.is_none() => {
                plain = Some(found.value);
            }
            _ => {}
        }
    }
    plain
}

struct Parameter<'a> {
    name: &'a str,
    value: String,
    rest: &'a str,
}

fn after_value(header: &str) -> &str {
    header.find(';').and_then(|at| header.get(at..)).unwrap_or_default()
}

/// The first parameter of `; name=value; …`.
fn next(text: &str) -> Option<Parameter<'_>> {
    let text = text.trim_start_matches([';', ' ', '\t']);
    if text.is_empty() {
        return None;
    }
    let at = text.find(['=', ';']).unwrap_or(text.len());
    let (name, after) = text.split_at(at);
    let name = name.trim();
    let Some(after) = after.strip_prefix('=') else {
        return Some(Parameter { name, value: String::new(), rest: after });
    };
    let after = after.trim_start();
    let (value, rest) = match after.strip_prefix('"') {
        Some(quoted) => quoted_value(quoted),
        None => {
            let (value, rest) = after.split_at(after.find(';').unwrap_or(after.len()));
            (value.trim_end().to_owned(), rest)
        }
    };
    Some(Parameter { name, value, rest })
}

/// The value up to the closing quote, and what follows the next semicolon.
///
/// Some apps escape quotes and backslashes with a backslash, most do not escape a backslash at
/// all: one before the last quote of a parameter is itself.
fn quoted_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        let rest = text.get(at + char.len_utf8()..).unwrap_or_default();
        match char {
            '\\' if rest.starts_with('\\') || is_within(rest) => {
                value.extend(chars.next().map(|(_, escaped)| escaped));
            }
            '"' => return (value, after_value(rest)),
            _ => value.push(char),
        }
    }
    (value, "")
}

/// Whether `text` begins with a quote that the parameter goes on after.
fn is_within(text: &str) -> bool {
    text.strip_prefix('"')
        .is_some_and(|rest| !matches!(rest.trim_start().chars().next(), None | Some(';')))
}

/// A value of RFC 5987: `charset'language'text`, its text percent-encoded.
fn unescaped(value: &str) -> Option<String> {
    let mut fields = value.splitn(3, '\'');
    let (charset, _language, text) = (fields.next()?, fields.next()?, fields.next()?);
    let bytes = percent_decoded(text);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" | "" => Some(String::from_utf8_lossy(&bytes).into_owned()),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (rule, header, expected) in [
            ("a word", "form-data; name=a", Some("a")),
            ("quoted", "form-data; name=\"a b\"", Some("a b")),
            ("no blanks", "form-data;name=\"a\"", Some("a")),
            ("blanks about", "form-data ; NAME = \"a\" ; x=y", Some("a")),
            ("a semicolon in quotes", "form-data; x=\"; name=b\"; name=\"a;b\"", Some("a;b")),
            ("escapes", r#"form-data; name="a\"b\\c""#, Some(r#"a"b\c"#)),
            ("a path is no escape", r#"form-data; name="C:\new""#, Some(r"C:\new")),
            ("nor is its end", r#"form-data; name="C:\"; filename="b\""#, Some(r"C:\")),
            ("a quote that is not closed", "form-data; name=\"a", Some("a")),
            ("extended", "form-data; name*=UTF-8''a%20%c3%bc%", Some("a ü%")),
            ("extended counts first", "form-data; name=\"a\"; name*=utf-8'en'b", Some("b")),
            ("Latin-1", "form-data; name*=iso-8859-1''%FC", Some("ü")),
            ("a charset nobody has", "form-data; name=\"a\"; name*=x''b", Some("a")),
            ("garbled", "form-data; name=\"a\"; name*=b", Some("a")),
            ("the first of two", "form-data; name=a; name=b", Some("a")),
            ("outside ASCII", "form-data; name=\"ü\"", Some("ü")),
            ("empty", "form-data; name=\"\"", Some("")),
            ("without a value", "form-data; name", Some("")),
            ("none", "form-data; filename=\"a\"", None),
            ("in the value", "name=a", None),
        ] {
            assert_eq!(parameter(header, "name").as_deref(), expected, "{rule}");
        }
    }
}
