//! Which line is changed or added, where, and that nothing else is.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::{PinFault, Raw, edited, replace};
use tsmgate_settings::files;

const ADDRESS: &str = "https://localhost:8850";

fn pinned(text: &str) -> Option<String> {
    edited(text, &toml::from_str::<Raw>(text).unwrap(), ADDRESS, "PIN")
}

#[test]
fn a_pin_is_placed_and_everything_else_stays() {
    let api = format!("api = \"{ADDRESS}\"");
    let pin = "api_certificate_sha256 = \"PIN\"";
    for (old, new) in [
        // replaced, also by another pair of quotes and before a comment
        (
            format!("[tsm]\n{api}\napi_certificate_sha256 = 'old'   # May\nconnections = 8\n"),
            format!("[tsm]\n{api}\n{pin}   # May\nconnections = 8\n"),
        ),
        ("[tsm]\napi_certificate_sha256 = \"\"\n".to_owned(), format!("[tsm]\n{api}\n{pin}\n")),
        // below the address
        (
            format!("# top\n\n[tsm] # TSM\n  {api} # here\n  connections = 8\n[stop]\n"),
            format!("# top\n\n[tsm] # TSM\n  {api} # here\n  {pin}\n  connections = 8\n[stop]\n"),
        ),
        (format!("[tsm]\n{api}"), format!("[tsm]\n{api}\n{pin}\n")),
        (format!("[tsm]\r\n{api}\r\n[stop]\r\n"), format!("[tsm]\r\n{api}\r\n{pin}\r\n[stop]\r\n")),
        (format!("tsm.{api}\n"), format!("tsm.{api}\ntsm.{pin}\n")),
        // with the address, below the table's head
        (
            "[stop]\n[tsm]  # TSM\n# api = \"x\"\nconnections = 8\n".to_owned(),
            format!("[stop]\n[tsm]  # TSM\n{api}\n{pin}\n# api = \"x\"\nconnections = 8\n"),
        ),
        ("[tsm]".to_owned(), format!("[tsm]\n{api}\n{pin}\n")),
        // in a table of its own
        (String::new(), format!("\n[tsm]\n{api}\n{pin}\n")),
        (
            "[stop]\ngrace = \"5s\"".to_owned(),
            format!("[stop]\ngrace = \"5s\"\n\n[tsm]\n{api}\n{pin}\n"),
        ),
    ] {
        assert_eq!(pinned(&old), Some(new), "{old}");
    }
}

#[test]
fn what_cannot_be_placed_is_left_alone() {
    for text in [
        format!("tsm = {{ api = \"{ADDRESS}\" }}\n"),
        "tsm = { connections = 8 }\n".to_owned(),
        "tsm.connections = 8\n".to_owned(),
        // the head of a table in a text is none
        "[[role]]\nname = \"\"\"\n[tsm]\n\"\"\"\npermissions = []\n".to_owned(),
    ] {
        assert_eq!(pinned(&text), None, "{text}");
    }
}

#[test]
fn the_sample_takes_a_pin_and_then_another() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systemd/tsmgated.toml");
    let sample = std::fs::read_to_string(path).unwrap();
    let once = pinned(&sample).unwrap();
    let lines = format!("[tsm]\napi = \"{ADDRESS}\"\napi_certificate_sha256 = \"PIN\"\n");
    assert_eq!(once, sample.replacen("[tsm]\n", &lines, 1));
    let raw: Raw = toml::from_str(&once).unwrap();
    assert_eq!(edited(&once, &raw, "not asked", "NEW").unwrap(), once.replace("PIN", "NEW"));
}

#[test]
fn a_file_is_replaced_whole_with_its_mode_and_its_symlink() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("real.toml"), folder.path().join("tsmgated.toml"));
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.toml", &link).unwrap();
    let before = file.metadata().unwrap();
    replace(&link, &files::print(&link), "new").unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let after = file.metadata().unwrap();
    let of = |it: &std::fs::Metadata| (it.mode(), it.uid(), it.gid());
    assert_eq!(of(&after), of(&before));
    assert_ne!(after.ino(), before.ino(), "renamed into its place");

    let seen = files::print(&link);
    std::fs::write(&file, "somebody else's").unwrap();
    assert!(matches!(replace(&link, &seen, "ours"), Err(PinFault::Changed(_))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody else's");
    assert_eq!(folder.path().read_dir().unwrap().count(), 2, "nothing is left behind");
}
