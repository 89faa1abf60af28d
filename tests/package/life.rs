//! Installation, upgrade, removal and purge, on an overlay of this machine's root that goes when the
//! test ends: mounts, processes and network are in namespaces of their own.
//!
//! The cases are shell functions beside this file, since package managers and systemd are what is asked.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::program::{built, have, texts};

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

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The overlay in `place/stage/root`, with the packages in `/packages`, the scripts in `/package`, those
/// of the tests of the units in `/inside`, and `/out` for what they leave; then `then`, in its folder.
fn stage(place: &Path, then: &str) -> Command {
    let script = format!(
        "set -eu\n\
         mkdir {place}/stage\n\
         mount -t tmpfs -o size=1g tmpfs {place}/stage\n\
         cd {place}/stage\n\
         mkdir up work root\n\
         mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root\n\
         cd root\n\
         mkdir -p packages package inside out\n\
         cp {packages}/*.deb {packages}/*.rpm packages/\n\
         cp {tests}/package/inside/* package/\n\
         cp {tests}/systemd/inside/* inside/\n\
         {then}",
        place = place.display(),
        packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package").display(),
        tests = tests().display(),
    );
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", "300", "unshare", "--mount", "--net", "--pid", "--fork"])
        .args(["--kill-child", "--mount-proc", "sh", "-c"])
        .arg(script)
        .stdin(Stdio::null());
    command
}

/// That every case of a script went well, and that it came to its end.
fn judge(script: &str, out: &str, err: &str) {
    let text = std::fs::read_to_string(tests().join("package/inside").join(script)).unwrap();
    let cases: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("case_ ")).collect();
    assert!(!cases.is_empty());
    let has = |wanted: &str| out.lines().any(|line| line == wanted);
    let good = |case: &&str| has(&format!("ok {case}"));
    assert!(has("the end") && cases.iter().all(good), "{out}\n{err}");
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
                exec chroot . /bin/bash /package/chroot.sh\n";
    let (out, err) = texts(&stage(folder.path(), then).output().unwrap());
    judge("chroot.sh", &out, &err);
}

/// R54: an upgrade under a hammer of logins loses no call, by either package manager.
#[test]
fn under_systemd_an_upgrade_loses_no_call_and_nothing_runs_untold() {
    let tools = [
        ("systemd-nspawn", "systemd-container"),
        ("dbus-daemon", "dbus"),
        ("unshare", "util-linux"),
        ("ip", "iproute2"),
        ("dpkg", "dpkg"),
        ("rpm", "rpm"),
        ("python3", "python3"),
        ("faketime", "faketime"),
    ];
    if !able(&tools) || packages().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // its end says nothing: the answers do; and a container's wish that no package starts or stops
    // anything is not the machine's that it plays
    let then = format!(
        "install -m 755 {tsmsim} usr/bin/tsmsim\n\
         mv inside/tsmsim.service package/*.service package/*.target usr/lib/systemd/system/\n\
         rm -f usr/sbin/policy-rc.d\n\
         ln -sf /dev/null etc/systemd/system/timers.target\n\
         systemd-nspawn --quiet --directory=. --boot --register=no --keep-unit --private-network \
         --machine=tsmgate-package --console=pipe systemd.unit=package-test.target >out/console || :\n\
         cat out/console >&2\n\
         cat out/answers\n",
        tsmsim = built("tsmsim").display(),
    );
    let (out, err) = texts(&stage(folder.path(), &then).output().unwrap());
    judge("booted.sh", &out, &err);
}
