//! Listeners that the simulator cannot be: another user's, or one that does not accept.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use tests::Scene;
use tests::program::have;

/// A running script; killed when dropped.
pub struct Script(Child, Mutex<BufReader<ChildStdout>>);

/// Runs a script with the path of TSM's socket as its argument, until it says that it is ready.
/// `None` where there is no Python.
pub fn run(scene: &Scene, script: &str) -> Option<Script> {
    if !have("python3", "python3") {
        return None;
    }
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(scene.path("tsm/login"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Mutex::new(BufReader::new(child.stdout.take().unwrap()));
    let script = Script(child, lines);
    assert_eq!(script.line(), "ready");
    Some(script)
}

impl Script {
    /// Its next line.
    pub fn line(&self) -> String {
        let mut line = String::new();
        self.1.lock().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
