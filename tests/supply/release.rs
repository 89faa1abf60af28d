//! The release build, on programs of a few lines: the same bytes from two folders, and no folder in them. Without it
//! neither is so, which is what makes this a test.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{root, run};

/// The source of a release whose programs say where the source that was made for them at their build lies.
fn source(place: &Path) {
    let write = |path: &str, text: &str| {
        let path = place.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n";
    write("Cargo.toml", workspace);
    for name in ["tsmgate-server", "tsmgate-authority", "tsmgate-runner", "tsmgate-client"] {
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        write(&format!("{name}/Cargo.toml"), &manifest);
        write(
            &format!("{name}/build.rs"),
            "fn main() {\n    \
             let out = std::path::PathBuf::from(std::env::var_os(\"OUT_DIR\").unwrap());\n    \
             std::fs::write(out.join(\"made.rs\"), \"fn place() -> &'static str { file!() }\").unwrap();\n}\n",
        );
        write(
            &format!("{name}/src/main.rs"),
            "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\
             fn main() {\n    println!(\"{} {}\", place(), option_env!(\"SOURCE_DATE_EPOCH\").is_some());\n}\n",
        );
    }
    for path in ["systemd/package/release", "systemd/package/debian/changelog"] {
        fs::create_dir_all(place.join(path).parent().unwrap()).unwrap();
        fs::copy(root().join(path), place.join(path)).unwrap();
    }
    run(Command::new("cargo")
        .args(["generate-lockfile", "--quiet", "--offline"])
        .current_dir(place));
}

/// A program that this command built there, and what it says.
fn built(command: &mut Command, place: &Path) -> (Vec<u8>, String) {
    run(command.current_dir(place).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR"));
    let program = place.join("target/release/tsmgate-runner");
    (fs::read(&program).unwrap(), run(&mut Command::new(program)))
}

#[test]
fn a_release_has_the_same_bytes_from_any_folder_and_names_none() {
    let folder = tempfile::tempdir().unwrap();
    let places = ["one", "another/with a space"].map(|name| folder.path().join(name));
    let [first, second] = places.each_ref().map(|place| {
        source(place);
        built(&mut Command::new("systemd/package/release"), place)
    });
    assert!(first.1.starts_with("/target/release/build/tsmgate-runner-"), "{}", first.1);
    assert!(first.1.ends_with(" true\n"), "{}", first.1);
    assert_eq!(first.1, second.1);
    assert!(first.0 == second.0, "the bytes differ");

    let [first, second] = places.each_ref().map(|place| {
        fs::remove_dir_all(place.join("target")).unwrap();
        built(Command::new("cargo").args(["build", "--release", "--quiet"]), place)
    });
    assert!(first.1.starts_with(places[0].to_str().unwrap()), "{}", first.1);
    assert!(first.0 != second.0);
}
