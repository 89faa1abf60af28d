//! Where a session goes: a file of its owner's, a pipe, and a terminal only when asked.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::play::nowhere;
use crate::rig::{COOKIE, FakeSocket, Play, Run, TSMGATE, files_in, granted, login_at_socket};

fn write_to(socket: &FakeSocket, file: &Path) -> Run {
    write_to_path(socket.path(), file)
}

fn write_to_path(socket: &Path, file: &Path) -> Run {
    Run::of(login_at_socket(socket).arg("--output").arg(file))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

/// R39: the file is its owner's alone, whatever the umask, and no other file is left.
#[test]
fn the_file_has_mode_0600_under_any_umask() {
    for umask in ["0", "022", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session");
        let socket = FakeSocket::start(Play::Reply(granted()));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh", TSMGATE, "login"]);
        shell.arg("--socket").arg(socket.path()).arg("--output").arg(&file);
        let run = Run::of(&mut shell);
        assert!(run.talk.contains("until") && run.talk.contains("/session"), "{run:?}");
        assert_eq!(run.good(), "", "nothing on stdout");
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{COOKIE}\n"));
        assert_eq!(files_in(folder.path()), [file]);
    }
}

#[test]
fn a_file_that_is_there_is_replaced_and_who_has_it_open_sees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let second_name = folder.path().join("second name");
    fs::hard_link(&file, &second_name).unwrap();
    write_to(&FakeSocket::start(Play::Reply(granted())), &file).good();
    assert_eq!((mode(&file), fs::read_to_string(&file).unwrap()), (0o600, format!("{COOKIE}\n")));
    assert_eq!(fs::read_to_string(&second_name).unwrap(), "old");
}

/// A socket that counts its callers: none may come.
fn uncalled() -> (tempfile::TempDir, std::path::PathBuf, UnixListener) {
    let (folder, path) = nowhere();
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    (folder, path, listener)
}

#[test]
fn a_link_or_device_or_folder_is_refused_before_any_login() {
    let folder = tempfile::tempdir().unwrap();
    let readable = folder.path().join("readable by all");
    fs::write(&readable, "old").unwrap();
    let link = folder.path().join("link");
    symlink(&readable, &link).unwrap();
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    for place in [link.as_path(), &dangling, folder.path(), Path::new("/dev/null"), Path::new("/")]
    {
        let (_folder, path, listener) = uncalled();
        let run = Run::of(login_at_socket(&path).arg("--output").arg(place));
        run.says(66, "cannot write /", "plain file");
        assert!(listener.accept().is_err(), "{place:?}: a login was made");
    }
    assert_eq!(fs::read_to_string(&readable).unwrap(), "old");
    assert!(Path::new("/dev/null").symlink_metadata().unwrap().mode() & 0o170_000 == 0o020_000);
}

#[test]
fn a_missing_folder_is_refused_before_any_login() {
    let (folder, path, listener) = uncalled();
    let file = folder.path().join("missing/session");
    let run = Run::of(login_at_socket(&path).arg("--output").arg(&file));
    run.says(66, "no such file or folder", "folder exists");
    assert!(listener.accept().is_err());
}

#[test]
fn a_failed_login_leaves_an_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    fs::write(&file, "old").unwrap();
    write_to(&FakeSocket::start(Play::Close), &file).failed(69);
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(files_in(folder.path()), [file]);
}

/// Runs on a terminal of its own; the exit code and all that was seen there.
fn on_a_terminal(socket: &Path, extra: &str) -> (i32, String) {
    let line = format!("{TSMGATE} login --socket {} {extra}", socket.display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    let output = script.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// R39: a terminal, its scrollback and its recording get no session unasked.
#[test]
fn a_terminal_is_refused_before_any_login() {
    let (_folder, path, listener) = uncalled();
    let (code, seen) = on_a_terminal(&path, "");
    assert_eq!(code, 64, "{seen}");
    assert!(
        seen.contains("stdout is a terminal") && seen.contains("hint: give --output"),
        "{seen}"
    );
    assert!(listener.accept().is_err(), "a login was made");
}

#[test]
fn a_terminal_is_shown_the_session_when_asked_and_may_have_a_file_instead() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let (code, seen) = on_a_terminal(socket.path(), "--show");
    assert_eq!((code, seen.contains(COOKIE)), (0, true), "{seen}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let (code, seen) = on_a_terminal(socket.path(), &format!("--output {}", file.display()));
    assert_eq!((code, seen.contains("SECRET")), (0, false), "{seen}");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{COOKIE}\n"));
}

#[test]
fn quiet_says_nothing_on_success_and_failures_all_the_same() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let run = Run::of(login_at_socket(socket.path()).arg("--quiet"));
    assert_eq!((run.talk.as_str(), run.code), ("", Some(0)));
    let (_folder, path) = nowhere();
    Run::of(login_at_socket(&path).arg("--quiet")).says(69, "no socket", "start TSM");
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = login_at_socket(socket.path());
    let child = command.arg("--quiet").stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_full_disk_behind_stdout_is_told() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = login_at_socket(socket.path()).stdout(full).output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(66), "{talk}");
    assert!(talk.contains("cannot write to stdout") && !talk.contains("SECRET"), "{talk}");
}

#[test]
fn a_dash_is_no_file() {
    let (_folder, path, listener) = uncalled();
    let run = write_to_path(&path, Path::new("-"));
    run.says(64, "--output takes no -", "stdout is the default");
    assert!(listener.accept().is_err());
}
