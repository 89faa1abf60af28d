//! The real logrotate with the file that is shipped, on a daemon under load.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::Signal;
use serde_json::Value;
use tests::peer::{call, cookie_of};
use tests::program::{command, have, texts};
use tests::{Peer, Scene, SceneOptions, wait};

use crate::stage::{peer, run, stage, told, tsmgated};

const ROUNDS: usize = 6;

/// What is shipped, for the scene's file and the user who runs the test.
fn configuration(scene: &Scene) -> PathBuf {
    let file = scene.path("log/audit.jsonl").display().to_string();
    let here = shipped()
        .replace("\n/var/log/tsmgate/audit.jsonl {", &format!("\n{file} {{"))
        .replace("/var/log/tsmgate-authority/", &format!("{}/", scene.path("none").display()))
        .replace("    su tsmgate tsmgate\n", "    su root root\n")
        .replace("    su tsmgate-authority tsmgate-authority\n", "    su root root\n");
    assert!(here.contains(&file) && !here.contains("/var/log/tsmgate-authority"), "{here}");
    assert_eq!(here.matches("    su root root\n").count(), 2, "{here}");
    scene.write("logrotate.conf", &here, 0o644);
    scene.path("logrotate.conf")
}

fn shipped() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join("systemd/logrotate.conf")).unwrap()
}

/// The authority's audit is treated as the gate's, by its own user.
#[test]
fn both_audits_are_put_aside_alike() {
    let shipped = shipped();
    let lines = shipped.lines().map(str::trim);
    let rules: Vec<_> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let (gate, authority) = rules.split_at(rules.len() / 2);
    assert_eq!(gate[0], "/var/log/tsmgate/audit.jsonl {");
    let gate: Vec<_> =
        gate.iter().map(|line| line.replace("tsmgate", "tsmgate-authority")).collect();
    assert_eq!(gate, authority);
}

/// `logrotate -f`, a second later than the last time: names have seconds.
fn rotate(scene: &Scene, configuration: &Path) {
    let state = scene.path("logrotate.state");
    let parts = parts(scene).len();
    wait::until_blocking("a file put aside", || {
        let mut logrotate = Command::new("logrotate");
        let output = logrotate.arg("-f").arg("-s").arg(&state).arg(configuration).output().unwrap();
        let (out, err) = texts(&output);
        let early = err.contains("already exists");
        assert!(output.status.success() || early, "{out}{err}");
        (self::parts(scene).len() > parts).then_some(())
    });
}

/// The files put aside, oldest first.
fn parts(scene: &Scene) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(scene.path("log")).unwrap();
    let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    parts.retain(|path| path.display().to_string().contains("audit.jsonl-"));
    parts.sort();
    parts
}

/// All records, compressed or not, as the shipped file says to read them.
fn all(scene: &Scene) -> Vec<u8> {
    let mut zcat = Command::new("zcat");
    let output = zcat.arg("-f").args(parts(scene)).arg(scene.path("log/audit.jsonl")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    output.stdout
}

/// Calls until it is told to stop.
async fn call_on(client: Peer, calls: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let mut stream = client.connect().await.unwrap();
        for sequence in 0..50 {
            cookie_of(call(&mut stream, sequence).await.unwrap());
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// R45: six rotations by logrotate under load: no call refused, no record lost or doubled, one chain
#[tokio::test(flavor = "multi_thread")]
async fn logrotate_under_load_loses_nothing() {
    if !have("logrotate", "logrotate") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let configuration = configuration(&scene);
    let mut gated = run(&scene);
    let (calls, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let client = peer(&scene, &gated, "jump01");
            tokio::spawn(call_on(client, Arc::clone(&calls), Arc::clone(&stop)))
        })
        .collect();
    for round in 0..ROUNDS {
        let before = calls.load(Ordering::Relaxed);
        wait::until("calls between two rotations", || async {
            (calls.load(Ordering::Relaxed) > before + 20).then_some(())
        })
        .await;
        tokio::task::block_in_place(|| rotate(&scene, &configuration));
        // not asked for by a signal, and begun anew all the same
        wait::until("a new file", || async {
            std::fs::metadata(scene.path("log/audit.jsonl")).ok().filter(|file| file.len() > 0)
        })
        .await;
        assert_eq!(parts(&scene).len(), round + 1);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));

    let parts = parts(&scene);
    let compressed = parts.iter().filter(|part| part.extension().is_some_and(|end| end == "gz"));
    assert_eq!(compressed.count(), ROUNDS - 1, "{parts:?}");
    let text = all(&scene);
    let lines: Vec<Value> =
        text.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    scene.write("all.jsonl", &String::from_utf8(text).unwrap(), 0o600);
    let whole = scene.path("all.jsonl").display().to_string();
    let (code, out, err) = tsmgated(&["audit", "verify", &whole]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(&format!("lines 1 to {}\n", lines.len())), "{out}");
    let count =
        |field: &str, value: &str| lines.iter().filter(|line| line[field] == value).count() as u64;
    let calls = calls.load(Ordering::Relaxed);
    assert_eq!(count("tsmgate.phase", "intent"), calls);
    assert_eq!(count("tsmgate.phase", "outcome"), calls);
    assert_eq!(count("event.action", "rotated"), ROUNDS as u64);
    assert_eq!(scene.tsm.counts().calls, calls);
    piped(&scene);
}

/// The line that the shipped file gives for the check works as written.
fn piped(scene: &Scene) {
    let shipped = std::fs::read_to_string(scene.path("logrotate.conf")).unwrap();
    let line = shipped.lines().find_map(|line| line.strip_prefix("#   cd /var/log/tsmgate && "));
    let line = line.unwrap().replace("tsmgated ", "\"$0\" ");
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", &line]).arg(command("tsmgated").get_program());
    let output = shell.current_dir(scene.path("log")).stdin(Stdio::null()).output().unwrap();
    let (code, out, err) = told(&output);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("/dev/stdin: whole\n"), "{out}");
}
