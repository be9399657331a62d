//! What two prompts are compared by: their lines, without what changes by itself.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::model::{Request, Tool};
use crate::store::Content;

/// A longer line is cut into its sentences, in bytes: some prompts are one line.
const LINE_BYTES_MAX: usize = 240;

/// Digits from which on a word of digits and separators is taken for a date, a time or a
/// version: `10:15`, not `1-3`.
const DATE_DIGITS_MIN: usize = 4;

/// Shortest word of letters and digits mixed that is taken for an id or a hash.
const ID_CHARS_MIN: usize = 7;

/// A line, or a sentence of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Of its words, dates, ids and paths left out.
    pub(super) hash: u64,
    /// Its length in bytes.
    pub(super) bytes: u32,
}

/// The units of a prompt, in order. A tool gives its name, then the lines of its description
/// and its schema.
pub(super) fn units(content: &Content) -> Vec<Unit> {
    match content {
        Content::System(text) => pieces(text).map(unit).collect(),
        Content::Tools(tools) => tools.iter().flat_map(tool).collect(),
        _ => Vec::new(),
    }
}

/// Lines of a prompt's beginning that a list may show.
const BEGINNING_LINES: usize = 8;

/// Characters that a list shows of a prompt at most.
const BEGINNING_CHARS: usize = 200;

/// The first lines of a prompt in a few words, each with its unit's hash; of tools their names.
pub(super) fn beginning(content: &Content) -> Vec<(u64, String)> {
    let in_words = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().take(BEGINNING_CHARS).collect::<String>()
    };
    match content {
        Content::System(text) => {
            let lines = pieces(text).take(BEGINNING_LINES);
            lines.map(|line| (unit(line).hash, in_words(line))).collect()
        }
        Content::Tools(tools) => {
            let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
            let plural = if names.len() == 1 { "" } else { "s" };
            vec![(0, in_words(&format!("{} tool{plural}: {}", names.len(), names.join(", "))))]
        }
        _ => Vec::new(),
    }
}

/// What of a prompt lasts, as a prompt of its own.
pub(super) fn lasting(content: &Content, lasts: impl Fn(u64) -> bool) -> Request {
    let mut request = Request::default();
    match content {
        Content::System(text) => {
            let lasting = text.split_inclusive('\n').flat_map(pieces_with_ends);
            let lasting =
                lasting.filter(|piece| piece.trim().is_empty() || lasts(unit(piece).hash));
            request.system = Some(lasting.collect());
        }
        Content::Tools(tools) => {
            let lasting = tools.iter().filter(|tool| lasts(name(tool).hash));
            request.tools = lasting.cloned().collect();
        }
        _ => {}
    }
    request
}

/// A system prompt in pieces, each with whether it lasts, neighbours of one kind together. What
/// is blank goes with what is before it.
pub(super) fn marked(content: &Content, lasts: impl Fn(u64) -> bool) -> Vec<(bool, String)> {
    let Content::System(text) = content else { return Vec::new() };
    let mut marked: Vec<(bool, String)> = Vec::new();
    for piece in text.split_inclusive('\n').flat_map(pieces_with_ends) {
        let is_blank = piece.trim().is_empty();
        let is_lasting = is_blank || lasts(unit(piece).hash);
        match marked.last_mut() {
            Some((had, text)) if is_blank || *had == is_lasting => text.push_str(piece),
            _ => marked.push((is_lasting, piece.to_owned())),
        }
    }
    marked
}

fn tool(tool: &Tool) -> Vec<Unit> {
    let mut units = vec![name(tool)];
    units.extend(pieces(tool.description.as_deref().unwrap_or_default()).map(unit));
    units.push(unit(&format!("{}\n{}", tool.name, tool.schema)));
    units
}

fn name(tool: &Tool) -> Unit {
    unit(&format!("tool {}", tool.name))
}

/// Lines that say something, and sentences of long ones.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').flat_map(pieces_with_ends).filter(|piece| !piece.trim().is_empty())
}

