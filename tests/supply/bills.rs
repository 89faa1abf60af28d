//! The bills of materials: read by CycloneDX's own reader, compared with Cargo.lock and with what the programs say of
//! themselves, the same at each making.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tests::program::{built, have};

use crate::{root, run};

/// Program, and the package whose folder its bill is in.
const PROGRAMS: [(&str, &str); 4] = [
    ("tsmgate", "tsmgate"),
    ("tsmgated", "tsmgated"),
    ("tsmgate-authority", "tsmgated"),
    ("tsmgate-runner", "tsmgated"),
];

/// What a bill refers to a crate by, and what it leads to.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Where the bills are made.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("supply")
}

fn path(folder: &Path, program: &str, package: &str) -> PathBuf {
    folder.join("bills").join(package).join(format!("{program}.cdx.json"))
}

/// Makes the bills of the programs as they were built, in this folder.
fn make(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (program, _) in PROGRAMS {
        std::os::unix::fs::symlink(built(program), folder.join(program)).unwrap();
    }
    run(Command::new(root().join("systemd/package/bills")).arg(folder));
}

/// The bills by program; `None`, said aloud, where they cannot be made.
fn bills() -> Option<&'static BTreeMap<&'static str, Value>> {
    static MADE: OnceLock<Option<BTreeMap<&'static str, Value>>> = OnceLock::new();
    let read = |(program, package)| {
        (
            program,
            serde_json::from_str(&fs::read_to_string(path(&folder(), program, package)).unwrap())
                .unwrap(),
        )
    };
    let made = || {
        have("python3", "python3").then(|| {
            make(&folder());
            PROGRAMS.map(read).into()
        })
    };
    MADE.get_or_init(made).as_ref()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What uses what, in all programs together; `None` where there are no bills.
pub fn graph() -> Option<Graph> {
    let mut graph = Graph::new();
    for entry in bills()?.values().flat_map(|bill| list(bill, "dependencies")) {
        let used = list(entry, "dependsOn").map(|name| name.as_str().unwrap().to_owned());
        graph.entry(text(entry, "ref").into()).or_default().extend(used);
    }
    Some(graph)
}

/// A crate and all that it leads to.
pub fn reached(graph: &Graph, start: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut left = vec![start.to_owned()];
    while let Some(name) = left.pop() {
        for used in graph.get(&name).into_iter().flatten() {
            if seen.insert(used.clone()) {
                left.push(used.clone());
            }
        }
    }
    seen
}

#[test]
fn the_reader_of_cyclonedx_finds_no_fault() {
    if bills().is_none() {
        return;
    }
    let python = root().join("target/tools/python/bin/python");
    if !python.exists() {
        have("cyclonedx-python-lib", "none: tests/run installs it into target/tools");
        return;
    }
    let read = "import sys\n\
        from cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        strict = JsonStrictValidator(SchemaVersion.V1_6)\n\
        for path in sys.argv[1:]:\n    \
            text = open(path).read()\n    \
            fault = strict.validate_str(text)\n    \
            assert fault is None, (path, fault)\n    \
            assert strict.validate_str(text.replace('\"library\"', '\"thing\"', 1)) is not None\n    \
            print('read', path)\n";
    let bills = PROGRAMS.map(|(program, package)| path(&folder(), program, package));
    let said = run(Command::new(python).args(["-c", read]).args(bills));
    assert_eq!(said.matches("read ").count(), PROGRAMS.len(), "{said}");
}

#[test]
fn every_crate_is_as_cargo_lock_has_it_and_hangs_together() {
    let Some(bills) = bills() else { return };
    let lock: toml::Value = toml::from_str(&crate::read("Cargo.lock")).unwrap();
    let field =
        |package: &toml::Value, key| package.get(key).and_then(|v| v.as_str().map(str::to_owned));
    let locked: BTreeMap<_, _> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            ((field(package, "name"), field(package, "version")), field(package, "checksum"))
        })
        .collect();
    for (program, bill) in bills {
        let mut named = BTreeSet::new();
        for component in list(bill, "components") {
            let (name, version) = (text(component, "name"), text(component, "version"));
            assert!(named.insert(text(component, "bom-ref").to_owned()), "{program}: {name} twice");
            assert!(!text(&component["licenses"][0], "expression").is_empty(), "{program}: {name}");
            let digest = component["hashes"][0]["content"].as_str().map(str::to_owned);
            if name != "rust-std" {
                let expected = &locked[&(Some(name.into()), Some(version.into()))];
                assert_eq!(&digest, expected, "{program}: {name}");
            }
            assert_eq!(text(component, "purl").is_empty(), digest.is_none(), "{program}: {name}");
        }
        let graph: Graph = list(bill, "dependencies")
            .map(|entry| {
                let used = list(entry, "dependsOn").map(|name| name.as_str().unwrap().into());
                (text(entry, "ref").into(), used.collect())
            })
            .collect();
        named.insert((*program).to_owned());
        assert_eq!(reached(&graph, program), named, "{program}");
        assert_eq!(graph.keys().cloned().collect::<BTreeSet<_>>(), named, "{program}");
    }
}

