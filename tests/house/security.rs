//! What `.github/SECURITY.md` says is shown by a test is shown by that test: it exists, and names the
//! requirement it is there for.

use std::collections::BTreeSet;

use crate::requirements::{Test, closed, tests_of};
use crate::{read, root};

/// The rows of the table under this heading, without its head: the cells of each.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = read(".github/SECURITY.md");
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()))
        .map(Iterator::collect)
        .collect()
}

/// The tests that a cell names, as `file::name`.
fn named_in(cell: &str) -> Vec<Test> {
    let names = cell.split('`').skip(1).step_by(2);
    let found: Vec<_> = names
        .map(|path| {
            let (file, name) = path.split_once("::").expect(path);
            let folder = if file.starts_with("crates/") { "" } else { "tests/" };
            let text = std::fs::read_to_string(root().join(format!("{folder}{file}")));
            let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
            let test = tests_of(&text).into_iter().find(|test| test.name == name);
            test.unwrap_or_else(|| panic!("{path} is named in SECURITY.md, and is no test"))
        })
        .collect();
    assert!(!found.is_empty(), "no test in `{cell}`");
    found
}

#[test]
fn every_promise_is_shown_by_tests_that_name_it() {
    let mut promised = BTreeSet::new();
    for row in rows("What is promised, and which test shows it") {
        let [promise, requirements, tests] = row.try_into().unwrap();
        let tests = named_in(&tests);
        for number in requirements.split(", ") {
            let shown = tests.iter().any(|test| test.requirements.iter().any(|one| one == number));
            assert!(shown, "{number} is in no test of `{promise}`");
            promised.insert(number.to_owned());
        }
    }
    // all of them: nothing is tested that is not promised to anybody
    let missing: Vec<_> = closed().difference(&promised).cloned().collect();
    assert!(missing.is_empty() || missing == ["R69"], "no promise has {}", missing.join(", "));
}

/// R69: each class of failure that others had has tests that show its guard
#[test]
fn every_class_of_failure_has_its_test() {
    let classes = rows("What went wrong elsewhere");
    assert!(classes.len() >= 17, "{} classes", classes.len());
    for row in classes {
        let [_, _, tests] = row.try_into().unwrap();
        for test in named_in(&tests) {
            assert!(!test.requirements.is_empty(), "{} names no requirement", test.name);
        }
    }
}

/// The guards that `tests/broken/run` takes out are where it looks for them, and their tests are there.
#[test]
fn every_guard_can_be_taken_out() {
    let table: toml::Table = read("tests/broken/guards.toml").parse().unwrap();
    let guards = table["guard"].as_array().unwrap();
    assert!(guards.len() >= 21, "{} guards", guards.len());
    for guard in guards {
        let [file, line, test] = ["file", "line", "test"].map(|key| guard[key].as_str().unwrap());
        assert_eq!(read(file).matches(line).count(), 1, "{file} has not one `{line}`");
        assert_ne!(guard["broken"].as_str().unwrap(), line, "{file}");
        named_in(&format!("`{test}`"));
    }
}

#[test]
fn every_requirement_is_explained_in_a_line() {
    let rows = rows("The requirements, a line each");
    let explained: BTreeSet<_> = rows.into_iter().map(|row| row[0].clone()).collect();
    let missing: Vec<_> = closed().difference(&explained).cloned().collect();
    assert!(missing.is_empty(), "no line about {}", missing.join(", "));
}
