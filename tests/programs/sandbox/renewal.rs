//! What goes on working around a program in its sandbox: certificates are renewed, the audit is rotated,
//! TSM restarts.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use rustls_pki_types::CertificateDer;
use tests::program::{Gated, built, have, install};
use tests::{Identity, Scene, SceneOptions, wait};
use tsmgate_wire::Answer;
use tsmsim::{Simulator, SimulatorOptions};

use super::{Outside, STRANGER, confined, default, reconfigure};
use crate::stage::{PLAIN, peer, stage, tsmgated};

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

    outside.put("new", &servers[3]);
    let key = outside.path("releases/2/server.key");
    fs::rename(outside.path("new/server.key"), key).unwrap();
    let (half, _) = servers[3].chain.split_at(servers[3].chain.len() / 2);
    outside.write("releases/2/server.pem", half);
    let line = gated.line_with("server.pem: broken PEM");
    assert!(line.contains("reload failed: going on with what there was"), "{line}");
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

/// R56, R35: TSM restarts with a new folder and a new socket, which no rule of the sandbox names, and is
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
    install(&built("tsmsim"), &program);
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
