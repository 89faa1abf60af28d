//! From start to stop: the gate goes and comes, certificates run out and are renewed, a signal ends it.

use super::*;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use nix::sys::signal::Signal;
use rustix::fs::OFlags;
use tests::scene::entry;
use tests::{Forwarding, Scene, SceneOptions};
use tsmsim::Behaviour;

use super::callers::handed_over;
use crate::notify::Manager;

/// A port that stays the same when the gate is started again.
async fn at_a_port() -> Scene {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = format!("address = \"{free}\"");
    Scene::with(SceneOptions { listen, ..SceneOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_goes_and_comes_costs_the_calls_between() {
    let mut scene = at_a_port().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    // one connection all along: that the gate goes does not end it
    let mut stream = connect(forwarding.socket());
    let call = |stream: &mut UnixStream, sequence| {
        stream.write_all(&encode_call(sequence)).unwrap();
        answer(stream, sequence)
    };
    assert!(matches!(call(&mut stream, 1), Answer::Granted(_)));
    scene.stop().await;
    let Answer::Exception(exception) = call(&mut stream, 2) else { panic!("no exception") };
    assert_eq!(exception.message, "gate_unreachable");
    forwarding.line_with("connection refused");
    forwarding.line_with("hint: check that tsmgated runs there");
    scene.start_again().await;
    assert!(matches!(call(&mut stream, 3), Answer::Granted(_)));
}

/// A name with several addresses, of which the gate listens on one.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_address_before_the_living_one_is_passed_over() {
    let scene = Scene::start().await;
    let gate = format!("localhost:{}", scene.address().port());
    let forwarding = Forwarding::start(&scene, scene.address(), &["--gate", &gate]);
    asked(forwarding.socket()).await.unwrap();
}

/// What is wrong with the client's files is said at the start and to each caller, and mending them is enough.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_run_out_and_are_renewed_while_it_runs() {
    let scene = Scene::start().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let socket = forwarding.socket();
    asked(socket).await.unwrap();
    let install = |identity: &tests::Identity| {
        scene.write("client.pem", &identity.chain, 0o644);
        scene.write("client.key", &identity.key, 0o600);
    };
    install(&scene.authority.client_with("jump01", |params| {
        params.not_before = time::OffsetDateTime::now_utc() - time::Duration::days(2);
        params.not_after = time::OffsetDateTime::now_utc() - time::Duration::days(1);
    }));
    assert_eq!(asked(socket).await, Err("client_not_accepted".to_owned()));
    forwarding.line_with("our certificate has expired");
    forwarding.line_with("hint: get a new certificate");
    std::fs::remove_file(scene.path("client.key")).unwrap();
    assert_eq!(asked(socket).await, Err("client_misconfigured".to_owned()));
    install(&scene.authority.client("jump01"));
    asked(socket).await.unwrap();
    assert_eq!(scene.tsm.cookies().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_said_at_the_start_and_may_be_mended() {
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    let mut command = forward::forward(&scene, scene.address(), "jump01");
    command.arg("--listen").arg(&socket);
    std::fs::rename(scene.path("client.key"), scene.path("elsewhere")).unwrap();
    let forwarding = Forwarding::run(command, socket);
    forwarding.line_with("client.key: cannot be read: no such file");
    assert_eq!(asked(forwarding.socket()).await, Err("client_misconfigured".to_owned()));
    std::fs::rename(scene.path("elsewhere"), scene.path("client.key")).unwrap();
    asked(forwarding.socket()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_over_the_gates_limit_is_told_when_to_come_again() {
    let limits = "limits = { logins = { per_minute = 1, burst = 1 } }\n";
    let rest = entry("jump01", "[\"login\"]") + limits;
    let scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &["--quiet"]);
    asked(forwarding.socket()).await.unwrap();
    for _ in 0..3 {
        let code = asked(forwarding.socket()).await.unwrap_err();
        assert!(code.starts_with("over_limit; retry in "), "{code}");
    }
    let log = forwarding.log();
    assert_eq!(log.len(), 3, "more than a beginning and one cause with its hint: {log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_a_session_each() {
    let scene = Scene::start().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let calls: Vec<_> = (0..24)
        .map(|_| {
            let socket = forwarding.socket().to_owned();
            tokio::task::spawn_blocking(move || ask(&socket))
        })
        .collect();
    let mut cookies = Vec::new();
    for call in calls {
        cookies.push(call.await.unwrap().unwrap());
    }
    cookies.sort();
    cookies.dedup();
    assert_eq!(cookies.len(), 24);
    let mut given = scene.tsm.cookies();
    given.sort();
    assert_eq!(cookies, given);
}

/// A signal lets the call finish that is under way, and an idle caller go at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_the_call_under_way() {
    let scene = Scene::start().await;
    let manager = Manager::of(&scene);
    let socket = forward::socket(&scene);
    let mut command = forward::forward(&scene, scene.address(), "jump01");
    let (name, value) = manager.environment();
    command.arg("--listen").arg(&socket).env(name, value);
    let mut forwarding = Forwarding::run(command, socket.clone());
    manager.message("READY=1");
    let mut idle = connect(&socket);
    idle.write_all(&encode_call(1)).unwrap();
    assert!(matches!(answer(&mut idle, 1), Answer::Granted(_)));
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(800)));
    let under_way = tokio::spawn({
        let socket = socket.clone();
        async move { asked(&socket).await }
    });
    tests::wait::until("the call at TSM", || async {
        (scene.tsm.counts().connections == 2).then_some(())
    })
    .await;
    forwarding.signal(Signal::SIGTERM);
    manager.message("STOPPING=1");
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "an idle caller was told something");
    assert!(under_way.await.unwrap().is_ok(), "the call under way was lost");
    assert_eq!(forwarding.end().0, Some(0));
    assert!(!socket.exists());
}

/// A login that is at TSM when the stop comes is waited for: its session would be nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_a_login_at_the_gate() {
    let scene = Scene::start().await;
    let mut forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let patience = tsmgate_client::forward::GRACE + Duration::from_secs(2);
    scene.tsm.behave(Behaviour::Delay(patience));
    let socket = forwarding.socket().to_owned();
    let under_way = tokio::spawn(async move { asked(&socket).await });
    at_tsm(&scene).await;
    forwarding.signal(Signal::SIGTERM);
    assert_eq!(under_way.await.unwrap(), Ok(scene.tsm.cookies()[0].clone()));
    assert_eq!(forwarding.end().0, Some(0));
}

