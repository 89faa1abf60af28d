//! The runner from the gate's side: it is gone, somebody else's, busy, does not serve, is killed; what it cannot
//! do is said with its code and on record, and what is not run is not said to be.

use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sys::signal::Signal;
use serde_json::json;
use tests::http::Http;
use tests::{Runner, RunnerOptions, Scene, SceneOptions};

use crate::command_support::{
    Follow, ended, file, go, lane, lines, order, output, start, started, told, until, until_go,
};

const DISABLE: &str = "security external-ssl disable";
const LIST: &str = "security external-ssl list";

async fn scene() -> Scene {
    Scene::with(lane("[\"tls-admin\"]", "")).await
}

/// That an order comes to this refusal, with an intent and an outcome on record; and so do the questions.
async fn refused(scene: &Scene, status: u16, code: &str) {
    let before = scene.records("command").len();
    let peer = scene.peer("jump01");
    let answer = start(&peer, &order(LIST, &[])).await;
    assert_eq!(told(&answer), (status, code.to_owned()), "{answer:?}");
    let records = scene.records("command");
    assert_eq!(records.len(), before + 2, "{records:?}");
    let outcome = records.last().unwrap();
    assert_eq!(
        (&outcome["event.reason"], &outcome["event.outcome"]),
        (&json!(code), &json!("failure"))
    );
    assert_eq!(outcome["tsmgate.phase"], "outcome");
    assert!(outcome.get("tsmgate.command.id").is_none());
}

/// R36: where there is no runner an order is refused and on record; with it there, the next one is run
#[tokio::test(flavor = "multi_thread")]
async fn without_a_runner_nothing_is_run() {
    let scene = scene().await;
    refused(&scene, 502, "runner_unreachable").await;
    let peer = scene.peer("jump01");
    for path in ["/v1/commands", "/v1/commands/1", "/v1/commands/1/output"] {
        let answer = Http::open(&peer).await.unwrap().get(path).await.unwrap();
        assert_eq!(told(&answer), (502, "runner_unreachable".to_owned()), "{path}");
    }
    let catalogue = Http::open(&peer).await.unwrap().get("/v1/commands/catalogue").await.unwrap();
    assert_eq!(catalogue.status, 200, "what there is needs no runner");
    let mut runner = Runner::start(&scene, &RunnerOptions::script(&scene, "echo here"));
    let id = started(&peer, &order(LIST, &[])).await;
    assert_eq!(lines(&output(&peer, &id, 0).await, "stdout"), ["here"]);
    ended(&scene, &id).await;
    runner.signal(Signal::SIGTERM);
    assert_eq!(runner.wait(), Some(0));
    refused(&scene, 502, "runner_unreachable").await;
    assert_eq!(scene.records("command-started").len(), 1);
    scene.verify();
}

/// R35: a socket that is another user's, or that others could have put there, is not asked: not one byte
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_could_be_anybodys_is_not_asked() {
    let scene = scene().await;
    let runner = Runner::start(&scene, &RunnerOptions::script(&scene, "echo here"));
    let folder = scene.path("runner");
    let mode = |mode| std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
    let before = runner.log();
    for spoiled in [0o777, 0o1777, 0o757] {
        mode(spoiled);
        refused(&scene, 502, "runner_untrusted").await;
    }
    mode(0o755);
    chown(&folder, Some(65534), Some(65534)).unwrap();
    refused(&scene, 502, "runner_untrusted").await;
    chown(&folder, Some(0), Some(0)).unwrap();
    let socket = scene.path("runner/runner.sock");
    std::fs::rename(&socket, scene.path("runner/real.sock")).unwrap();
    std::os::unix::fs::symlink(scene.path("runner/real.sock"), &socket).unwrap();
    refused(&scene, 502, "runner_untrusted").await;
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "no socket").unwrap();
    refused(&scene, 502, "runner_untrusted").await;
    assert_eq!(runner.log(), before);
    std::fs::remove_file(&socket).unwrap();
    std::fs::rename(scene.path("runner/real.sock"), &socket).unwrap();
    started(&scene.peer("jump01"), &order(LIST, &[])).await;
}

/// R35: the process behind the socket is what counts: one of another user's hears nothing of an order
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_of_another_users_hears_nothing() {
    let options = lane("[\"tls-admin\"]", "");
    let tsm = options
        .tsm
        .replace("command_socket_owners = [\"root\"]", "command_socket_owners = [\"65534\"]");
    let scene = Scene::with(SceneOptions { tsm, ..options }).await;
    std::fs::create_dir(scene.path("runner")).unwrap();
    let listener = UnixListener::bind(scene.path("runner/runner.sock")).unwrap();
    let heard = std::thread::spawn(move || {
        let mut heard = Vec::new();
        // the order's is one of them; those that ask for notices come too
        while !heard.ends_with(b"the end") {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_to_end(&mut heard).unwrap();
        }
        heard
    });
    refused(&scene, 502, "runner_untrusted").await;
    // behind it, for they are taken in turn
    let mut last = UnixStream::connect(scene.path("runner/runner.sock")).unwrap();
    last.write_all(b"the end").unwrap();
    drop(last);
    assert_eq!(String::from_utf8(heard.join().unwrap()).unwrap(), "the end");
}

