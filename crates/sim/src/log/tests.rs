//! The lines, against those of a real log.

use time::macros::datetime;

use super::*;

#[test]
fn a_line_looks_like_the_real_one() {
    let now = datetime!(2020-12-23 07:45:48.453 +01:00);
    let message = "Password-less login request from user 'tsmuser' with uid '1000'";
    assert_eq!(
        render(now, 17, "INFO", LOGIN_LOGGER, message),
        "2020-12-23 07:45:48.453 +0100  Thread-17 : INFO  \
         com.tableausoftware.tabadmin.webapp.impl.linux.LinuxPasswordLessLoginManager - \
         Password-less login request from user 'tsmuser' with uid '1000'",
    );
}

#[test]
fn the_journal_and_the_file_hold_the_same_lines() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = ControllerLog::open(&LogTarget::File(file.path().to_owned())).unwrap();
    log.request(1, "tsmuser", 1000);
    log.logged_in(1, "tsmuser", 1000);
    let written = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), log.journal());
}

#[test]
fn the_journal_keeps_the_newest_lines_only() {
    let log = ControllerLog::open(&LogTarget::Journal).unwrap();
    for uid in 0..5000 {
        log.request(1, "u", uid);
    }
    let journal = log.journal();
    assert_eq!(journal.len(), LINES_KEPT);
    assert!(journal.last().unwrap().ends_with("with uid '4999'"));
}
