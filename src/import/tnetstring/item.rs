//! A value looked at where it stands.

use memchr::memchr;

use super::decoder::length;

/// A value: its payload and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    payload: &'a [u8],
    kind: u8,
}

impl<'a> Item<'a> {
    /// The value of a payload and its type.
    pub fn new(payload: &'a [u8], kind: u8) -> Self {
        Self { payload, kind }
    }

    /// The first value of `bytes`, and what is behind it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        // A length has few digits: a colon far behind is none of its own.
        let colon = memchr(b':', bytes.get(..bytes.len().min(16))?)?;
        let length = usize::try_from(length(bytes.get(..colon)?)?).ok()?;
        let (payload, rest) = bytes.get(colon + 1..)?.split_at_checked(length)?;
        let (kind, rest) = rest.split_first()?;
        Some((Self { payload, kind: *kind }, rest))
    }

    /// The values of a list, as far as they can be read; of anything else none.
    pub fn items(self) -> impl Iterator<Item = Item<'a>> {
        let mut rest = if self.kind == b']' { self.payload } else { &[] };
        std::iter::from_fn(move || {
            let (item, behind) = Self::first(rest)?;
            rest = behind;
            Some(item)
        })
    }

    /// The value of a field of a dictionary.
    pub fn field(self, name: &str) -> Option<Item<'a>> {
        let mut rest = if self.kind == b'}' { self.payload } else { &[] };
        while let Some((key, behind)) = Self::first(rest) {
            let (value, behind) = Self::first(behind)?;
            if key.payload == name.as_bytes() {
                return Some(value);
            }
            rest = behind;
        }
        None
    }

    /// Whether it is a dictionary.
    pub fn is_dictionary(self) -> bool {
        self.kind == b'}'
    }

    /// Its bytes, if it is bytes or text.
    pub fn bytes(self) -> Option<&'a [u8]> {
        matches!(self.kind, b',' | b';').then_some(self.payload)
    }

    /// Its text; what is no UTF-8 in it is replaced.
    pub fn text(self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Its number, whole or not.
    pub fn number(self) -> Option<f64> {
        let is_number = matches!(self.kind, b'#' | b'^');
        let number = std::str::from_utf8(self.payload).ok().filter(|_| is_number)?.parse().ok()?;
        Some(number).filter(|number: &f64| number.is_finite())
    }

    /// Whether it is `true`.
    pub fn is_true(self) -> bool {
        self.kind == b'!' && self.payload == b"true"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: &[u8]) -> Option<Item<'_>> {
        Item::first(bytes).map(|(item, _)| item)
    }

    #[test]
    fn a_value_is_what_its_type_says() {
        let text = |bytes| item(bytes).and_then(Item::text);
        let number = |bytes| item(bytes).and_then(Item::number);
        assert_eq!(text(b"2:ab,"), Some("ab".to_owned()), "bytes");
        assert_eq!(text("2:ü;".as_bytes()), Some("ü".to_owned()), "text");
        assert_eq!(text(b"1:1#"), None, "a number is no text");
        assert_eq!(number(b"2:12#"), Some(12.0), "a whole number");
        assert_eq!(number(b"4:-1.5^"), Some(-1.5), "a number");
        assert_eq!(number(b"3:inf^"), None, "no number that is none");
        assert_eq!(number(b"2:12,"), None, "a text is no number");
        assert!(item(b"4:true!").is_some_and(Item::is_true));
        assert!(!item(b"4:true,").is_some_and(Item::is_true));
    }

    #[test]
    fn fields_and_lists_are_walked_as_far_as_they_go() {
        let fields = item(b"20:1:a;1:1#1:b;4:1:2#,]}").unwrap_or(Item::new(b"", b'~'));
        for (rule, name, expected) in
            [("the first", "a", Some(1.0)), ("a list", "b", None), ("none", "c", None)]
        {
            assert_eq!(fields.field(name).and_then(Item::number), expected, "{rule}");
        }
        for (rule, list, expected) in [
            ("all", &b"8:1:1#1:2#]"[..], &[1.0, 2.0][..]),
            ("up to what is broken", b"8:1:1#9:2#]", &[1.0]),
            ("none of what is no list", b"8:1:1#1:2#,", &[]),
            ("a length beyond all", b"25:1:1#99999999999999999:22#]", &[1.0]),
        ] {
            let numbers: Vec<f64> =
                item(list).into_iter().flat_map(Item::items).filter_map(Item::number).collect();
            assert_eq!(numbers, expected, "{rule}");
        }
    }
}
