//! systemd's own journald, started for the test in a namespace in which `/run` is the test's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tests::program::{Gated, have};
use tests::{Scene, wait};

use super::rig::{Entry, expected, journaled, lines, stop, whole_chain};
use crate::stage::{config, peer};

/// Where Debian has it.
const JOURNALD: &str = "/lib/systemd/systemd-journald";

/// A journald that runs; killed when dropped.
struct Real(Child);

impl Real {
    /// Starts it, and waits for its socket.
    fn start(scene: &Scene) -> Self {
        let socket = scene.path("run/systemd/journal/socket");
        let _ = std::fs::remove_file(&socket);
        let wrap = elsewhere(scene);
        let mut command = Command::new(&wrap[0]);
        // its network apart from the host's: the kernel's audit is not ours to read
        command.arg("--net").args(&wrap[1..]).arg(JOURNALD);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let real = Self(child);
        wait::until_blocking("journald's socket", || socket.exists().then_some(()));
        real
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What puts the scene's `run` where `/run` is, for one program.
fn elsewhere(scene: &Scene) -> Vec<String> {
    let folder = scene.path("run").display().to_string();
    let script = "mount --bind \"$0\" /run && exec \"$@\"";
    ["unshare", "--mount", "sh", "-c", script, &folder].map(str::to_owned).to_vec()
}

/// The journal's entries of ours so far.
fn entries(journal: &Path) -> Vec<Entry> {
    let mut journalctl = Command::new("journalctl");
    journalctl.args(["--quiet", "--output=json", "-t", "tsmgated-audit", "-D"]).arg(journal);
    let output = journalctl.output().unwrap();
    let values = |value: &Value| match value {
        Value::Array(values) => values.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        value => vec![value.as_str().unwrap().to_owned()],
    };
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let fields = entry.as_object().unwrap().iter();
            fields.map(|(name, value)| (name.clone(), values(value))).collect()
        })
        .collect()
}

/// Where journald keeps its files: in a folder named after the machine.
fn journal(scene: &Scene) -> PathBuf {
    scene.path("run/log/journal")
}

/// Waits until journald has taken as many records as the file has, and gives them.
async fn all_arrived(scene: &Scene) -> Vec<Entry> {
    wait::until("all records in the journal", || async {
        let written = std::fs::read(scene.path("log/audit.jsonl")).unwrap();
        let whole = written.iter().filter(|byte| **byte == b'\n').count();
        let entries = entries(&journal(scene));
        (entries.len() >= whole).then_some(entries)
    })
    .await
}

/// R41, R42: the real journald has each record with all its fields, and is found again after a restart
#[tokio::test(flavor = "multi_thread")]
async fn the_real_journald_has_each_record() {
    let Some(scene) = journaled().await else { return };
    if !have("journalctl", "systemd") {
        return;
    }
    if !Path::new(JOURNALD).exists() || !Path::new("/etc/machine-id").exists() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "systemd-journald is missing (systemd)");
        eprintln!("LEFT OUT: systemd-journald is missing (Debian: systemd)");
        return;
    }
    let settings = "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n";
    scene.write("run/systemd/journald.conf.d/test.conf", settings, 0o644);
    for folder in ["run/systemd/journal", "run/log/journal"] {
        std::fs::create_dir_all(scene.path(folder)).unwrap();
    }
    let real = Real::start(&scene);
    let gated = Gated::start(&config(&scene), &elsewhere(&scene), &[]);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    // a datagram that journald has not read yet dies with it
    all_arrived(&scene).await;
    drop(real);
    let gone = client.login().await.unwrap();
    assert!(format!("{gone:?}").contains("audit_unavailable"), "{gone:?}");
    let real = Real::start(&scene);
    gated.line_with("the audit can be written again");
    client.cookie().await;
    peer(&scene, &gated, "stranger").refusal().await;
    scene.refusal("client_unknown").await;
    // of a process that has ended journald cannot tell the name
    all_arrived(&scene).await;
    stop(gated);

    let lines = lines(&scene);
    let entries = all_arrived(&scene).await;
    assert_eq!(entries.len(), lines.len());
    for (entry, line) in entries.iter().zip(&lines) {
        for (name, mut values) in expected(line) {
            let mut found = entry[&name].clone();
            // journald keeps no order among the values of one field
            found.sort();
            values.sort();
            assert_eq!(found, values, "{name} of {line}");
        }
        assert_eq!(entry["_COMM"], ["tsmgated"]);
    }
    whole_chain(&scene);
    drop(real);
}
