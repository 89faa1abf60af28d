//! What changes while the gate runs: certificates renewed, symlinks swapped, folders made anew, and a
//! configuration that names others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tsmgate_server::config;
use tsmgate_server::sandbox::Sandbox;

use crate::room::{Room, denied};

/// R56: a certificate renewed by rename, and a symlink swapped in any of the usual ways, can be read
#[test]
fn what_is_renewed_in_its_folder_can_be_read() {
    let room = Room::new("");
    for number in ["1", "2"] {
        room.write(&format!("archive/{number}.pem"), number);
        room.write(&format!("releases/{number}/server.pem"), number);
        room.write(&format!("mounted/..{number}/server.pem"), number);
    }
    fs::create_dir(room.path("live")).unwrap();
    // as certbot does it, as releases are, and as orchestrators mount secrets
    symlink("../archive/1.pem", room.path("live/server.pem")).unwrap();
    symlink("releases/1", room.path("current")).unwrap();
    symlink("..1", room.path("mounted/..data")).unwrap();
    symlink("..data/server.pem", room.path("mounted/server.pem")).unwrap();
    let kinds = ["live/server.pem", "live2/current/server.pem", "mounted/server.pem"];
    fs::create_dir(room.path("live2")).unwrap();
    fs::rename(room.path("releases"), room.path("live2/releases")).unwrap();
    fs::rename(room.path("current"), room.path("live2/current")).unwrap();
    room.configure(&format!("revocation_list = [\"../{}\"]", kinds.join("\", \"../")));
    let Some(inside) = room.enter() else { return };
    let read = |name: &str| {
        let path = room.path(name);
        inside.does(move || fs::read_to_string(path).unwrap())
    };
    for name in kinds {
        assert_eq!(read(name), "1");
    }
    let swap = |target: &str, link: &str| {
        symlink(target, room.path("new")).unwrap();
        fs::rename(room.path("new"), room.path(link)).unwrap();
    };
    swap("../archive/2.pem", "live/server.pem");
    swap("releases/2", "live2/current");
    swap("..2", "mounted/..data");
    for name in kinds {
        assert_eq!(read(name), "2");
    }
    // by rename, also over a symlink
    for name in ["tls/server.pem", "live/server.pem"] {
        room.write("new", "renewed");
        fs::rename(room.path("new"), room.path(name)).unwrap();
        assert_eq!(read(name), "renewed");
    }
}

/// R56: a symlinked folder that leads elsewhere does not open the folder it stands in
#[test]
fn a_symlink_that_leads_elsewhere_grants_what_it_leads_to() {
    let room = Room::new("");
    room.write("far/away/list.crl", "list");
    room.write("var/secret", "secret");
    symlink("../far/away", room.path("var/run")).unwrap();
    room.configure("revocation_list = \"../var/run/list.crl\"");
    let Some(inside) = room.enter() else { return };
    let list = room.path("var/run/list.crl");
    assert!(inside.does(move || fs::read(list)).is_ok());
    let secret = room.path("var/secret");
    denied(inside.does(move || fs::read(secret)), "beside the symlink");
}

/// R56, R53: what a configuration read anew needs beyond the sandbox is named
#[test]
fn what_a_reload_needs_beyond_the_sandbox_is_named() {
    let room = Room::new("[metrics]\nlisten = \"unix:ROOM/run/metrics.sock\"\n");
    fs::create_dir_all(room.path("lists/deeper")).unwrap();
    symlink("lists", room.path("same")).unwrap();
    symlink("outside", room.path("etc/other")).unwrap();
    let before = room.folders();
    assert_eq!(before.missing(&before), [] as [PathBuf; 0]);
    let metrics = "[metrics]\nlisten = \"unix:ROOM/NAME/metrics.sock\"\n";
    for (tls, rest, missing) in [
        ("revocation_list = \"../lists/b.crl\"", "", &[][..]),
        ("revocation_list = \"../lists/deeper/b.crl\"", "", &[]),
        ("revocation_list = \"../lists/not-yet/b.crl\"", "", &[]),
        ("revocation_list = \"../same/b.crl\"", "", &[]),
        // writing implies reading, not the other way round; and a socket is neither
        ("revocation_list = \"../log/b.crl\"", "", &[]),
        ("", "[audit]\nfile = \"../log/other.jsonl\"\n", &[]),
        ("", "[audit]\nfile = \"../lists/audit.jsonl\"\n", &["lists"]),
        ("", &metrics.replace("NAME", "log"), &["log"]),
        ("revocation_list = \"../run/b.crl\"", "", &["run"]),
        ("", &metrics.replace("NAME", "run"), &[]),
        ("revocation_list = \"../outside/b.crl\"", "", &["outside"]),
        (
            "revocation_list = [\"../outside/b.crl\", \"../nowhere/b.crl\"]",
            "",
            &["outside", "nowhere"],
        ),
        ("revocation_list = \"../b.crl\"", "", &[""]),
        ("revocation_list = \"../lists-2/b.crl\"", "", &["lists-2"]),
        ("revocation_list = \"/etc/ssl/b.crl\"", "", &[]),
    ] {
        room.configure_with(tls, rest);
        let missing: Vec<_> = missing.iter().map(|name| room.real(name)).collect();
        assert_eq!(before.missing(&room.folders()), missing, "{tls}{rest}");
    }
}

