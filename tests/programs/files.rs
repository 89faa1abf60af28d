//! Whose files are believed: ownership and modes of what decides, of its folders, and of what symlinks
//! lead to. `check` and `run` refuse in the same words.

use std::fs::{Permissions, create_dir, rename, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use tests::program::Gated;
use tests::{Scene, SceneOptions};

use crate::stage::{PLAIN, check, config, refused, run, stage, told};

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn folder(scene: &Scene, name: &str, bits: u32) {
    create_dir(scene.path(name)).unwrap();
    mode(&scene.path(name), bits);
}

fn accepted(scene: &Scene) {
    let (code, out, err) = check(&config(scene));
    assert_eq!(code, 0, "{out}{err}");
}

fn not_accepted(scene: &Scene, file: &str, says: &str) {
    let said = refused(&config(scene), 66);
    let path = scene.path(file).display().to_string();
    let path = path.trim_end_matches('/');
    assert!(said.contains(path) && said.contains(says), "{said}not: {path}, {says}");
}

async fn default() -> Scene {
    stage(SceneOptions::default()).await
}

/// Not root and not us; nobody's number everywhere.
const STRANGER: u32 = 65534;
const BY_OTHERS: &str = "can be written by others";
const EVERYTHING: [&str; 4] = ["tsmgated.toml", "server.pem", "server.key", "client-ca.pem"];

/// R46: a file that decides is refused when its group or others may write it
#[tokio::test]
async fn a_file_that_others_may_write_is_refused() {
    for file in EVERYTHING {
        for bits in [0o620, 0o602, 0o666] {
            let scene = default().await;
            mode(&scene.path(file), bits);
            not_accepted(&scene, file, BY_OTHERS);
            not_accepted(&scene, file, &format!("mode {bits:04o}"));
            not_accepted(&scene, file, "try: chmod go-w");
        }
    }
}

/// R46: a file that decides is refused when it is somebody else's
#[tokio::test]
async fn a_file_of_somebody_else_is_refused() {
    for file in EVERYTHING {
        let scene = default().await;
        chown(scene.path(file), Some(STRANGER), None).unwrap();
        not_accepted(&scene, file, "belongs to uid 65534");
    }
}

/// R46: a folder that others own or may write decides too; the innermost even where it is sticky
#[tokio::test]
async fn a_folder_that_others_may_change_is_refused() {
    for bits in [0o777, 0o770, 0o707, 0o1777] {
        let scene = default().await;
        mode(&scene.path(""), bits);
        not_accepted(&scene, "", BY_OTHERS);
    }
    let scene = default().await;
    chown(scene.path(""), Some(STRANGER), None).unwrap();
    not_accepted(&scene, "", "belongs to uid 65534");
}

/// R46: above it, a sticky folder of root's such as /tmp is fine, and an open one is not
#[tokio::test]
async fn a_sticky_folder_further_up_is_fine_and_an_open_one_is_not() {
    for (bits, fine) in [(0o1777, true), (0o777, false)] {
        let scene = default().await;
        folder(&scene, "shared", 0o755);
        folder(&scene, "shared/ours", 0o755);
        rename(scene.path("server.key"), scene.path("shared/ours/server.key")).unwrap();
        mode(&scene.path("shared"), bits);
        let text = std::fs::read_to_string(config(&scene)).unwrap();
        let moved = text.replace("\"server.key\"", "\"shared/ours/server.key\"");
        scene.write("tsmgated.toml", &moved, 0o600);
        if fine {
            accepted(&scene);
        } else {
            not_accepted(&scene, "shared", BY_OTHERS);
        }
    }
}

/// R46: the configuration may be read by others, a key may not
#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    let scene = default().await;
    for bits in [0o400, 0o440, 0o640, 0o644] {
        mode(&config(&scene), bits);
        accepted(&scene);
    }
    for bits in [0o400, 0o600, 0o700] {
        mode(&scene.path("server.key"), bits);
        accepted(&scene);
    }
    for bits in [0o640, 0o604, 0o644, 0o610] {
        mode(&scene.path("server.key"), bits);
        not_accepted(&scene, "server.key", "the private key");
        not_accepted(&scene, "server.key", &format!("can be read by others (mode {bits:04o})"));
    }
}

/// R46: a symlink is followed and its target judged, with the folders of both
#[tokio::test]
async fn a_symlink_is_judged_by_its_target() {
    let scene = default().await;
    folder(&scene, "real", 0o755);
    rename(scene.path("server.key"), scene.path("real/key")).unwrap();
    symlink("real/key", scene.path("server.key")).unwrap();
    accepted(&scene);
    mode(&scene.path("real/key"), 0o644);
    not_accepted(&scene, "server.key", "can be read by others");
    mode(&scene.path("real/key"), 0o600);
    mode(&scene.path("real"), 0o777);
    not_accepted(&scene, "real", BY_OTHERS);
    mode(&scene.path("real"), 0o755);
    chown(scene.path("real/key"), Some(STRANGER), None).unwrap();
    not_accepted(&scene, "server.key", "belongs to uid 65534");
    std::fs::remove_file(scene.path("real/key")).unwrap();
    not_accepted(&scene, "server.key", "No such file");
}

