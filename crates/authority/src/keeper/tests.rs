//! What runs out is made anew, without a restart.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::os::unix::fs::PermissionsExt;

use tsmgate_pki::{InitOptions, IssueOptions, Reason, Revokee};

use super::*;

fn started() -> (tempfile::TempDir, Keeper, OffsetDateTime) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(&folder.path().join("pki"), InitOptions::default()).unwrap();
    let file = folder.path().join("authority.toml");
    let text = "[listen]\nnames = [\"localhost\"]\n[authority]\nfolder = \"pki\"\n\
                [gate]\naddress = \"localhost:18850\"\npublished = \"gate\"\n";
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = Config::load(&file).unwrap();
    let (keeper, renew_at) =
        Keeper::start(authority, &config, "localhost:18851".to_owned()).unwrap();
    (folder, keeper, renew_at)
}

#[test]
fn the_services_own_certificate_is_made_anew_at_two_thirds_of_its_life() {
    let (_folder, keeper, renew_at) = started();
    let now = OffsetDateTime::now_utc();
    assert_eq!((renew_at - now + Duration::MINUTE).whole_days(), 20, "{renew_at}");
    let before = keeper.tls();
    assert_eq!(keeper.look(renew_at), renew_at);
    assert!(Arc::ptr_eq(&before, &keeper.tls()), "not before its time");
    let next = keeper.look(now);
    assert!(next > now + Duration::days(19), "{next}");
    assert!(!Arc::ptr_eq(&before, &keeper.tls()));
}

#[test]
fn a_list_is_made_anew_at_half_of_its_life_and_published() {
    let (folder, keeper, renew_at) = started();
    let published = folder.path().join("gate").join(LIST);
    keeper.authority().issue_crl_of(44).unwrap();
    assert!(is_past_half(&published));
    keeper.look(renew_at);
    assert!(!is_past_half(&published) && !is_due(&keeper.authority()).unwrap());
}

/// R50: who was revoked without the key, or by somebody who was killed before the list, is on it soon after
#[test]
fn a_list_that_lacks_somebody_is_made_anew() {
    let (folder, keeper, renew_at) = started();
    let published = folder.path().join("gate").join(LIST);
    let authority = keeper.authority();
    let issued = authority.client(&"jump01".parse().unwrap(), IssueOptions::default()).unwrap();
    let on_list = || match &inspect(&published, OffsetDateTime::now_utc()).unwrap()[..] {
        [View::RevocationList(list)] => {
            list.entries.iter().map(|out| out.serial_number.clone()).collect()
        }
        _ => Vec::new(),
    };
    keeper.look(renew_at);
    assert_eq!(on_list(), [""; 0]);
    let dir = authority.folder();
    tsmgate_pki::cut(dir, &[Revokee::Client("jump01".parse().unwrap())], Reason::Unspecified)
        .unwrap();
    assert_eq!(on_list(), [""; 0], "it takes the key");
    keeper.look(renew_at);
    assert_eq!(on_list(), [issued.serial]);
    let before = std::fs::read(&published).unwrap();
    keeper.look(renew_at);
    assert_eq!(std::fs::read(&published).unwrap(), before, "once");
}
