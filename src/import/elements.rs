//! The objects of one array inside a large JSON text, cut out one by one.
//!
//! Only brackets and strings are looked at: what a damaged object is wrong in costs that object,
//! not those behind it, and however deep its brackets go, it takes a counter.

use memchr::memchr2;

/// Longest object kept, in bytes: request and reply with bodies as long as the recorder keeps
/// them, in base64 or with escapes.
pub const ELEMENT_BYTES_MAX: usize = 256 << 20;

/// Longest name of a field that is looked at.
const NAME_BYTES_MAX: usize = 16;

/// An element of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An object, from brace to brace.
    Object(&'a [u8]),
    /// An object of so many bytes, which were not kept.
    TooLong(u64),
}

/// How the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its last bracket.
    Whole,
    /// In the middle of an object.
    WithinElement,
    /// Between two objects, or before the first one.
    Cut,
    /// The array was nowhere in it.
    Nowhere,
}

/// Cuts out the objects of the array that stands below `path`.
#[derive(Debug)]
pub struct Elements {
    path: &'static [&'static str],
    limit: usize,
    /// Brackets that are open.
    depth: usize,
    /// How many of those, from the outermost on, lead to the array; with the array itself one
    /// more than the path has names.
    on: usize,
    text: Text,
    /// The last string of a bracket that leads to the array, as far as a name is long.
    name: Vec<u8>,
    /// The next value is what the path leads to.
    is_next: bool,
    /// The object that is being cut out, and the bytes it has so far.
    element: Option<(Vec<u8>, u64)>,
    was_there: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// After a backslash.
    Escape,
}

