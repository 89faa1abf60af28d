//! Which crate may use which, and what none of them may do.

use crate::{files, read, root};

/// Folder, and the crates of ours it may use outside of its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("wire", &[]),
    ("gate", &[]),
    ("catalogue", &[]),
    ("pki", &["text", "gate"]),
    ("settings", &["text"]),
    ("manual", &["text"]),
    ("runner", &["text", "manual", "settings", "catalogue"]),
    ("server", &["text", "manual", "settings", "wire", "gate", "catalogue"]),
    ("authority", &["text", "manual", "settings", "gate", "pki", "server"]),
    ("client", &["text", "manual", "settings", "wire", "catalogue", "pki"]),
];

#[test]
fn crates_use_only_what_the_design_allows() {
    for (folder, allowed) in ARROWS {
        let manifest = read(&format!("crates/{folder}/Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if let Some(ours) = name.strip_prefix("tsmgate-") {
                assert!(allowed.contains(&ours), "{folder} must not use {ours}");
            }
        }
    }
}

#[test]
fn decisions_codec_and_catalogue_do_no_io_and_start_no_task() {
    for folder in ["crates/gate/src", "crates/wire/src", "crates/catalogue/src"] {
        for path in files(&root().join(folder), ".rs") {
            if path.to_string_lossy().contains("generated") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for forbidden in [
                "tokio",
                "std::fs",
                "std::thread",
                "std::process",
                "TcpStream",
                "SystemTime",
                "UnixStream",
            ] {
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let used = code.filter(|line| line.contains(forbidden)).count();
                assert_eq!(used, 0, "{}: {forbidden}", path.display());
            }
        }
    }
}

/// Only `gate` makes a permit, and whatever sends a byte to TSM takes one.
#[test]
fn reaching_tsm_takes_a_permit() {
    let permit = read("crates/gate/src/permit.rs");
    assert_eq!(permit.matches("Ok(Permit {").count(), 1, "one place makes permits");
    assert!(!permit.contains("pub permission:"), "a permit's fields are private");
    for file in ["backend.rs", "backend/api.rs", "backend/runner.rs"] {
        let text = read(&format!("crates/server/src/{file}"));
        let (asking, _) = text.split_once("impl Answered").unwrap_or((&text, ""));
        let (asking, _) = asking.split_once("pub(crate) async fn withdraw").unwrap_or((asking, ""));
        let functions: Vec<_> = asking.split("pub async fn ").skip(1).collect();
        assert!(!functions.is_empty(), "{file}: nothing asks TSM");
        for function in functions {
            let (arguments, _) = function.split_once(") ->").unwrap();
            let permit = ["permit: Permit", "permit: &Permit"];
            assert!(permit.iter().any(|permit| arguments.contains(permit)), "{arguments}");
        }
    }
    // to end the gate's own session takes the session, which took a permit to get
    let api = read("crates/server/src/backend/api.rs");
    let own: Vec<_> = api.split("pub(crate) async fn ").skip(1).collect();
    assert_eq!(own.len(), 1, "one thing is done without a permit");
    assert!(own.iter().all(|function| function.starts_with("end_own")));
    // of the runner's questions those that make something happen are asked with one
    let runner = read("crates/server/src/backend/runner.rs");
    let (with, without) = runner.split_once("pub(crate) async fn would").unwrap();
    assert_eq!((with.matches("Ask::Start").count(), without.matches("Ask::Start").count()), (1, 0));
    // what must not run any more is taken back without one, by the gate itself and for nobody else
    assert_eq!(without.matches("Ask::Cancel").count(), 1);
    assert_eq!(
        (with.matches("cancellation(").count(), with.matches("fn withdraw").count()),
        (2, 1)
    );
    // who only looks at TSM's certificate, for the command that shows it, sends nothing after the handshake
    // and so does doctor, whose connections are made in one place
    let places: [(&str, &[&str]); 3] = [
        ("UnixStream::connect", &["backend/socket.rs"]),
        ("TcpSocket::", &["doctor/reach.rs"]),
        ("TcpStream::connect", &["backend/wire.rs", "pinning/look.rs"]),
    ];
    for path in files(&root().join("crates/server/src"), ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for (connect, places) in places {
            let allowed = places.iter().any(|place| path.ends_with(place));
            assert!(allowed || !text.contains(connect), "{}", path.display());
        }
    }
}

