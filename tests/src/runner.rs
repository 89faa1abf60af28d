//! The runner beside a scene: the built program, with a `tsm` of the test's choice.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::program::{built, install, install_script};
use crate::{Scene, SceneOptions, wait};

/// What a runner is started with.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// The permissions that it serves, as TOML.
    pub permissions: String,
    /// The `tsm` program: a path.
    pub program: PathBuf,
    /// Variables for it, as TOML.
    pub environment: String,
    /// Lines for `[limits]`.
    pub limits: String,
    /// Lines for `[tsm]`.
    pub tsm: String,
    /// Everything after: `[[command]]`.
    pub rest: String,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        let all = "[\"security.*\", \"pending-changes.*\", \"authentication.*\", \"tsm.*\", \"backup.create\", \
                   \"maintenance.*\"]";
        Self {
            permissions: all.into(),
            program: PathBuf::from("/bin/true"),
            environment: "{}".into(),
            limits: String::new(),
            tsm: String::new(),
            rest: String::new(),
        }
    }
}

impl RunnerOptions {
    /// The simulator's `tsm`, which asks the scene's TSM.
    pub fn simulated(scene: &Scene) -> Self {
        let path = scene.path("tsm/controller.pem");
        std::fs::write(&path, scene.api().certificate()).unwrap();
        let environment = format!(
            "{{ TSM_SIM_SOCKET = \"{}\", TSM_SIM_URL = \"https://localhost:{}\", TSM_SIM_CERTIFICATE = \"{}\" }}",
            scene.path("tsm/login").display(),
            scene.api().address().port(),
            path.display()
        );
        let program = scene.path("bin/tsm");
        std::fs::create_dir_all(scene.path("bin")).unwrap();
        // beside the scene: where programs are built others may write
        install(&built("tsm"), &program);
        Self { program, environment, ..Self::default() }
    }

    /// A shell script as `tsm`.
    pub fn script(scene: &Scene, text: &str) -> Self {
        let program = scene.path("bin/tsm");
        std::fs::create_dir_all(scene.path("bin")).unwrap();
        install_script(&format!("#!/bin/sh\n{text}\n"), &program);
        Self { program, ..Self::default() }
    }
}

impl SceneOptions {
    /// A scene with an api lane and a command lane, and a client `jump01` with these roles, as TOML.
    pub fn commands(roles: &str) -> Self {
        let options = Self::api(roles);
        let tsm = format!(
            "command_socket = \"runner/runner.sock\"\ncommand_socket_owners = [\"root\"]\n{}",
            options.tsm
        );
        let commands = "commands = { per_minute = 60000, burst = 1000 }";
        let client_limits = format!("{}\n{commands}", options.client_limits);
        Self { tsm, client_limits, ..options }
    }
}

/// A running `tsmgate-runner`; killed when dropped.
pub struct Runner {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    config: PathBuf,
}

impl Runner {
    /// Starts one in the scene's folder `runner`, and waits until it is ready.
    pub fn start(scene: &Scene, options: &RunnerOptions) -> Self {
        let RunnerOptions { permissions, program, environment, limits, tsm, rest } = options;
        let text = format!(
            "[listen]\nsocket = \"{}\"\nusers = [\"root\"]\n\n[serve]\npermissions = {permissions}\n\n\
             [tsm]\nprogram = \"{}\"\nhome = \"/\"\nenvironment = {environment}\n{tsm}\n\n[limits]\n{limits}\n\n\
             [state]\nfolder = \"{}\"\n\n{rest}",
            scene.path("runner/runner.sock").display(),
            program.display(),
            scene.path("runner/state").display(),
        );
        scene.write("runner/runner.toml", &text, 0o600);
        std::fs::create_dir_all(scene.path("runner/state")).unwrap();
        Self::again(scene.path("runner/runner.toml"))
    }

    /// Starts one with a configuration that is there.
    pub fn again(config: PathBuf) -> Self {
        let socket = config.with_file_name("runner.sock");
        let _ = std::fs::remove_file(&socket);
        let mut child = Command::new(built("tsmgate-runner"))
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let ended = Mutex::new(&mut child);
        wait::until_blocking("the runner", || {
            let end = ended.lock().unwrap().try_wait().unwrap();
            assert!(end.is_none(), "the runner ended: {:?}", log.lock().unwrap());
            let ready = || log.lock().unwrap().iter().any(|line| line.contains("INFO ready"));
            (socket.exists() && ready()).then_some(())
        });
        Self { child, log, config }
    }

    /// Its configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The log's lines so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits for its end; the exit code, `None` where a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        let child = Mutex::new(&mut self.child);
        let ended = || child.lock().unwrap().try_wait().unwrap();
        wait::until_blocking("the end of the runner", ended).code()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
