//! Each requirement that this version closes has a test that names it, in a line `/// R17: …` right
//! above the test.

use std::collections::BTreeSet;

use crate::{files, root};

/// R1 to R69, with R56a and R56b.
pub fn closed() -> BTreeSet<String> {
    let numbers = 1..=69;
    let mut names: BTreeSet<String> = numbers.map(|number| format!("R{number}")).collect();
    names.extend(["R56a", "R56b"].map(str::to_owned));
    names
}

/// A test, and the requirements that the lines above it name.
pub struct Test {
    pub name: String,
    pub requirements: Vec<String>,
}

/// The tests of a file.
pub fn tests_of(text: &str) -> Vec<Test> {
    let mut found = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("///") {
            above.push(line);
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if !line.starts_with("#[") {
            let lines = std::mem::take(&mut above);
            let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some(name) = name.filter(|_| std::mem::take(&mut is_test)) {
                let name = name.split('(').next().unwrap_or_default().to_owned();
                let heads = lines.into_iter().map(|line| {
                    line.trim_start_matches('/').trim().split(':').next().unwrap_or_default()
                });
                let requirements = heads.flat_map(|head| head.split(", ")).map(str::to_owned);
                found.push(Test {
                    name,
                    requirements: requirements.filter(|word| is_number(word)).collect(),
                });
            }
        }
    }
    found
}

/// Whether a word is a requirement's, such as R56a.
fn is_number(word: &str) -> bool {
    word.strip_prefix('R').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[test]
fn every_closed_requirement_has_a_test_that_names_it() {
    let mut tested = BTreeSet::new();
    for folder in ["crates", "tests"] {
        for path in files(&root().join(folder), ".rs") {
            let tests = tests_of(&std::fs::read_to_string(path).unwrap());
            tested.extend(tests.into_iter().flat_map(|test| test.requirements));
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
