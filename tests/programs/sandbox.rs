//! The program in its sandbox: what is renewed, rotated and restarted around it goes on working, what is
//! outside stays outside, and a reload that would need it says so.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use tests::certificates::Identity;
use tests::program::{Gated, built, have};
use tests::{Scene, SceneOptions, wait};
use tsmgate_wire::Answer;
use tsmsim::{Simulator, SimulatorOptions};

use crate::stage::{PLAIN, as_user, config, peer, proc, stage, tsmgated};

/// Neither root nor one of TSM's users.
const STRANGER: u32 = 65534;

async fn default() -> Scene {
    stage(SceneOptions::default()).await
}

/// The program with a folder for its status socket, and in its sandbox; `None`, and said so, where this
/// kernel has none.
fn confined<S: AsRef<std::ffi::OsStr>>(scene: &Scene, wrap: &[S]) -> Option<Gated> {
    let run = scene.path("run");
    if !run.exists() {
        fs::create_dir(&run).unwrap();
        fs::set_permissions(&run, Permissions::from_mode(0o777)).unwrap();
    }
    let runtime = [("RUNTIME_DIRECTORY", run.to_str().unwrap())];
    let gated = Gated::start(&config(scene), wrap, &runtime);
    let line = gated.line_with("listening");
    if !line.contains("fully enforced") {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{line}");
        eprintln!("LEFT OUT: the sandbox of this kernel: {line}");
        return None;
    }
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

/// The certificate that the gate shows.
async fn shown(scene: &Scene, gated: &Gated) -> CertificateDer<'static> {
    let stream = peer(scene, gated, "jump01").connect().await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn comes_to_show(scene: &Scene, gated: &Gated, what: &str, server: &Identity) {
    let new = server.certificates().remove(0);
    wait::until(what, || async { (shown(scene, gated).await == new).then_some(()) }).await;
    peer(scene, gated, "jump01").cookie().await;
}

fn swap(target: &str, link: &Path) {
    let new = link.with_extension("new");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// R56, R53: a certificate renewed by symlink swap, by rename and in place; half of one is not taken
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_in_every_way() {
    let scene = default().await;
    let outside = Outside::new();
    let servers: Vec<_> = (0..4).map(|_| scene.authority.server(|_| {})).collect();
    outside.put("releases/1", &servers[0]);
    symlink("releases/1", outside.path("current")).unwrap();
    for name in ["server.pem", "server.key"] {
        fs::remove_file(scene.path(name)).unwrap();
        symlink(outside.path("current").join(name), scene.path(name)).unwrap();
    }
    let Some(gated) = confined(&scene, PLAIN) else { return };
    comes_to_show(&scene, &gated, "the first certificate", &servers[0]).await;

    outside.put("releases/2", &servers[1]);
    swap("releases/2", &outside.path("current"));
    comes_to_show(&scene, &gated, "the one behind the swapped symlink", &servers[1]).await;

    outside.put("new", &servers[2]);
    for name in ["server.key", "server.pem"] {
        fs::rename(outside.path("new").join(name), outside.path("releases/2").join(name)).unwrap();
    }
    comes_to_show(&scene, &gated, "the one that was renamed", &servers[2]).await;

    let failures = || gated.log().iter().filter(|line| line.contains("reload failed")).count();
    let before = failures();
    outside.put("new", &servers[3]);
    let key = outside.path("releases/2/server.key");
    fs::rename(outside.path("new/server.key"), key).unwrap();
    let (half, _) = servers[3].chain.split_at(servers[3].chain.len() / 2);
    outside.write("releases/2/server.pem", half);
    wait::until("a fault in the log", || async { (failures() > before).then_some(()) }).await;
    assert_eq!(shown(&scene, &gated).await, servers[2].certificates()[0]);
    peer(&scene, &gated, "jump01").cookie().await;
    outside.write("releases/2/server.pem", &servers[3].chain);
    comes_to_show(&scene, &gated, "the one that was half written", &servers[3]).await;
}

/// R56, R45: the audit is rotated by others and by itself, and its chain goes on
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_rotated_in_there() {
    let rest = format!("rotate_size = \"64KiB\"\n\n{}", SceneOptions::default().rest);
    let scene = stage(SceneOptions { rest, ..SceneOptions::default() }).await;
    let Some(mut gated) = confined(&scene, PLAIN) else { return };
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let first = scene.path("log/audit.jsonl.0");
    fs::rename(scene.path("log/audit.jsonl"), &first).unwrap();
    client.cookie().await;
    assert!(scene.path("log/audit.jsonl").exists());
    let parts = || {
        let entries = fs::read_dir(scene.path("log")).unwrap();
        let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        // the newest has the shortest name, and the others' end in numbers
        parts.sort_by_key(|part| (part.extension().unwrap() == "jsonl", part.clone()));
        parts
    };
    while parts().len() < 4 {
        client.cookie().await;
    }
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    let mut parts = parts();
    assert_eq!(parts.remove(0), first);
    let words = ["audit", "verify"].map(PathBuf::from);
    let words: Vec<_> = words.iter().chain([&first]).chain(&parts).collect();
    let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
    let (code, out, err) = tsmgated(&words);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("whole"), "{out}");
}

/// The pretend TSM as a process of its own; ended when dropped.
struct Tsm(Child);

impl Tsm {
    fn start(wrap: &[&str], program: &Path, socket: &Path, log: &Path) -> Self {
        let program = program.to_str().unwrap();
        let words = [wrap, &[program, "--socket", socket.to_str().unwrap(), "--log"]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(log).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Tsm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// R56, R38: TSM restarts with a new folder and a new socket, which no rule of the sandbox names, and is
/// asked again; where somebody else's process answers instead, it is told nothing
#[tokio::test(flavor = "multi_thread")]
async fn tsm_restarts_and_somebody_else_takes_its_place() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let outside = Outside::new();
    let socket = outside.path("tsm/login");
    fs::create_dir(outside.path("tsm")).unwrap();
    reconfigure(&scene, "\"tsm/login\"", &format!("{:?}", socket.display().to_string()));
    let first = Simulator::start(SimulatorOptions::new(socket.clone())).await.unwrap();
    let Some(gated) = confined(&scene, PLAIN) else { return };
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    first.stop().await;
    fs::remove_dir_all(outside.path("tsm")).unwrap();
    exception(&client.login().await.unwrap(), "backend_unreachable");

    fs::create_dir(outside.path("tsm")).unwrap();
    let log = outside.path("tsm.log");
    let second = Tsm::start(&[], &built("tsmsim"), &socket, &log);
    client.cookie().await;
    assert!(fs::read_to_string(&log).unwrap().contains("with uid '0'"));
    drop(second);
    fs::remove_file(&socket).unwrap();

    // made by somebody else where he may, and put there by whoever may
    fs::create_dir(outside.path("theirs")).unwrap();
    let (program, log) = (outside.path("theirs/tsmsim"), outside.path("theirs/log"));
    fs::copy(built("tsmsim"), &program).unwrap();
    fs::set_permissions(outside.path(""), Permissions::from_mode(0o755)).unwrap();
    chown(outside.path("theirs"), Some(STRANGER), Some(STRANGER)).unwrap();
    let user = format!("--reuid={STRANGER}");
    let wrap = ["setpriv", &user, "--regid=65534", "--clear-groups"];
    let _theirs = Tsm::start(&wrap, &program, &outside.path("theirs/login"), &log);
    fs::rename(outside.path("theirs/login"), &socket).unwrap();
    exception(&client.login().await.unwrap(), "backend_untrusted");
    gated.line_with("a process of uid 65534 answers there");
    let heard = fs::read_to_string(&log).unwrap();
    assert!(!heard.contains("login request"), "{heard}");

    // and TSM is back
    fs::remove_file(&socket).unwrap();
    let _third = Simulator::start(SimulatorOptions::new(socket)).await.unwrap();
    client.cookie().await;
}

fn exception(answer: &Answer, code: &str) {
    let Answer::Exception(exception) = answer else { panic!("{answer:?}") };
    assert_eq!(exception.message, code);
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
