//! A scene whose gate is a program at an address of the test's choice, the client's program, and the look at
//! what was recorded.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::program::{Gated, command, texts};
use tests::{Authority, Scene, SceneOptions};

/// A scene without a gate.
pub async fn stage(options: SceneOptions) -> Scene {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
    let identity = scene.authority.client("jump01");
    scene.install(&identity);
    std::fs::create_dir(scene.path("out")).unwrap();
    scene
}

/// `tsmgated run` on the scene, with another program in front.
pub fn gate(scene: &Scene, front: &[&str]) -> Gated {
    let gated = Gated::start(&scene.path("tsmgated.toml"), front, &[]);
    gated.line_with("listening");
    gated
}

/// `tsmgate` as `jump01`, with another program in front; it says nothing to the test's own output.
pub fn tsmgate(scene: &Scene, gate: &str, front: &[&str], arguments: &[&str]) -> Command {
    let program = command("tsmgate");
    let mut words = front.iter().map(AsRef::as_ref).chain([program.get_program()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(arguments)
        .current_dir(scene.path("out"))
        .envs(scene.environment(gate))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// One login of the client's program, its cookie in `out/NAME`: the exit code and what it said.
pub fn login(scene: &Scene, gate: &str, front: &[&str], name: &str) -> (i32, String) {
    let arguments = ["login", "--format", "value", "--output", name, "--timeout", "20s"];
    let output = tsmgate(scene, gate, front, &arguments).output().unwrap();
    let (out, err) = texts(&output);
    assert_eq!(out, "", "the cookie belongs into the file");
    (output.status.code().unwrap(), err)
}

/// What the audit says of the logins, after a stop.
#[derive(Debug, PartialEq, Eq)]
pub struct Logins {
    /// How many were begun.
    pub intents: u64,
    /// Of how many it is said how they ended.
    pub outcomes: u64,
    /// How many got a cookie.
    pub granted: u64,
}

/// Checks the chain, that no login was asked for at TSM without a record, that none has two outcomes or one that
/// is not true, and gives the sums.
pub fn logins(scene: &Scene) -> Logins {
    let file = scene.path("log/audit.jsonl");
    let output = command("tsmgated").args(["audit", "verify"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{:?}", texts(&output));
    let records = scene.records("login");
    // a connection has one call at a time: each that is begun ends once, before the next
    let mut begun = HashSet::new();
    for record in &records {
        let connection = record["tsmgate.connection"].as_str().unwrap();
        let in_order = match record["tsmgate.phase"].as_str().unwrap() {
            "intent" => begun.insert(connection),
            _ => begun.remove(connection),
        };
        assert!(in_order, "{record}");
    }
    let ended: Vec<_> = records.iter().filter(|line| line["tsmgate.phase"] == "outcome").collect();
    let granted = ended.iter().filter(|line| line["event.outcome"] == "success").count() as u64;
    let outcomes = ended.len() as u64;
    let intents = records.len() as u64 - outcomes;
    let tsm = scene.tsm.counts();
    // the gate's own session is a call too
    let sessions = scene.records("session").len() as u64;
    assert!(tsm.calls <= intents + sessions, "{} calls at TSM, {intents} on record", tsm.calls);
    assert!(granted <= tsm.cookies, "{granted} granted, {} cookies were given", tsm.cookies);
    Logins { intents, outcomes, granted }
}

/// The files in a folder, and below it, that hold any of these texts.
pub fn holding(folder: &Path, texts: &[String]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            // half of one is too much
            let half = |secret: &String| text.contains(&secret[..secret.len() / 2]);
            if texts.iter().any(half) {
                found.push(path);
            }
        }
    }
    found
}