/// R46: whoever may write the folder of a symlink decides where it leads, also halfway and as a folder
#[tokio::test]
async fn a_symlink_that_others_may_replace_is_refused() {
    for (key, links) in [
        ("open/key", &[("../server.key", "open/key")][..]),
        ("halfway", &[("open/link", "halfway"), ("../server.key", "open/link")]),
        ("folder/server.key", &[("open/up", "folder"), ("..", "open/up")]),
    ] {
        let scene = default().await;
        folder(&scene, "open", 0o777);
        for (target, link) in links {
            symlink(target, scene.path(link)).unwrap();
        }
        let text = std::fs::read_to_string(config(&scene)).unwrap();
        scene.write("tsmgated.toml", &text.replace("server.key", key), 0o600);
        not_accepted(&scene, "open", BY_OTHERS);
        mode(&scene.path("open"), 0o755);
        accepted(&scene);
    }
}

/// R46: a key in systemd's credentials folder may be readable by others, since systemd controls that
#[tokio::test]
async fn a_credential_of_systemd_may_be_readable() {
    let scene = default().await;
    folder(&scene, "credentials", 0o750);
    rename(scene.path("server.key"), scene.path("credentials/key")).unwrap();
    mode(&scene.path("credentials/key"), 0o440);
    let text = std::fs::read_to_string(config(&scene)).unwrap();
    let check_with = |key: &str, credentials: &str| {
        scene.write("tsmgated.toml", &text.replace("server.key", key), 0o600);
        let mut command = tests::program::command("tsmgated");
        command.args(["check", "--config"]).arg(config(&scene));
        told(&command.env("CREDENTIALS_DIRECTORY", credentials).output().unwrap()).0
    };
    let credentials = scene.path("credentials").display().to_string();
    assert_eq!(check_with("credentials/key", &credentials), 0);
    assert_eq!(check_with("credentials/key", "/run/credentials/another"), 66);
    assert_eq!(check_with("credentials/key", ""), 66, "an empty variable names no folder");
    mode(&scene.path("credentials/key"), 0o460);
    assert_eq!(check_with("credentials/key", &credentials), 66, "written by others is never fine");

    mode(&scene.path("credentials/key"), 0o440);
    rename(scene.path("credentials/key"), scene.path("outside")).unwrap();
    assert_eq!(check_with("credentials/../outside", &credentials), 66, "this one is not in it");
    symlink("../outside", scene.path("credentials/key")).unwrap();
    assert_eq!(check_with("credentials/key", &credentials), 66, "nor is what this leads to");
}

/// R46: who may add a client decides who gets in: the files of clients.d and their folder
#[tokio::test]
async fn a_clients_file_that_others_could_have_written_is_refused() {
    let scene = default().await;
    let text = "[[client]]\nname = \"two\"\nidentity = \"URI:two\"\nroles = [\"login\"]\n";
    scene.write("clients.d/two.toml", text, 0o640);
    accepted(&scene);
    chown(scene.path("clients.d/two.toml"), Some(STRANGER), None).unwrap();
    not_accepted(&scene, "clients.d/two.toml", "belongs to uid 65534");
    chown(scene.path("clients.d/two.toml"), Some(0), None).unwrap();
    mode(&scene.path("clients.d/two.toml"), 0o660);
    not_accepted(&scene, "clients.d/two.toml", BY_OTHERS);
    mode(&scene.path("clients.d/two.toml"), 0o644);
    mode(&scene.path("clients.d"), 0o777);
    not_accepted(&scene, "clients.d", BY_OTHERS);
}

/// R46: what is no file is refused, and not waited for
#[tokio::test]
async fn a_folder_a_pipe_and_a_device_are_no_files() {
    let scene = default().await;
    for key in ["log", "pipe", "/dev/zero"] {
        if key == "pipe" {
            let made = std::process::Command::new("mkfifo").arg(scene.path(key)).status().unwrap();
            assert!(made.success());
            mode(&scene.path(key), 0o600);
        }
        let text = std::fs::read_to_string(config(&scene)).unwrap();
        let spoilt = text.replace("\"server.pem\"", &format!("\"{key}\""));
        scene.write("spoilt.toml", &spoilt, 0o600);
        let (status, log) = Gated::start(&scene.path("spoilt.toml"), PLAIN, &[]).end();
        assert_eq!(status.code(), Some(66), "{key}: {log:?}");
        assert!(log[0].contains("is not a regular file"), "{log:?}");
    }
}

/// R46: the audit is not written through a symlink, nor where others may replace it
#[tokio::test]
async fn an_audit_file_that_others_could_choose_is_refused() {
    let scene = default().await;
    symlink("elsewhere", scene.path("log/audit.jsonl")).unwrap();
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66));
    assert!(log.last().unwrap().contains("log/audit.jsonl"), "{log:?}");
    assert!(!scene.path("log/elsewhere").exists());

    let scene = default().await;
    mode(&scene.path("log"), 0o777);
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66));
    assert!(log.last().unwrap().contains(BY_OTHERS), "{log:?}");
}
