//! The configuration file of the client, good and bad.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::path::Path;

use super::written::WrittenProfiles;
use super::*;

const FILE: &str = "/etc/person/config.toml";

fn read(text: &str) -> Result<Profiles, ProfileFault> {
    Profiles::parse(Path::new(FILE), text)
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

#[test]
fn a_profile_has_what_is_written_and_paths_beside_the_file() {
    let text = r#"
        current = "prod"
        [profile.prod]
        gate = "tsm.example.com"
        ca = "prod/ca.pem"
        key = "/keys/jump.key"
        bind = "10.0.0.7"
        timeout = "20s"
        [profile.here]
        local = "/run/tsmgate/local.sock"
    "#;
    let profiles = read(text).unwrap();
    let prod = profiles.find(&name("prod"), Path::new(FILE)).unwrap();
    assert_eq!(profiles.current, Some(name("prod")));
    assert_eq!(prod.gate.as_ref().unwrap().port(), 18850);
    assert_eq!(prod.ca.as_deref(), Some(Path::new("/etc/person/prod/ca.pem")));
    assert_eq!(prod.key.as_deref(), Some(Path::new("/keys/jump.key")));
    assert_eq!(prod.timeout, Some(Duration::from_secs(20)));
    assert_eq!((&prod.cert, &prod.local), (&None, &None));
    let here = profiles.find(&name("here"), Path::new(FILE)).unwrap();
    assert_eq!(here.place(), "/run/tsmgate/local.sock");
}

#[test]
fn where_a_certificate_is_renewed_has_a_port_of_its_own() {
    let text =
        "[profile.prod]\ngate = 'tsm'\nauthority = 'tsm'\nauthority_ca = 'prod/authority.pem'\n";
    let profiles = read(text).unwrap();
    let prod = profiles.find(&name("prod"), Path::new(FILE)).unwrap();
    let values = prod.values();
    assert!(values.contains(&("gate", "tsm:18850".to_owned())), "{values:?}");
    assert!(values.contains(&("authority", "tsm:18851".to_owned())), "{values:?}");
    let file = "/etc/person/prod/authority.pem".to_owned();
    assert!(values.contains(&("authority_ca", file)), "{values:?}");
    let fault = read("[profile.prod]\nauthority = 'https://tsm'\n").unwrap_err().to_string();
    assert!(fault.contains(":2:13: not an address"), "{fault}");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_was_meant() {
    let bad = [
        ("[profile.prod]\ngat = 'tsm'\n", ":2:1: unknown key `gat`; did you mean `gate`?"),
        ("curent = 'prod'\n", ":1:1: unknown key `curent`; did you mean `current`?"),
        ("[profile.prod]\ngate = 'https://tsm'\n", ":2:8: not an address of a gate"),
        ("[profile.prod]\ntimeout = '2h'\n", ":2:11: give a number and ms, s or m"),
        ("[profile.'a b']\ngate = 'tsm'\n", "a profile's name has letters"),
        ("[profile.both]\ngate = 'a'\nlocal = '/b'\n", "profile both: it is either a gate or"),
        ("current = 'prd'\n[profile.prod]\ngate = 'a'\n", "there is no profile prd in"),
        ("[profile.prod]\ngate = 'a'\ngate = 'b'\n", "duplicate key"),
    ];
    for (text, said) in bad {
        let fault = read(text).unwrap_err();
        assert!(fault.to_string().contains(said), "{fault}\n{text}");
        assert!(!fault.hint().is_empty());
    }
    let fault = read("current = 'prd'\n[profile.prod]\ngate = 'a'\n").unwrap_err();
    assert_eq!(fault.hint(), "did you mean prod?");
}

#[test]
fn a_change_leaves_what_a_person_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/tsmgate/config.toml");
    let (prod, stage) = (name("prod"), name("stage.2"));
    let profile = |gate: &str| Profile { gate: Some(gate.parse().unwrap()), ..Profile::default() };

    let mut file = WrittenProfiles::open(path.clone()).unwrap();
    assert!(file.add(&prod, &profile("tsm.example.com"), false).unwrap(), "the first is current");
    file.save().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("# the one with the old certificate\n[profile.old]\ngate = 'old' # soon gone\n");
    std::fs::write(&path, text).unwrap();
    let mut file = WrittenProfiles::open(path.clone()).unwrap();
    assert!(!file.add(&stage, &profile("stage"), false).unwrap());
    let there = file.add(&prod, &profile("other"), false);
    assert!(matches!(there, Err(ProfileFault::There { .. })), "{there:?}");
    file.make_current(&name("old")).unwrap();
    file.save().unwrap();

    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("# the one with the old certificate\n"), "{text}");
    assert!(text.contains("# soon gone"), "{text}");
    let profiles = Profiles::read(&path).unwrap();
    assert_eq!(profiles.current, Some(name("old")));
    let names: Vec<_> = profiles.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["old", "prod", "stage.2"]);

    let mut file = WrittenProfiles::open(path.clone()).unwrap();
    assert!(file.remove(&name("old")).unwrap(), "it was the current one");
    assert!(matches!(file.remove(&name("nobody")), Err(ProfileFault::Unknown { .. })));
    file.save().unwrap();
    assert_eq!(Profiles::read(&path).unwrap().current, None);
}
