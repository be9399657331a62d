#![cfg(test)]
//! What the providers' own SDKs make of the golden cases: `tests/truth/README.md`.

use std::path::Path;
use std::process::Command;

use crate::stage::{skipped, tools};

#[test]
fn the_sdks_read_the_golden_cases_as_we_do() {
    let Some(tools) = tools() else { return };
    let python = tools.join("bin/python");
    let imports = "import openai, anthropic, google.genai, boto3, mistralai, cohere, ollama";
    let has_sdks = python.exists()
        && Command::new(&python).args(["-c", imports]).output().is_ok_and(|o| o.status.success());
    if !has_sdks {
        return skipped("the SDKs for Python are not there");
    }
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth/run");
    let output = Command::new(run).arg(&python).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
}
