//! Files: modes, links, and what a crash leaves.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn names(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

/// R48: the last step itself refuses what appeared at the path in the meantime
#[test]
fn placing_does_not_overwrite_what_came_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("file"), folder.path().join("target"));
    for is_link in [false, true] {
        let staged = stage(&path, b"new", Access::Secret).unwrap();
        if is_link {
            symlink(&target, &path).unwrap();
        } else {
            fs::write(&path, "old").unwrap();
        }
        assert_eq!(staged.place(Place::Empty), Err(PkiError::Exists(path.clone())));
        assert!(!target.exists());
        // Nothing else is left behind.
        assert_eq!(names(folder.path()), 1);
        fs::remove_file(&path).unwrap();
    }
}

/// R48: a file that was never placed is gone
#[test]
fn a_dropped_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let staged = stage(&folder.path().join("file"), b"new", Access::Secret).unwrap();
    assert_eq!(names(folder.path()), 1);
    drop(staged);
    assert_eq!(names(folder.path()), 0);
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    File::create(&path).unwrap().set_len(FILE_MOST + 1).unwrap();
    let kind = io::ErrorKind::FileTooLarge;
    assert_eq!(read(&path), Err(PkiError::File { doing: "read", path, kind }));
}

/// R39: a key that a killed command had not given its name yet goes with the next write
#[test]
fn what_a_killed_command_left_behind_goes() {
    let folder = tempfile::tempdir().unwrap();
    let left = stage(&folder.path().join("a.key"), b"a key", Access::Secret).unwrap();
    let name = left.file.path().file_name().unwrap().to_owned();
    let there = folder.path().join(name);
    // as it is found when nobody holds it any more
    drop(left);
    fs::write(&there, "a key").unwrap();
    write(&folder.path().join("b.key"), b"b", Access::Secret, Place::Empty).unwrap();
    assert!(!there.exists());
    assert_eq!(names(folder.path()), 1);
}
