//! The scripts that a package manager runs as root.

use std::path::PathBuf;
use std::process::Command;

use tests::program::have;

use crate::made::run;
use crate::root;

/// The scripts of both packages.
fn scripts() -> Vec<PathBuf> {
    let folder = root().join("systemd/package");
    let debian = ["postinst", "prerm", "postrm"].map(|name| folder.join("debian").join(name));
    let rpm = ["post", "preun", "postun"].map(|name| folder.join("rpm").join(name));
    debian.into_iter().chain(rpm).collect()
}

#[test]
fn the_scripts_are_plain_sh_and_stop_at_the_first_failure() {
    for script in scripts() {
        run(Command::new("sh").arg("-n").arg(&script));
        let text = std::fs::read_to_string(&script).unwrap();
        assert!(text.lines().any(|line| line == "set -e"), "{}", script.display());
        if script.parent().unwrap().ends_with("debian") {
            assert!(text.starts_with("#!/bin/sh\n"), "{}", script.display());
        }
    }
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if have("shellcheck", "shellcheck") {
        let ours = ["pages", "release"].map(|name| root().join("systemd/package").join(name));
        run(Command::new("shellcheck").args(["--shell", "sh"]).args(scripts()).args(ours));
    }
}
