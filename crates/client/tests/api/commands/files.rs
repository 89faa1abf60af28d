//! Files that go along and files that come back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::json;

use super::{Lane, end, out};
use crate::rig::Run;

const GET: [&str; 4] = ["security", "repository-ssl", "get-certificate-file", "--file"];
const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn fetching() -> Lane {
    let content = data_encoding::BASE64.encode(PEM.as_bytes());
    Lane::of(&[out("saved"), json!({ "file": { "option": "file", "content": content } }), end(0)])
}

fn get<'a>(path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&GET[..], &[path], more].concat()
}

#[test]
fn a_fetched_file_is_there_whole_for_everybody_to_read() {
    let lane = fetching();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repository.crt");
    let name = path.to_str().unwrap();
    let run = lane.run(&get(name, &[]));
    assert_eq!((run.out.as_str(), run.talk.as_str()), ("saved\n", ""));
    run.good();
    assert_eq!(fs::read_to_string(&path).unwrap(), PEM);
    assert_eq!(lane.orders()[0]["options"], json!([{ "name": "file" }]));
    // one that is there is replaced, whatever its mode and our umask
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    let asked = lane.asked(&get(name, &[]));
    let mut command = Command::new("sh");
    command.arg("-c").arg("umask 077; exec \"$@\"").arg("sh");
    command.arg(asked.get_program()).args(asked.get_args()).env_clear();
    Run::of(&mut command).good();
    assert_eq!(fs::read_to_string(&path).unwrap(), PEM);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    // and nothing else is left
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_place_that_cannot_be_written_is_found_before_anything_is_sent() {
    let lane = fetching();
    let folder = tempfile::tempdir().unwrap();
    let (link, there) = (folder.path().join("link"), folder.path().join("there"));
    fs::write(&there, "there").unwrap();
    symlink(&there, &link).unwrap();
    for (path, what) in [
        (link.to_str().unwrap(), "not a regular file"),
        (folder.path().to_str().unwrap(), "not a regular file"),
        ("/dev/null", "not a regular file"),
        ("/nowhere/there.crt", "no such file or folder"),
    ] {
        lane.run(&get(path, &[])).says(66, what, "");
    }
    assert!(lane.lines().is_empty());
    assert_eq!(fs::read_to_string(&there).unwrap(), "there");
}

#[test]
fn a_dash_is_stdout_and_nothing_else_goes_there() {
    let lane = fetching();
    assert_eq!(lane.run(&get("-", &[])).good(), format!("saved\n{PEM}"));
}

#[test]
fn a_file_that_is_damaged_or_does_not_come_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repository.crt");
    let name = path.to_str().unwrap();
    Lane::of(&[end(0)]).run(&get(name, &[])).says(76, "--file did not come back", "");
    let damaged = json!({ "file": { "option": "file", "content": "no base64" } });
    Lane::of(&[damaged, end(0)]).run(&get(name, &[])).says(76, "--file is damaged", "");
    // where tsm failed, that is what there is to say
    let run = Lane::of(&[end(1)]).run(&get(name, &[]));
    assert_eq!((run.code, run.talk.as_str()), (Some(1), ""));
    assert!(!path.exists());
}

#[test]
fn files_go_along_by_their_names_and_in_base64() {
    let lane = Lane::of(&[end(0)]);
    let path = lane.gate.certificates.path("ca.pem");
    let add = ["security", "custom-cert", "add", "-c"];
    lane.run(&[&add[..], &[path.to_str().unwrap()]].concat()).good();
    let sent = lane.orders()[0]["options"][0].clone();
    assert_eq!((&sent["name"], &sent["file"]["name"]), (&json!("cert-file"), &json!("ca.pem")));
    let content = sent["file"]["content"].as_str().unwrap();
    assert_eq!(data_encoding::BASE64.decode(content.as_bytes()).unwrap(), fs::read(&path).unwrap());
}

#[test]
fn files_that_cannot_be_read_end_it_before_anything_is_sent() {
    let lane = Lane::of(&[end(0)]);
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.crt");
    fs::write(&large, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    for (path, what) in [
        (large.to_str().unwrap(), "larger than 1048576 bytes"),
        (folder.path().to_str().unwrap(), "is a directory"),
        ("/nowhere/a\u{1b}b.crt", "/nowhere/a\\u{1b}b.crt: no such file or folder"),
    ] {
        lane.run(&["security", "custom-cert", "add", "--cert-file", path]).says(66, what, "");
    }
    assert!(lane.lines().is_empty());
}
