//! Every file of the packages, and nothing else; what they depend on; what lintian says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::program::{built, have, texts};

use crate::made::{packages, run};
use crate::root;

/// What both forms of the server's package have, beside the files of `systemd/monitoring`.
const SERVER: &[(&str, &str)] = &[
    ("-rw-r--r--", "/etc/logrotate.d/tsmgated"),
    ("-rw-r--r--", "/etc/tsmgate/runner.toml"),
    ("-rw-r--r--", "/etc/tsmgate/tsmgated.toml"),
    ("-rwxr-xr-x", "/usr/bin/tsmgate-authority"),
    ("-rwxr-xr-x", "/usr/bin/tsmgate-runner"),
    ("-rwxr-xr-x", "/usr/bin/tsmgated"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-authority.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-crl.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-crl.timer"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-server.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-server.timer"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-runner.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-runner.socket"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgated.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgated.socket"),
    ("-rw-r--r--", "/usr/lib/sysusers.d/tsmgate.conf"),
    ("-rw-r--r--", "/usr/lib/tmpfiles.d/tsmgate.conf"),
    ("-rwxr-xr-x", "/usr/lib/tsmgate/tsmgate-renew"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/README.md"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/operating.md"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/runner.toml"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/tsmgate-authority.cdx.json"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/tsmgate-authority.toml"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/tsmgate-runner.cdx.json"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/tsmgated.cdx.json"),
    ("-rw-r--r--", "/usr/share/doc/tsmgated/tsmgated.toml"),
];

/// What both forms of the client's package have.
const CLIENT: &[(&str, &str)] = &[
    ("-rwxr-xr-x", "/usr/bin/tsmgate"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-forward.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-forward.socket"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-client.service"),
    ("-rw-r--r--", "/usr/lib/systemd/system/tsmgate-renew-client.timer"),
    ("-rw-r--r--", "/usr/lib/systemd/user/tsmgate-forward.service"),
    ("-rw-r--r--", "/usr/lib/systemd/user/tsmgate-forward.socket"),
    ("-rw-r--r--", "/usr/lib/systemd/user/tsmgate-renew-client.service"),
    ("-rw-r--r--", "/usr/lib/systemd/user/tsmgate-renew-client.timer"),
    ("-rw-r--r--", "/usr/share/doc/tsmgate/README.md"),
    ("-rw-r--r--", "/usr/share/doc/tsmgate/tsmgate.cdx.json"),
];

/// What dpkg and rpm ask before they replace it.
const CONFIGURATION: &str =
    "/etc/logrotate.d/tsmgated\n/etc/tsmgate/runner.toml\n/etc/tsmgate/tsmgated.toml\n";

/// A warning of lintian's that stays: it is of an archive's needs, not of a user's, for nobody filed a bug with
/// Debian that this would close.
const JUDGED: &[&str] = &["initial-upload-closes-no-bugs"];

/// Mode, by path.
type Files = BTreeMap<String, String>;

fn expected(both: &[(&str, &str)], more: &[&str]) -> Files {
    let plain = more.iter().map(|path| ("-rw-r--r--", *path));
    both.iter().copied().chain(plain).map(|(mode, path)| (path.into(), mode.into())).collect()
}

/// What the programs of a package show of themselves: manual pages and completions.
fn pages(package: &str, zsh: &str) -> Vec<String> {
    let at = built("tsmgated").with_file_name("pages").join(package);
    let of = |kind: &str, place: &str| -> Vec<String> {
        let files = std::fs::read_dir(at.join(kind)).unwrap();
        let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
        files.map(|file| format!("/usr/share/{place}/{}", name(file).display())).collect()
    };
    let pages = [
        of("man", "man/man1"),
        of("bash", "bash-completion/completions"),
        of("zsh", zsh),
        of("fish", "fish/vendor_completions.d"),
    ];
    pages.concat()
}

fn pages_of_deb(package: &str) -> Vec<String> {
    pages(package, "zsh/vendor-completions")
}

fn pages_of_rpm(package: &str) -> Vec<String> {
    pages(package, "zsh/site-functions")
}

fn monitoring() -> Vec<String> {
    let files = std::fs::read_dir(root().join("systemd/monitoring")).unwrap();
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
    files
        .map(|file| format!("/usr/share/doc/tsmgated/monitoring/{}", name(file).display()))
        .collect()
}

/// The files of a Debian package. Folders are for all to enter and root's to write.
fn files_of_deb(package: &Path) -> Files {
    let mut files = Files::new();
    for line in run(Command::new("dpkg-deb").arg("--contents").arg(package)).lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [mode, owner, _, _, _, path] = words[..] else { panic!("{line}") };
        assert!(["0/0", "root/root"].contains(&owner), "{line}");
        if mode.starts_with('d') {
            assert_eq!(mode, "drwxr-xr-x", "{line}");
        } else {
            files.insert(path.trim_start_matches('.').into(), mode.into());
        }
    }
    files
}