/// R63: nobody's certificate is judged by a check of our own but TSM's; and what only looks at it is used by
/// the commands for a person's eyes, and by nothing that runs
#[test]
fn whom_we_believe_is_decided_in_one_place() {
    let sources = root().join("crates/server/src");
    let with = |text: &str| -> Vec<String> {
        let has = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap().contains(text);
        let name = |path: std::path::PathBuf| {
            path.strip_prefix(&sources).unwrap().to_string_lossy().into_owned()
        };
        let mut found: Vec<_> = files(&sources, ".rs").into_iter().filter(has).map(name).collect();
        found.sort();
        found
    };
    assert_eq!(with(".dangerous()"), ["credentials/tsm.rs", "pinning/look.rs"]);
    // doctor looks at our own port as a stranger would, and believes nobody there
    let lookers = ["cli/trust_tsm.rs", "doctor/outsider.rs"];
    assert_eq!(with("use crate::pinning"), lookers);
    assert_eq!(with("pinning::look"), lookers);
}

/// Only the runner starts programs: what is on the network has no code for it. The client becomes one, which a
/// person names on its command line; `tsmgated setup` becomes one that is fixed. The setup itself, which a person
/// runs once, starts a fixed few from one room.
#[test]
fn only_the_runner_starts_programs() {
    let ways = ["process::Command", "Command::new", "process::exec", "execve", "CommandExt"];
    let beside = [".spawn()", ".output()", ".status()"];
    let becomes_one =
        ["client/src/cli/exec.rs", "client/src/system/program.rs", "server/src/cli/setup.rs"];
    let starts = "authority/src/setup/program.rs";
    let folders =
        ["text", "settings", "wire", "gate", "catalogue", "pki", "server", "authority", "client"];
    for folder in folders {
        for path in files(&root().join(format!("crates/{folder}/src")), ".rs") {
            if path.ends_with(starts) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // clap calls what it parses a command too
            let text = text.replace("clap::Command::new", "");
            // it is this process that becomes it: nothing is started beside it
            let becomes_it = becomes_one.iter().any(|file| path.ends_with(file));
            let ways: &[_] = if becomes_it { &beside } else { &ways };
            for way in ways {
                assert!(!text.contains(way), "{}: {way}", path.display());
            }
        }
    }
}

#[test]
fn the_daemon_cannot_make_keys() {
    let manifest = read("crates/server/Cargo.toml");
    assert!(!manifest.contains("rcgen") && !manifest.contains("tsmgate-pki"));
}

#[test]
fn source_files_open_with_what_they_are_for() {
    for path in files(&root().join("crates"), ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        if path.to_string_lossy().contains("/generated/") {
            continue;
        }
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
    }
}

/// R68: no crate of ours, tests and fuzz targets among them, allows unsafe code
#[test]
fn no_crate_of_ours_has_unsafe_code_or_a_second_provider() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for path in files(&root().join("tests"), "Cargo.toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints.rust]\nunsafe_code = \"forbid\""), "{}", path.display());
    }
    for path in files(&root().join("crates"), "Cargo.toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{}", path.display());
        assert!(!text.contains("\"ring\""), "{}", path.display());
    }
}

/// What is particular to Unix stands in one room of the client, so that another system's can stand in its place.
#[test]
fn the_client_speaks_to_unix_in_one_room() {
    let folder = root().join("crates/client/src");
    let words = [
        "std::os::",
        "rustix::",
        "UnixStream",
        "UnixListener",
        "UnixDatagram",
        "signal::unix",
        "listenfd",
        "sd_notify",
    ];
    let mut looked_at = 0;
    for path in files(&folder, ".rs") {
        let inside = path.strip_prefix(&folder).unwrap();
        if inside.starts_with("system") || inside.ends_with("tests.rs") {
            continue;
        }
        looked_at += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let found = words.iter().find(|word| line.contains(**word));
            // the word is also the end of another one
            let found = found.or(line.contains(" nix::").then_some(&"nix::"));
            assert_eq!(found, None, "{}: {line}", path.display());
        }
    }
    assert!(looked_at > 100, "{looked_at} files");
}
