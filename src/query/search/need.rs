//! What a line must contain for a pattern to match it.

use std::collections::BTreeSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Repetition};

use crate::query::Case;
use crate::store::index::{Need, is_alike};

/// Most ways of writing a part of a pattern that are looked for one by one (`(a|b)(c|d)` has
/// four); of what has more, each part is looked for by itself.
const WAYS_MAX: usize = 24;

/// Most characters of a class that are tried one by one.
const CLASS_CHARS_MAX: usize = 64;

/// Longest way, in bytes; more characters find no fewer texts.
const WAY_BYTES_MAX: usize = 256;

/// What a text needs for `regex`, in the syntax of the `regex` crate, to match in it. That of a
/// text that is no regular expression is nothing.
pub fn need(regex: &str, case: Case) -> Need {
    let hir = ParserBuilder::new()
        .case_insensitive(case == Case::Insensitive)
        .multi_line(true)
        .build()
        .parse(regex);
    hir.map_or(Need::Nothing, |hir| Found::of(&hir).into_need())
}

/// What is known of a part of a pattern.
#[derive(Clone)]
struct Found {
    /// Everything that it matches, if that is little.
    ways: Option<BTreeSet<String>>,
    /// What it needs beside one of its ways.
    need: Need,
}

impl Found {
    fn nothing() -> Self {
        Self { ways: None, need: Need::Nothing }
    }

    fn ways(ways: impl IntoIterator<Item = String>) -> Self {
        Self { ways: Some(ways.into_iter().collect()), need: Need::Nothing }
    }

    fn into_need(self) -> Need {
        let ways = self.ways.into_iter();
        let ways = ways.filter(|ways| !ways.iter().any(|way| says_little(way)));
        let ways = ways.map(|ways| Need::any(ways.iter().map(|way| Need::of_literal(way))));
        Need::all(ways.chain([self.need]))
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            // An end of a line or a word is between characters, and parts them not.
            HirKind::Empty | HirKind::Look(_) => Self::ways([String::new()]),
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => Self::ways([text.to_owned()]),
                Err(_) => Self::nothing(),
            },
            HirKind::Class(class) => Self::of_class(class),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::of_repetition(repetition),
            HirKind::Alternation(parts) => Self::of_alternation(parts),
            HirKind::Concat(parts) => Self::of_parts(parts),
        }
    }

    /// The characters of a class that differ by more than case: `[Kk\u{212A}]` is one.
    fn of_class(class: &Class) -> Self {
        let unicode = match class {
            Class::Unicode(class) => class.clone(),
            Class::Bytes(class) => match class.to_unicode_class() {
                Some(class) => class,
                None => return Self::nothing(),
            },
        };
        match chars(&unicode) {
            Some(chars) => Self::ways(chars.into_iter().map(String::from)).bounded(),
            None => Self::nothing(),
        }
    }

    fn of_repetition(repetition: &Repetition) -> Self {
        let part = &repetition.sub;
        match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let mut found = Self::of(part);
                match &mut found.ways {
                    Some(ways) => _ = ways.insert(String::new()),
                    None => return Self::nothing(),
                }
                // What the part needs is needed by those texts only that have it.
                Self { need: Need::Nothing, ..found }.bounded()
            }
            (0, _) => Self::nothing(),
            (1, Some(1)) => Self::of(part),
            _ => {
                let mut joined = Joined::default();
                joined.push_repeated(Self::of(part));
                joined.end()
            }
        }
    }

    fn of_alternation(parts: &[Hir]) -> Self {
        let found: Vec<_> = parts.iter().map(Self::of).collect();
        let is_little = |found: &Self| found.ways.is_some() && found.need == Need::Nothing;
        if found.iter().all(is_little) {
            return Self::ways(found.into_iter().filter_map(|found| found.ways).flatten())
                .bounded();
        }
        Self { ways: None, need: Need::any(found.into_iter().map(Self::into_need)) }
    }

    fn of_parts(parts: &[Hir]) -> Self {
        let mut joined = Joined::default();
        for part in parts {
            match part.kind() {
                HirKind::Repetition(Repetition { min: 1.., max, sub, .. }) if *max != Some(1) => {
                    joined.push_repeated(Self::of(sub));
                }
                _ => joined.push(Self::of(part)),
            }
        }
        joined.end()
    }

    /// Itself with its ways forgotten, if they are too many, for what they all need.
    fn bounded(self) -> Self {
        match &self.ways {
            Some(ways) if ways.len() > WAYS_MAX => Self { ways: None, need: self.into_need() },
            _ => self,
        }
    }
}

/// Parts of a pattern, one after the other.
struct Joined {
    /// What the parts since the last gap match.
    ways: BTreeSet<String>,
    /// What the parts before that need.
    needs: Vec<Need>,
    has_gap: bool,
}

impl Default for Joined {
    fn default() -> Self {
        Self { ways: BTreeSet::from([String::new()]), needs: Vec::new(), has_gap: false }
    }
}

impl Joined {
    fn push(&mut self, found: Found) {
        self.needs.push(found.need);
        let Some(ways) = found.ways else { return self.gap() };
        let longest = |ways: &BTreeSet<String>| ways.iter().map(String::len).max().unwrap_or(0);
        if self.ways.len() * ways.len() > WAYS_MAX
            || longest(&self.ways) + longest(&ways) > WAY_BYTES_MAX
        {
            self.gap();
            self.ways = ways;
            return;
        }
        let before = std::mem::take(&mut self.ways);
        let joined = before.iter().flat_map(|a| ways.iter().map(move |b| format!("{a}{b}")));
        self.ways = joined.collect();
    }

