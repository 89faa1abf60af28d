//! `tsmgate --local`: an ordinary user of TSM's own host, without a certificate, in every lane.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::local::{User, as_user, can_make_users, entry};
use tests::program::{built, install, texts};
use tests::{Runner, RunnerOptions, Scene, SceneOptions};
use tsmsim::{ApiOptions, JobDrive};

use crate::stage::{run, stage};

/// A gate whose socket gives this user these roles, with the runner and the simulated `tsm` behind it.
struct Here {
    scene: Scene,
    user: User,
    /// The program, where that user may read it.
    program: PathBuf,
}

impl Here {
    async fn with(roles: &str) -> Self {
        let user = User::make();
        let entries = entry(&format!("group = \"{}\"", user.name), roles);
        let jobs = JobDrive::Every(Duration::from_millis(5));
        let api = Some(ApiOptions { jobs, assumed_routes: true, ..ApiOptions::default() });
        let options = SceneOptions { api, ..SceneOptions::commands("[\"monitor\"]") };
        let scene = stage(options.with_local(&entries)).await;
        let program = scene.path("tsmgate-of-a-user");
        install(&built("tsmgate"), &program);
        Self { scene, user, program }
    }

    fn command(&self, uid: u32, arguments: &[&str]) -> Command {
        let mut command = as_user(uid, self.program.to_str().unwrap());
        command.env_clear().env("TSMGATE_TIMEOUT", "20s").args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn option(&self) -> String {
        format!("--local={}", self.scene.local_socket().display())
    }

    /// What the user gets with these arguments.
    fn run(&self, arguments: &[&str]) -> Output {
        let local = self.option();
        self.command(self.user.uid, &[&[&*local], arguments].concat()).output().unwrap()
    }

    /// An answer that has to be good, and has to have this in it.
    fn says(&self, arguments: &[&str], part: &str) -> String {
        let output = self.run(arguments);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{err}");
        assert!(out.contains(part), "{part} of {arguments:?} in {out}{err}");
        assert!(!err.contains("certificate"), "there is none here: {err}");
        out
    }
}

fn failed(output: &Output, code: i32, what: &str, hint: &str) {
    let (out, err) = texts(output);
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(err.contains(what) && err.contains(hint), "{what}, {hint} in {err}");
}

/// Every lane, and every command that an ordinary user has a use for
#[tokio::test(flavor = "multi_thread")]
async fn all_lanes_are_there_for_a_user_of_this_host() {
    if !can_make_users() {
        return;
    }
    let here = Here::with("[\"operator\", \"login\", \"tls-admin\"]").await;
    let runner = Runner::start(&here.scene, &RunnerOptions::simulated(&here.scene));
    let gated = run(&here.scene);
    gated.address();
    let caller = format!("local:{}", here.user.name);

    here.says(&["whoami"], &caller);
    let who: Value = serde_json::from_str(&here.says(&["whoami", "--json"], &caller)).unwrap();
    assert_eq!(who["identity"], format!("unix:uid={}", here.user.uid));
    assert_eq!(who.get("certificate"), None, "{who}");
    here.says(&["permissions"], "server.stop");
    here.says(&["status"], "RUNNING");
    here.says(&["nodes"], "node1");
    here.says(&["ports"], "8850");
    here.says(&["jobs", "list"], "");
    here.says(&["restart"], "");

    let before = here.scene.tsm.counts().calls;
    let cookie = here.says(&["login", "--quiet"], "");
    assert!(here.scene.tsm.cookies().contains(&cookie.trim().to_owned()));
    assert_eq!(here.scene.tsm.counts().calls, before + 1);
    let local = here.option();
    let mut logout = here.command(here.user.uid, &[&local, "logout"]);
    let mut logout = logout.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    logout.stdin.take().unwrap().write_all(cookie.as_bytes()).unwrap();
    assert!(logout.wait().unwrap().success());

    here.says(&["security", "external-ssl", "list"], "ssl.enabled: false");
    here.says(&["pending-changes", "list"], "There are no pending");
    here.says(&["commands", "list"], "security external-ssl list");
    let mut monitor = here.command(here.user.uid, &[&local, "monitor", "--checks", "tsm,gate"]);
    let monitor = monitor.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut batch = monitor.spawn().unwrap();
    batch.stdin.take().unwrap().write_all(b"\n").unwrap();
    let batch = batch.wait_with_output().unwrap();
    let lines = String::from_utf8(batch.stdout).unwrap();
    assert!(lines.contains("tableau_tsm_status,node=all,") && lines.contains("status_code=0i"));
    assert!(lines.contains("tableau_gate,") && !lines.contains("certificate_days_left"), "{lines}");
    let doctor: Value = serde_json::from_str(&here.says(&["doctor", "--json"], "steps")).unwrap();
    let verdicts = doctor["steps"].as_array().unwrap().iter();
    let failed: Vec<_> = verdicts.filter(|step| step["verdict"] == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");

    let by_variable = here
        .command(here.user.uid, &["status"])
        .env("TSMGATE_LOCAL", here.scene.local_socket())
        .output()
        .unwrap();
    assert!(by_variable.status.success(), "{:?}", texts(&by_variable));
    for record in here.scene.records("login") {
        assert_eq!(record["client.user.name"], caller, "{record}");
        assert_eq!(record.get("source.ip"), None, "{record}");
    }
    assert!(!here.scene.records("login").is_empty());
    drop(runner);
    here.scene.verify();
}

/// What a user may not, who is not listed, and a gate that is gone
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_in_words_of_this_host() {
    if !can_make_users() {
        return;
    }
    let here = Here::with("[\"monitor\"]").await;
    let stranger = User::make();
    let mut gated = run(&here.scene);
    gated.address();
    here.says(&["status"], "RUNNING");
    let asked = (here.scene.tsm.requests().len(), here.scene.tsm.counts().calls);

    failed(&here.run(&["stop"]), 77, "server.stop", "hint: ");
    failed(&here.run(&["login"]), 77, "no role of this client has the permission", "`login`");
    failed(&here.run(&["security", "external-ssl", "list"]), 77, "security.external-ssl.list", "");
    let local = here.option();
    for arguments in [["status"], ["login"]] {
        let other = here.command(stranger.uid, &[&[&*local], &arguments[..]].concat());
        let output = { other }.output().unwrap();
        failed(&output, 71, "connection closed without a word", "[[local]]");
    }
    here.scene.refusal("local_user_not_listed").await;
    assert_eq!((here.scene.tsm.requests().len(), here.scene.tsm.counts().calls), asked);

    gated.signal(nix::sys::signal::Signal::SIGTERM);
    gated.wait();
    failed(&here.run(&["status"]), 70, "nobody listens at the socket", "listen.local");
}
