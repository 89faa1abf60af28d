//! Installation, upgrade, removal and purge, on an overlay of this machine's root that goes when the
//! test ends: mounts, processes and network are in namespaces of their own.
//!
//! The cases are shell functions beside this file, since package managers and systemd are what is asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::program::{have, texts};

use crate::made::packages;

/// Whether the tools are there, and root's rights.
fn able(tools: &[(&str, &str)]) -> bool {
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this test needs root");
        eprintln!("LEFT OUT: what the packages do (needs root)");
        return false;
    }
    tools.iter().all(|(tool, package)| have(tool, package))
}

fn inside() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("package/inside")
}

/// The overlay in `place/stage/root`, with the packages in `/packages`, the scripts in `/inside`, and
/// `/out` for what they leave; then `then`, with the overlay as its folder.
fn stage(place: &Path, then: &str) -> Command {
    let script = format!(
        "set -eu\n\
         mkdir {place}/stage\n\
         mount -t tmpfs -o size=1g tmpfs {place}/stage\n\
         mkdir {place}/stage/up {place}/stage/work {place}/stage/root\n\
         mount -t overlay overlay -o lowerdir=/,upperdir={place}/stage/up,workdir={place}/stage/work \
         {place}/stage/root\n\
         cd {place}/stage/root\n\
         mkdir -p packages inside out\n\
         cp {packages}/*.deb {packages}/*.rpm packages/\n\
         cp {inside}/* inside/\n\
         {then}",
        place = place.display(),
        packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package").display(),
        inside = inside().display(),
    );
    let mut command = Command::new("timeout");
    command
        .args(["300", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c"])
        .arg(script)
        .stdin(Stdio::null());
    command
}

/// That every case of a script went well, and that it came to its end.
fn judge(script: &str, out: &str, err: &str) {
    let text = std::fs::read_to_string(inside().join(script)).unwrap();
    let named: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("case_ ")).collect();
    assert!(!named.is_empty());
    let ends = out.lines().any(|line| line == "the end");
    let fails = out.lines().any(|line| line.starts_with("not ok "));
    let good = |case: &&str| out.lines().any(|line| line.strip_prefix("ok ") == Some(case));
    assert!(ends && !fails && named.iter().all(good), "{out}\n{err}");
}

#[test]
fn without_systemd_the_packages_install_upgrade_and_leave() {
    let tools = [("unshare", "util-linux"), ("bash", "bash"), ("dpkg", "dpkg"), ("rpm", "rpm")];
    if !able(&tools) || packages().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let then = "mount -t proc proc proc\n\
                mount --rbind /dev dev\n\
                mount -t tmpfs tmpfs tmp\n\
                exec chroot . /bin/bash /inside/chroot.sh\n";
    let (out, err) = texts(&stage(folder.path(), then).output().unwrap());
    judge("chroot.sh", &out, &err);
}
