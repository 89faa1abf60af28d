//! Documents say what is so: exit codes, reason codes, the commands of the README.

use crate::{read, root};

#[test]
fn the_visible_top_level_is_what_the_design_fixed() {
    let fixed = [
        "Cargo.toml",
        "Cargo.lock",
        "crates",
        "certs",
        "systemd",
        "tests",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
    ];
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || fixed.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn the_readme_has_the_two_commands_and_every_exit_code() {
    let readme = read("README.md");
    assert!(readme.contains("cargo demo") && readme.contains("tests/run"));
    for code in ["64", "65", "66", "69", "70", "71", "75", "76", "77"] {
        assert!(readme.contains(&format!("| {code} |")), "exit code {code} is not in the README");
    }
}

#[test]
fn the_readme_names_the_completions_and_the_manual() {
    let readme = read("README.md");
    for text in ["tsmgate completions bash", "tsmgated completions", "tsmgate manual FOLDER"] {
        assert!(readme.contains(text), "{text} is not in the README");
    }
}

#[test]
fn every_reason_code_is_explained_in_the_readme_of_systemd() {
    let page = read("systemd/README.md");
    for code in tsmgate_gate::reason::Reason::CODES {
        assert!(page.contains(&format!("`{code}`")), "{code} is not explained");
    }
}

#[test]
fn every_code_of_the_enrolment_is_explained_there_too() {
    let page = read("systemd/README.md");
    let source = read("crates/pki/src/enrolment/fault.rs");
    let (_, codes) = source.split_once("pub fn code(").unwrap();
    let (codes, _) = codes.split_once("pub fn status(").unwrap();
    let codes: Vec<_> = codes.split('"').skip(1).step_by(2).collect();
    assert!(codes.len() >= 12, "{codes:?}");
    let others = ["certificate_missing", "rate_limited", "not_recorded", "too_large", "too_slow"];
    for code in codes.iter().chain(&others) {
        assert!(page.contains(&format!("`{code}`")), "{code} is not explained");
    }
}
