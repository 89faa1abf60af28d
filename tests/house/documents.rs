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
