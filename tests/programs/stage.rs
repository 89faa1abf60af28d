//! What the tests of the program share: a prepared scene, the program on it, and both of its verdicts.

use std::path::{Path, PathBuf};
use std::process::Output;

use tests::program::{Gated, built, command, install, texts};
use tests::{Authority, Peer, Scene, SceneOptions};

/// No program in front, nothing added to the environment.
pub const PLAIN: &[&str] = &[];

/// A scene without a daemon.
pub async fn stage(options: SceneOptions) -> Scene {
    Scene::prepare(tempfile::tempdir().unwrap(), Authority::new("tests"), &options).await
}

/// The scene's configuration file.
pub fn config(scene: &Scene) -> PathBuf {
    scene.path("tsmgated.toml")
}

/// `tsmgated run` on the scene.
pub fn run(scene: &Scene) -> Gated {
    Gated::start(&config(scene), PLAIN, &[])
}

/// A well-behaved client of a running program.
pub fn peer(scene: &Scene, gated: &Gated, name: &str) -> Peer {
    let identity = scene.authority.client(name);
    Peer::new(gated.address(), &scene.authority.pem(), Some(&identity))
}

/// `tsmgated` with these arguments: its exit code, standard output and standard error.
pub fn tsmgated(arguments: &[&str]) -> (i32, String, String) {
    told(&command("tsmgated").args(arguments).output().unwrap())
}

/// `tsmgated check`.
pub fn check(config: &Path) -> (i32, String, String) {
    tsmgated(&["check", "--config", config.to_str().unwrap()])
}

/// An exit code with the texts.
pub fn told(output: &Output) -> (i32, String, String) {
    let (out, err) = texts(output);
    (output.status.code().unwrap(), out, err)
}

/// That `check` and `run` both refuse a configuration, with the same code and the same words; gives
/// the words.
pub fn refused(config: &Path, code: i32) -> String {
    let (checked, out, said) = check(config);
    assert_eq!(checked, code, "check: {out}{said}");
    assert_eq!(out, "", "an answer beside the complaint");
    let (status, log) = Gated::start(config, PLAIN, &[]).end();
    assert_eq!(status.code(), Some(code), "run: {log:?}");
    assert_eq!(log.join("\n") + "\n", said, "check and run say different things");
    assert!(said.starts_with("tsmgated: "), "{said}");
    said
}

/// `tsmgated audit verify` of the scene's file.
pub fn verify(scene: &Scene, more: &[&str]) -> (i32, String, String) {
    let file = scene.path("log/audit.jsonl");
    tsmgated(&[&["audit", "verify", file.to_str().unwrap()], more].concat())
}

/// Puts the program under an ordinary user: what to put in front of it. A copy goes into the scene's
/// folder, for the user may not come near the one that was built.
pub fn as_user(scene: &Scene, uid: u32, gid: u32, groups: &str) -> Vec<String> {
    let program = scene.path("tsmgated");
    if !program.exists() {
        install(&built("tsmgated"), &program);
    }
    for name in ["", "log", "tsmgated.toml", "server.pem", "server.key", "client-ca.pem"] {
        std::os::unix::fs::chown(scene.path(name), Some(uid), Some(gid)).unwrap();
    }
    // the shell's name is the built program; what follows it are the program's arguments
    let shell = format!("exec {} \"$@\"", program.display());
    let words = [
        "setpriv",
        &format!("--reuid={uid}"),
        &format!("--regid={gid}"),
        groups,
        "sh",
        "-c",
        &shell,
    ];
    words.map(str::to_owned).to_vec()
}

/// How many files a program has open; `None` where it has ended.
pub fn open_files(gated: &Gated) -> Option<usize> {
    std::fs::read_dir(format!("/proc/{}/fd", gated.pid())).ok().map(Iterator::count)
}

/// A file of /proc about a process.
pub fn proc(pid: u32, name: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What to put in front of the program so that it looks users up in the scene's `etc/passwd` and `etc/group` alone,
/// which are the host's, after what `then` does. In a folder of its own: another test that makes a user replaces
/// the host's files, and what is mounted on one goes with it.
fn with_tables(scene: &Scene, then: &str) -> Vec<String> {
    for name in ["passwd", "group"] {
        scene.write(
            &format!("etc/{name}"),
            &std::fs::read_to_string(format!("/etc/{name}")).unwrap(),
            0o644,
        );
    }
    scene.write("etc/nsswitch.conf", "passwd: files\ngroup: files\ninitgroups: files\n", 0o644);
    let etc = scene.path("etc").display().to_string();
    let own = format!("mount --bind {etc} /etc && {then} && exec \"$@\"");
    ["unshare", "--mount", "sh", "-c", &own, "sh"].map(str::to_owned).to_vec()
}

/// What to put in front of the program so that it looks users up where the test can change them.
pub fn with_own_tables(scene: &Scene) -> Vec<String> {
    with_tables(scene, "true")
}

/// What to put in front of the program so that of the files where it looks users up this one (`passwd` or `group`)
/// opens and cannot be read.
pub fn without_table(scene: &Scene, table: &str) -> Vec<String> {
    with_tables(scene, &format!("mount --bind /proc/$$/mem /etc/{table}"))
}
