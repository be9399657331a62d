//! ARCHITECTURE.md against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{quoted, read, root, rows, rust_files, short};

/// Most lines of ARCHITECTURE.md: who must read more than this reads nothing.
const LINES_MAX: usize = 200;
/// Most lines of a source file that is neither table nor test.
const FILE_LINES_MAX: usize = 500;
/// Files that may be longer, and why. One that is short again must go from here.
const LONG_FILES: [(&str, &str); 0] = [];
/// Modules that a file may have beside those of the table.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

#[test]
fn it_is_short() {
    assert!(read("ARCHITECTURE.md").lines().count() <= LINES_MAX);
}

#[test]
fn a_module_uses_only_what_its_row_names() {
    let table = table();
    let mut wrong = Vec::new();
    for path in rust_files("src") {
        let file = short(&path);
        if ROOTS.contains(&file.as_str()) {
            continue;
        }
        let module = module_of(&file);
        let Some(allowed) = table.get(module) else {
            wrong.push(format!("{file}: `{module}` is not in ARCHITECTURE.md's table"));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        for used in used_by(&fs::read_to_string(&path).unwrap()) {
            if used != module && !allowed.contains(&used) {
                wrong.push(format!("{file} uses `{used}`, which `{module}` may not"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_of_the_modules_and_goes_one_way() {
    let listed: Vec<String> = module_rows().into_iter().map(|(name, _)| name).collect();
    let mut declared: Vec<String> = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let mut sorted = listed.clone();
    sorted.sort();
    declared.sort();
    assert_eq!(sorted, declared);
    for (place, (module, allowed)) in module_rows().into_iter().enumerate() {
        for used in allowed.into_iter().flatten() {
            let stands_above = listed[..place].contains(&used);
            assert!(stands_above, "`{module}` may use `{used}`, which does not stand above it");
        }
    }
}

#[test]
fn what_is_used_is_found() {
    for (code, expected) in [
        ("use crate::flow::Side;", &["flow"][..]),
        ("use crate::{ca, flow::{Host, Side}, tape as t};", &["ca", "flow", "tape"]),
        ("use crate::{\n    model::{A, B},\n    store,\n};", &["model", "store"]),
        ("let x = crate::proxy::listen(a);", &["proxy"]),
        ("pub use crate::flow::Side;", &["flow"]),
        ("// use crate::proxy;\n/// [`crate::cli`]\n//! crate::web", &[]),
        ("$crate::flow::x()", &["flow"]),
        ("use mycrate::flow;", &[]),
    ] {
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(used_by(code), expected, "{code}");
    }
}

#[test]
fn every_place_it_names_is_there() {
    let mut places = 0;
    for token in quoted(&read("ARCHITECTURE.md")) {
        let (file, names) = token.split_once(": ").unwrap_or((token, ""));
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        if !["rs", "sql", "cjs"].contains(&extension) || file.contains(' ') {
            continue;
        }
        places += 1;
        let candidates = [root().join("src").join(file), root().join(file)];
        let found = candidates.iter().find_map(|path| fs::read_to_string(path).ok());
        let code = found.unwrap_or_else(|| panic!("`{file}` is not there"));
        for name in names.split(", ").filter(|name| !name.is_empty()) {
            let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            assert!(words.into_iter().any(|word| word == name), "`{file}` has no `{name}`");
        }
    }
    assert!(places >= 30, "only {places} places found");
}

#[test]
fn every_invariant_has_its_places() {
    let document = read("ARCHITECTURE.md");
    let rows = rows(&document, "Invariants, and where they hold");
    let numbers: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    for row in &rows {
        assert!(quoted(&row[2]).any(|token| token.contains(".rs: ")), "{}", row[1]);
    }
}

#[test]
fn every_crate_has_its_reason() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let mut needed: BTreeSet<&str> =
        manifest["dependencies"].as_table().unwrap().keys().map(String::as_str).collect();
    for target in manifest["target"].as_table().unwrap().values() {
        needed.extend(target["dependencies"].as_table().unwrap().keys().map(String::as_str));
    }
    let document = read("ARCHITECTURE.md");
    let rows = rows(&document, "Crates");
    let named: BTreeSet<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    assert_eq!(named, needed);
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for path in ["src", "examples", "tests"].into_iter().flat_map(rust_files) {
        let (file, lines) = (short(&path), fs::read_to_string(&path).unwrap().lines().count());
        let may_be_long = LONG_FILES.iter().any(|(long, _)| *long == file);
        match (lines > FILE_LINES_MAX, may_be_long) {
            (true, false) => {
                wrong.push(format!("{file} has {lines} lines: part it, or say why not"));
            }
            (false, true) => {
                wrong.push(format!("{file} is short again: take it from LONG_FILES"));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each module and what it may use; `None` for everything.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    module_rows().into_iter().collect()
}

fn module_rows() -> Vec<(String, Option<BTreeSet<String>>)> {
    let document = read("ARCHITECTURE.md");
    let rows = rows(&document, "Modules, one way");
    rows.iter()
        .map(|row| {
            let name = quoted(&row[0]).next().unwrap().to_owned();
            let allowed = match row[1].as_str() {
                "everything" => None,
                names => Some(quoted(names).map(str::to_owned).collect()),
            };
            (name, allowed)
        })
        .collect()
}

/// The top-level module of a file below `src`.
fn module_of(file: &str) -> &str {
    let below = file.strip_prefix("src/").unwrap();
    below.split(['/', '.']).next().unwrap()
}

/// The top-level modules that code names, comments left out.
fn used_by(code: &str) -> BTreeSet<String> {
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let path = &code[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => used.extend(names_of_group(group)),
            None => used.extend(name_at_front(path)),
        }
    }
    used
}

/// The first names in `{a, b::{c, d}, e as f}`, its opening brace taken away.
fn names_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut expects) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if c.is_whitespace() => {}
            _ if expects && depth == 0 => {
                names.extend(name_at_front(&group[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at_front(path: &str) -> Option<String> {
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(path.len());
    let name = &path[..end];
    // `crate::Type` is of the crate's root, and there is none.
    (!name.is_empty()).then(|| name.to_owned())
}
