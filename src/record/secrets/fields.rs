//! Credentials by the name before them: `"access_token": "…"`, `DB_PASSWORD=…`,
//! `x-api-key: …`, as they stand in JSON, in settings and in commands.
//!
//! A prompt must stay readable, so a name alone is not enough: the value must look like a
//! credential as well, and more so where nothing marks its end. Left are values that are no
//! strings, short ones, ones with white space, placeholders and expressions.

use std::ops::Range;

use super::mark::is_mark;
use super::names::is_paging;
use super::needles::Needles;
use super::text::{Alphabet, has_digit, looks_random};

/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 8192;

/// Longest password that somebody chose, in bytes.
const PASSWORD_BYTES_MAX: usize = 128;

/// Longest name looked at, in bytes.
const NAME_BYTES_MAX: usize = 48;

/// Most white space between a name, its sign and its value, in bytes.
const SPACE_BYTES_MAX: usize = 8;

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Chosen by people: may be short.
    Password,
    /// Made by machines.
    Key,
    /// A word with other meanings, unless the name says more (`access_token`).
    Token,
    /// A key or token, perhaps after the word of a scheme.
    Authorization,
}

/// Ends of names; at most as many as one search is fast for, so in capitals `_KEY` stands for
/// all that end so. The first letters are left out where only their case differs.
const TAILS: &[(&str, &str, Promise)] = &[
    ("ecret_key", "secret-key", Promise::Key),
    ("ecretKey", "secret-key", Promise::Key),
    ("ecret", "secret", Promise::Key),
    ("ECRET", "secret", Promise::Key),
    ("oken", "token", Promise::Token),
    ("OKEN", "token", Promise::Token),
    ("assword", "password", Promise::Password),
    ("ASSWORD", "password", Promise::Password),
    ("asswd", "password", Promise::Password),
    ("assphrase", "password", Promise::Password),
    ("pi_key", "api-key", Promise::Key),
    ("piKey", "api-key", Promise::Key),
    ("pikey", "api-key", Promise::Key),
    ("pi-key", "api-key", Promise::Key),
    ("PI-KEY", "api-key", Promise::Key),
    ("pi-Key", "api-key", Promise::Key),
    ("PI-Key", "api-key", Promise::Key),
    ("ccess_key", "access-key", Promise::Key),
    ("ccessKey", "access-key", Promise::Key),
    ("rivate_key", "private-key", Promise::Key),
    ("rivateKey", "private-key", Promise::Key),
    ("ubscription-key", "subscription-key", Promise::Key),
    ("ubscription-Key", "subscription-key", Promise::Key),
    ("_KEY", "key", Promise::Key),
    ("_PASS", "password", Promise::Password),
    ("uthorization", "authorization", Promise::Authorization),
    ("UTHORIZATION", "authorization", Promise::Authorization),
    ("Pwd=", "password", Promise::Password),
    ("sig=", "signature", Promise::Key),
    ("ignature=", "signature", Promise::Key),
];

/// The table, ready to be searched.
pub(super) struct Fields {
    tails: Needles,
}

impl Fields {
    pub fn new() -> Self {
        Self { tails: Needles::new(TAILS.iter().map(|(tail, _, _)| tail.as_bytes())) }
    }

    /// The next credential whose name ends after `from`.
    pub fn find(&self, bytes: &[u8], mut from: usize) -> Option<(&'static str, Range<usize>)> {
        while let Some(hit) = self.tails.find(bytes, from) {
            from = hit.start + 1;
            let Some((tail, kind, promise)) = TAILS.get(hit.which) else {
                continue;
            };
            let end = hit.end - usize::from(tail.ends_with('='));
            let value = value(bytes, end, *promise).filter(|value| {
                let name = name(bytes, end);
                value.keeps(bytes, name, *promise)
            });
            if let Some(value) = value {
                return Some((kind, value.range));
            }
        }
        None
    }
}

/// A value behind a name.
struct Value {
    range: Range<usize>,
    /// Whether quotes mark where it ends.
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Quoted,
    Bare,
}

impl Value {
    /// Whether this is a credential, given the name before it.
    fn keeps(&self, bytes: &[u8], name: &[u8], promise: Promise) -> bool {
        let value = bytes.get(self.range.clone()).unwrap_or_default();
        if is_mark(value) || is_placeholder(value) || is_paging(name) {
            return false;
        }
        // `DB_PASSWORD=…` is a setting; `password: …` may be a sentence.
        let is_setting = name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase);
        let bare_word = matches!(name.len(), 0..=6);
        match (self.end, promise) {
            (End::Quoted, Promise::Password) => {
                value.len() >= 12 || value.len() >= 8 && !value.iter().all(u8::is_ascii_alphabetic)
            }
            // `token` alone is also a word of a model's vocabulary (`logprobs`).
            (End::Quoted, Promise::Token) if bare_word => looks_random(value),
            (End::Quoted, _) => value.len() >= 24 || value.len() >= 16 && has_digit(value),
            (End::Bare, Promise::Password) if is_setting => value.len() >= 8 && has_digit(value),
            (End::Bare, Promise::Password) => looks_random(value) || looks_chosen(value),
            (End::Bare, _) => looks_random(value),
        }
    }
}