fn files_of_rpm(package: &Path) -> Files {
    let form = "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\\n]";
    let mut files = Files::new();
    for line in asked(package, form).lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [mode, "root:root", path] = words[..] else { panic!("{line}") };
        files.insert(path.into(), mode.into());
    }
    files
}

/// What rpm says of a package.
fn asked(package: &Path, form: &str) -> String {
    run(Command::new("rpm").args(["--query", "--queryformat", form, "--package"]).arg(package))
}

/// A Debian package, taken apart: its files, and `DEBIAN/` with all that dpkg reads.
fn unpacked(package: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("it");
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&into));
    (folder, into)
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn the_debian_packages_have_every_file_and_nothing_else() {
    let Some(made) = packages() else { return };
    let monitoring = monitoring();
    let of_debian = ["changelog.gz", "changelog.Debian.gz", "copyright"]
        .map(|name| format!("/usr/share/doc/tsmgated/{name}"));
    let pages = pages_of_deb("tsmgated");
    let more: Vec<_> =
        monitoring.iter().chain(&of_debian).chain(&pages).map(String::as_str).collect();
    assert_eq!(files_of_deb(&made.server_deb), expected(SERVER, &more));

    let of_debian = ["changelog.gz", "changelog.Debian.gz", "copyright"]
        .map(|name| format!("/usr/share/doc/tsmgate/{name}"));
    let pages = pages_of_deb("tsmgate");
    let more: Vec<_> = of_debian.iter().chain(&pages).map(String::as_str).collect();
    assert_eq!(files_of_deb(&made.client_deb), expected(CLIENT, &more));

    let (_folder, server) = unpacked(&made.server_deb);
    assert_eq!(std::fs::read_to_string(server.join("DEBIAN/conffiles")).unwrap(), CONFIGURATION);
    let (_folder, client) = unpacked(&made.client_deb);
    let control: BTreeSet<_> = below(&client.join("DEBIAN"))
        .iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(control, ["control".into()].into(), "a client needs no script");
}

#[test]
fn the_rpms_have_every_file_and_nothing_else() {
    let Some(made) = packages() else { return };
    if !have("rpm", "rpm") {
        return;
    }
    let monitoring = monitoring();
    let of_rpm = [
        "/usr/share/doc/tsmgated/CHANGELOG.md",
        "/usr/share/licenses/tsmgated/LICENSE-APACHE",
        "/usr/share/licenses/tsmgated/LICENSE-MIT",
    ];
    let pages = pages_of_rpm("tsmgated");
    let more: Vec<_> = monitoring.iter().chain(&pages).map(String::as_str).chain(of_rpm).collect();
    assert_eq!(files_of_rpm(&made.server_rpm), expected(SERVER, &more));
    let of_rpm = [
        "/usr/share/doc/tsmgate/CHANGELOG.md",
        "/usr/share/licenses/tsmgate/LICENSE-APACHE",
        "/usr/share/licenses/tsmgate/LICENSE-MIT",
    ];
    let pages = pages_of_rpm("tsmgate");
    let more: Vec<_> = pages.iter().map(String::as_str).chain(of_rpm).collect();
    assert_eq!(files_of_rpm(&made.client_rpm), expected(CLIENT, &more));

    let form = "[%{FILENAMES} %{FILEFLAGS:fflags}\\n]";
    let flags = asked(&made.server_rpm, form);
    let kept: String = flags
        .lines()
        .filter_map(|line| line.strip_suffix(" cn"))
        .flat_map(|path| [path, "\n"])
        .collect();
    assert_eq!(kept, CONFIGURATION, "config(noreplace): {flags}");
}

