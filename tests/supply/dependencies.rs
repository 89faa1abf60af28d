//! The page that says why each crate is there: nothing is missing, nothing is left over, the numbers are right.

use std::collections::BTreeMap;

use crate::{bills, read};

/// The crates of the page's two tables, with the cells that follow.
fn page() -> (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<String>>) {
    let text = read(".github/DEPENDENCIES.md");
    let (shipped, tested) = text.split_once("## In tests").unwrap();
    let rows = |part: &str| {
        let mut rows = BTreeMap::new();
        for line in part.lines().filter(|line| line.starts_with("| `")) {
            let mut cells = line.trim_matches(['|', ' ']).split(" | ").map(str::to_owned);
            let name = cells.next().unwrap().trim_matches('`').to_owned();
            assert!(rows.insert(name, cells.collect()).is_none(), "twice: {line}");
        }
        rows
    };
    (rows(shipped), rows(tested))
}

#[test]
fn every_crate_of_the_workspace_has_a_reason_and_a_keeper() {
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let named = manifest["workspace"]["dependencies"].as_table().unwrap();
    let mut named: Vec<_> = named
        .iter()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.clone())
        .collect();
    named.sort();
    let (shipped, tested) = page();
    for (name, cells) in shipped.iter().chain(&tested) {
        assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "{name}: {cells:?}");
    }
    let mut explained: Vec<_> = shipped.keys().chain(tested.keys()).cloned().collect();
    explained.sort();
    assert_eq!(explained, named, ".github/DEPENDENCIES.md and Cargo.toml differ");
}

#[test]
fn the_page_says_how_many_crates_each_brings() {
    let Some(graph) = bills::graph() else { return };
    let (shipped, tested) = page();
    let reference = |name: &str| {
        graph.keys().find(|key| key.rsplit_once('@').is_some_and(|(found, _)| found == name))
    };
    for (name, cells) in &shipped {
        let start = reference(name).unwrap_or_else(|| panic!("{name} is in no program"));
        let count = bills::reached(&graph, start).len();
        assert_eq!(cells[1], count.to_string(), "{name} brings {count} crates");
    }
    for name in tested.keys() {
        assert!(reference(name).is_none(), "{name} is in a program");
    }
}
