#![cfg(test)]
//! Some thousand inputs for each body of `fuzz/`, made of the golden cases by chance that is the
//! same in every run: what a fuzzer does for hours, for seconds and without one.

use std::fs;
use std::path::{Path, PathBuf};

use overhear::import::tnetstring;
use overhear::observe::{
    coding, documents, envelope, eventstream, http1, http2, multipart, protobuf, sse, stream,
    websocket,
};
use overhear::{dialect, store};

use crate::support::chance::Chance;

const INPUTS: usize = 10_000;

/// Longest input, in bytes: bodies read each input several times.
const INPUT_BYTES_MAX: usize = 4096;

type Body = fn(&[u8]);

const BODIES: [(&str, Body); 14] = [
    ("coding", coding::fuzz::run),
    ("dialect", dialect::fuzz::run),
    ("documents", documents::fuzz::run),
    ("envelope", envelope::fuzz::run),
    ("eventstream", eventstream::fuzz::run),
    ("http1", http1::fuzz::run),
    ("http2", http2::fuzz::run),
    ("multipart", multipart::fuzz::run),
    ("protobuf", protobuf::fuzz::run),
    ("sse", sse::fuzz::run),
    ("stream", stream::fuzz::run),
    ("tnetstring", tnetstring::fuzz::run),
    ("tree", store::fuzz::run),
    ("websocket", websocket::fuzz::run),
];

#[test]
fn no_body_fails_on_what_chance_makes_of_the_golden_cases() {
    let seeds = seeds();
    assert!(seeds.len() > 100, "only {} seeds", seeds.len());
    std::thread::scope(|scope| {
        for (number, (name, body)) in BODIES.into_iter().enumerate() {
            let seeds = &seeds;
            scope.spawn(move || {
                let mut chance = Chance::new(number as u64);
                for _ in 0..INPUTS {
                    body(&input(&mut chance, seeds));
                }
                println!("{name}: {INPUTS} inputs");
            });
        }
    });
}

/// Two seeds joined somewhere, some of their bytes others.
fn input(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..2 {
        let seed = &seeds[chance.of(0..seeds.len())];
        let from = chance.of(0..seed.len() + 1);
        let to = chance.of(from..seed.len() + 1).min(from + INPUT_BYTES_MAX / 2);
        input.extend_from_slice(&seed[from..to]);
    }
    for _ in 0..chance.of(0..9) {
        if !input.is_empty() {
            let at = chance.of(0..input.len());
            input[at] = chance.of(0..256) as u8;
        }
    }
    // Dialects take the kind of request and the framing from the first two.
    for byte in input.iter_mut().take(2) {
        *byte = chance.of(0..256) as u8;
    }
    input
}

fn seeds() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut folders = vec![tests.join("golden"), tests.join("import")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    let seeds = files.iter().filter(|path| path.extension().is_some_and(|e| e != "json"));
    seeds.map(|path| fs::read(path).unwrap()).collect()
}