impl Elements {
    /// Those of the array below the fields of `path`; of the text itself without any.
    pub fn new(path: &'static [&'static str]) -> Self {
        Self::with_limit(path, ELEMENT_BYTES_MAX)
    }

    fn with_limit(path: &'static [&'static str], limit: usize) -> Self {
        Self {
            path,
            limit,
            depth: 0,
            on: 0,
            text: Text::Outside,
            name: Vec::new(),
            is_next: true,
            element: None,
            was_there: false,
        }
    }

    /// Takes the next bytes and hands each object that they complete to `dispatch`.
    ///
    /// `bytes` may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], dispatch: &mut dyn FnMut(Element<'_>)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let length = match self.text {
                Text::Inside => memchr2(b'"', b'\\', rest).unwrap_or(rest.len()).max(1),
                _ => 1,
            };
            let (piece, more) = rest.split_at(length.min(rest.len()));
            rest = more;
            if self.text == Text::Inside && !matches!(first, b'"' | b'\\') {
                self.remember(piece);
                self.keep(piece);
                continue;
            }
            self.take(*first, dispatch);
        }
    }

    /// How the text ended.
    pub fn finish(self) -> Ending {
        match self.element {
            Some(_) => Ending::WithinElement,
            None if !self.was_there => Ending::Nowhere,
            None if self.depth > 0 => Ending::Cut,
            None => Ending::Whole,
        }
    }

    /// Takes a byte that may mean something.
    fn take(&mut self, byte: u8, dispatch: &mut dyn FnMut(Element<'_>)) {
        match (self.text, byte) {
            (Text::Outside, b'{' | b'[') => return self.open(byte),
            (Text::Outside, b'}' | b']') => return self.close(byte, dispatch),
            (Text::Outside, b'"') => {
                self.text = Text::Inside;
                self.name.clear();
            }
            (Text::Outside, b':') => self.is_next = self.is_wanted(),
            (Text::Outside, b',') => self.is_next = false,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, b'\\') => {
                self.text = Text::Escape;
                // No name that is looked for has an escape.
                self.remember(b"\\");
            }
            (Text::Escape, _) => self.text = Text::Inside,
            _ => {}
        }
        self.keep(&[byte]);
    }

    /// Whether the name that came last is the next one of the path.
    fn is_wanted(&self) -> bool {
        let wanted = self.on.checked_sub(1).and_then(|at| self.path.get(at));
        self.depth == self.on && wanted.is_some_and(|wanted| wanted.as_bytes() == self.name)
    }

    fn open(&mut self, bracket: u8) {
        let is_last = self.on == self.path.len();
        let leads = self.is_next && self.depth == self.on && !self.is_in_array();
        let begins = self.depth == self.on && self.is_in_array() && bracket == b'{';
        self.depth += 1;
        self.is_next = false;
        if leads && (bracket == b'[') == is_last {
            self.on = self.depth;
            self.was_there |= is_last;
        } else if begins {
            self.element = Some((Vec::new(), 0));
        }
        self.keep(&[bracket]);
    }

    fn close(&mut self, bracket: u8, dispatch: &mut dyn FnMut(Element<'_>)) {
        self.keep(&[bracket]);
        self.depth = self.depth.saturating_sub(1);
        self.is_next = false;
        if self.depth == self.on
            && let Some((bytes, length)) = self.element.take()
        {
            dispatch(match length > self.limit as u64 {
                true => Element::TooLong(length),
                false => Element::Object(&bytes),
            });
        }
        self.on = self.on.min(self.depth);
    }

    fn is_in_array(&self) -> bool {
        self.on == self.path.len() + 1
    }

    fn remember(&mut self, piece: &[u8]) {
        let room = NAME_BYTES_MAX.saturating_sub(self.name.len());
        if self.element.is_none() {
            self.name.extend(piece.iter().take(room));
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        let Some((bytes, length)) = &mut self.element else { return };
        *length += piece.len() as u64;
        if *length <= self.limit as u64 {
            bytes.extend_from_slice(piece);
        } else if !bytes.is_empty() {
            *bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: &[&str] = &["log", "entries"];

    fn cut<'a>(
        path: &'static [&'static str],
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<String>, Ending) {
        let mut elements = Elements::with_limit(path, 24);
        let mut found = Vec::new();
        for piece in pieces {
            elements.feed(piece, &mut |element| {
                found.push(match element {
                    Element::Object(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Element::TooLong(length) => format!("{length} bytes"),
                });
            });
        }
        (found, elements.finish())
    }

    #[test]
    fn objects_of_the_array_are_cut_out() {
        use Ending::{Cut, Nowhere, Whole, WithinElement};
        for (rule, path, text, expected, ending) in [
            ("none", LOG, r#"{"log":{"entries":[]}}"#, &[][..], Whole),
            (
                "two",
                LOG,
                r#"{"log":{"a":1,"entries":[{"b":2}, {}]}}"#,
                &[r#"{"b":2}"#, "{}"],
                Whole,
            ),
            (
                "brackets in strings are no brackets",
                LOG,
                r#"{"log":{"entries":[{"a":"}]\"\\"},{}]}}"#,
                &[r#"{"a":"}]\"\\"}"#, "{}"],
                Whole,
            ),
            (
                "equal names elsewhere lead nowhere",
                LOG,
                r#"{"entries":[{"a":1}],"x":{"log":{"entries":[{}]}},"log":{"entries":[{"c":3}]}}"#,
                &[r#"{"c":3}"#],
                Whole,
            ),
            (
                "a name as a value leads nowhere",
                LOG,
                r#"{"log":{"comment":"entries","x":[{}],"entries":[{"d":4}]}}"#,
                &[r#"{"d":4}"#],
                Whole,
            ),
            (
                "a name inside an element is nothing",
                LOG,
                r#"{"log":{"entries":[{"entries":[{}]}]}}"#,
                &[r#"{"entries":[{}]}"#],
                Whole,
            ),
            (
                "what is no object is passed over",
                LOG,
                r#"{"log":{"entries":[1,[{}],{}]}}"#,
                &["{}"],
                Whole,
            ),
            (
                "a long one is not kept",
                LOG,
                r#"{"log":{"entries":[{"a":"0123456789abcdefgh"},{}]}}"#,
                &["26 bytes", "{}"],
                Whole,
            ),
            ("the end is missing", LOG, r#"{"log":{"entries":[{}"#, &["{}"], Cut),
            ("half of one", LOG, r#"{"log":{"entries":[{},{"a""#, &["{}"], WithinElement),
            ("no such array", LOG, r#"{"log":{"entries":{}}}"#, &[], Nowhere),
            ("nothing", LOG, "", &[], Nowhere),
            ("a text that is the array", &[], r#" [{"a":1},{}] "#, &[r#"{"a":1}"#, "{}"], Whole),
        ] {
            let expected: Vec<String> = expected.iter().map(|&one| one.to_owned()).collect();
            let bytes = text.as_bytes();
            assert_eq!(cut(path, [bytes]), (expected.clone(), ending), "{rule}");
            let slowly = cut(path, bytes.chunks(1));
            assert_eq!(slowly, (expected, ending), "{rule}, one byte at a time");
        }
    }

    proptest! {
        #[test]
        fn cut_anywhere_the_objects_are_the_same(
            words in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", "\"log\"", "\"entries\"", ":", ",", "\"", "\\", "a", "1", " ",
                "{\"log\":{\"entries\":[", "{\"a\":\"b\"}", "ü",
            ]), 0..40),
            piece in 1..9_usize,
        ) {
            let text = words.concat();
            let whole = cut(LOG, [text.as_bytes()]);
            prop_assert_eq!(&whole, &cut(LOG, text.as_bytes().chunks(piece)));
        }
    }
}
