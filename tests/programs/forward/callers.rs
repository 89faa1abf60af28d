//! Who gets a session: real users of this host, by the kernel's word and the user database's.

use super::*;

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::unistd::Group;
use tests::local::{User, can_make_users};
use tests::program::have;
use tests::{Forwarding, Scene, wait};

/// A user that is none of those who may.
const STRANGER: u32 = 65534;

/// A forward behind a socket that everybody may open, as systemd may hand one over.
fn open_to_all(scene: &Scene, more: &[&str]) -> Forwarding {
    let socket = forward::socket(scene);
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    Forwarding::run(handed_over(scene, listener, more), socket)
}

/// The command that serves a socket which it is handed.
pub(super) fn handed_over(scene: &Scene, socket: impl Into<OwnedFd>, more: &[&str]) -> Command {
    let plain = forward::forward(scene, scene.address(), "jump01");
    let hand_over = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", hand_over, "sh"]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command.args(more).stdin(Stdio::from(socket.into()));
    command
}

/// What a client as tableau-monitoring-execd is one gets, run by that user with these groups.
async fn as_user(scene: &Scene, socket: &Path, uid: u32, groups: &str) -> serde_json::Value {
    let client = scene.path("execd_client.py");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/execd_client.py");
    std::fs::copy(shipped, &client).unwrap();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), "--regid=65534".to_owned(), groups.to_owned()]);
    command.arg("/usr/bin/python3").arg(client).arg(socket);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, err) = texts(&output);
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"))
}

fn have_users() -> bool {
    can_make_users() && have("setpriv", "util-linux") && have("python3", "python3")
}

/// Membership is what the user database says, and not what a process happens to run with.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_get_a_session_and_nobody_else_does() {
    if !have_users() {
        return;
    }
    let user = User::make();
    let gid = Group::from_name(&user.name).unwrap().unwrap().gid.as_raw();
    let scene = Scene::start().await;
    let forwarding = open_to_all(&scene, &["--allow-group", &user.name]);
    let socket = forwarding.socket();
    let answer = as_user(&scene, socket, user.uid, "--clear-groups").await;
    assert_eq!(answer["returnCode"], 0, "{answer}");
    assert_eq!(scene.tsm.cookies(), [answer["cookieValue"].as_str().unwrap()]);

    let answer = as_user(&scene, socket, STRANGER, &format!("--groups={gid}")).await;
    assert_eq!((&answer["returnCode"], &answer["cookieValue"]), (&1.into(), &"".into()));
    // root is a user as any other
    assert_eq!(asked(socket).await, Err("PLL_NOT_AUTHORIZED".to_owned()));
    assert_eq!(asked(socket).await, Err("PLL_NOT_AUTHORIZED".to_owned()));
    assert_eq!(scene.records("login").len(), 2, "the gate was asked for them");

    forwarding.line_with(&format!("uid {} ({}): granted", user.uid, user.name));
    forwarding.line_with("uid 0 (root): caller_not_listed");
    forwarding.line_with("hint: name the user with --allow-user");
    let count = |text: &str| forwarding.log().iter().filter(|line| line.contains(text)).count();
    wait::until_blocking("both calls of root's in the log", || {
        (count("uid 0 (root): caller_not_listed") == 2).then_some(())
    });
    forwarding.line_with("uid 0 (root) may not log in here");
    assert_eq!(count("uid 0 (root) may not log in here"), 1, "{:?}", forwarding.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_by_name_and_number_get_a_session() {
    if !have_users() {
        return;
    }
    let user = User::make();
    let scene = Scene::start().await;
    let forwarding = open_to_all(&scene, &["--allow-user", &user.name, "--allow-user", "0"]);
    let socket = forwarding.socket();
    let answer = as_user(&scene, socket, user.uid, "--clear-groups").await;
    assert_eq!(answer["returnCode"], 0, "{answer}");
    let answer = as_user(&scene, socket, STRANGER, "--clear-groups").await;
    assert_eq!(answer["returnCode"], 1, "{answer}");
    asked(socket).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_only_the_own_user_gets_a_session() {
    if !have_users() {
        return;
    }
    let scene = Scene::start().await;
    let forwarding = open_to_all(&scene, &[]);
    forwarding.line_with(", for uid 0");
    let answer = as_user(&scene, forwarding.socket(), STRANGER, "--clear-groups").await;
    assert_eq!(answer["returnCode"], 1, "{answer}");
    scene.nothing_reached_tsm();
    asked(forwarding.socket()).await.unwrap();
}

/// Silent connections of one user take no place from another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_users_silence_costs_another_nothing() {
    if !have_users() {
        return;
    }
    let scene = Scene::start().await;
    let stranger = STRANGER.to_string();
    let forwarding = open_to_all(&scene, &["--allow-user", &stranger]);
    let silent: Vec<_> = (0..60).map(|_| connect(forwarding.socket())).collect();
    let answer = as_user(&scene, forwarding.socket(), STRANGER, "--clear-groups").await;
    assert_eq!(answer["returnCode"], 0, "{answer}");
    forwarding.line_with("uid 0 has too many connections");
    drop(silent);
}
