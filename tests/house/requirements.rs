//! Each requirement that this version closes has a test that names it, in a line `/// R17: …` right
//! above the test.

use std::collections::BTreeSet;

use crate::{files, root};

/// R1 to R9, R12, R14 to R51, R55, R56a, R56b, R58, R63 to R66.
fn closed() -> BTreeSet<String> {
    let numbers = 1..=56;
    let mut names: BTreeSet<String> = numbers.map(|number| format!("R{number}")).collect();
    names.extend(["R56a", "R56b", "R58", "R63", "R64", "R65", "R66"].map(str::to_owned));
    names
}

/// The requirements named above the tests of a file.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("///") {
            above.push(line);
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            for line in above.drain(..) {
                let head =
                    line.trim_start_matches('/').trim().split(':').next().unwrap_or_default();
                found.extend(head.split(", ").map(str::to_owned));
            }
        } else if !line.starts_with("#[") {
            above.clear();
        }
    }
    found
}

#[test]
fn every_closed_requirement_has_a_test_that_names_it() {
    let mut tested = BTreeSet::new();
    for folder in ["crates", "tests"] {
        for path in files(&root().join(folder), ".rs") {
            tested.extend(named(&std::fs::read_to_string(path).unwrap()));
        }
    }
    let missing: Vec<_> = closed().difference(&tested).cloned().collect();
    assert!(missing.is_empty(), "no test names {}", missing.join(", "));
}

#[test]
fn no_test_is_ignored() {
    for folder in ["crates", "tests"] {
        for path in files(&root().join(folder), ".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // written apart, so that this file does not find itself
            assert!(!text.contains(concat!("#[", "ignore")), "{}", path.display());
        }
    }
}
