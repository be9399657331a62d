//! The contract: what is routed is documented, what is documented is routed, and the document
//! is what it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Page, documented};
use crate::stage::{skipped, text, tools};

#[test]
fn every_route_is_documented_and_every_documented_one_routed() {
    let (page, id) = Page::with_an_exchange();
    let contract = page.contract();
    let told: BTreeSet<_> = contract["paths"].as_object().unwrap().keys().cloned().collect();
    let mut routed = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/api"), &mut routed);
    assert_eq!(told, routed, "left: in the contract, right: in `src/web/api`");
    for (method, path) in documented(&contract, &id) {
        let own = format!("Origin: http://{}", page.serve.web);
        let lines = [page.bearer(), own, "Content-Length: 0".into()];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let answer =
            text(&super::said(page.serve.web, page.head(&method, &path, &lines).as_bytes()));
        let is_there = !answer.starts_with("HTTP/1.1 405")
            && !answer.contains("there is no such answer")
            && answer.starts_with("HTTP/1.1 ")
            && !answer.starts_with("HTTP/1.1 5");
        assert!(is_there, "{method} {path}: {answer}");
    }
}

/// The paths given to the router below `folder`.
fn routes(folder: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            routes(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // Where the formatter broke the line, the path stands on the next one.
            let source = fs::read_to_string(&path).unwrap();
            for rest in source.split(".route(").skip(1) {
                let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
                all.insert(rest.split('"').next().unwrap().replace("{*", "{"));
            }
        }
    }
}

#[test]
fn the_contract_is_openapi() {
    let Some(tools) = tools() else { return };
    let python = tools.join("bin/python");
    let page = Page::start(&[]);
    let file = page.stage.home("openapi.json");
    fs::write(&file, page.contract().to_string()).unwrap();
    let check = "import importlib.util, sys
if importlib.util.find_spec('openapi_spec_validator') is None: sys.exit(77)
import json
from openapi_spec_validator import validate
validate(json.load(open(sys.argv[1])))";
    let Ok(output) = page.stage.program(python).args(["-c", check]).arg(&file).output() else {
        return skipped("Python is not there");
    };
    if output.status.code() == Some(77) {
        return skipped("openapi-spec-validator is not there");
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
}