#[test]
fn all_that_systemd_has_is_installed() {
    let Some(made) = packages() else { return };
    let installed: BTreeSet<_> = [&made.server_deb, &made.client_deb]
        .into_iter()
        .flat_map(|package| {
            let (_folder, tree) = unpacked(package);
            below(&tree).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    let folder = root().join("systemd");
    for path in below(&folder) {
        if !path.starts_with(folder.join("package")) {
            let text = std::fs::read(&path).unwrap();
            assert!(installed.contains(&text), "{} is in no package", path.display());
        }
    }
}

#[test]
fn the_packages_need_what_they_link_and_systemd() {
    let Some(made) = packages() else { return };
    let depends = |package: &Path| {
        let field = run(Command::new("dpkg-deb").arg("--field").arg(package).arg("Depends"));
        let name = |one: &str| one.split_whitespace().next().unwrap().to_owned();
        field.trim().split(',').map(name).collect::<Vec<_>>()
    };
    assert_eq!(depends(&made.server_deb), ["libc6", "systemd"]);
    assert_eq!(depends(&made.client_deb), ["libc6"]);

    if !have("rpm", "rpm") {
        return;
    }
    let libraries = ["libc.so.6(", "libm.so.6(", "libgcc_s.so.1(", "ld-linux-", "rtld(", "rpmlib("];
    for (package, more) in [(&made.server_rpm, "systemd"), (&made.client_rpm, "/bin/sh")] {
        let list =
            |what: &str| run(Command::new("rpm").args(["--query", what, "--package"]).arg(package));
        let provides = list("--provides");
        // of a versioned one, the name: what the package makes itself it may ask for
        let own = |name: &str| provides.lines().any(|line| line.split(" = ").next() == Some(name));
        for line in list("--requires").lines() {
            let name = line.split(" = ").next().unwrap();
            let known = libraries.iter().any(|start| line.starts_with(start));
            assert!(known || own(name) || ["/bin/sh", more].contains(&line), "requires {line}");
        }
    }
}

#[test]
fn nothing_in_the_packages_tells_where_they_were_made() {
    let Some(made) = packages() else { return };
    let home = || std::env::var("HOME").map(|home| format!("{home}/.cargo"));
    let crates = std::env::var("CARGO_HOME").or_else(|_| home()).unwrap();
    let here = [root().display().to_string(), format!("{crates}/")];
    let check = |what: &str, text: &str| {
        for trace in &here {
            assert!(!text.contains(trace), "{what} has {trace}");
        }
    };
    for package in [&made.server_deb, &made.client_deb] {
        let (_folder, files) = unpacked(package);
        for path in below(&files) {
            // a program has the paths of its sources, for its panics: rustc's business
            if !path.parent().unwrap().ends_with("usr/bin") {
                let text = std::fs::read(&path).unwrap();
                check(&path.display().to_string(), &String::from_utf8_lossy(&text));
            }
        }
    }
    if have("rpm", "rpm") {
        for package in [&made.server_rpm, &made.client_rpm] {
            let ask = ["--query", "--info", "--scripts", "--changelog", "--list", "--package"];
            check("an rpm's header", &run(Command::new("rpm").args(ask).arg(package)));
            assert_eq!(asked(package, "%{BUILDHOST}"), "(none)");
        }
    }
}

#[test]
fn lintian_finds_no_error_and_no_warning_that_nobody_judged() {
    let Some(made) = packages() else { return };
    if !have("lintian", "lintian") {
        return;
    }
    let output = Command::new("lintian")
        .args(["--fail-on", "none", "--tag-display-limit", "0", "--allow-root"])
        .args([&made.server_deb, &made.client_deb])
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    for line in out.lines().filter(|line| line.starts_with("E: ") || line.starts_with("W: ")) {
        let tag = line.split_whitespace().nth(2).unwrap();
        assert!(line.starts_with("W: ") && JUDGED.contains(&tag), "{line}");
    }
    // it did look
    assert!(out.contains("initial-upload-closes-no-bugs"), "{out}{err}");
}

#[test]
fn the_changelog_of_debian_speaks_of_this_version() {
    let changelog =
        std::fs::read_to_string(root().join("systemd/package/debian/changelog")).unwrap();
    let newest = format!("tsmgate ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&newest), "{changelog}");
}
