//! A running `tsmgate forward` in front of a scene's gate.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::program::command;
use crate::{Scene, wait};

/// A running `tsmgate forward`; killed when dropped.
pub struct Forwarding {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    socket: PathBuf,
}

/// `tsmgate forward` as a client of the scene's gate, with the client's files in the scene's folder.
pub fn forward(scene: &Scene, gate: SocketAddr, name: &str) -> Command {
    let identity = scene.authority.client(name);
    scene.install(&identity);
    let mut forward = command("tsmgate");
    forward.arg("forward").stdin(Stdio::null()).envs(scene.environment(gate));
    forward
}

impl Forwarding {
    /// Starts one for `jump01` with the socket `forward/login` in the scene's folder, and waits until it serves.
    pub fn start(scene: &Scene, gate: SocketAddr, more: &[&str]) -> Self {
        let socket = socket(scene);
        let mut command = forward(scene, gate, "jump01");
        command.arg("--listen").arg(&socket).args(more);
        Self::run(command, socket)
    }

    /// Starts this one, which makes or serves that socket, and waits until it does.
    pub fn run(mut command: Command, socket: PathBuf) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let forwarding = Self { child, log, reader: Some(reader), socket };
        forwarding.line_with(" leads to ");
        forwarding
    }

    /// Where callers go to.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it said so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line with this text.
    pub fn line_with(&self, text: &str) -> String {
        wait::until_blocking(&format!("the line `{text}`"), || {
            self.log().into_iter().find(|line| line.contains(text))
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    /// Waits for its end: the exit code, `None` where a signal ended it, and all that it said.
    pub fn end(&mut self) -> (Option<i32>, Vec<String>) {
        let child = Mutex::new(&mut self.child);
        let ended = || child.lock().unwrap().try_wait().unwrap();
        let status = wait::until_blocking("the end of tsmgate forward", ended);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.code(), self.log())
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The scene's place for a forward's socket, in a folder that all may look into.
pub fn socket(scene: &Scene) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = scene.path("forward");
    std::fs::create_dir_all(&folder).unwrap();
    for open in [folder.parent().unwrap(), &folder] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.join("login")
}
