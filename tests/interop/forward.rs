//! `tsmgate forward` beside the socket that it stands for: the same clients, unchanged, at both; what they
//! print is compared. Debian's generated Python, and a client as tableau-monitoring-execd is one.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::program::{have, texts};
use tests::scene::entry;
use tests::{Forwarding, Scene, SceneOptions};
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::{have_python, interop, off_the_runtime};

/// The clients, by name, and how each is run at a socket.
struct Clients {
    generated: Option<TempDir>,
}

impl Clients {
    fn make() -> Self {
        let generated = have_python().then(|| {
            let folder = tempfile::tempdir().unwrap();
            let made = Command::new(interop("generate")).arg("py").arg(folder.path()).status();
            assert!(made.unwrap().success());
            folder
        });
        Self { generated }
    }

    /// What each client prints at a socket, with its exit code and its name.
    async fn at(&self, socket: &Path) -> Vec<(&'static str, i32, Value)> {
        let mut commands = Vec::new();
        if have("python3", "python3") {
            let mut execd = Command::new(interop("execd_client.py"));
            execd.arg(socket);
            commands.push(("execd", execd));
        }
        if let Some(folder) = &self.generated {
            for calls in ["1", "3"] {
                let mut client = Command::new(interop("login_client.py"));
                client.env("TSMGATE_GEN_DIR", folder.path());
                client.args(["--calls", calls, "--timeout", "20", "unix"]).arg(socket);
                commands
                    .push((if calls == "1" { "generated" } else { "generated, 3 calls" }, client));
            }
        }
        let mut answers = Vec::new();
        for (name, command) in commands {
            let output = off_the_runtime(command).await;
            let (out, err) = texts(&output);
            let answer =
                serde_json::from_str(&out).unwrap_or_else(|_| panic!("{name}: {out}{err}"));
            answers.push((name, output.status.code().unwrap(), answer));
        }
        assert!(!answers.is_empty() || std::env::var_os("REQUIRE_ALL").is_none());
        answers
    }
}

/// Takes the cookie out of an answer: it has to be one that TSM gave, and no two are the same.
fn without_cookie(scene: &Scene, mut answer: Value) -> Value {
    if let Some(cookie) = answer["cookieValue"].as_str()
        && !cookie.is_empty()
    {
        assert!(scene.tsm.cookies().iter().any(|given| given == cookie), "{answer}");
        answer["cookieValue"] = json!("a cookie of TSM's");
    }
    answer
}

async fn scene(rest: String) -> Scene {
    Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await
}

/// A session looks the same, field by field, and each call is a login of its own with its record.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_at_both() {
    let scene = scene(entry("jump01", "[\"login\"]")).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let clients = Clients::make();
    let at_socket = clients.at(scene.tsm.socket()).await;
    let (before, records) = (scene.tsm.counts().cookies, scene.records("login").len());
    let at_forward = clients.at(forwarding.socket()).await;
    let calls = scene.tsm.counts().cookies - before;
    assert_eq!(scene.records("login").len() - records, 2 * usize::try_from(calls).unwrap());
    for (here, there) in at_forward.into_iter().zip(at_socket) {
        assert_eq!((here.0, here.1), (there.0, 0), "{} {}", here.2, there.2);
        assert!(!here.2["cookieValue"].as_str().unwrap().is_empty());
        assert_eq!(without_cookie(&scene, here.2), without_cookie(&scene, there.2), "{}", here.0);
    }
    let log = forwarding.log().join("\n");
    assert_eq!(log.matches("granted").count(), usize::try_from(calls).unwrap(), "{log}");
    assert!(scene.tsm.cookies().iter().all(|cookie| !log.contains(cookie)), "{log}");
}

/// A client whose role lacks the login reads what TSM says to whom it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_at_both() {
    let scene = scene(entry("jump01", "[\"monitor\"]")).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let clients = Clients::make();
    let at_forward = clients.at(forwarding.socket()).await;
    scene.nothing_reached_tsm();
    scene.tsm.behave(Behaviour::NotAuthorized);
    let at_socket = clients.at(scene.tsm.socket()).await;
    for (here, there) in at_forward.into_iter().zip(at_socket) {
        assert_eq!(here.2["returnCode"], 1, "{}", here.2);
        // a socket's refusal has no cookie; what else stands beside the code is not known
        assert_eq!(
            (here.0, here.1, &here.2["cookieValue"]),
            (there.0, there.1, &there.2["cookieValue"])
        );
        assert_eq!(here.2, there.2);
    }
    forwarding.line_with("not_permitted");
}

/// Where TSM fails or is away there is no answer at all, which no client takes for a session; and it says
/// in the gate's words why.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_an_exception_and_never_an_empty_session() {
    let scene = scene(entry("jump01", "[\"login\"]")).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let clients = Clients::make();
    let fails = async |code: &str| {
        for (name, exit, answer) in clients.at(forwarding.socket()).await {
            assert_eq!((exit, &answer["type"]), (1, &json!(6)), "{name} {code}: {answer}");
            assert!(answer.to_string().contains(code), "{name}: {answer}");
        }
    };
    scene.tsm.behave(Behaviour::Exception);
    for (name, exit, answer) in clients.at(scene.tsm.socket()).await {
        assert_eq!((exit, &answer["type"]), (1, &json!(6)), "{name}: {answer}");
    }
    fails("backend_error").await;
    scene.tsm.behave(Behaviour::PllError);
    fails("backend_error").await;
    // whom TSM refuses is the gate, and not who called
    scene.tsm.behave(Behaviour::NotAuthorized);
    fails("backend_denied_gate").await;
    scene.tsm.behave(Behaviour::Garbage);
    fails("backend_garbage").await;
    scene.tsm.stop().await;
    for (name, exit, answer) in clients.at(scene.tsm.socket()).await {
        assert_eq!(exit, 1, "{name}: {answer}");
    }
    fails("backend_unreachable").await;
    assert_eq!(scene.tsm.counts().cookies, 0);
    forwarding.line_with("hint: see whether TSM runs on the gate's host");
}

/// What comes back for these bytes, until the other side closes or is silent.
fn answer_to(socket: &Path, bytes: &[u8], length: usize) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// An unknown method has the same exception at both, to the byte; a refusal too.
#[tokio::test(flavor = "multi_thread")]
async fn exceptions_and_refusals_are_the_same_to_the_byte() {
    let scene = scene(entry("jump01", "[\"monitor\"]")).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let (here, there) = (forwarding.socket().to_owned(), scene.tsm.socket().to_owned());
    let unknown = b"\x80\x01\x00\x01\x00\x00\x00\x04nope\x00\x00\x00\x07\x00";
    // header, message, type, end
    let length = (4 + 4 + 4 + 4) + (1 + 2 + 4 + "unknown method nope".len()) + (1 + 2 + 4) + 1;
    let (ours, theirs) = tokio::task::spawn_blocking({
        let (here, there) = (here.clone(), there.clone());
        move || (answer_to(&here, unknown, length), answer_to(&there, unknown, length))
    })
    .await
    .unwrap();
    assert_eq!(ours, theirs);
    assert!(ours.starts_with(b"\x80\x01\x00\x03\x00\x00\x00\x04nope\x00\x00\x00\x07"), "{ours:?}");
    scene.tsm.behave(Behaviour::NotAuthorized);
    // the golden bytes of a refusal: 29 of them
    let (ours, theirs) = tokio::task::spawn_blocking(move || {
        (answer_to(&here, &encode_call(-5), 29), answer_to(&there, &encode_call(-5), 22))
    })
    .await
    .unwrap();
    assert_eq!(ours[..22], theirs[..]);
}