fn pieces_with_ends(line: &str) -> Vec<&str> {
    if line.len() <= LINE_BYTES_MAX {
        return vec![line];
    }
    let (mut pieces, mut begin, mut before) = (Vec::new(), 0, ' ');
    for (at, c) in line.char_indices() {
        let is_end = (before == '.' && c == ' ') || matches!(before, '。' | '！' | '？');
        if is_end && at > begin {
            pieces.extend(line.get(begin..at));
            begin = at;
        }
        before = c;
    }
    pieces.extend(line.get(begin..));
    pieces
}

fn unit(piece: &str) -> Unit {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let has_year = piece.split(|c: char| !c.is_alphanumeric()).any(is_year);
    let words: Vec<&str> = piece.split_whitespace().map(|word| masked(word, has_year)).collect();
    let bytes = u32::try_from(piece.trim().len()).unwrap_or(u32::MAX);
    Unit { hash: hasher.hash_one(words), bytes }
}

/// A word, or what stands for all words of its kind.
fn masked(word: &str, has_year: bool) -> &str {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '~' | '\\'));
    let digits = bare.chars().filter(char::is_ascii_digit).count();
    let is_date = digits >= DATE_DIGITS_MIN
        && bare.contains(['-', ':', '/', '.'])
        && bare.chars().all(|c| c.is_ascii_digit() || "-:/.TZ+".contains(c));
    let is_id = bare.len() >= ID_CHARS_MIN
        && digits > 0
        && bare.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        && bare.contains(|c: char| c.is_ascii_alphabetic());
    let of_date = has_year && (digits > 0 && digits == bare.len() || is_name_of_date(bare));
    let is_path =
        (bare.starts_with('/') || bare.starts_with("~/") || bare.get(1..3) == Some(":\\"))
            && bare.len() > 1;
    match (is_date || of_date || is_id, is_path) {
        (true, _) => "\u{0}date",
        (_, true) => "\u{0}path",
        _ => word,
    }
}

fn is_year(word: &str) -> bool {
    word.len() == 4
        && matches!(word.get(..2), Some("19" | "20"))
        && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_name_of_date(word: &str) -> bool {
    const NAMES: [&str; 19] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
        "tue", "wed", "thu", "fri", "sat", "sun",
    ];
    let beginning = word.get(..3).unwrap_or_default().to_ascii_lowercase();
    NAMES.contains(&beginning.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_ids_and_paths_make_no_other_line() {
        for (rule, one, other, alike) in [
            ("a date", "Today's date: 2026-11-23", "Today's date: 2026-11-24", true),
            ("in words", "It is Monday, November 23, 2026.", "It is Friday, May 1, 2026.", true),
            ("a time", "now 10:15", "now 22:40:01", true),
            ("a path", "cwd: /home/a/x", "cwd: /srv/b", true),
            ("a commit", "at 0c9a7e12", "at 77aa01fe", true),
            ("a number that says something", "at most 4 lines", "at most 3 lines", false),
            ("a range", "1-3 sentences", "2-4 sentences", false),
            ("a word", "be brief", "be kind", false),
            ("a month without a year", "you may run", "you mar run", false),
        ] {
            assert_eq!(unit(one).hash == unit(other).hash, alike, "{rule}");
        }
    }

    #[test]
    fn what_moves_is_marked() {
        let text = "You are an agent.\n\nBranch: one\nBe brief.\n";
        let moving = unit("Branch: one").hash;
        let marked = marked(&Content::System(text.to_owned()), |hash| hash != moving);
        let told: Vec<_> = marked.iter().map(|(lasts, text)| (*lasts, text.as_str())).collect();
        let expected =
            [(true, "You are an agent.\n\n"), (false, "Branch: one\n"), (true, "Be brief.\n")];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_long_line_is_cut_into_sentences() {
        let long = format!("One. {} Two。三。", "word ".repeat(60));
        let pieces: Vec<&str> = pieces_with_ends(&long);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.concat(), long);
    }
}
