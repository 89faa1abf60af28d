//! The annotated sample configuration of the runner: it loads, shows every key, and each value in it is the default.

use tsmgate_runner::config::Config;
use tsmgate_runner::config::raw::{CONFIG_FILE, Raw, USERS};

use crate::read;
use crate::sample::uncommented;

const SAMPLE: &str = "systemd/runner.toml";

/// Every setting of the sample, also one that is commented out, is known; and every key that the runner knows is
/// in the sample.
#[test]
fn the_sample_of_the_runner_shows_the_whole_shape() {
    let text = uncommented(&read(SAMPLE));
    let raw: Raw = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(raw.command.len(), 1, "the example of an added command");
    // whatever a table has is a field of its debug form, at the second level
    let known = format!("{:#?}", Raw::default());
    let keys = known.lines().filter_map(|line| {
        let key = line.strip_prefix("        ")?.split_once(": ")?.0;
        (!key.starts_with(' ')).then_some(key)
    });
    let keys: Vec<_> = keys.collect();
    assert!(keys.len() > 15, "{keys:?}");
    for key in keys {
        let shown = text.lines().any(|line| line.starts_with(&format!("{key} = ")));
        assert!(shown, "{key} is not in the sample");
    }
}

/// What the sample says without a comment mark is what the runner does without the sample; which is nothing, for
/// nobody but the gate.
#[test]
fn the_sample_of_the_runner_says_the_defaults_and_is_closed() {
    assert_eq!(CONFIG_FILE, "/etc/tsmgate/runner.toml", "the packages put the sample there");
    let sample = read(SAMPLE);
    // this host need not have the gate's user, and root is on all
    let gates = format!("users = {USERS:?}");
    assert!(sample.contains(&gates), "{gates}");
    let load = |text: &str| Config::read(SAMPLE.as_ref(), text).unwrap();
    let of_sample = load(&sample.replace(&gates, "users = [\"root\"]"));
    let of_nothing = load("[listen]\nusers = [\"root\"]\n");
    assert!(of_sample.served.is_empty());
    assert_eq!(format!("{of_sample:#?}"), format!("{of_nothing:#?}"));
}