/// Whether a value without quotes looks like a password that somebody chose, and not like a
/// name of a program: letters and digits, and both cases, three digits or a sign besides.
fn looks_chosen(value: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|byte| is(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let signs = count(|byte| byte.is_ascii_punctuation() && !b"_.-/:".contains(byte));
    let mixed = upper > 0 && lower > 0 || digits >= 3 || signs > 0;
    value.len() >= 8 && digits > 0 && upper + lower > 0 && mixed
}

/// The name that ends at `end`.
fn name(bytes: &[u8], end: usize) -> &[u8] {
    let before = bytes.get(..end).unwrap_or_default();
    let length = before
        .iter()
        .rev()
        .take(NAME_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        .count();
    before.get(end - length..).unwrap_or_default()
}

/// The value behind a name that ends at `end`.
fn value(bytes: &[u8], end: usize, promise: Promise) -> Option<Value> {
    let closing = quote(bytes, end);
    let at = spaces(bytes, end + closing.map_or(0, |quote| quote.len()));
    let at = match bytes.get(at..)? {
        [b'=', b'>', ..] => at + 2,
        [b'=' | b':', ..] => at + 1,
        _ => return None,
    };
    let at = spaces(bytes, at);
    let opening = quote(bytes, at);
    match (closing, opening) {
        (_, Some(quote)) => quoted(bytes, at + quote.len(), quote),
        // A quoted name is one of JSON: what is no string there is no credential.
        (Some(_), None) => None,
        (None, None) if promise == Promise::Password => {
            chosen(bytes, at).or_else(|| bare(bytes, at))
        }
        (None, None) => bare(bytes, scheme_end(bytes, at)),
    }
}

/// A quote at `at`, with the backslashes that escape it.
fn quote(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let slashes = rest.iter().take(4).take_while(|b| **b == b'\\').count();
    match rest.get(slashes)? {
        b'"' => rest.get(..=slashes),
        b'\'' if slashes == 0 => rest.get(..1),
        _ => None,
    }
}

/// A value up to the quote that opened it, or to the end of a text that was cut. In a string
/// of JSON a value may have escapes; in one that is escaped itself it may not, because theirs
/// would be told from ours by counting.
fn quoted(bytes: &[u8], start: usize, quote: &[u8]) -> Option<Value> {
    let start = scheme_end(bytes, start);
    let rest = bytes.get(start..)?;
    let mut at = 0;
    while at <= VALUE_BYTES_MAX {
        let behind = rest.get(at..).unwrap_or_default();
        if behind.is_empty() || behind.starts_with(quote) {
            return Some(Value { range: start..start + at.min(rest.len()), end: End::Quoted });
        }
        match behind {
            [b'\\', ..] if quote == b"\"" => at += 2,
            [b'\\' | b'"' | b'\'', ..] => return None,
            [byte, ..] if byte.is_ascii_whitespace() || byte.is_ascii_control() => return None,
            _ => at += 1,
        }
    }
    None
}

/// A password without quotes, which may have signs, if it looks like one.
fn chosen(bytes: &[u8], start: usize) -> Option<Value> {
    let rest = bytes.get(start..)?;
    let is_sign = |byte: u8| byte.is_ascii_graphic() && !b"\"'`\\<>(){}[]|;&,$".contains(&byte);
    let run = rest.iter().take(PASSWORD_BYTES_MAX).take_while(|byte| is_sign(**byte)).count();
    let value = rest.get(..run)?;
    // A call, an index or a template is code that fetches the password.
    let is_code = matches!(rest.get(run), Some(b'(' | b'[' | b'{' | b'$'));
    let length = value.len() - value.iter().rev().take_while(|byte| **byte == b'.').count();
    let ends = Value { range: start..start + length, end: End::Bare };
    (!is_code && looks_chosen(value)).then_some(ends)
}

/// A value of the characters that keys are made of, up to the first that is none.
fn bare(bytes: &[u8], start: usize) -> Option<Value> {
    let rest = bytes.get(start..)?;
    let is_key = |byte: u8| byte != b'=' && (Alphabet::Token.has(byte) || byte == b'%');
    let run = rest.iter().take(VALUE_BYTES_MAX + 1).take_while(|byte| is_key(**byte)).count();
    // Of what has an `=` inside, the first part decides and the rest goes with it: so a long
    // row of `token=token=…` is not gone through again from each of its names.
    let random = looks_random(rest.get(..run).unwrap_or_default());
    let more = if random { VALUE_BYTES_MAX } else { 2 };
    let padding = rest
        .iter()
        .skip(run)
        .take(more)
        .take_while(|byte| **byte == b'=' || random && is_key(**byte))
        .count();
    let mut length = run + padding;
    while length > 0 && matches!(rest.get(length - 1), Some(b'.')) {
        length -= 1;
    }
    // A call, an index or a template is code that fetches the key.
    let is_code = matches!(rest.get(length), Some(b'(' | b'[' | b'{' | b'$'));
    (run <= VALUE_BYTES_MAX && !is_code)
        .then_some(Value { range: start..start + length, end: End::Bare })
}

/// Behind the word of a scheme at `at`, if one is there.
fn scheme_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let scheme = [&b"Bearer "[..], b"bearer ", b"Basic ", b"basic ", b"Token ", b"token "]
        .into_iter()
        .find(|scheme| rest.starts_with(scheme));
    at + scheme.map_or(0, <[u8]>::len)
}

/// Behind the white space at `at`.
fn spaces(bytes: &[u8], at: usize) -> usize {
    let spaces = bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(SPACE_BYTES_MAX)
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count();
    at + spaces
}

/// `${KEY}`, `{{key}}`, `<your key>`, `YOUR_API_KEY`, `xxxx…`, `%KEY%`: stands for a key.
fn is_placeholder(value: &[u8]) -> bool {
    let constant = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    let first = value.first();
    value.iter().any(|byte| matches!(byte, b'$' | b'{' | b'}' | b'<' | b'>'))
        || value.iter().all(constant)
        || value.iter().all(|byte| Some(byte) == first)
        || value.first() == Some(&b'%') && value.last() == Some(&b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_value_make_a_credential() {
        let key = ["0fake1", "fake2", "fake3fake"].concat();
        let check = |rule: &str, text: &str, expected: &[&str]| {
            let fields = Fields::new();
            let mut found = Vec::new();
            let mut from = 0;
            while let Some((_, range)) = fields.find(text.as_bytes(), from) {
                from = range.end;
                found.push(text[range].replace(&key, "§"));
            }
            assert_eq!(found, expected, "{rule}: {text}");
        };
        for (rule, text, expected) in [
            ("JSON", "{\"access_token\": \"§\"}", &["§"][..]),
            ("tight", "{\"apiKey\":\"§\",\"client_secret\":\"§\"}", &["§", "§"]),
            ("over lines", "\"refresh_token\" :\n  \"§\"", &["§"]),
            ("JSON in JSON", "\"{\\\"api_key\\\": \\\"§\\\"}\"", &["§"]),
            ("escapes in a value", "\"password\":\"a\\\"§\"", &["a\\\"§"]),
            ("Python", "{'api_key': '§'}", &["§"]),
            ("Ruby", "'token' => '§'", &["§"]),
            ("a scheme stays", "\"Authorization\": \"Bearer §\"", &["§"]),
            ("a command", "curl -H 'x-api-key: §'", &["§"]),
            ("a command", "-H \"Authorization: Bearer §\"", &["§"]),
            ("a setting", "export OPENAI_API_KEY=§\n", &["§"]),
            ("a setting in JSON", "\"text\":\"A_KEY=§\\nB_TOKEN=§\"", &["§", "§"]),
            ("a short password", "DB_PASSWORD=hunter22x", &["hunter22x"]),
            ("a password", "\"password\": \"hunter22\"", &["hunter22"]),
            ("a password with signs", "Password=Hunter-2@fake!;", &["Hunter-2@fake!"]),
            ("in YAML", "password: Hunter2fake\n", &["Hunter2fake"]),
            ("a name of a program", "password=new_password2", &[]),
            ("a call", "password=hashPassword2(x)", &[]),
            ("a word", "password: required", &[]),
            ("a signed URL", "https://a/b?sv=1&sig=§%3D&x=1", &["§%3D"]),
            ("YAML", "client_secret: §\n", &["§"]),
            ("no string", "\"token\": 1234567890123456789", &[]),
            ("an object", "\"password\": {\"type\": \"string\"}", &[]),
            ("short", "\"token\": \"Hello\"", &[]),
            ("a long word", "\"token\": \"Donaudampfschifffahrtsgesellschaft\"", &[]),
            ("prose", "the token: it is long enough to be one", &[]),
            ("prose", "\"secret\": \"the user's own secret word\"", &[]),
            ("code", "token = get_token_from_config123()", &[]),
            ("code", "api_key=os.environ[\"OPENAI_API_KEY1234\"]", &[]),
            ("a template", "\"api_key\": \"${OPENAI_API_KEY_123456}\"", &[]),
            ("a placeholder", "\"api_key\": \"YOUR_OPENAI_API_KEY_HERE\"", &[]),
            ("a placeholder", "\"api_key\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxx\"", &[]),
            ("counts", "\"prompt_tokens\": 12, \"max_tokens\": 1", &[]),
            ("a place in a list", "\"next_page_token\": \"§\"", &[]),
            ("a mark", "\"api_key\": \"<api-key:01234567..abcd>\"", &[]),
            ("reasoning's signature", "\"signature\": \"§\"", &[]),
            ("a last word", "\"your secret\", \"§\"", &[]),
            ("cut", "\"access_token\": \"§", &["§"]),
            ("cut in an escape", "\"access_token\": \"§\\", &["§\\"]),
        ] {
            check(rule, &text.replace('§', &key), expected);
        }
    }
}
