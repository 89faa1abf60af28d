//! The program in its sandbox: what is outside stays outside, and a reload that would need it says so;
//! `renewal` is about what goes on working.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tests::program::{Gated, have};
use tests::{Identity, Scene, SceneOptions};
use tsmgate_wire::Answer;

use crate::stage::{PLAIN, as_user, config, peer, proc, stage, tsmgated};

mod renewal;

/// Neither root nor one of TSM's users.
const STRANGER: u32 = 65534;

async fn default() -> Scene {
    stage(SceneOptions::default()).await
}

/// The program with a folder for its status socket, and in its sandbox; `None`, and said so, where this
/// kernel has none.
fn confined<S: AsRef<OsStr>>(scene: &Scene, wrap: &[S]) -> Option<Gated> {
    let run = scene.path("run");
    if !run.exists() {
        fs::create_dir(&run).unwrap();
        fs::set_permissions(&run, Permissions::from_mode(0o777)).unwrap();
    }
    let runtime = [("RUNTIME_DIRECTORY", run.to_str().unwrap())];
    let gated = Gated::start(&config(scene), wrap, &runtime);
    let line = gated.line_with("listening");
    if ["partly enforced", "has no landlock", "switched off"].iter().any(|it| line.contains(it)) {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{line}");
        eprintln!("LEFT OUT: the sandbox of this kernel: {line}");
        return None;
    }
    assert!(line.contains("fully enforced"), "{line}");
    Some(gated)
}

fn asked(scene: &Scene, words: &[&str]) -> (i32, String, String) {
    let socket = scene.path("run/status.sock");
    tsmgated(&[words, &["--socket", socket.to_str().unwrap()]].concat())
}

fn reloads(scene: &Scene) {
    let (code, out, err) = asked(scene, &["reload"]);
    assert_eq!((code, out.as_str()), (0, "reloaded\n"), "{err}");
}

/// That a reload fails and asks for a restart because of this folder, in its answer, the log and the status.
fn asks_for_a_restart(scene: &Scene, gated: &Gated, folder: &Path) {
    let folder = folder.canonicalize().unwrap().display().to_string();
    let says = format!("restart needed: {folder} is outside of what the sandbox allows");
    let (code, out, err) = asked(scene, &["reload"]);
    assert_eq!(code, 65, "{out}{err}");
    assert!(err.contains(&says), "{err}not: {says}");
    let line = gated.line_with(&says);
    assert!(line.contains("reload failed: going on with what there was"), "{line}");
    let (_, out, _) = asked(scene, &["status"]);
    assert!(out.contains(&says), "{out}not: {says}");
}

fn reconfigure(scene: &Scene, from: &str, to: &str) {
    let text = fs::read_to_string(config(scene)).unwrap();
    assert!(text.contains(from), "{text}");
    let new = scene.path("new.toml");
    scene.write("new.toml", &text.replace(from, to), 0o600);
    let owner = fs::metadata(config(scene)).unwrap();
    chown(&new, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::rename(new, config(scene)).unwrap();
}

/// R56: the level is in the log and in the status, and no thread of it can gain a privilege
#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_is_entered_by_every_thread_and_said() {
    let scene = default().await;
    let Some(gated) = confined(&scene, PLAIN) else { return };
    peer(&scene, &gated, "jump01").cookie().await;
    let (code, out, err) = asked(&scene, &["status"]);
    assert_eq!(code, 0, "{out}{err}");
    let told = out.lines().find_map(|line| line.strip_prefix("sandbox: ")).unwrap();
    assert!(told.starts_with("landlock ABI ") && told.ends_with("fully enforced"), "{told}");
    assert!(gated.line_with("listening").contains(told));
    let threads: Vec<_> = fs::read_dir(format!("/proc/{}/task", gated.pid())).unwrap().collect();
    assert!(threads.len() > 2, "{threads:?}");
    for thread in threads {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    }
}

/// R56: an ordinary user without any privilege enters it too, and what it needs is in there
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_enters_it_too() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let scene = default().await;
    let user = as_user(&scene, STRANGER, STRANGER, "--clear-groups");
    let Some(gated) = confined(&scene, &user) else { return };
    let status = proc(gated.pid(), "status");
    assert!(status.contains("Uid:\t65534\t65534\t65534\t65534\n"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    // TSM refuses this user: it was asked
    let answer = peer(&scene, &gated, "jump01").login().await.unwrap();
    assert!(matches!(answer, Answer::Exception(_)), "{answer:?}");
    assert_eq!(scene.tsm.connections()[0].peer.uid, STRANGER);
    reloads(&scene);
    let outside = Outside::new();
    outside.write("clients.crl", &scene.authority.revocation_list(&[]));
    // for everybody to read: it is not the file's mode that keeps it from us
    fs::set_permissions(outside.path(""), Permissions::from_mode(0o755)).unwrap();
    list_at(&scene, &outside.path("clients.crl"));
    asks_for_a_restart(&scene, &gated, &outside.path(""));
}

/// A folder that no configuration names at the start.
struct Outside(TempDir);

impl Outside {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// A certificate and its key, in a folder of this name; the key is not for others.
    fn put(&self, name: &str, server: &Identity) {
        self.write(&format!("{name}/server.pem"), &server.chain);
        self.write(&format!("{name}/server.key"), &server.key);
        let key = self.path(&format!("{name}/server.key"));
        fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
    }
}

fn list_at(scene: &Scene, path: &Path) {
    let line = format!("revocation_list = \"{}\"\n\n[tsm]", path.display());
    reconfigure(scene, "\n[tsm]", &line);
}

/// R56, R53: what a reload needs outside cannot be read, is named, and the old goes on; a restart helps
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_reach_what_is_outside() {
    let scene = default().await;
    let Some(mut gated) = confined(&scene, PLAIN) else { return };
    let outside = Outside::new();
    outside.write("clients.crl", &scene.authority.revocation_list(&[]));
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    list_at(&scene, &outside.path("clients.crl"));
    asks_for_a_restart(&scene, &gated, &outside.path(""));
    client.cookie().await;

    // nor by a symlink in a folder that it may read: its target lies where it lies
    reconfigure(&scene, outside.path("clients.crl").to_str().unwrap(), "clients.crl");
    symlink(outside.path("clients.crl"), scene.path("clients.crl")).unwrap();
    asks_for_a_restart(&scene, &gated, &outside.path(""));

    // nor as a client's entry
    fs::remove_file(scene.path("clients.crl")).unwrap();
    scene.write("clients.crl", &scene.authority.revocation_list(&[]), 0o600);
    reloads(&scene);
    let more = Outside::new();
    more.write("two.toml", &tests::scene::entry("two", "[\"login\"]"));
    fs::create_dir(scene.path("clients.d")).unwrap();
    symlink(more.path("two.toml"), scene.path("clients.d/two.toml")).unwrap();
    asks_for_a_restart(&scene, &gated, &more.path(""));
    client.cookie().await;

    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.end().0.code(), Some(0));
    let gated = confined(&scene, PLAIN).unwrap();
    peer(&scene, &gated, "two").cookie().await;
    reloads(&scene);
}