/// A session that nobody fetched is ended at TSM.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_fetched_is_ended() {
    let scene = Scene::with(SceneOptions::api("[\"login\"]")).await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(300)));
    let mut stream = connect(forwarding.socket());
    stream.write_all(&encode_call(1)).unwrap();
    at_tsm(&scene).await;
    drop(stream);
    forwarding.line_with("did not fetch its session");
    forwarding.line_with("hint: the session is ended");
    assert!(!scene.api().is_open(&scene.tsm.cookies()[0]));
}

async fn at_tsm(scene: &Scene) {
    tests::wait::until("the call at TSM", || async {
        (scene.tsm.counts().connections == 1).then_some(())
    })
    .await;
}

/// Nobody reads what it says: it serves, and ends, all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_stderr_that_nobody_reads_keeps_it_from_nothing() {
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    let mut command = forward::forward(&scene, scene.address(), "jump01");
    let (reading, writing) = std::io::pipe().unwrap();
    let ours = writing.try_clone().unwrap();
    command.arg("--listen").arg(&socket).stderr(ours);
    let mut running = Stuck(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(&reading).read_line(&mut line).unwrap();
    assert!(line.contains(" leads to "), "{line}");
    // full from here on
    let flags = |flags| rustix::fs::fcntl_setfl(&writing, flags).unwrap();
    flags(OFlags::NONBLOCK);
    let mut full = writing.try_clone().unwrap();
    while full.write(&[b'x'; 4096]).is_ok() {}
    while full.write(b"x").is_ok() {}
    flags(OFlags::empty());
    asked(&socket).await.unwrap();
    asked(&socket).await.unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(running.0.id()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let child = std::sync::Mutex::new(&mut running.0);
    let ended = || child.lock().unwrap().try_wait().unwrap();
    assert!(tests::wait::until_blocking("the end", ended).success());
    assert!(!socket.exists());
}

/// A process that does not outlive the test.
struct Stuck(std::process::Child);

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket that is handed over counts, and stays where it is when the forward goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_handed_over_counts_and_stays() {
    let scene = Scene::start().await;
    let socket = scene.path("handed");
    let listener = UnixListener::bind(&socket).unwrap();
    let other = forward::socket(&scene);
    let mut command = handed_over(&scene, listener.try_clone().unwrap(), &[]);
    command.env("TSMGATE_LISTEN", &other);
    let mut forwarding = Forwarding::run(command, socket.clone());
    assert!(!other.exists());
    asked(&socket).await.unwrap();
    forwarding.signal(Signal::SIGTERM);
    assert_eq!(forwarding.end().0, Some(0));
    // who comes now waits for the next one
    let mut waiting = connect(&socket);
    waiting.write_all(&encode_call(5)).unwrap();
    let command = handed_over(&scene, listener.try_clone().unwrap(), &[]);
    let _next = Forwarding::run(command, socket.clone());
    let answered = tokio::task::spawn_blocking(move || answer(&mut waiting, 5)).await.unwrap();
    assert!(matches!(answered, Answer::Granted(_)));

    // what is none, or is given away by its unit, ends the start with a hint
    for (thing, more, says) in [
        (
            std::os::fd::OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap()),
            &[][..],
            "systemd handed over",
        ),
        (UnixStream::pair().unwrap().0.into(), &[], "it does not listen"),
        (listener.try_clone().unwrap().into(), &["--mode", "0660"], "SocketMode="),
        (listener.into(), &["--listen", other.to_str().unwrap()], "ListenStream="),
    ] {
        let output = handed_over(&scene, thing, more).output().unwrap();
        let (_, err) = texts(&output);
        assert!(!output.status.success() && err.contains(says), "{says}: {err}");
    }
}
