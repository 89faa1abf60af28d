//! The annotated sample configuration: it loads, and each value in it is the default.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use tsmgate_server::config::raw::Raw;

use crate::read;

const SAMPLE: &str = "systemd/tsmgated.toml";

#[test]
fn the_sample_is_read_by_the_daemon() {
    toml::from_str::<Raw>(&read(SAMPLE)).unwrap();
}

/// Every setting of the sample, also one that is commented out with `# key = …`, is known; and every
/// table that the daemon knows is in the sample.
#[test]
fn the_sample_shows_the_whole_shape() {
    let text = read(SAMPLE);
    toml::from_str::<Raw>(&uncommented(&text)).unwrap_or_else(|error| panic!("{error}"));
    for table in [
        "[listen]",
        "[tls]",
        "[tsm]",
        "[admission]",
        "[limits.login]",
        "[limits.http]",
        "[limits.command]",
        "[limits.client]",
        "[stop]",
        "[audit]",
        "[metrics]",
        "[[role]]",
        "[[client]]",
        "[[local]]",
        "[[command]]",
        "[enrolment]",
        "[revoked]",
    ] {
        assert!(text.contains(table), "{table} is not in the sample");
    }
}

/// A sample with every setting in force, also one that is commented out with `# key = …`.
pub fn uncommented(sample: &str) -> String {
    sample
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn is_setting(text: &str) -> bool {
    let word = text.split([' ', '=']).next().unwrap_or_default();
    let key = !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
    (key && text[word.len()..].trim_start().starts_with('=')) || text.starts_with('[')
}

/// What the sample says without a comment mark is what the daemon does without the sample.
#[test]
fn the_sample_says_the_defaults() {
    let load = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tsmgated.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        format!("{:#?}", tsmgate_server::config::load(&path).unwrap())
    };
    let (sample, nothing) = (load(&read(SAMPLE)), load(""));
    for (ours, default) in sample.lines().zip(nothing.lines()) {
        assert_eq!(ours, default);
    }
    assert_eq!(sample, nothing);
}