    /// One or more of a part: the first touches what is before it, the last what is after it.
    fn push_repeated(&mut self, found: Found) {
        let last = Found { ways: found.ways.clone(), need: Need::Nothing };
        self.push(found);
        self.gap();
        self.push(last);
    }

    /// What comes now does not touch what was.
    fn gap(&mut self) {
        self.has_gap = true;
        let ways = std::mem::replace(&mut self.ways, BTreeSet::from([String::new()]));
        self.needs.push(Found::ways(ways).into_need());
    }

    fn end(mut self) -> Found {
        if !self.has_gap {
            return Found { ways: Some(self.ways), need: Need::all(self.needs) };
        }
        self.gap();
        Found { ways: None, need: Need::all(self.needs) }
    }
}

/// Whether a literal is so short that nearly every text has it: to ask the index for one letter
/// costs more than it saves. A single Chinese character says much.
fn says_little(literal: &str) -> bool {
    literal.is_ascii() && literal.bytes().filter(u8::is_ascii_alphanumeric).count() == 1
}

/// One of each characters of a class that the index takes for one; `None` if they are many.
fn chars(class: &ClassUnicode) -> Option<Vec<char>> {
    let ranges = class.ranges();
    let count: usize = ranges.iter().map(|range| range.len()).sum();
    if count > CLASS_CHARS_MAX {
        return None;
    }
    let mut chars: Vec<char> = Vec::new();
    for c in ranges.iter().flat_map(|range| range.start()..=range.end()) {
        if !chars.iter().any(|other| is_alike(*other, c)) {
            chars.push(c);
        }
    }
    Some(chars)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use regex::RegexBuilder;

    use super::*;
    use crate::store::index::{Cutter, Piece, text};

    /// A need as a line: `+` joins what is needed, `|` parts ways, `~` stands for more letters.
    fn shown(need: &Need) -> String {
        let list = |needs: &[Need], mark: &str| {
            let shown: Vec<_> = needs.iter().map(shown).collect();
            format!("({})", shown.join(mark))
        };
        match need {
            Need::Nothing => "?".into(),
            Need::Word(Piece::Word(word)) => word.clone(),
            Need::Word(Piece::Part(part)) => {
                let (begins, ends) = (part.starts_with('\n'), part.ends_with('\n'));
                let edge = |known| if known { "" } else { "~" };
                format!("{}{}{}", edge(begins), part.trim(), edge(ends))
            }
            Need::All(needs) => list(needs, "+"),
            Need::Any(needs) => list(needs, "|"),
        }
    }

    #[test]
    fn needs_of_patterns() {
        use Case::{Insensitive, Sensitive};
        for (rule, pattern, case, expected) in [
            ("letters", "foo", Sensitive, "~foo~"),
            ("whatever their case", "Foo", Insensitive, "~foo~"),
            ("and what folds to them", "straße", Insensitive, "~strasse~"),
            ("words inside are whole", "a foo b", Sensitive, "(~a+foo+b~)"),
            ("ways part", "foo|bar", Sensitive, "(~bar~|~foo~)"),
            ("and are joined", "(foo|b[ae]r)baz", Sensitive, "(~barbaz~|~berbaz~|~foobaz~)"),
            ("what may be absent", "colou?r", Sensitive, "(~color~|~colour~)"),
            ("what may come again", "fo+bar", Sensitive, "(~fo~+~obar~)"),
            ("a gap", r"GET /v\d+/users", Sensitive, "(~get+v~+users~)"),
            ("spaces are alike", r"foo\s+bar", Sensitive, "(~foo+bar~)"),
            ("an end of a word is no gap", r"\bfoo\b", Sensitive, "~foo~"),
            ("nothing is known of one way", "foo|.", Sensitive, "?"),
            ("nor here", r"\d{4}-\d{2}", Sensitive, "?"),
            ("nor of marks", "->", Sensitive, "?"),
            ("too many ways", "[a-z]{2}foo[a-z]", Sensitive, "~foo~"),
            ("Chinese", "天気(予報|図)", Sensitive, "((天気+気予+予報)|(天気+気図))"),
        ] {
            assert_eq!(shown(&need(pattern, case)), expected, "{rule}");
        }
    }

    fn words(text: &str) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        Cutter::default().cut(text, |word| _ = words.insert(word.to_owned()));
        words
    }

    const PARTS: [&str; 14] = [
        r"\b",
        "^",
        "$",
        r"\s",
        r"\w",
        r"\d",
        ".",
        "[ab]",
        "[A-C/+]",
        "[一-三]",
        "[a-c]",
        "[^a]",
        " ",
        "(?-i)B",
    ];

    /// Patterns of a few letters, so that they match now and then.
    pub(crate) fn pattern() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-cA-C]{1,3}",
            "[一二天気ßſKσ]{1,2}",
            prop::sample::select(&PARTS[..]).prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                (inner, prop::sample::select(&["?", "*", "+", "{2}", "{1,2}", "{0,2}"][..]))
                    .prop_map(|(part, times)| format!("({part}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_text_that_matches_has_what_the_pattern_needs(
            pattern in pattern(),
            text in text(),
            case in prop::sample::select(&[Case::Sensitive, Case::Insensitive][..]),
        ) {
            let regex = RegexBuilder::new(&pattern)
                .case_insensitive(case == Case::Insensitive)
                .multi_line(true)
                .build()
                .unwrap();
            if regex.is_match(&text) {
                let need = need(&pattern, case);
                prop_assert!(need.is_in(&words(&text)), "{pattern} in {text:?}: {}", shown(&need));
            }
        }
    }
}
