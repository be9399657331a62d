//! The page in Chromium: `browser/` has the cases, in JavaScript, since what drives a browser
//! speaks that. Each starts the built binary, and apps with the companies' own SDKs.

use std::path::Path;

use crate::stage::{Stage, skipped, text, tools};

#[test]
fn lists_and_keys() {
    cases(&["list"]);
}

#[test]
fn views() {
    cases(&["views"]);
}

#[test]
fn hostile_texts() {
    cases(&["hostile"]);
}

fn cases(files: &[&str]) {
    let Some(tools) = tools() else { return };
    let node = tools.join("bin/node");
    for needed in [&node, &tools.join("page/node_modules/playwright-core")] {
        if !needed.exists() {
            return skipped(&format!("`{}` is not there", needed.display()));
        }
    }
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    if !browsers.iter().any(|name| Path::new("/usr/bin").join(name).exists()) {
        return skipped("Chromium is not there");
    }
    let stage = Stage::new();
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/browser/main.mjs");
    let mut command = stage.program(&node);
    for name in ["OVERHEAR_TEST_PICTURES", "OVERHEAR_TEST_CHROMIUM"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let output = command
        .env("OVERHEAR_BIN", env!("CARGO_BIN_EXE_overhear"))
        .arg(main)
        .args(files)
        .output()
        .unwrap();
    let said = text(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
}