/// A program built with lines for backtraces names the source of each crate whose code it has.
#[test]
fn no_crate_that_a_program_names_is_missing_from_its_bill() {
    let Some(bills) = bills() else { return };
    for (program, bill) in bills {
        let required: BTreeSet<_> = list(bill, "components")
            .filter(|component| text(component, "scope") == "required")
            .map(|component| format!("{}-{}", text(component, "name"), text(component, "version")))
            .collect();
        let pattern = "/registry/src/[^/]*/[A-Za-z0-9_.+-]*/src/";
        let found = run(Command::new("grep")
            .args(["--text", "--only-matching", pattern])
            .arg(built(program))
            .env("LC_ALL", "C"));
        let found: BTreeSet<_> = found.lines().filter_map(|line| line.split('/').nth(4)).collect();
        assert!(found.len() > 20, "{program}: {found:?}");
        for name in found {
            assert!(required.contains(name), "{program} has {name} in it, its bill has not");
        }
    }
}

#[test]
fn bills_tell_programs_apart_and_what_is_linked_from_what_built_it() {
    let Some(bills) = bills() else { return };
    let scope = |program: &str, name: &str| {
        list(&bills[program], "components")
            .find(|component| text(component, "name") == name)
            .map(|component| text(component, "scope").to_owned())
    };
    for program in ["tsmgate", "tsmgated", "tsmgate-authority"] {
        for linked in ["rustls", "aws-lc-sys", "tsmgate-text", "rust-std"] {
            assert_eq!(scope(program, linked).as_deref(), Some("required"), "{program}: {linked}");
        }
        for built in ["serde_derive", "cc"] {
            assert_eq!(scope(program, built).as_deref(), Some("excluded"), "{program}: {built}");
        }
    }
    assert_eq!(scope("tsmgate-runner", "rustls"), None, "the runner has no network");
    assert_eq!(scope("tsmgated", "rcgen"), None, "the gate makes no certificates");
    for (program, _) in PROGRAMS {
        for only_tested in ["proptest", "criterion", "tsmsim"] {
            assert_eq!(scope(program, only_tested), None, "{program}: {only_tested}");
        }
    }
}

#[test]
fn a_bill_names_its_program_by_digest_and_is_the_same_at_each_making() {
    if bills().is_none() {
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    make(elsewhere.path());
    for (program, package) in PROGRAMS {
        let bill = fs::read_to_string(path(&folder(), program, package)).unwrap();
        let again = fs::read_to_string(path(elsewhere.path(), program, package)).unwrap();
        assert!(bill == again, "the bills of {program} differ");
        let digest = run(Command::new("sha256sum").arg(built(program)));
        assert!(bill.contains(digest.split(' ').next().unwrap()), "{program}");
        assert!(
            !bill.contains(root().to_str().unwrap()),
            "{program} names a folder of this machine"
        );
    }
}
