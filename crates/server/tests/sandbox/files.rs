//! Files and folders: what can be read, written, made, removed and executed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tsmgate_server::sandbox::Surroundings;

use crate::room::{Room, denied};

/// R56: what the configuration names can be read and listed, what lies beside it cannot
#[test]
fn the_configurations_folders_can_be_read_and_nothing_else() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    for name in ["etc/tsmgated.toml", "etc/clients.d/one.toml", "tls/server.pem", "lists/a.crl"] {
        let path = room.path(name);
        assert!(inside.does(move || fs::read(path)).is_ok(), "{name}");
    }
    let clients = room.path("etc/clients.d");
    assert_eq!(inside.does(move || fs::read_dir(clients).unwrap().count()), 1);
    for name in ["outside/secret", "secret", "tsm/secret"] {
        let path = room.path(name);
        denied(inside.does(move || fs::read(path)), name);
    }
    for name in ["", "outside", "tsm"] {
        let path = room.path(name);
        denied(inside.does(move || fs::read_dir(path)), name);
    }
    denied(inside.does(|| File::open("/root")), "/root");
    denied(inside.does(|| File::open("/dev/null")), "/dev/null");
    // looking at things is not restricted, and the check of owners needs it
    let path = room.path("outside/secret");
    assert!(inside.does(move || fs::symlink_metadata(path)).is_ok());
}

/// R56: nothing that decides can be written, also by a gate that runs as root
#[test]
fn what_decides_cannot_be_written() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    for name in ["etc/tsmgated.toml", "tls/server.pem", "lists/a.crl", "outside/secret"] {
        let path = room.path(name);
        let open = move || OpenOptions::new().append(true).open(path);
        denied(inside.does(open), name);
        let path = room.path(name);
        denied(inside.does(move || fs::remove_file(path)), name);
        let (from, to) = (room.path(name), room.path(&format!("{name}.old")));
        denied(inside.does(move || fs::rename(from, to)), name);
        let path = room.path(&format!("{name}.new"));
        denied(inside.does(move || File::create(path)), name);
    }
    let (from, to) = (room.path("log/audit.jsonl"), room.path("etc/clients.d/two.toml"));
    let moved = inside.does(move || fs::rename(from, to)).unwrap_err();
    let across = [ErrorKind::PermissionDenied, ErrorKind::CrossesDevices];
    assert!(across.contains(&moved.kind()), "{moved}");
}

/// R56: in the audit's folder files are begun, lengthened, cut, put aside and removed, and no more
#[test]
fn the_audit_can_be_written_and_rotated() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    let (file, aside) = (room.path("log/audit.jsonl"), room.path("log/audit.jsonl.1"));
    inside
        .does(move || -> std::io::Result<()> {
            let append =
                |path: &Path| OpenOptions::new().read(true).append(true).create(true).open(path);
            let mut first = append(&file)?;
            first.write_all(b"two\n")?;
            fs::rename(&file, &aside)?;
            append(&file)?.write_all(b"three\n")?;
            first.write_all(b"half")?;
            first.set_len(8)?;
            first.sync_all()?;
            OpenOptions::new().write(true).truncate(true).open(&file)?;
            fs::remove_file(&file)?;
            File::open(file.parent().unwrap())?.sync_all()
        })
        .unwrap();
    assert_eq!(fs::read_to_string(room.path("log/audit.jsonl.1")).unwrap(), "one\ntwo\n");
    let path = room.path("log/folder");
    denied(inside.does(move || fs::create_dir(path)), "a folder");
    let path = room.path("log/link");
    denied(inside.does(move || symlink("/etc/passwd", path)), "a symlink");
    let path = room.path("log/socket");
    denied(inside.does(move || UnixListener::bind(path)), "a socket");
}

/// R56: nothing is executed, wherever it lies
#[test]
fn no_program_can_be_executed() {
    let room = Room::new("");
    fs::copy("/bin/true", room.path("etc/true")).unwrap();
    fs::copy("/bin/true", room.path("log/true")).unwrap();
    let Some(inside) = room.enter() else { return };
    for program in [PathBuf::from("/bin/true"), room.path("etc/true"), room.path("log/true")] {
        assert!(Command::new(&program).status().unwrap().success());
        let shown = program.display().to_string();
        denied(inside.does(move || Command::new(program).status()), &shown);
    }
}

/// R56: sockets are made and removed in the folders that are for them, and in no other
#[test]
fn our_own_sockets_can_be_made_anew_where_they_belong() {
    let room = Room::new("[metrics]\nlisten = \"unix:ROOM/run/metrics.sock\"\n");
    let runtime = vec![room.path("run2")];
    let Some(inside) = room.enter_in(&Surroundings { runtime, ..Surroundings::default() }) else {
        return;
    };
    for name in ["run/metrics.sock", "run2/status.sock"] {
        let path = room.path(name);
        let twice = move || {
            for _ in 0..2 {
                drop(UnixListener::bind(&path)?);
                fs::remove_file(&path)?;
            }
            Ok::<_, std::io::Error>(())
        };
        assert!(inside.does(twice).is_ok(), "{name}");
        let path = room.path(name).with_extension("file");
        denied(inside.does(move || File::create(path)), name);
    }
    for name in ["outside/socket", "etc/socket"] {
        let path = room.path(name);
        denied(inside.does(move || UnixListener::bind(path)), name);
    }
}
