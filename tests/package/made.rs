//! Makes the packages, once: of the programs that were built beside this test, in their profile, so that
//! nothing is built anew. What differs from a package for users is that profile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tests::program::{built, have, texts, tool};

use crate::root;

/// Where the packages are; `next.deb` and `next.rpm`, version 9.0.0 of the server, are beside them.
pub struct Packages {
    pub client_deb: PathBuf,
    pub server_deb: PathBuf,
    pub client_rpm: PathBuf,
    pub server_rpm: PathBuf,
}

/// All packages; `None`, said aloud, where a tool is missing.
pub fn packages() -> Option<&'static Packages> {
    static MADE: OnceLock<Option<Packages>> = OnceLock::new();
    MADE.get_or_init(|| {
        let debian = [
            ("dpkg-deb", "dpkg"),
            ("dpkg-shlibdeps", "dpkg-dev"),
            ("strip", "binutils"),
            ("python3", "python3"),
        ];
        let tools = debian.iter().all(|(tool, package)| have(tool, package));
        let deb = tool("cargo-deb")?;
        let rpm = tool("cargo-generate-rpm")?;
        tools.then(|| make(&deb, &rpm))
    })
    .as_ref()
}

/// Runs a command to its good end.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{command:?}:\n{out}{err}");
    out
}

fn make(deb: &Path, rpm: &Path) -> Packages {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name);
    let programs = built("tsmgated").parent().unwrap().to_owned();
    let built_as = programs.file_name().unwrap().to_str().unwrap();
    let profile = if built_as == "debug" { "dev" } else { built_as };

    let beside = |programs: &Path| {
        for made in ["pages", "bills"] {
            run(Command::new(root().join("systemd/package").join(made)).arg(programs));
        }
    };
    beside(&programs);

    for (package, file) in [("tsmgate-client", "client.deb"), ("tsmgate-server", "server.deb")] {
        run(Command::new(deb)
            .args(["deb", "--no-build", "--offline", "--locked", "--fast", "--quiet"])
            .args(["--profile", profile, "--package", package, "--output"])
            .arg(at(file))
            .current_dir(root()));
    }

    // a release is stripped by its profile, and cargo-generate-rpm strips nothing
    let staged = at("target").join(built_as);
    std::fs::create_dir_all(&staged).unwrap();
    for name in ["tsmgate", "tsmgated", "tsmgate-authority", "tsmgate-runner"] {
        run(Command::new("strip").arg(programs.join(name)).arg("-o").arg(staged.join(name)));
    }
    beside(&staged);
    let made = |package: &str, file: &str, more: &[&str]| {
        run(Command::new(rpm)
            .args(["generate-rpm", "--payload-compress", "none", "--profile", profile])
            .args(["--package", package])
            .args(more)
            .arg("--target-dir")
            .arg(at("target"))
            .arg("--output")
            .arg(at(file))
            .current_dir(root()));
    };
    made("crates/client", "client.rpm", &[]);
    made("crates/server", "server.rpm", &[]);
    made("crates/server", "next.rpm", &["--set-metadata", "version = \"9.0.0\""]);

    next(&folder, &at("server.deb"));

    Packages {
        client_deb: at("client.deb"),
        server_deb: at("server.deb"),
        client_rpm: at("client.rpm"),
        server_rpm: at("server.rpm"),
    }
}

/// The package again as version 9.0.0, with a line more in the sample.
fn next(folder: &Path, package: &Path) {
    let unpacked = folder.join("next");
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&unpacked));
    let edit = |path: &str, change: &dyn Fn(&str) -> String| {
        let path = unpacked.join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, change(&text)).unwrap();
    };
    let version = format!("Version: {}-1\n", env!("CARGO_PKG_VERSION"));
    edit("DEBIAN/control", &|text| {
        assert!(text.contains(&version), "{text}");
        text.replace(&version, "Version: 9.0.0-1\n")
    });
    edit("etc/tsmgate/tsmgated.toml", &|text| format!("{text}# the next version\n"));
    let pack = ["--root-owner-group", "-Zgzip", "-z1", "--build"];
    run(Command::new("dpkg-deb").args(pack).arg(&unpacked).arg(folder.join("next.deb")));
}
