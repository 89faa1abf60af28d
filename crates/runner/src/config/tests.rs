//! What is taken, and what is refused with its place.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::path::Path;
use std::time::Duration;

use super::Config;

fn read(text: &str) -> Result<Config, String> {
    let text = format!("listen.users = [\"root\"]\n{text}");
    Config::read(Path::new("/etc/tsmgate/runner.toml"), &text).map_err(|fault| fault.to_string())
}

#[test]
fn what_is_absent_has_its_default_and_nothing_is_served() {
    let config = read("").unwrap();
    assert_eq!(config.socket, Path::new("/run/tsmgate-runner/runner.sock"));
    assert_eq!(config.users, [0]);
    assert_eq!(config.served, []);
    assert_eq!(config.limits.kept_for, Duration::from_secs(7 * 24 * 3600));
    let names: Vec<_> = config.tsm.environment.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["HOME", "PATH"]);
    assert_eq!(config.tsm.owners, [0]);
    assert_eq!(config.tsm.file_group, None);
}

#[test]
fn a_wrong_value_is_named_with_its_place() {
    for (text, told) in [
        ("serve.permissions = [\"*\"]", "2:22: `*` is no permission"),
        ("tsm.program = \"tsm\"", "2:15: `tsm.program` must begin with /"),
        ("state.folder = \"state\"", "2:16: `state.folder` must begin with /"),
        ("tsm.home = \"home\"", "2:12: `tsm.home` must begin with /"),
        ("tsm.path = \"/bin:\"", "2:12: `tsm.path`: each folder must begin with /"),
        ("tsm.environment.LD_PRELOAD = \"x\"", "2:17: `LD_PRELOAD` is not passed on"),
        ("tsm.environment.TSM_ = \"x\"", "2:17: `TSM_` is not passed on"),
        ("tsm.environment.TSM_x = \"x\"", "2:17: `TSM_x` is not passed on"),
        ("tsm.environment.LANG = \"a\\nb\"", "2:17: the value of LANG"),
        ("tsm.file_group = \"nobody-has-this\"", "2:18: `tsm.file_group`: this host has no group"),
        ("tsm.program_owners = [\"nobody-is-this\"]", "2:22: `tsm.program_owners`: this host"),
        ("limits.reading = 0", "2:18: `limits.reading` must be at least 1"),
        ("limits.runmost = \"1h\"", "unknown key `runmost`; did you mean `run_most`?"),
    ] {
        let fault = read(text).expect_err(text);
        assert!(fault.contains(told), "{text}: {fault}");
    }
}

#[test]
fn nobody_to_ask_is_no_configuration() {
    let fault = Config::read(Path::new("/etc/r.toml"), "listen.users = []").unwrap_err();
    assert!(fault.to_string().contains("nobody could ask"), "{fault}");
}