/// R1: what the runner's own list has not is not run, whatever the role says
#[tokio::test(flavor = "multi_thread")]
async fn what_the_runner_does_not_serve_is_not_run() {
    let scene = scene().await;
    let mark = scene.path("ran");
    let script = RunnerOptions::script(&scene, &format!("touch {}", mark.display()));
    let permissions = "[\"security.repository-ssl.*\"]".to_owned();
    let runner = Runner::start(&scene, &RunnerOptions { permissions, ..script });
    refused(&scene, 403, "not_served").await;
    let peer = scene.peer("jump01");
    let body = order(LIST, &[]).to_string();
    let mut http = Http::open(&peer).await.unwrap();
    let verdict = http.ask("POST", "/v1/commands/check", "", body.as_bytes()).await.unwrap().json();
    assert_eq!((&verdict["permitted"], &verdict["why"]), (&json!(false), &json!("not_served")));
    assert!(!mark.exists());
    assert!(!runner.log().iter().any(|line| line.contains("queued")), "{:?}", runner.log());
    let id = started(&peer, &order("security repository-ssl list", &[])).await;
    output(&peer, &id, 0).await;
    assert!(mark.exists());
}

/// R46: a `tsm` that others may write, or that is not there, is not run
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_others_may_write_is_not_run() {
    let scene = scene().await;
    let mark = scene.path("ran");
    let script = RunnerOptions::script(&scene, &format!("touch {}", mark.display()));
    let _runner = Runner::start(&scene, &script);
    let mode =
        |mode| std::fs::set_permissions(&script.program, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o777);
    refused(&scene, 502, "runner_program").await;
    mode(0o755);
    chown(&script.program, Some(65534), None).unwrap();
    refused(&scene, 502, "runner_program").await;
    chown(&script.program, Some(0), None).unwrap();
    std::fs::rename(&script.program, scene.path("bin/aside")).unwrap();
    refused(&scene, 502, "runner_program").await;
    assert!(!mark.exists());
    std::fs::rename(scene.path("bin/aside"), &script.program).unwrap();
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(LIST, &[])).await;
    output(&peer, &id, 0).await;
    assert!(mark.exists());
}

/// A queue that is full, and a runner that leaves, say so and when to come again; what waits is run in its turn
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_and_a_leaving_runner_say_when_to_come_again() {
    let scene = scene().await;
    let ran = scene.path("ran");
    let text = format!("echo $2 >> {}; {}", ran.display(), until_go(&scene));
    let script = RunnerOptions::script(&scene, &text);
    let options = RunnerOptions { limits: "queued = 1".into(), ..script };
    let mut runner = Runner::start(&scene, &options);
    let peer = scene.peer("jump01");
    let first = started(&peer, &order(DISABLE, &[])).await;
    until(&peer, &first, "running").await;
    let second = started(&peer, &order("security repository-ssl disable", &[])).await;
    let answer = start(&peer, &order("security custom-cert delete", &[])).await;
    assert_eq!(told(&answer), (503, "runner_busy".to_owned()));
    assert_eq!(answer.field("retry-after"), Some("30"));
    runner.signal(Signal::SIGHUP);
    tests::wait::until("a runner that leaves", || async {
        let answer = start(&peer, &order(LIST, &[])).await;
        (told(&answer) == (503, "runner_busy".to_owned())).then_some(())
    })
    .await;
    go(&scene);
    assert_eq!(runner.wait(), Some(0));
    // what it could not tell before it left its successor tells
    let _runner = Runner::again(runner.config().to_owned());
    assert_eq!(ended(&scene, &first).await["process.exit_code"], 0);
    assert_eq!(ended(&scene, &second).await["process.exit_code"], 0);
    let ran = std::fs::read_to_string(ran).unwrap();
    let ran: Vec<_> = ran.lines().filter(|line| *line != "external-ssl").collect();
    assert_eq!(ran, ["repository-ssl"]);
}

/// R41: what ran when the runner was killed is on record as lost, once, and not as done; what waited as not
/// started; and the stream that was open is cut, not ended
#[tokio::test(flavor = "multi_thread")]
async fn what_ran_when_the_runner_was_killed_is_lost() {
    let scene = scene().await;
    let script = RunnerOptions::script(&scene, &format!("echo begun; {}", until_go(&scene)));
    let mut runner = Runner::start(&scene, &script);
    let peer = scene.peer("jump01");
    let mut enable =
        order("security external-ssl enable", &[("passphrase", Some("hunter2-hunter2"))]);
    let options = enable["options"].as_array_mut().unwrap();
    options.push(file("cert-file", "server.crt", b"the-certificate-itself"));
    options.push(file("key-file", "server.key", b"the-key-itself"));
    let running = started(&peer, &enable).await;
    let waiting = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &running, 0).await;
    follow.line("begun").await;
    runner.signal(Signal::SIGKILL);
    assert_eq!(runner.wait(), None);
    assert!(follow.rest().await.is_empty());
    assert!(!follow.whole, "it ended as if it were whole");
    // what it started is nobody's now, and goes by itself
    go(&scene);
    let _runner = Runner::again(runner.config().to_owned());
    let lost = ended(&scene, &running).await;
    assert_eq!(
        (&lost["tsmgate.command.end"], &lost["event.outcome"]),
        (&json!("lost"), &json!("unknown"))
    );
    assert!(lost.get("process.exit_code").is_none(), "{lost}");
    let never = ended(&scene, &waiting).await;
    assert_eq!(never["tsmgate.command.end"], "not_started");
    let events = output(&peer, &running, 0).await;
    assert_eq!(events.last().unwrap()["end"]["how"], "lost");
    for (id, started) in [(&running, 1), (&waiting, 0)] {
        let of_it = |action| {
            let all = scene.records(action).into_iter();
            all.filter(|record| record["tsmgate.command.id"] == **id).count()
        };
        assert_eq!((of_it("command-started"), of_it("command-ended")), (started, 1));
    }
    // what was sent along is gone with it
    let left: Vec<_> =
        std::fs::read_dir(scene.path("runner/state/work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    scene.verify();
}
