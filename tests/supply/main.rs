//! What we build on, and that a release is what its source says: the gate before crates, the page and the bills that
//! name them, a build that knows nothing of the folder it was made in.
//!
//! `tests/supply/reproducible` does the last with the programs themselves; here it is done with small ones.

mod bills;
mod dependencies;
mod gate;
mod release;

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::program::{have, texts};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a command ended well, and all it said.
fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = texts(&output);
    (output.status.success(), out + &err)
}

/// Runs a command to its good end.
fn run(command: &mut Command) -> String {
    let (well, text) = said(command);
    assert!(well, "{command:?}:\n{text}");
    text
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if have("shellcheck", "shellcheck") {
        let ours = ["advisories", "check", "reproducible"];
        let ours = ours.map(|name| root().join("tests/supply").join(name));
        run(Command::new("shellcheck").args(ours));
    }
}