/// R56: a folder that was removed and made anew is another, and so is one that a symlink now leads to
#[test]
fn a_folder_made_anew_is_missing() {
    let room = Room::new("");
    fs::create_dir(room.path("var")).unwrap();
    symlink("../lists", room.path("var/link")).unwrap();
    room.configure("revocation_list = \"../var/link/a.crl\"");
    let before = room.folders();
    let Some(inside) = room.enter() else { return };
    fs::remove_file(room.path("var/link")).unwrap();
    symlink("../outside", room.path("var/link")).unwrap();
    room.write("outside/a.crl", "");
    assert_eq!(before.missing(&room.folders()), [room.real("outside")]);
    let list = room.path("var/link/a.crl");
    denied(inside.does(move || fs::read(list)), "the kernel says the same");

    fs::rename(room.path("tls"), room.path("old")).unwrap();
    fs::create_dir(room.path("tls")).unwrap();
    room.write("tls/server.pem", "");
    room.configure("");
    assert_eq!(before.missing(&room.folders()), [room.real("tls")]);
    let certificate = room.path("tls/server.pem");
    denied(inside.does(move || fs::read(certificate)), "the kernel says the same");
}

/// R56, R53: the configuration and its clients may be symlinks; where they lead outside, it is said
#[test]
fn the_configurations_own_files_are_looked_after_too() {
    let room = Room::new("");
    room.write("far/clients/two.toml", "");
    room.write("farther/three.toml", "");
    fs::rename(room.path("etc/clients.d/one.toml"), room.path("far/clients/one.toml")).unwrap();
    fs::remove_dir(room.path("etc/clients.d")).unwrap();
    symlink("../far/clients", room.path("etc/clients.d")).unwrap();
    symlink("../../farther/three.toml", room.path("far/clients/three.toml")).unwrap();
    let Some(inside) = room.enter() else { return };
    let file = room.path("etc/tsmgated.toml");
    assert!(inside.does(move || config::load(&file)).is_ok());

    let sandbox = room.sandbox();
    let file = room.path("etc/tsmgated.toml");
    assert_eq!(sandbox.to_string(), inside.level.to_string());
    assert_eq!(sandbox.holds_file(&file), Ok(()));
    fs::remove_file(room.path("far/clients/three.toml")).unwrap();
    room.write("outside/four.toml", "");
    symlink("../../outside/four.toml", room.path("far/clients/four.toml")).unwrap();
    let outside = |name: &str| {
        let folder = room.real(name);
        let what = format!("{} is outside of what the sandbox allows", folder.display());
        Err(format!("restart needed: {what}"))
    };
    assert_eq!(sandbox.holds_file(&file), outside("outside"));
    fs::remove_file(room.path("far/clients/four.toml")).unwrap();
    assert_eq!(sandbox.holds_file(&file), Ok(()));

    fs::remove_file(room.path("etc/clients.d")).unwrap();
    symlink("../outside", room.path("etc/clients.d")).unwrap();
    assert_eq!(sandbox.holds_file(&file), outside("outside"));
    fs::remove_file(room.path("etc/clients.d")).unwrap();
    room.configure("revocation_list = \"../outside/a.crl\"");
    assert_eq!(sandbox.holds_file(&file), Ok(()));
    let config = config::load(&file).unwrap();
    assert_eq!(sandbox.holds(&config, &file), outside("outside"));
    assert_eq!(sandbox.holds_credentials(&config), outside("outside"));
    assert_eq!(Sandbox::none().holds(&config, &file), Ok(()));
}

/// R56, R54: certificates are read anew whatever became of folders that have nothing to do with them
#[test]
fn a_certificate_does_not_need_the_audits_folder() {
    let room = Room::new("");
    let Some(_) = room.enter() else { return };
    let (sandbox, file) = (room.sandbox(), room.path("etc/tsmgated.toml"));
    fs::rename(room.path("log"), room.path("old")).unwrap();
    fs::create_dir(room.path("log")).unwrap();
    let config = config::load(&file).unwrap();
    assert_eq!(sandbox.holds_credentials(&config), Ok(()));
    let log = room.real("log").display().to_string();
    assert!(sandbox.holds(&config, &file).unwrap_err().contains(&log));
}
