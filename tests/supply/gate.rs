//! The gate before crates: what we have passes, and what it is there to stop is stopped. The bad ones are crates of a
//! few bytes with the names and versions of those that are meant; nothing is fetched.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::program::{have, tool};

use crate::{root, run, said};

/// The gate, where cargo-deny is there.
fn gate() -> Option<Command> {
    tool("cargo-deny").map(|_| Command::new(root().join("tests/supply/check")))
}

/// A crate with this name, version and licence, and nothing in it but, where it has one, its script.
fn written(place: &Path, name: &str, version: &str, licence: &str, script: bool) {
    fs::create_dir_all(place.join("src")).unwrap();
    fs::write(place.join("src/lib.rs"), "").unwrap();
    if script {
        fs::write(place.join("build.rs"), "fn main() {}").unwrap();
    }
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nlicense = \"{licence}\"\n\
         edition = \"2024\"\npublish = false\n"
    );
    fs::write(place.join("Cargo.toml"), manifest).unwrap();
}

/// A crate beside the workspace that is asked about.
struct Beside(&'static str, &'static str, &'static str, bool);

/// What the gate says of a workspace that uses these crates, and has these lines of dependencies besides.
fn asked(crates: &[Beside], lines: &str) -> Option<(bool, String)> {
    let mut gate = gate()?;
    let place = tempfile::tempdir().unwrap();
    let workspace = place.path().join("workspace");
    written(&workspace, "scratch", "0.1.0", "MIT", false);
    let mut manifest = fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    manifest += "[workspace]\n[dependencies]\n";
    for (number, Beside(name, version, licence, script)) in crates.iter().enumerate() {
        let folder = format!("{name}-{version}");
        written(&place.path().join(&folder), name, version, licence, *script);
        manifest += &format!(
            "a{number} = {{ package = \"{name}\", version = \"{version}\", path = \"../{folder}\" }}\n"
        );
    }
    manifest += lines;
    fs::write(workspace.join("Cargo.toml"), manifest).unwrap();
    run(Command::new("cargo")
        .args(["generate-lockfile", "--quiet", "--offline"])
        .current_dir(&workspace));
    Some(said(gate.arg(workspace.join("Cargo.toml"))))
}

/// R67: the crates of the workspace, and of fuzzing where it is, pass for licences, bans and sources.
#[test]
fn what_we_build_on_passes_the_gate() {
    let Some(mut gate) = gate() else { return };
    let text = run(&mut gate);
    let workspaces = ["Cargo.toml", "tests/fuzz/Cargo.toml"];
    let ours = workspaces.iter().filter(|manifest| root().join(manifest).exists()).count();
    assert_eq!(text.matches("bans ok, licenses ok, sources ok").count(), ours, "{text}");
}

/// R67: a second provider or TLS stack, what nobody keeps, and what is older than the mend of a known weakness is
/// refused; the first versions with the mend are let in.
#[test]
fn banned_crates_and_old_versions_are_refused() {
    let banned = [
        ("ring", "0.17.14"),
        ("openssl", "0.10.80"),
        ("openssl-sys", "0.9.120"),
        ("native-tls", "0.2.20"),
        ("rustls-pemfile", "2.2.0"),
        ("serde_yaml", "0.9.34"),
        ("h2", "0.4.20"),
        ("rustls", "0.23.17"),
        ("rustls-webpki", "0.103.12"),
        ("tracing-subscriber", "0.3.19"),
        ("hyper", "1.11.9"),
    ];
    let bad = banned.map(|(name, version)| Beside(name, version, "MIT", false));
    let Some((well, text)) = asked(&bad, "") else { return };
    assert!(!well && text.contains("bans FAILED, licenses ok, sources ok"), "{text}");
    for (name, version) in banned {
        assert!(
            text.contains(&format!("crate '{name} = {version}' is explicitly banned")),
            "{text}"
        );
    }

    let mended = [
        ("rustls", "0.23.18"),
        ("rustls-webpki", "0.103.13"),
        ("tracing-subscriber", "0.3.20"),
        ("hyper", "1.12.0"),
    ];
    let good = mended.map(|(name, version)| Beside(name, version, "MIT", false));
    let (well, text) = asked(&good, "").unwrap();
    assert!(well && text.contains("bans ok, licenses ok, sources ok"), "{text}");
}

/// R67: a licence that is not named, one that is for another crate, and none at all are refused.
#[test]
fn licences_are_those_that_are_named() {
    let bad = [
        Beside("copyleft", "1.0.0", "GPL-3.0-only", false),
        Beside("elsewhere", "1.0.0", "ISC", false),
        Beside("silent", "1.0.0", "", false),
        Beside("choice", "1.0.0", "GPL-3.0-only OR MIT", false),
    ];
    let Some((well, text)) = asked(&bad, "") else { return };
    assert!(!well && text.contains("bans ok, licenses FAILED, sources ok"), "{text}");
    for name in ["copyleft", "elsewhere", "silent"] {
        assert!(text.contains(&format!("{name}-1.0.0/Cargo.toml")), "{name}: {text}");
    }
    assert!(!text.contains("choice-1.0.0"), "{text}");
}

/// R67: a second version of a crate, a script that nobody looked at, any version of a registry's crate.
#[test]
fn twins_unknown_scripts_and_wildcards_are_refused() {
    let bad = [
        Beside("twin", "1.0.0", "MIT", false),
        Beside("twin", "2.0.0", "MIT", false),
        Beside("scripted", "1.0.0", "MIT", true),
    ];
    let Some((well, text)) = asked(&bad, "memchr = \"*\"\n") else { return };
    assert!(!well && text.contains("bans FAILED, licenses ok, sources ok"), "{text}");
    for part in [
        "2 duplicate entries for crate 'twin'",
        "'scripted = 1.0.0' has a build script",
        "wildcard",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A folder of its own for what cargo keeps, with the registry of this machine in it.
fn cargo_home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let usual = std::env::var_os("CARGO_HOME")
        .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo"), Into::into);
    std::os::unix::fs::symlink(usual.join("registry"), home.path().join("registry")).unwrap();
    home
}

/// All that is in a folder becomes a commit, made then.
fn committed(folder: &Path, date: &str) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    run(Command::new("git").args(["init", "--quiet"]).current_dir(folder));
    run(Command::new("git").args(["add", "--all"]).current_dir(folder));
    run(Command::new("git")
        .args(who)
        .args(["commit", "--quiet", "--message", "all"])
        .env("GIT_COMMITTER_DATE", date)
        .current_dir(folder));
}

/// R67: sources other than the registry are refused.
#[test]
fn a_crate_from_git_is_refused() {
    let Some(mut gate) = gate() else { return };
    if !have("git", "git") {
        return;
    }
    let (home, place) = (cargo_home(), tempfile::tempdir().unwrap());
    let (workspace, far) = (place.path().join("workspace"), place.path().join("far"));
    written(&far, "far", "1.0.0", "MIT", false);
    committed(&far, "2026-01-01T00:00:00Z");
    written(&workspace, "scratch", "0.1.0", "MIT", false);
    let manifest = fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    let line = format!("[workspace]\n[dependencies]\nfar.git = \"file://{}\"\n", far.display());
    fs::write(workspace.join("Cargo.toml"), manifest + &line).unwrap();
    run(Command::new("cargo")
        .args(["generate-lockfile", "--quiet"])
        .env("CARGO_HOME", home.path())
        .current_dir(&workspace));
    let (well, text) = said(gate.arg(workspace.join("Cargo.toml")).env("CARGO_HOME", home.path()));
    assert!(!well && text.contains("licenses ok, sources FAILED"), "{text}");
}

/// R67: advisories are reported, with the age of the data; old data never say that all is well, and none are no gate.
#[test]
fn advisories_are_reported_and_old_data_say_nothing() {
    if gate().is_none() || !have("git", "git") {
        return;
    }
    let home = cargo_home();
    let report = || {
        let script = root().join("tests/supply/advisories");
        run(Command::new(script).env("CARGO_HOME", home.path()))
    };
    assert!(report().contains("advisories: not checked"));

    // the name is cargo-deny's, made of the database's address
    let database = home.path().join("advisory-dbs/advisory-db-3157b0e258782691");
    let advise = |name: &str, date: &str| {
        let _ = fs::remove_dir_all(&database);
        fs::create_dir_all(database.join("crates").join(name)).unwrap();
        let advisory = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2020-9999\"\npackage = \"{name}\"\n\
             date = \"2020-01-01\"\n[versions]\npatched = []\n```\n\n# a made-up weakness\n\nNone.\n"
        );
        let path = database.join("crates").join(name).join("RUSTSEC-2020-9999.md");
        fs::write(path, advisory).unwrap();
        committed(&database, date);
        report()
    };
    let now = run(Command::new("date").arg("+%Y-%m-%dT%H:%M:%S%z"));
    let old = advise("nobody-has-this", "2025-02-24T12:00:00Z");
    assert!(old.contains("no verdict, data of 2025-02-24") && !old.contains("none known"), "{old}");
    let fresh = advise("nobody-has-this", now.trim());
    assert!(fresh.contains("none known, by data of") && fresh.contains("0 days old"), "{fresh}");
    let found = advise("tokio", now.trim());
    assert!(found.contains("RUSTSEC-2020-9999") && !found.contains("none known"), "{found}");
}
