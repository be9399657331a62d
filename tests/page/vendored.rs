//! The page's libraries are what their packages have.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::{skipped, text, tools};

#[test]
fn the_libraries_are_those_of_their_packages() {
    let Some(tools) = tools() else { return };
    let packages = tools.join("page");
    if !packages.join("node_modules/preact").is_dir() {
        return skipped("the page's npm packages are not there");
    }
    let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/page/vendor");
    let made = tempfile::tempdir().unwrap();
    let mut update = Command::new(vendor.join("update"));
    let output = update.arg(&packages).arg("--to").arg(made.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| !matches!(name.as_str(), "README.md" | "update"));
        names.sort();
        names
    };
    assert_eq!(names(&vendor), names(made.path()));
    for name in names(&vendor) {
        let [ours, theirs] =
            [&vendor, made.path()].map(|folder| fs::read(folder.join(&name)).unwrap());
        assert!(ours == theirs, "`{name}` is not what `update` takes from its package");
    }
    // One list of versions in three places.
    let readme = fs::read_to_string(vendor.join("README.md")).unwrap();
    let script = fs::read_to_string(vendor.join("update")).unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
    let run = fs::read_to_string(run).unwrap();
    let list = script.split_once("packages=(").unwrap().1.split_once(')').unwrap().0;
    for package in list.split_whitespace() {
        let (name, version) = package.rsplit_once('@').unwrap();
        assert!(readme.contains(&format!("| {name} {version} |")), "{package} in README.md");
        assert!(run.contains(package), "{package} in tests/run");
    }
}
