//! The fuzz targets: each reader of what comes from outside has one, with a corpus; the short run has them all.

use std::collections::BTreeMap;

use crate::{files, read, root};

/// What is read, and the target that reads it. R68 has the first six.
const TARGETS: &[(&str, &str)] = &[
    ("a request", "call"),
    ("a reply", "reply"),
    ("an address list", "networks"),
    ("a configuration", "configuration"),
    ("authorities and revocation lists", "credentials"),
    ("a path of the API", "api_request"),
    ("a header of HTTP", "http_head"),
    ("a header of a balancer", "proxy_header"),
    ("an order for a command", "command_order"),
    ("a question to the runner", "runner_order"),
    ("a token", "join_token"),
    ("the audit", "audit_chain"),
    ("what TSM says to a monitoring system", "line_protocol"),
    ("any text", "escape"),
];

/// The largest corpus of all targets together, in bytes.
const CORPUS_LIMIT: u64 = 1024 * 1024;

/// R68: each reader has a target with a kept corpus, which a run of all tests runs for ten seconds, and the hour
/// before a release is one option away
#[test]
fn every_reader_is_fuzzed_from_a_kept_corpus() {
    let sources = files(&root().join("tests/fuzz/src/bin"), ".rs");
    assert_eq!(sources.len(), TARGETS.len(), "a target that no reader here names, or none for one");
    let record = read("tests/fuzz/EXECUTIONS.md");
    for (what, target) in TARGETS {
        assert!(sources.iter().any(|path| path.ends_with(format!("{target}.rs"))), "{what}");
        let corpus = files(&root().join("tests/fuzz/corpus").join(target), "");
        assert!(corpus.len() >= 5, "{target}: {} files", corpus.len());
        assert!(record.contains(&format!("| `{target}` | ")), "{target} has no row");
    }
    // without names it runs every target
    assert!(read("tests/run").contains("\ntests/fuzz/run >"), "tests/run leaves them out");
    assert!(read("tests/fuzz/run").contains("\nseconds=10 "), "ten seconds each");
}

#[test]
fn the_corpus_is_small_and_holds_no_key() {
    let corpus = files(&root().join("tests/fuzz/corpus"), "");
    let sizes = corpus.iter().map(|path| path.metadata().unwrap().len());
    assert!(sizes.sum::<u64>() < CORPUS_LIMIT);
    for path in corpus {
        let content = std::fs::read(&path).unwrap();
        let key = content.windows(11).any(|window| window == b"PRIVATE KEY");
        assert!(!key, "{}", path.display());
    }
}

/// How the targets' versions become ours again.
const MEND: &str = "cp Cargo.lock tests/fuzz/ && cargo fetch --manifest-path tests/fuzz/Cargo.toml";

#[test]
fn what_is_fuzzed_is_what_is_shipped() {
    let locked = |path: &str| -> BTreeMap<String, Vec<String>> {
        let lock: toml::Table = read(path).parse().unwrap();
        let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for package in lock["package"].as_array().unwrap() {
            let text = |key| package[key].as_str().unwrap().to_owned();
            versions.entry(text("name")).or_default().push(text("version"));
        }
        versions
    };
    let ours = locked("Cargo.lock");
    for (name, versions) in locked("tests/fuzz/Cargo.lock") {
        let Some(shipped) = ours.get(&name) else { continue };
        for version in versions {
            assert!(shipped.contains(&version), "{name} {version}: {MEND}");
        }
    }
}
