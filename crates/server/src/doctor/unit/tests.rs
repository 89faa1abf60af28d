//! What is said of a unit and its drop-ins, in folders of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{Finding, Verdict};
use super::{SHIPPED, UNIT, of, overrides, settings};

fn folders(dropin: Option<&str>) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let (admin, vendor) = (folder.path().join("etc"), folder.path().join("usr"));
    std::fs::create_dir_all(admin.join("tsmgated.service.d")).unwrap();
    std::fs::create_dir_all(&vendor).unwrap();
    std::fs::write(vendor.join(UNIT), SHIPPED).unwrap();
    if let Some(text) = dropin {
        std::fs::write(admin.join("tsmgated.service.d/mine.conf"), text).unwrap();
    }
    (folder, vec![admin, vendor])
}

fn finding(folders: &[PathBuf]) -> Finding {
    of(folders).after("unit", Duration::ZERO)
}

#[test]
fn the_unit_as_it_is_shipped_is_good() {
    let (_folder, folders) = folders(Some("[Service]\nExecPaths=/opt\nTimeoutStopSec=60\n"));
    let finding = finding(&folders);
    assert_eq!((finding.verdict, finding.found.len()), (Verdict::Ok, 0), "{finding:?}");
    assert!(finding.looked_at.contains("mine.conf"));
}

#[test]
fn a_drop_in_that_takes_hardening_away_is_named_with_its_line() {
    let text =
        "[Service]\nProtectSystem=no\n# a note\nSupplementaryGroups=tsmadmin\nNotifyAccess=none\n";
    let (_folder, folders) = folders(Some(text));
    let settings = settings(&folders);
    let names: Vec<_> = overrides(&settings).iter().map(|setting| setting.name.clone()).collect();
    assert_eq!(names, ["ProtectSystem", "SupplementaryGroups", "NotifyAccess"]);
    let finding = finding(&folders);
    assert_eq!(finding.verdict, Verdict::Warning);
    assert!(finding.found[0].contains("mine.conf:2: ProtectSystem=no is not as it is shipped"));
    assert!(finding.found[1].contains("mine.conf:4: SupplementaryGroups=tsmadmin: TSM looks"));
}

#[test]
fn a_masked_unit_has_failed_and_none_is_left_out() {
    let (_folder, folders) = folders(None);
    std::os::unix::fs::symlink("/dev/null", folders[0].join(UNIT)).unwrap();
    assert_eq!(finding(&folders).verdict, Verdict::Failed);
    assert_eq!(finding(&[Path::new("/nowhere").into()]).verdict, Verdict::LeftOut);
}
