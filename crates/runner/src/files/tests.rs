//! Modes, names, and what a command may leave where a file is expected.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::os::unix::fs::{PermissionsExt, symlink};

use tsmgate_catalogue::runner::{FETCHED_LIMIT, Id};

use super::{FetchFault, Folder, wipe};

fn folder(work: &tempfile::TempDir) -> Folder {
    Folder::make(work.path(), &Id::new("1").unwrap(), None).unwrap()
}

#[test]
fn it_is_private_and_gone_afterwards() {
    let work = tempfile::tempdir().unwrap();
    let folder = folder(&work);
    folder.put("key-file.key", b"secret").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder.path().to_owned()), 0o700);
    assert_eq!(mode(folder.place("key-file.key").unwrap()), 0o600);
    assert!(folder.put("key-file.key", b"again").is_err());
    drop(folder);
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0);
}

#[test]
fn no_name_leads_out_of_it() {
    let work = tempfile::tempdir().unwrap();
    let folder = folder(&work);
    for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", ".ssh", "a\nb", "a\0b", "ä"] {
        assert!(folder.put(name, b"x").is_err(), "{name:?}");
        assert!(folder.fetched(name).is_err(), "{name:?}");
    }
}

#[test]
fn only_a_small_regular_file_comes_back() {
    let work = tempfile::tempdir().unwrap();
    let folder = folder(&work);
    let place = |name: &str| folder.place(name).unwrap();
    assert!(matches!(folder.fetched("none"), Err(FetchFault::Missing)));
    std::fs::write(place("good"), b"pem").unwrap();
    assert_eq!(folder.fetched("good").unwrap(), b"pem");
    symlink("/etc/passwd", place("link")).unwrap();
    assert!(matches!(folder.fetched("link"), Err(FetchFault::NotAFile)));
    std::fs::create_dir(place("folder")).unwrap();
    assert!(matches!(folder.fetched("folder"), Err(FetchFault::NotAFile)));
    std::fs::write(place("full"), vec![0; FETCHED_LIMIT]).unwrap();
    assert!(folder.fetched("full").is_ok());
    std::fs::write(place("large"), vec![0; FETCHED_LIMIT + 1]).unwrap();
    assert!(matches!(folder.fetched("large"), Err(FetchFault::TooLarge)));
}

#[test]
fn what_an_earlier_life_left_is_wiped_and_links_are_not_followed() {
    let state = tempfile::tempdir().unwrap();
    let (work, other) = (state.path().join("work"), state.path().join("other"));
    std::fs::create_dir_all(work.join("1/deep")).unwrap();
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("stays"), b"").unwrap();
    symlink(&other, work.join("link")).unwrap();
    symlink(&other, work.join("1/link")).unwrap();
    wipe(state.path(), &work, None).unwrap();
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
    assert!(other.join("stays").exists());
}
