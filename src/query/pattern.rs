//! What is searched for, and its lines in a text.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::search::need;
use crate::store::index::Need;

/// Largest compiled pattern, in bytes: enough for a list of some thousand words.
const PATTERN_BYTES_MAX: usize = 64 << 20;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// A regular expression of the `regex` crate.
    Regex,
    /// The characters themselves.
    Literal,
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They differ.
    Sensitive,
    /// They are alike.
    Insensitive,
}

/// What is searched for, line by line: `^` and `$` are the ends of a line.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    need: Need,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}\nhint: `-F` takes the pattern as it is written")]
pub struct PatternError {
    error: regex::Error,
}

/// A line with a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its number in the text, from 1.
    pub number: usize,
    /// The line, without its end.
    pub line: &'a str,
    /// Where the pattern is in the line, in bytes.
    pub ranges: Vec<Range<usize>>,
    /// Lines before it, as many as were asked for and are there.
    pub before: Vec<&'a str>,
    /// Lines after it.
    pub after: Vec<&'a str>,
}

/// A [`Found`] that outlives its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLine {
    /// Its number in the text, from 1.
    pub number: usize,
    /// The line.
    pub line: String,
    /// Where the pattern is in the line, in bytes.
    pub ranges: Vec<Range<usize>>,
    /// Lines before it.
    pub before: Vec<String>,
    /// Lines after it.
    pub after: Vec<String>,
}

impl From<&Found<'_>> for FoundLine {
    fn from(found: &Found<'_>) -> Self {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Self {
            number: found.number,
            line: found.line.to_owned(),
            ranges: found.ranges.clone(),
            before: owned(&found.before),
            after: owned(&found.after),
        }
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(pattern: &str, syntax: Syntax, case: Case) -> Result<Self, PatternError> {
        let escaped;
        let pattern = match syntax {
            Syntax::Regex => pattern,
            Syntax::Literal => {
                escaped = regex::escape(pattern);
                &escaped
            }
        };
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(case == Case::Insensitive)
            .multi_line(true)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|error| PatternError { error })?;
        Ok(Self { regex, need: need(pattern, case) })
    }

    /// What a text needs to have a line with a hit.
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Whether some line of `text` may have a hit. One pass over the whole text: a text
    /// without one, and most are, is never cut into lines.
    ///
    /// A line's CR is a part of the text and not of the line, so a pattern that ends in `$`
    /// is judged by its lines only.
    fn may_be_in(&self, text: &str) -> bool {
        self.regex.is_match(text) || text.contains('\r')
    }

    /// Whether a line of `text` has it.
    pub fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// How long it is written, in bytes.
    pub fn bytes(&self) -> usize {
        self.regex.as_str().len()
    }

    /// The lines of `text` with a hit, each with `context` lines around it.
    pub fn lines<'a>(&self, text: &'a str, context: usize) -> Vec<Found<'a>> {
        if !self.may_be_in(text) {
            return Vec::new();
        }
        let lines: Vec<&str> = text.lines().collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().copied().enumerate() {
            let ranges: Vec<_> = self.regex.find_iter(line).map(|hit| hit.range()).collect();
            if ranges.is_empty() {
                continue;
            }
            let around = |range: Range<usize>| lines.get(range).unwrap_or_default().to_vec();
            let end = (index + 1).saturating_add(context).min(lines.len());
            found.push(Found {
                number: index + 1,
                line,
                ranges,
                before: around(index.saturating_sub(context)..index),
                after: around(index + 1..end),
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_hits() {
        use Case::{Insensitive, Sensitive};
        use Syntax::{Literal, Regex};
        for (rule, pattern, syntax, case, text, expected) in [
            ("a word", "b", Regex, Sensitive, "a\nb\nab", &[(2, "b"), (3, "ab")][..]),
            ("ends of a line", "^b$", Regex, Sensitive, "a\nb\nab", &[(2, "b")]),
            ("CR LF is one line end", "b$", Regex, Sensitive, "b\r\na", &[(1, "b")]),
            ("case", "B", Regex, Sensitive, "b", &[]),
            ("case alike", "Ä", Regex, Insensitive, "ä", &[(1, "ä")]),
            ("as it is written", "a.c", Literal, Sensitive, "abc\na.c", &[(2, "a.c")]),
            ("a pattern over lines has no line", "a\nb", Regex, Sensitive, "a\nb", &[]),
            ("Chinese", "天气", Regex, Sensitive, "今天天气好", &[(1, "今天天气好")]),
        ] {
            let pattern = Pattern::new(pattern, syntax, case).unwrap();
            let found: Vec<_> =
                pattern.lines(text, 0).iter().map(|found| (found.number, found.line)).collect();
            assert_eq!(found, expected, "{rule}");
        }
    }

    #[test]
    fn context_stops_at_the_ends_of_the_text() {
        let pattern = Pattern::new("x", Syntax::Regex, Case::Sensitive).unwrap();
        for (text, before, after) in [
            ("x", &[][..], &[][..]),
            ("a\nb\nc\nx\nd\ne\nf", &["b", "c"], &["d", "e"]),
            ("a\nx", &["a"], &[]),
        ] {
            let found = pattern.lines(text, 2);
            assert_eq!(found[0].before, before, "{text}");
            assert_eq!(found[0].after, after, "{text}");
        }
        assert_eq!(pattern.lines("x", usize::MAX).len(), 1);
    }
}
